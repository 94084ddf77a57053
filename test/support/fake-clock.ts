import type { Clock } from '../../server/ports/clock.ts';

/** Time that stands still until a test moves it. */
export interface FakeClock extends Clock {
  /** Moves on by `ms`, calling what falls due in order, and lets promises settle in between. */
  advance(ms: number): Promise<void>;
  /** The wall clock jumps; the monotonic one does not. */
  jump(ms: number): void;
}

/** Lets everything that only waits for promises happen. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** A clock that starts at `startMs` of the epoch. */
export function fakeClock(startMs = 1_700_000_000_000): FakeClock {
  let elapsedMs = 0;
  let jumpedMs = 0;
  let timers: { readonly atMs: number; readonly call: () => void }[] = [];
  const due = (untilMs: number) => timers.filter((timer) => timer.atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0];
  return {
    now: () => startMs + elapsedMs + jumpedMs,
    monotonicMs: () => elapsedMs,
    after: (ms, call) => {
      const timer = { atMs: elapsedMs + ms, call };
      timers.push(timer);
      return () => {
        timers = timers.filter((each) => each !== timer);
      };
    },
    advance: async (ms) => {
      const untilMs = elapsedMs + ms;
      await settle();
      for (let timer = due(untilMs); timer; timer = due(untilMs)) {
        const now = timer;
        timers = timers.filter((each) => each !== now);
        elapsedMs = now.atMs;
        now.call();
        await settle();
      }
      elapsedMs = untilMs;
    },
    jump: (ms) => {
      jumpedMs += ms;
    },
  };
}
