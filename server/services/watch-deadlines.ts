import { next } from '../core/lifecycle.ts';
import type { Machine } from '../core/machine.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import { StaleWrite, type MachineStore } from '../ports/store.ts';
import { createJumpGuard } from './jump-guard.ts';

const LOOK_EVERY_MS = 1000;

/**
 * Lets every moving state that has outlived its deadline fall to its rest state, also after a restart: deadlines live
 * in the store (invariant I3). A jump of the wall clock of over a minute grants each machine a minute more.
 */
export function watchDeadlines(deps: {
  readonly machines: Pick<MachineStore, 'list' | 'change'>;
  readonly clock: Clock;
  readonly log: Log;
}): { stop(): void } {
  let stopped = false;
  let cancel: () => void = () => undefined;
  const isTrusted = createJumpGuard(deps.clock);

  const look = async (): Promise<void> => {
    if (!isTrusted()) return;
    const nowMs = deps.clock.now();
    for (const machine of await deps.machines.list())
      if (machine.deadlineMs !== undefined && machine.deadlineMs <= nowMs) await fall(deps, machine);
  };
  const again = (): void => {
    cancel = deps.clock.after(LOOK_EVERY_MS, () => {
      void look()
        .catch((error: unknown) => {
          deps.log.error(`deadlines could not be looked at: ${String(error)}`);
        })
        .finally(() => {
          if (!stopped) again();
        });
    });
  };
  again();
  return {
    stop: () => {
      stopped = true;
      cancel();
    },
  };
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
