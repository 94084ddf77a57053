import type { Clock } from '../../server/ports/clock.ts';

/** A clock that stands still until it is moved. */
export interface FakeClock extends Clock {
  /** Moves both clocks on and calls what falls due, in order. */
  advance(ms: number): void;
  /** The same, and lets what only waits for promises happen after each call. */
  pass(ms: number): Promise<void>;
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
      for (let timer = nextDue(limitMs); timer; timer = nextDue(limitMs)) {
        timers.delete(timer);
        moveTo(Math.max(monotonicMs, timer.dueMs));
        timer.call();
      }
      moveTo(limitMs);
    },
    pass: async (ms) => {
      const limitMs = monotonicMs + ms;
      await settle();
      for (let timer = nextDue(limitMs); timer; timer = nextDue(limitMs)) {
        timers.delete(timer);
        moveTo(Math.max(monotonicMs, timer.dueMs));
        timer.call();
        await settle();
      }
      moveTo(limitMs);
    },
    jump: (ms) => {
      nowMs += ms;
    },
    waiting: () => timers.size,
  };
}
