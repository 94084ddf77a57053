import type { NewEvent } from '../core/event.ts';
import type { Machine, MachineId, PowerSeen } from '../core/machine.ts';
import { StaleWrite, type MachineStore, type PowerOrderStore } from '../ports/store.ts';
import { powerEvent } from './power-order.ts';

/** Writers that may come between reading a machine and writing it before something is wrong. */
const TRIES = 8;

/** Within this an order explains what is seen: some outlets obey minutes late. */
const EXPLAINS_MS = 600_000;

/** Where observations are kept, and the orders that explain them. */
export interface SeenStores {
  readonly machines: Pick<MachineStore, 'byId' | 'change'>;
  readonly powerOrders: Pick<PowerOrderStore, 'ofMachine'>;
}

/**
 * Keeps what was seen of a machine's power with its time. Where nobody else `tells` it, an event goes with it when the
 * state differs from what was known. An older observation never overwrites a newer one.
 */
export async function noteSeen(
  stores: SeenStores,
  id: MachineId,
  { seen, tells }: { readonly seen: PowerSeen; readonly tells: boolean },
): Promise<void> {
  const { machines } = stores;
  for (let tries = 1; ; tries += 1) {
    const machine = await machines.byId(id);
    if (!machine || (machine.powerSeen?.atMs ?? 0) > seen.atMs) return;
    const events = tells ? await wordsOf(stores, machine, seen) : [];
    try {
      await machines.change(machine, { powerSeen: seen }, events);
      return;
    } catch (error) {
      if (!(error instanceof StaleWrite) || tries === TRIES) throw error;
    }
  }
}

async function wordsOf(
  { powerOrders }: SeenStores,
  machine: Machine,
  { state, atMs, because }: PowerSeen,
): Promise<readonly NewEvent[]> {
  const was = machine.powerSeen?.state ?? 'unknown';
  if (machine.powerSeen?.state === state) return [];
  const isFlip = was !== 'unknown' && state !== 'unknown' && because === undefined;
  if (isFlip && (await powerOrders.ofMachine(machine.id, atMs - EXPLAINS_MS)).length === 0) {
    const text = `power seen ${state}; nobody here ordered it`;
    return [powerEvent(machine.id, atMs, 'warning', text, { state, was })];
  }
  const words = because === undefined ? '' : `: ${because}`;
  const severity = state === 'unknown' ? 'warning' : 'note';
  return [powerEvent(machine.id, atMs, severity, `power seen ${state}${words}`, { state })];
}
