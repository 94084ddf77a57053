import type { Ipv4 } from '../core/address.ts';
import type { Clock } from '../ports/clock.ts';

/** Lets a burst through, then so many a second; the rest is refused without waiting. */
export interface Bucket {
  take(): boolean;
}

/** A token bucket on the monotonic clock: full at first, refilled steadily. */
export function createBucket(clock: Pick<Clock, 'monotonicMs'>, burst: number, perSecond: number): Bucket {
  let tokens = burst;
  let atMs = clock.monotonicMs();
  return {
    take: () => {
      const nowMs = clock.monotonicMs();
      tokens = Math.min(burst, tokens + ((nowMs - atMs) * perSecond) / 1000);
      atMs = nowMs;
      if (tokens < 1) return false;
      tokens -= 1;
      return true;
    },
  };
}

/** Counts by address; all counts begin anew every window. */
export interface AddressLimit {
  take(from: Ipv4): boolean;
}

const ADDRESSES_MAX = 65_536;

/** At most `perWindow` from one address in each `windowMs`. Bounded: beyond 65,536 addresses a window, strangers are refused. */
export function createAddressLimit(
  clock: Pick<Clock, 'monotonicMs'>,
  perWindow: number,
  windowMs: number,
): AddressLimit {
  const counts = new Map<Ipv4, number>();
  let beganMs = clock.monotonicMs();
  return {
    take: (from) => {
      const nowMs = clock.monotonicMs();
      if (nowMs - beganMs >= windowMs) {
        counts.clear();
        beganMs = nowMs;
      }
      const count = (counts.get(from) ?? 0) + 1;
      if (count > perWindow || (count === 1 && counts.size >= ADDRESSES_MAX)) return false;
      counts.set(from, count);
      return true;
    },
  };
}
