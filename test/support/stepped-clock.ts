import type { Clock } from '../../server/ports/clock.ts';

/** A clock that goes on by seconds, and only while somebody waits by it. */
export interface SteppedClock extends Clock {
  /** One second, waited for or not. */
  second(): Promise<void>;
  /** What went wrong in a second; time stands still from then on. */
  fault(): unknown;
}

/** A clock on which each second passes when all that `brings` brings about in it has come about, however long that takes. */
export function createSteppedClock(brings: () => Promise<void>): SteppedClock {
  const timers = new Set<{ readonly dueMs: number; readonly call: () => void }>();
  let [nowMs, isGoing, fault] = [0, false, undefined as unknown];
  const second = async (): Promise<void> => {
    await brings();
    nowMs += 1000;
    for (const timer of [...timers].sort((a, b) => a.dueMs - b.dueMs)) {
      if (timer.dueMs > nowMs || !timers.delete(timer)) continue;
      timer.call();
    }
  };
  const go = async (): Promise<void> => {
    if (isGoing || fault !== undefined) return;
    isGoing = true;
    try {
      while (timers.size > 0) await second();
    } catch (error) {
      fault = error;
    }
    // In the same breath as the last look at the timers: who comes next begins anew.
    isGoing = false;
  };
  return {
    now: () => nowMs,
    monotonicMs: () => nowMs,
    after: (ms, call) => {
      const timer = { dueMs: nowMs + ms, call };
      timers.add(timer);
      void go();
      return () => {
        timers.delete(timer);
      };
    },
    second,
    fault: () => fault,
  };
}
