import type { Clock } from '../../server/ports/clock.ts';

/** How a pretend controller misbehaves. */
export type Misbehaviour = 'not' | 'silent' | 'slow' | 'half' | 'lies' | 'late' | 'flood' | 'flapping';

/** The machine behind a pretend controller: what it really has, and what the controller makes of orders. */
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

const LATE_MS = 150;
const SLOW_MS = 60;

/** A machine that is off. */
export function createSwitched(clock: Clock): Switched {
  let state: 'on' | 'off' = 'off';
  let cancel = (): void => undefined;
  const seen: { beganMs: number; endedMs: number }[] = [];
  const machine: Switched = {
    how: 'not',
    truth: () => state,
    order: (want) => {
      cancel();
      if (machine.how === 'lies') return;
      if (machine.how !== 'late') state = want;
      else
        cancel = clock.after(LATE_MS, () => {
          state = want;
        });
    },
    look: () => {
      // A flapping machine really is another way each time it is asked.
      if (machine.how === 'flapping') state = state === 'on' ? 'off' : 'on';
      return state;
    },
    command: async (does) => {
      const beganMs = clock.monotonicMs();
      try {
        if (machine.how === 'slow') await new Promise<void>((resolve) => clock.after(SLOW_MS, resolve));
        return await does();
      } finally {
        seen.push({ beganMs, endedMs: clock.monotonicMs() });
      }
    },
    seen: () => seen,
    end: () => {
      cancel();
    },
  };
  return machine;
}
