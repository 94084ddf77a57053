import { pause, type Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import type { Store } from '../ports/store.ts';

/** How much of the past is kept: far more than a page shows, and bounded whatever strangers do. */
const EVENTS_KEPT = 200_000;
const BOOTS_KEPT = 100;
const ORDERS_KEPT = 100;
const EVERY_MS = 3_600_000;
/** Rows in one transaction, and the rest between two, so that no commit of a lease waits for the tidying. */
const AT_MOST = 1000;
const REST_MS = 50;

/**
 * Drops the oldest events, boot records and ended power orders every hour, so that the database does not grow for ever:
 * the newest 200,000 events and the newest 100 boots and orders of each machine stay.
 */
export function trimHistory(deps: {
  readonly store: {
    readonly events: Pick<Store['events'], 'trim'>;
    readonly boots: Pick<Store['boots'], 'trim'>;
    readonly powerOrders: Pick<Store['powerOrders'], 'trim'>;
  };
  readonly clock: Clock;
  readonly log: Log;
}): { stop(): void } {
  const { store, clock, log } = deps;
  let stopped = false;
  let cancel: () => void = () => undefined;
  const until = async (trim: () => Promise<number>): Promise<number> => {
    for (let total = 0; ;) {
      const gone = stopped ? 0 : await trim();
      total += gone;
      if (gone === 0) return total;
      await pause(clock, REST_MS);
    }
  };
  const tidy = async (): Promise<void> => {
    const boots = await until(() => store.boots.trim(BOOTS_KEPT, AT_MOST));
    const orders = await until(() => store.powerOrders.trim(ORDERS_KEPT, AT_MOST));
    const events = await until(() => store.events.trim(EVENTS_KEPT, AT_MOST));
    if (boots + orders + events > 0) log.info('the oldest history was dropped', { boots, orders, events });
  };
  const again = (): void => {
    cancel = clock.after(EVERY_MS, () => {
      void tidy()
        .catch((error: unknown) => {
          log.error(`the history could not be trimmed: ${String(error)}`);
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
