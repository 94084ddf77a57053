import { InvalidArgumentError, Option } from 'commander';
import { pause, type Clock } from '../ports/clock.ts';
import { parseDuration } from './duration.ts';
import { CliFailure, EXIT } from './failure.ts';

const POLL_MS = 1000;

function readDuration(text: string): number {
  const parsed = parseDuration(text);
  if (parsed.ok) return parsed.value;
  throw new InvalidArgumentError(parsed.error);
}

/** `--wait` or `--wait=30m`; its value is milliseconds. `what` says what is waited for. */
export function waitOption(what: string): Option {
  return new Option('--wait [time]', `${what}, for 30m or the time given (--wait=90s); then exit 124`)
    .argParser(readDuration)
    .preset('30m');
}

/** Asks every second until there is an answer. @throws CliFailure 124 when there is none in time. */
export async function waitFor<T>(
  clock: Clock,
  waitMs: number,
  what: string,
  ask: () => Promise<T | undefined>,
): Promise<T> {
  const endMs = clock.monotonicMs() + waitMs;
  for (;;) {
    const found = await ask();
    if (found !== undefined) return found;
    const leftMs = endMs - clock.monotonicMs();
    if (leftMs <= 0) throw new CliFailure(EXIT.timedOut, `${what} did not come true in time`);
    await pause(clock, Math.min(POLL_MS, leftMs));
  }
}
