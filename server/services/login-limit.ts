import type { Clock } from '../ports/clock.ts';

/** How many tries in how long. */
export interface Rate {
  readonly triesMax: number;
  readonly windowMs: number;
}

/** Counts tries by key in a sliding window. Keeps a bounded number of keys: the ones tried longest ago are dropped. */
export interface TryLimit {
  /** Counts one try; nothing when it is allowed, else the milliseconds to wait. A refused try is not counted. */
  take(key: string): number | undefined;
  /** Forgets the tries of a key. */
  clear(key: string): void;
}

const KEYS_MAX = 10_000;

/** A limit on the clock that never goes back. */
export function createTryLimit(clock: Clock, { triesMax, windowMs }: Rate): TryLimit {
  const tries = new Map<string, readonly number[]>();
  return {
    take: (key) => {
      const nowMs = clock.monotonicMs();
      const recent = (tries.get(key) ?? []).filter((atMs) => atMs > nowMs - windowMs);
      const [oldest] = recent;
      if (oldest !== undefined && recent.length >= triesMax) return oldest + windowMs - nowMs;
      tries.delete(key);
      tries.set(key, [...recent, nowMs]);
      const [longestAgo] = tries.keys();
      if (tries.size > KEYS_MAX && longestAgo !== undefined) tries.delete(longestAgo);
      return undefined;
    },
    clear: (key) => {
      tries.delete(key);
    },
  };
}
