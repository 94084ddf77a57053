import type { Clock } from '../../server/ports/clock.ts';

/** A clock that stands still until it is moved. */
export interface FakeClock extends Clock {
  /** Moves both clocks on and calls what falls due, in order. */
  advance(ms: number): void;
  /** The same, and lets what only waits for promises happen after each call. */
  pass(ms: number): Promise<void>;
  /** Lets time pass until the promise has settled; fails when nothing is left that could settle it. */
  until<T>(promise: Promise<T>): Promise<T>;
  /** Moves the wall clock only, as an operator's `date` does. */
  jump(ms: number): void;
  /** How many calls are waiting. */
  waiting(): number;
}

interface Timer {
  readonly dueMs: number;
  readonly call: () => void;
}

/** Lets everything that only waits for promises happen. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** A clock that begins at `startMs`. */
export function createFakeClock(startMs = 1_000_000): FakeClock {
  let [nowMs, monotonicMs] = [startMs, 0];
  const timers = new Set<Timer>();
  const nextDue = (limitMs: number): Timer | undefined =>
    [...timers].filter((timer) => timer.dueMs <= limitMs).sort((a, b) => a.dueMs - b.dueMs)[0];
  const moveTo = (targetMs: number): void => {
    nowMs += targetMs - monotonicMs;
    monotonicMs = targetMs;
  };
  const fire = (timer: Timer): void => {
    timers.delete(timer);
    moveTo(Math.max(monotonicMs, timer.dueMs));
    timer.call();
  };
  return {
    now: () => nowMs,
    monotonicMs: () => monotonicMs,
    after: (ms, call) => {
      const timer = { dueMs: monotonicMs + ms, call };
      timers.add(timer);
      return () => {
        timers.delete(timer);
      };
    },
    advance: (ms) => {
      const limitMs = monotonicMs + ms;
      for (let timer = nextDue(limitMs); timer; timer = nextDue(limitMs)) fire(timer);
      moveTo(limitMs);
    },
    pass: async (ms) => {
      const limitMs = monotonicMs + ms;
      await settle();
      for (let timer = nextDue(limitMs); timer; timer = nextDue(limitMs)) {
        fire(timer);
        await settle();
      }
      moveTo(limitMs);
    },
    until: async (promise) => {
      const settled = new Set<Promise<unknown>>();
      const end = (): void => {
        settled.add(promise);
      };
      promise.then(end, end);
      await settle();
      while (!settled.has(promise)) {
        const timer = nextDue(Infinity);
        if (!timer) throw new Error('nothing is left that could settle the promise');
        fire(timer);
        await settle();
      }
      return promise;
    },
    jump: (ms) => {
      nowMs += ms;
    },
    waiting: () => timers.size,
  };
}
