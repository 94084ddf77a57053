import type { FarrierEvent, NewEvent } from '../../server/core/event.ts';
import type { Machine, MachineId } from '../../server/core/machine.ts';
import { StaleWrite, type PowerOrder } from '../../server/ports/store.ts';
import type { PowerDeps } from '../../server/services/power.ts';

/** The part of the store that power needs, in memory, with what the tests look at. */
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

const ENDS: readonly PowerOrder['step'][] = ['done', 'failed', 'dropped'];

/** An empty store. */
export function createMemoryPowerStore(): MemoryPowerStore {
  const machines = new Map<MachineId, Machine>();
  const orders = new Map<string, PowerOrder>();
  const secrets = new Map<MachineId, Map<string, string>>();
  const events: FarrierEvent[] = [];
  const note = (added: readonly NewEvent[]): readonly FarrierEvent[] => {
    const numbered = added.map((event, at) => ({ ...event, id: events.length + 1 + at }));
    events.push(...numbered);
    return numbered;
  };
  const no = (): never => {
    throw new Error('power does not use this verb');
  };
  const machine = (name: string): Machine => {
    const found = [...machines.values()].find((each) => each.name === name);
    if (!found) throw new Error(`no machine ${name}`);
    return found;
  };
  const put = (each: Machine): void => {
    machines.set(each.id, each);
  };
  const store: PowerDeps['store'] = {
    machines: {
      list: () => Promise.resolve([...machines.values()]),
      byId: (id) => Promise.resolve(machines.get(id)),
      byName: no,
      byMac: no,
      add: no,
      remove: no,
      trimCandidates: no,
      change: (seen, change, added) => {
        const now = machines.get(seen.id);
        if (now?.rev !== seen.rev) return Promise.reject(new StaleWrite(`machine ${seen.id} is at another revision`));
        const next = { ...now, ...change, rev: now.rev + 1 };
        put(next);
        note(added);
        return Promise.resolve(next);
      },
    },
    powerOrders: {
      add: (order) => {
        orders.set(order.id, order);
        return Promise.resolve();
      },
      step: (id, step, because, added) => {
        const order = orders.get(id);
        const isOwners = order !== undefined && machines.get(order.machine)?.ownerEpoch === order.ownerEpoch;
        if (!order || (!isOwners && !ENDS.includes(step))) return Promise.resolve(false);
        orders.set(id, { ...order, step, because });
        note(added);
        return Promise.resolve(true);
      },
      open: () => Promise.resolve([...orders.values()].filter((order) => !ENDS.includes(order.step))),
    },
    secrets: {
      put: no,
      remove: no,
      count: no,
      ofMachine: (id) => Promise.resolve(secrets.get(id) ?? new Map<string, string>()),
    },
    events: {
      append: (added) => Promise.resolve(note(added)),
      list: no,
      trim: no,
      lastOfEach: no,
      subscribe: no,
    },
  };
  return {
    store,
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
