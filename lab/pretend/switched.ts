import { pause, type Clock } from '../../server/ports/clock.ts';
import { pretendMachine, SLOW_MS, type Misbehaviour } from './machine.ts';

/** A pretend machine behind a controller that takes commands one by one, which are noted. */
export interface Switched {
  how: Misbehaviour;
  readonly truth: () => 'on' | 'off';
  /** An order that was taken: done at once, later, or never. */
  readonly order: (want: 'on' | 'off') => void;
  /** What the controller says it sees. */
  readonly look: () => 'on' | 'off';
  /** Runs one command, noting when it began and ended; a slow controller takes its time. */
  readonly command: <T>(does: () => T | Promise<T>) => Promise<T>;
  readonly seen: () => readonly { readonly beganMs: number; readonly endedMs: number }[];
  /** Ends what is still to happen. */
  readonly end: () => void;
}

/** A machine that is off. */
export function createSwitched(clock: Clock): Switched {
  const machine = pretendMachine(clock);
  let how: Misbehaviour = 'not';
  const seen: { beganMs: number; endedMs: number }[] = [];
  return {
    get how() {
      return how;
    },
    set how(next) {
      how = next;
      machine.misbehave(next);
    },
    truth: () => (machine.isOn() ? 'on' : 'off'),
    order: (want) => {
      machine.order(want === 'on');
    },
    look: () => (machine.look() ? 'on' : 'off'),
    command: async (does) => {
      const beganMs = clock.monotonicMs();
      try {
        if (how === 'slow') await pause(clock, SLOW_MS);
        return await does();
      } finally {
        seen.push({ beganMs, endedMs: clock.monotonicMs() });
      }
    },
    seen: () => seen,
    end: () => {
      machine.end();
    },
  };
}
