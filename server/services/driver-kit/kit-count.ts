import type { Clock } from '../../ports/clock.ts';
import type { PowerDriver } from '../../ports/power-driver.ts';
import type { CommandSpan } from './kit-rule.ts';

/** One call that was made of a driver. */
export interface MadeCall extends CommandSpan {
  readonly what: 'on' | 'off' | 'status';
}

/** The same driver, whose calls are written down. */
export function counted(
  driver: PowerDriver,
  clock: Clock,
): { readonly driver: PowerDriver; readonly made: () => readonly MadeCall[] } {
  const made: MadeCall[] = [];
  const write = async <T>(what: MadeCall['what'], call: () => Promise<T>): Promise<T> => {
    const beganMs = clock.monotonicMs();
    try {
      return await call();
    } finally {
      made.push({ what, beganMs, endedMs: clock.monotonicMs() });
    }
  };
  return {
    made: () => made,
    driver: {
      ...driver,
      open: (parameters, edges) => {
        const handle = driver.open(parameters, edges);
        return {
          ...handle,
          set: (want, signal) => write(want, () => handle.set(want, signal)),
          query: (signal) => write('status', () => handle.query(signal)),
        };
      },
    },
  };
}

/** The first two of these spans that meet; nothing when each begins after the one before has ended. */
export function firstMeeting(spans: readonly CommandSpan[]): readonly [number, number] | undefined {
  const ordered = [...spans].sort((a, b) => a.beganMs - b.beganMs);
  for (let at = 1; at < ordered.length; at += 1) {
    const [before, after] = [ordered[at - 1], ordered[at]];
    if (before && after && after.beganMs < before.endedMs) return [before.beganMs, after.beganMs];
  }
  return undefined;
}
