import type { FarrierEvent } from '../../server/core/event.ts';
import type { Machine, MachineId } from '../../server/core/machine.ts';
import type { Clock } from '../../server/ports/clock.ts';
import type { PowerOrder } from '../../server/ports/store.ts';
import type { PowerDeps } from '../../server/services/power.ts';
import { createMemoryStore, emptyTables } from './memory-store.ts';

/** A store in memory with what the tests of power put in and look at. */
export interface MemoryPowerStore {
  readonly store: PowerDeps['store'];
  readonly events: FarrierEvent[];
  readonly orders: Map<string, PowerOrder>;
  machine(name: string): Machine;
  put(machine: Machine): void;
  /** What an allocate or release does to the owner epoch. */
  changeHands(name: string): void;
  seal(machine: MachineId, field: string, sealed: string): void;
  /** The texts of a machine's events in order. */
  texts(): readonly string[];
}

/** An empty store. */
export function createMemoryPowerStore(clock: Clock): MemoryPowerStore {
  const tables = emptyTables();
  const { machines, secrets, orders, events } = tables;
  const machine = (name: string): Machine => {
    const found = [...machines.values()].find((each) => each.name === name);
    if (!found) throw new Error(`no machine ${name}`);
    return found;
  };
  const put = (each: Machine): void => {
    machines.set(each.id, each);
  };
  return {
    store: createMemoryStore(clock, tables),
    events,
    orders,
    machine,
    put,
    changeHands: (name) => {
      const each = machine(name);
      put({ ...each, ownerEpoch: each.ownerEpoch + 1, rev: each.rev + 1 });
    },
    seal: (id, field, sealed) => {
      secrets.set(id, new Map([...(secrets.get(id) ?? []), [field, sealed]]));
    },
    texts: () => events.map((event) => event.text),
  };
}
