import { bootTurn } from '../core/boot-turn.ts';
import type { FarrierEvent } from '../core/event.ts';
import type { MachineId } from '../core/machine.ts';
import type { Log } from '../ports/log.ts';
import type { Store } from '../ports/store.ts';
import type { BootSessions } from './boot-sessions.ts';
import { oneAtATime } from './one-at-a-time.ts';
import type { Reservations } from './reservations.ts';

/** What other parts keep in memory follows the store's events: reservations, boots that power begins and ends, prepared files. */
export async function followEvents(deps: {
  readonly store: Pick<Store, 'machines' | 'events' | 'boots'>;
  readonly log: Log;
  readonly reservations: Pick<Reservations, 'refresh'>;
  readonly sessions: Pick<BootSessions, 'ordered' | 'end'>;
  /** Makes the files that machines read in another form. */
  readonly prepare: (machines: readonly MachineId[]) => void;
}): Promise<void> {
  const { store, log, sessions } = deps;
  const refresh = async (): Promise<void> => {
    deps.reservations.refresh(await store.machines.list());
  };
  // All machines are read each time: a hundred that come in at once must not read a hundred times a hundred.
  const refreshSoon = oneAtATime(refresh, (error) => {
    log.error(`reservations could not be read again: ${String(error)}`);
  });
  const turn = async (machine: MachineId, event: FarrierEvent): Promise<void> => {
    switch (bootTurn(event)) {
      case 'none':
        return;
      case 'ends':
        sessions.end(machine);
        await store.boots.end(machine, event.atMs);
        return;
      case 'begins': {
        const known = await store.machines.byId(machine);
        if (known) await sessions.ordered(known, event.atMs);
      }
    }
  };
  // Nobody writes yet, so nothing is missed between the two.
  await refresh();
  store.events.subscribe((events) => {
    for (const event of events)
      if (event.machine !== undefined)
        turn(event.machine, event).catch((error: unknown) => {
          log.error(`a boot could not be begun or ended: ${String(error)}`);
        });
    const changed = events.filter((event) => event.kind === 'state' || event.kind === 'edit');
    if (changed.length > 0) refreshSoon();
    const machines = changed.flatMap((event) => (event.machine === undefined ? [] : [event.machine]));
    if (machines.length > 0) deps.prepare(machines);
  });
}
