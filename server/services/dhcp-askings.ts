import { heardAsking, type Asking } from '../core/asking-rhythm.ts';
import type { MachineId } from '../core/machine.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventStore } from '../ports/store.ts';

/** How machines ask by DHCP. */
export interface Askings {
  /** As far as it was heard since the start; times on the clock given. */
  of(machine: MachineId): Asking | undefined;
  /** It is silent by our hand: until it is heard again, that is no part of its rhythm. */
  excuse(machine: MachineId): void;
}

/** Those heard last are remembered. */
const MACHINES_MAX = 4096;
/** What a client sends by itself, again and again; the rest it says once, for a reason. */
const ASKS = ['DISCOVER', 'REQUEST', 'INFORM'];

/** Listens from now on to who asks by DHCP, and keeps each machine's rhythm. */
export function hearAskings(deps: {
  readonly events: Pick<EventStore, 'subscribe'>;
  readonly clock: Pick<Clock, 'monotonicMs'>;
}): Askings {
  const askings = new Map<MachineId, Asking>();
  deps.events.subscribe((events) => {
    for (const { kind, machine, detail } of events) {
      if (kind !== 'dhcp' || machine === undefined || !ASKS.includes(String(detail['received']))) continue;
      const asking = heardAsking(askings.get(machine), deps.clock.monotonicMs());
      askings.delete(machine);
      askings.set(machine, asking);
      const [longestAgo] = askings.keys();
      if (longestAgo !== undefined && askings.size > MACHINES_MAX) askings.delete(longestAgo);
    }
  });
  return {
    of: (machine) => askings.get(machine),
    excuse: (machine) => {
      const asking = askings.get(machine);
      if (asking) askings.set(machine, { ...asking, isExcused: true });
    },
  };
}
