import type { Clock } from '../ports/clock.ts';
import { PowerError, type PowerErrorCode, type PowerHandle } from '../ports/power-driver.ts';
import type { Rng } from '../ports/rng.ts';
import { Stopped, type Controller } from './power-controller.ts';
import type { Redact } from './power-redact.ts';

const TRIES = 4;
const BACKOFF_MS = 500;
const AGAIN: readonly PowerErrorCode[] = ['unreachable', 'busy', 'timeout'];

/** Thrown by a check before a call: the machine is no longer whom the order was for. */
export class Dropped extends Error {
  override readonly name = 'Dropped';
}

/** A driver bound to one machine, and everything a call to it needs. */
export interface Line {
  readonly handle: PowerHandle;
  readonly controller: Controller;
  readonly callTimeoutMs: number;
  readonly redact: Redact;
  readonly clock: Clock;
  readonly rng: Rng;
}

/** One thing to ask of a driver. */
export interface Call<T> {
  /** Runs when the controller is free, directly before the driver: throws to keep the driver from being called. */
  readonly before: () => Promise<void>;
  readonly act: (handle: PowerHandle, signal: AbortSignal) => Promise<T>;
  /** A lost answer may mean that it happened: then it is not tried again. */
  readonly felt?: boolean;
}

/** Waits on the clock; rejects as soon as the signal is given. */
export function pauseUnless(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return untilAborted(signal, (settle) => clock.after(ms, settle));
}

function untilAborted(signal: AbortSignal, begin: (settle: () => void) => () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      cancel();
      reject(new Stopped());
    };
    const cancel = begin(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    });
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}

/** Asks once, in the controller's queue, under the driver's deadline. Every error is a redacted `PowerError` or `Dropped`. */
export async function askOnce<T>(line: Line, call: Call<T>, signal: AbortSignal): Promise<T> {
  const goOn = (): void => {
    if (signal.aborted) throw new Stopped();
  };
  const inTurn = line.controller.run({
    isWanted: () => !signal.aborted,
    act: async (holds) => {
      // Whoever gave up while waiting must not have the driver called behind his back.
      goOn();
      await call.before();
      goOn();
      return underDeadline(line, call.act, signal, holds);
    },
  });
  const given = new Promise<never>((_, reject) => {
    const stop = (): void => {
      reject(new Stopped());
    };
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    void inTurn
      .catch(() => undefined)
      .finally(() => {
        signal.removeEventListener('abort', stop);
      });
  });
  return Promise.race([inTurn, given]);
}

async function underDeadline<T>(
  line: Line,
  act: Call<T>['act'],
  signal: AbortSignal,
  holds: (work: Promise<unknown>) => void,
): Promise<T> {
  const { clock, callTimeoutMs } = line;
  const own = new AbortController();
  const pass = (): void => {
    own.abort();
  };
  signal.addEventListener('abort', pass, { once: true });
  const doing = spoken(line, () => act(line.handle, own.signal));
  holds(doing);
  let cancel = (): void => undefined;
  const deadline = new Promise<never>((_, reject) => {
    cancel = clock.after(callTimeoutMs, () => {
      reject(new PowerError('timeout', `the driver did not answer within ${callTimeoutMs} ms`));
      own.abort();
    });
    own.signal.addEventListener('abort', () => {
      reject(new Stopped());
    });
  });
  try {
    return await Promise.race([doing, deadline]);
  } finally {
    cancel();
    signal.removeEventListener('abort', pass);
  }
}

/** Calls the driver; whatever it throws comes out as a `PowerError` without secrets and without its cause. */
async function spoken<T>(line: Line, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (thrown) {
    const words = line.redact(thrown instanceof Error ? thrown.message : String(thrown));
    if (thrown instanceof PowerError) throw new PowerError(thrown.code, words);
    throw new PowerError('refused', `the driver broke: ${words}`);
  }
}

/** Asks up to four times, pausing longer each time, where the kind of error gives hope; others come out at once. */
export async function askPatiently<T>(line: Line, call: Call<T>, signal: AbortSignal): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await askOnce(line, call, signal);
    } catch (error) {
      if (!(error instanceof PowerError) || signal.aborted) throw error;
      const hopeful = AGAIN.includes(error.code) && !(call.felt === true && error.code === 'timeout');
      if (!hopeful || tries === TRIES || line.controller.restsMs() > 0) throw error;
      await pauseUnless(line.clock, backoffMs(tries, line.rng), signal);
    }
  }
}

/** 0.5, 1, 2 s, each between half and one and a half of that: many machines must not come back in step. */
function backoffMs(tries: number, rng: Rng): number {
  const jitter = 0.5 + (rng.octets(1)[0] ?? 0) / 255;
  return BACKOFF_MS * 2 ** (tries - 1) * jitter;
}

/** Whether another look may still succeed after this error. */
export function givesHope(error: PowerError): boolean {
  return AGAIN.includes(error.code);
}
