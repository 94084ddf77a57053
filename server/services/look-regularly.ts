import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import { createJumpGuard } from './jump-guard.ts';

const LOOK_EVERY_MS = 1000;

/**
 * Calls `look` every second, one at a time, with the time of the wall clock: what has a deadline in the store is held
 * to it, also after a restart (invariant I3). A jump of the wall clock of over a minute grants everything a minute more.
 */
export function lookRegularly(
  deps: { readonly clock: Clock; readonly log: Log },
  what: string,
  look: (nowMs: number) => Promise<void>,
): { stop(): void } {
  let stopped = false;
  let cancel: () => void = () => undefined;
  const isTrusted = createJumpGuard(deps.clock);

  const lookUnlessJumped = async (): Promise<void> => {
    if (isTrusted()) await look(deps.clock.now());
  };
  const again = (): void => {
    cancel = deps.clock.after(LOOK_EVERY_MS, () => {
      void lookUnlessJumped()
        .catch((error: unknown) => {
          deps.log.error(`${what} could not be looked at: ${String(error)}`);
        })
        .finally(() => {
          if (!stopped) again();
        });
    });
  };
  again();
  return {
    stop: () => {
      stopped = true;
      cancel();
    },
  };
}
