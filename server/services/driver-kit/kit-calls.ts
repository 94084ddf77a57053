import type { FieldValues } from '../../core/field.ts';
import type { PowerState } from '../../core/machine.ts';
import { PowerError, type PowerDriver, type PowerEdges, type PowerErrorCode } from '../../ports/power-driver.ts';
import { pause } from '../../ports/clock.ts';

/** Milliseconds a driver may take to end after its deadline or an abort; a slow host needs some of it. */
export const LET_GO_MS = 1500;

/** How a call of a driver ended. */
export type CallEnd =
  | { readonly is: 'state'; readonly state: PowerState; readonly tookMs: number }
  | { readonly is: 'done'; readonly tookMs: number }
  | { readonly is: 'error'; readonly code: PowerErrorCode; readonly message: string; readonly tookMs: number }
  /** It threw something that is no `PowerError`. */
  | { readonly is: 'broken'; readonly message: string; readonly tookMs: number }
  /** It did not end in time. */
  | { readonly is: 'hung'; readonly tookMs: number };

/** Calls a driver as the engine does, one try each, and remembers every word it said. */
export interface KitCalls {
  query(parameters: FieldValues, abortAfterMs?: number): Promise<CallEnd>;
  set(parameters: FieldValues, want: 'on' | 'off', abortAfterMs?: number): Promise<CallEnd>;
  /** Asks until the state is `want` or the driver's settling time has passed; the last answer. */
  until(parameters: FieldValues, want: 'on' | 'off'): Promise<CallEnd>;
  /** Every error message so far. */
  said(): readonly string[];
  /** Adds what somebody else heard. */
  heard(message: string): void;
}

/** The calls of one driver. */
export function createKitCalls(driver: PowerDriver, edges: PowerEdges): KitCalls {
  const said: string[] = [];
  const call = async (
    act: (signal: AbortSignal) => Promise<PowerState | undefined>,
    abortAfterMs = driver.callTimeoutMs,
  ): Promise<CallEnd> => {
    const end = await timed(edges, act, abortAfterMs);
    if (end.is === 'error' || end.is === 'broken') said.push(end.message);
    return end;
  };
  const open = (parameters: FieldValues): ReturnType<PowerDriver['open']> => driver.open(parameters, edges);
  const query: KitCalls['query'] = (parameters, abortAfterMs) =>
    call((signal) => open(parameters).query(signal), abortAfterMs);
  return {
    query,
    set: (parameters, want, abortAfterMs) =>
      call(async (signal) => {
        await open(parameters).set(want, signal);
        return undefined;
      }, abortAfterMs),
    until: async (parameters, want) => {
      const untilMs = edges.clock.monotonicMs() + driver.settleTimeoutMs;
      for (;;) {
        const end = await query(parameters);
        if (end.is === 'state' && end.state === want) return end;
        if (end.is === 'hung' || edges.clock.monotonicMs() >= untilMs) return end;
        await pause(edges.clock, 250);
      }
    },
    said: () => said,
    heard: (message) => said.push(message),
  };
}

async function timed(
  { clock }: PowerEdges,
  act: (signal: AbortSignal) => Promise<PowerState | undefined>,
  abortAfterMs: number,
): Promise<CallEnd> {
  const stop = new AbortController();
  const beganMs = clock.monotonicMs();
  const took = (): number => Math.round(clock.monotonicMs() - beganMs);
  const cancels: (() => void)[] = [];
  const hung = new Promise<CallEnd>((resolve) => {
    cancels.push(
      clock.after(abortAfterMs, () => {
        stop.abort();
      }),
      clock.after(abortAfterMs + LET_GO_MS, () => {
        resolve({ is: 'hung', tookMs: took() });
      }),
    );
  });
  const ended = Promise.resolve()
    .then(() => act(stop.signal))
    .then(
      (state): CallEnd =>
        state === undefined ? { is: 'done', tookMs: took() } : { is: 'state', state, tookMs: took() },
      (thrown: unknown): CallEnd => errorOf(thrown, took()),
    );
  const end = await Promise.race([ended, hung]);
  for (const cancel of cancels) cancel();
  return end;
}

function errorOf(thrown: unknown, tookMs: number): CallEnd {
  if (thrown instanceof PowerError) return { is: 'error', code: thrown.code, message: thrown.message, tookMs };
  return { is: 'broken', message: thrown instanceof Error ? thrown.message : String(thrown), tookMs };
}

/** The end of a call in words for operators. */
export function wordsOf(end: CallEnd): string {
  const after = `after ${(end.tookMs / 1000).toFixed(1)} s`;
  switch (end.is) {
    case 'state':
      return `"${end.state}" ${after}`;
    case 'done':
      return `done ${after}`;
    case 'error':
      return `${end.code} ${after}: ${end.message}`;
    case 'broken':
      return `an error without a code ${after}: ${end.message}`;
    case 'hung':
      return `no end ${after}`;
  }
}
