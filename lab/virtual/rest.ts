import type { Clock } from '../../server/ports/clock.ts';

/** Resolves after `ms`, or throws the signal's reason as soon as it is raised. */
export async function rest(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  if (ms <= 0) return;
  await new Promise<void>((resolve) => {
    const wake = (): void => {
      cancel();
      signal.removeEventListener('abort', wake);
      resolve();
    };
    const cancel = clock.after(ms, wake);
    signal.addEventListener('abort', wake);
  });
  signal.throwIfAborted();
}
