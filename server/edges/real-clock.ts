import type { Clock } from '../ports/clock.ts';

/** The machine's own time. */
export const realClock: Clock = {
  // eslint-disable-next-line no-restricted-syntax -- this is the one place where time enters
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  after: (ms, call) => {
    const timer = setTimeout(call, ms);
    return () => {
      clearTimeout(timer);
    };
  },
};
