import type { NewEvent } from '../core/event.ts';
import type { Machine, MachineId, PowerSeen } from '../core/machine.ts';
import { StaleWrite, type MachineStore, type PowerOrderStore } from '../ports/store.ts';
import { powerEvent } from './power-order.ts';

/** Writers that may come between reading a machine and writing it before something is wrong. */
const TRIES = 8;

/** Within this an order explains what is seen: some outlets obey minutes late. */
const EXPLAINS_MS = 600_000;
/** A machine that stays as it is has its look written this often: after a restart the time shown is at most so old. */
const WRITE_AGAIN_MS = 600_000;
/** Looks kept in memory; a rack has far fewer machines. */
const LOOKS_MAX = 8192;

/** Where observations are kept, and the orders that explain them. */
export interface SeenStores {
  readonly machines: Pick<MachineStore, 'byId' | 'change'>;
  readonly powerOrders: Pick<PowerOrderStore, 'ofMachine'>;
}

/** What was seen of the machines' power, and when they were looked at last. */
export interface PowerLooks {
  /** What was seen last, with the time of the last look: also of looks that found nothing new and were not written. */
  readonly latest: (machine: Machine) => PowerSeen | undefined;
  /**
   * Keeps what was seen with its time. Where nobody else `tells` it, an event goes with it when the state differs from
   * what was known. An older observation never overwrites a newer one.
   */
  readonly note: (id: MachineId, look: { readonly seen: PowerSeen; readonly tells: boolean }) => Promise<void>;
}

/**
 * Keeps looks. What differs from what was known is written at once; a look that found the same is kept in memory and
 * written every ten minutes: a Farrier that is killed loses looks, never a change.
 */
export function createPowerLooks(stores: SeenStores): PowerLooks {
  const looks = new Map<MachineId, PowerSeen>();
  const latest: PowerLooks['latest'] = ({ id, powerSeen: written }) => {
    const looked = looks.get(id);
    return looked && written && isSame(looked, written) && looked.atMs > written.atMs ? looked : written;
  };
  const keep = (id: MachineId, seen: PowerSeen): void => {
    looks.delete(id);
    looks.set(id, seen);
    const [oldest] = looks.keys();
    if (oldest !== undefined && looks.size > LOOKS_MAX) looks.delete(oldest);
  };
  const note: PowerLooks['note'] = async (id, { seen, tells }) => {
    for (let tries = 1; ; tries += 1) {
      const machine = await stores.machines.byId(id);
      if (!machine) looks.delete(id);
      if (!machine || (latest(machine)?.atMs ?? 0) > seen.atMs) return;
      if (needsNoRow(machine.powerSeen, seen)) {
        keep(id, seen);
        return;
      }
      const events = tells ? await wordsOf(stores, machine, seen) : [];
      try {
        await stores.machines.change(machine, { powerSeen: seen }, events);
        return;
      } catch (error) {
        if (!(error instanceof StaleWrite) || tries === TRIES) throw error;
      }
    }
  };
  return { latest, note };
}

const isSame = (one: PowerSeen, other: PowerSeen): boolean =>
  one.state === other.state && one.because === other.because;

function needsNoRow(written: PowerSeen | undefined, seen: PowerSeen): boolean {
  return written !== undefined && isSame(written, seen) && seen.atMs - written.atMs < WRITE_AGAIN_MS;
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
