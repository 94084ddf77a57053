import type { Duplex } from 'node:stream';
import { streamLine } from '../../server/edges/stream-line.ts';
import type { Clock } from '../../server/ports/clock.ts';
import { ConsoleError, type ConsoleLine } from '../../server/ports/console.ts';

/** How a line that is not there yet is looked for. */
export interface LineSearch {
  /** One look: a connected stream, or nothing while the machine is off. Whatever it throws ends the line. */
  readonly find: (signal: AbortSignal) => Promise<Duplex | undefined>;
  /** Between two looks. */
  readonly pauseMs: number;
  readonly where: string;
  readonly clock: Clock;
}

/**
 * A line of a machine that has a serial port only while it is on: it is open at once, silent until the port is there,
 * and ends with the port. Keys pressed before are refused.
 */
export function lineWhenThere(search: LineSearch): ConsoleLine {
  const { find, pauseMs, where, clock } = search;
  const stop = new AbortController();
  let heardBy: ((octets: Uint8Array) => void) | undefined;
  let line: ConsoleLine | undefined;
  const look = async (): Promise<string> => {
    for (;;) {
      const stream = stop.signal.aborted ? undefined : await find(stop.signal);
      if (stop.signal.aborted) {
        stream?.destroy();
        return `${where}: closed`;
      }
      if (stream) {
        line = streamLine(stream, { clock, whom: where });
        if (heardBy) line.listen(heardBy);
        return line.ended;
      }
      await pauseUnless(stop.signal, clock, pauseMs);
    }
  };
  const ended = look().catch((cause: unknown) =>
    stop.signal.aborted ? `${where}: closed` : cause instanceof Error ? cause.message : String(cause),
  );
  return {
    listen: (heard) => {
      heardBy = heard;
      line?.listen(heard);
    },
    write: (octets) =>
      line ? line.write(octets) : Promise.reject(new ConsoleError('refused', `${where}: the machine is not running`)),
    close: async () => {
      stop.abort();
      await line?.close();
      await ended;
    },
    ended,
  };
}

function pauseUnless(signal: AbortSignal, clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      cancel();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const cancel = clock.after(ms, done);
    signal.addEventListener('abort', done, { once: true });
    if (signal.aborted) done();
  });
}
