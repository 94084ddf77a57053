import type { Clock } from '../ports/clock.ts';

const JUMP_MS = 60_000;

/**
 * Says whether the wall clock can be trusted for deadlines: after a jump of over a minute it cannot for a minute, so that
 * everybody who has something due gets that much more time.
 */
export function createJumpGuard(clock: Clock): () => boolean {
  let seen = { now: clock.now(), monotonicMs: clock.monotonicMs() };
  let graceUntilMs = 0;
  return () => {
    const here = { now: clock.now(), monotonicMs: clock.monotonicMs() };
    const jumpMs = here.now - seen.now - (here.monotonicMs - seen.monotonicMs);
    seen = here;
    if (Math.abs(jumpMs) > JUMP_MS) graceUntilMs = here.monotonicMs + JUMP_MS;
    return here.monotonicMs >= graceUntilMs;
  };
}
