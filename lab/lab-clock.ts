import type { Clock } from '../server/ports/clock.ts';

/** The real clock of the lab's own programs. Timers do not keep a program alive. */
export function labClock(): Clock {
  return {
    now: () => Math.round(performance.timeOrigin + performance.now()),
    monotonicMs: () => performance.now(),
    after: (ms, call) => {
      const timer = setTimeout(call, ms).unref();
      return () => {
        clearTimeout(timer);
      };
    },
  };
}
