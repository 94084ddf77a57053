import { next } from '../core/lifecycle.ts';
import type { Machine } from '../core/machine.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import { StaleWrite, type MachineStore } from '../ports/store.ts';
import { lookRegularly } from './look-regularly.ts';

/** Lets every moving state that has outlived its deadline fall to its rest state (invariant I3). */
export function watchDeadlines(deps: {
  readonly machines: Pick<MachineStore, 'list' | 'change'>;
  readonly clock: Clock;
  readonly log: Log;
}): { stop(): void } {
  return lookRegularly(deps, 'deadlines', async (nowMs) => {
    for (const machine of await deps.machines.list())
      if (machine.deadlineMs !== undefined && machine.deadlineMs <= nowMs) await fall(deps, machine);
  });
}

async function fall(deps: { machines: Pick<MachineStore, 'change'>; clock: Clock }, machine: Machine): Promise<void> {
  const to = next(machine.state, 'late');
  if (!to.ok) return;
  const failed = `${machine.state} did not end by its deadline`;
  const event = {
    atMs: deps.clock.now(),
    kind: 'state' as const,
    severity: 'bad' as const,
    machine: machine.id,
    boot: undefined,
    text: `${failed}; the machine is ${to.value} again`,
    detail: { from: machine.state, to: to.value },
  };
  try {
    await deps.machines.change(machine, { state: to.value, deadlineMs: undefined, failed }, [event]);
  } catch (error) {
    if (!(error instanceof StaleWrite)) throw error;
  }
}
