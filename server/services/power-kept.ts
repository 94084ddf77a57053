import type { Log } from '../ports/log.ts';
import { StoreUnavailable, type PowerOrder, type Store } from '../ports/store.ts';

/** Where an order and its steps are kept. */
export type OrderBook = Pick<Store['powerOrders'], 'add' | 'step'>;

/**
 * Keeps an `off` in the store, or, from the first refusal of a store that cannot be written now, in the log. A machine
 * must go off although the disk is full: `off` may be repeated freely, so a restart needs no record of it. Whose machine
 * it is, is still read before the driver is called (invariant I4).
 */
export function keptOrLogged(store: Pick<Store, 'machines' | 'powerOrders'>, log: Log): OrderBook {
  const known = new Map<string, PowerOrder>();
  let isKept = true;
  const tried = async <T>(keep: () => Promise<T>, otherwise: () => Promise<T>, words: string): Promise<T> => {
    if (isKept)
      try {
        return await keep();
      } catch (error) {
        if (!(error instanceof StoreUnavailable)) throw error;
        isKept = false;
        log.error(`the store cannot be written; this order is kept in the log only: ${error.message}`);
      }
    log.warn(words);
    return otherwise();
  };
  return {
    add: (order) => {
      known.set(order.id, order);
      const words = `power ${order.verb} of ${order.machine} by ${order.by}`;
      return tried(
        () => store.powerOrders.add(order),
        () => Promise.resolve(),
        words,
      );
    },
    step: (id, step, because, events) => {
      const order = known.get(id);
      const words = `power order ${id}: ${step}${because === undefined ? '' : `, ${because}`}`;
      const isOwners = async (): Promise<boolean> =>
        order !== undefined && (await store.machines.byId(order.machine))?.ownerEpoch === order.ownerEpoch;
      return tried(() => store.powerOrders.step(id, step, because, events), isOwners, words);
    },
  };
}
