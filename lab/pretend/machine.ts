import type { Clock } from '../../server/ports/clock.ts';

/**
 * How a pretend device misbehaves. `silent`: takes the call and never answers; `slow`: each answer takes 100 ms; `half`:
 * breaks off within the answer; `flood`: its answer never ends; `lies`: says yes and does nothing; `late`: does it 200 ms
 * later; `flapping`: is another way each time it is asked.
 */
export type Misbehaviour = 'not' | 'silent' | 'slow' | 'half' | 'lies' | 'late' | 'flood' | 'flapping';

/** Milliseconds a slow device takes for each answer, and a late one to do as it was told. */
export const SLOW_MS = 100;
export const LATE_MS = 200;

/** The switchable machine behind a pretend device. */
export interface PretendMachine {
  /** What it really is; asking changes nothing. */
  isOn(): boolean;
  /** What it is when the device looks: another way each time while it flaps. */
  look(): boolean;
  order(on: boolean): void;
  misbehave(how: Misbehaviour): void;
  /** Forgets an order that was still to come true. */
  end(): void;
}

/** A machine that is off. */
export function pretendMachine(clock: Clock): PretendMachine {
  let on = false;
  let how: Misbehaviour = 'not';
  let cancel = (): void => undefined;
  return {
    isOn: () => on,
    look: () => {
      if (how === 'flapping') on = !on;
      return on;
    },
    order: (want) => {
      if (how === 'lies') return;
      cancel();
      if (how !== 'late') {
        on = want;
        return;
      }
      cancel = clock.after(LATE_MS, () => {
        on = want;
      });
    },
    misbehave: (next) => {
      how = next;
    },
    end: () => {
      cancel();
    },
  };
}
