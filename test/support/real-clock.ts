import { randomBytes } from 'node:crypto';
import type { Clock } from '../../server/ports/clock.ts';
import type { Rng } from '../../server/ports/rng.ts';

/** The host's own time, for tests against real programs. */
export const realClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  after: (ms, call) => {
    const timer = setTimeout(call, ms);
    timer.unref();
    return () => {
      clearTimeout(timer);
    };
  },
};

/** The host's own randomness. */
export const realRng: Rng = { octets: (count) => randomBytes(count) };
