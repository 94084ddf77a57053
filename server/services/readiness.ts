import type { Clock } from '../ports/clock.ts';
import { StoreUnavailable, type Store } from '../ports/store.ts';

/** Whoever asks more often hears the last answer: each look writes to the disk. */
const FRESH_MS = 1000;
/** A store that has not written for so long is as good as locked. */
const PATIENCE_MS = 1000;

/**
 * Says why the daemon cannot do its work now; nothing when it can. What counts is whether the store takes a write: without
 * it no address is given and no order kept.
 */
export function createReadiness(deps: {
  readonly store: Pick<Store, 'probe'>;
  readonly clock: Clock;
}): () => Promise<string | undefined> {
  const { store, clock } = deps;
  let last: { readonly atMs: number; readonly answer: Promise<string | undefined> } | undefined;
  // One probe at a time: a locked store must not gather a queue of them.
  let probing: Promise<string | undefined> | undefined;
  const look = (): Promise<string | undefined> => {
    probing ??= probe(store).finally(() => {
      probing = undefined;
    });
    const answered = probing;
    return new Promise((resolve, reject) => {
      const cancel = clock.after(PATIENCE_MS, () => {
        resolve('the store has taken no write for a second; see the log');
      });
      answered.then(resolve, reject).finally(cancel);
    });
  };
  return () => {
    const nowMs = clock.monotonicMs();
    if (!last || nowMs - last.atMs >= FRESH_MS) last = { atMs: nowMs, answer: look() };
    return last.answer;
  };
}

async function probe(store: Pick<Store, 'probe'>): Promise<string | undefined> {
  try {
    await store.probe();
    return undefined;
  } catch (error) {
    if (error instanceof StoreUnavailable) return error.message;
    throw error;
  }
}
