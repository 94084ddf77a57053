import type { Machine, MachineId, PowerSeen } from '../core/machine.ts';
import { StaleWrite, type MachineStore } from '../ports/store.ts';
import { powerEvent } from './power-order.ts';

/** Writers that may come between reading a machine and writing it before something is wrong. */
const TRIES = 8;

/**
 * Keeps what was seen of a machine's power with its time. Where nobody else `tells` it, an event goes with it when the
 * state differs from what was known. An older observation never overwrites a newer one.
 */
export async function noteSeen(
  machines: Pick<MachineStore, 'byId' | 'change'>,
  id: MachineId,
  { seen, tells }: { readonly seen: PowerSeen; readonly tells: boolean },
): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    const machine = await machines.byId(id);
    if (!machine || (machine.powerSeen?.atMs ?? 0) > seen.atMs) return;
    try {
      await machines.change(machine, { powerSeen: seen }, tells ? wordsOf(machine, seen) : []);
      return;
    } catch (error) {
      if (!(error instanceof StaleWrite) || tries === TRIES) throw error;
    }
  }
}

function wordsOf(machine: Machine, seen: PowerSeen): readonly ReturnType<typeof powerEvent>[] {
  if (machine.powerSeen?.state === seen.state) return [];
  const because = seen.because === undefined ? '' : `: ${seen.because}`;
  const severity = seen.state === 'unknown' ? 'warning' : 'note';
  return [powerEvent(machine.id, seen.atMs, severity, `power seen ${seen.state}${because}`, { state: seen.state })];
}
