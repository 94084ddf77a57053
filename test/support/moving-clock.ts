import type { Clock } from '../../server/ports/clock.ts';

interface Timer {
  readonly dueMs: number;
  readonly call: () => void;
}

/** A clock on which hours pass in no time: it moves on whenever nothing else is left to do. */
export interface MovingClock extends Clock {
  /** Lets time pass until the promise has settled; fails when nothing is left that could settle it. */
  until<T>(promise: Promise<T>): Promise<T>;
  /** Lets so much time pass, and everything that falls due in it happen. */
  pass(ms: number): Promise<void>;
}

/** Long enough for promise chains, and for in-memory stores that answer at once. */
async function quiet(): Promise<void> {
  for (let turns = 0; turns < 4; turns += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** A moving clock that begins at a wall time of `startMs`. */
export function createMovingClock(startMs = 1_700_000_000_000): MovingClock {
  let passedMs = 0;
  const timers = new Set<Timer>();
  const next = (): Timer | undefined => [...timers].sort((a, b) => a.dueMs - b.dueMs)[0];
  const fire = (timer: Timer): void => {
    timers.delete(timer);
    passedMs = Math.max(passedMs, timer.dueMs);
    timer.call();
  };
  return {
    now: () => startMs + passedMs,
    monotonicMs: () => passedMs,
    after: (ms, call) => {
      const timer = { dueMs: passedMs + ms, call };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    until: async (promise) => {
      const settled = new Set<Promise<unknown>>();
      const settle = (): void => {
        settled.add(promise);
      };
      promise.then(settle, settle);
      for (;;) {
        await quiet();
        if (settled.has(promise)) return promise;
        const timer = next();
        if (!timer) throw new Error('nothing is left that could settle the promise');
        fire(timer);
      }
    },
    pass: async (ms) => {
      const untilMs = passedMs + ms;
      await quiet();
      for (let timer = next(); timer && timer.dueMs <= untilMs; timer = next()) {
        fire(timer);
        await quiet();
      }
      passedMs = untilMs;
    },
  };
}
