import type { Duplex } from 'node:stream';
import type { Clock } from '../ports/clock.ts';
import { ConsoleError, type ConsoleErrorCode, type ConsoleLine } from '../ports/console.ts';

/** A peer that sends more than this in a second is read more slowly: no serial line does. */
const OCTETS_PER_S = 2 << 20;
const SLOW_MS = 1000;

/** How octets of a socket become octets of the board, and back. */
export interface LineCodec {
  /** What the board said in these octets of the socket; may answer the peer itself. */
  hear(octets: Uint8Array): Uint8Array;
  /** Keys as they go on the wire. */
  say(octets: Uint8Array): Uint8Array;
}

const PLAIN: LineCodec = { hear: (octets) => octets, say: (octets) => octets };

/** An open stream as a console's line. Nothing is read before somebody listens. */
export function lineOf(
  socket: Duplex,
  parts: { readonly clock: Clock; readonly whom: string; readonly codec?: LineCodec },
): ConsoleLine {
  const { clock, whom, codec = PLAIN } = parts;
  let failed: Error | undefined;
  socket.on('error', (error) => {
    failed ??= error;
  });
  const ended = new Promise<string>((resolve) => {
    socket.once('end', () => socket.destroy());
    const end = (): void => {
      resolve(failed ? `${whom}: ${failed.message}` : `${whom} closed the connection`);
    };
    if (socket.closed) end();
    else socket.once('close', end);
  });
  return {
    listen: (heard) => {
      readGently(socket, clock, (octets) => {
        const said = codec.hear(octets);
        if (said.length > 0) heard(said);
      });
    },
    write: (octets) => sendAll(socket, codec.say(octets)),
    close: async () => {
      socket.destroy();
      await ended;
    },
    ended,
  };
}

function readGently(socket: Duplex, clock: Clock, heard: (octets: Uint8Array) => void): void {
  let [sinceMs, octetsRead] = [clock.monotonicMs(), 0];
  let cancel = (): void => undefined;
  socket.once('close', () => {
    cancel();
  });
  socket.on('data', (octets: Uint8Array) => {
    heard(octets);
    const nowMs = clock.monotonicMs();
    if (nowMs - sinceMs >= SLOW_MS) [sinceMs, octetsRead] = [nowMs, 0];
    octetsRead += octets.length;
    if (octetsRead < OCTETS_PER_S) return;
    socket.pause();
    cancel = clock.after(SLOW_MS - (nowMs - sinceMs), () => socket.resume());
  });
}

/** Resolves when the stream has taken the octets; never when it has ended, which `ended` tells. */
export function sendAll(socket: Duplex, octets: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.write(octets, (error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}

/** Waits until a socket is connected. Throws `ConsoleError`; the socket is destroyed then. */
export async function connected(socket: Duplex, whom: string, signal: AbortSignal): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      const stop = (): void => {
        reject(new ConsoleError('timeout', `${whom} did not answer in time`));
      };
      socket.once('connect', resolve);
      socket.once('error', (error) => {
        reject(new ConsoleError(codeOf(error), `${whom}: ${wordsOf(error)}`));
      });
      signal.addEventListener('abort', stop, { once: true });
      if (signal.aborted) stop();
    });
  } catch (error) {
    socket.on('error', () => undefined);
    socket.destroy();
    throw error;
  }
}

function codeOf(error: Error): ConsoleErrorCode {
  const code = 'code' in error ? error.code : undefined;
  return code === 'EACCES' || code === 'EPERM' || code === 'ENOTFOUND' ? 'config' : 'unreachable';
}

function wordsOf(error: Error): string {
  switch ('code' in error ? error.code : undefined) {
    case 'ECONNREFUSED':
      return 'nothing listens there';
    case 'ENOTFOUND':
      return 'there is no such host';
    case 'ENOENT':
      return 'there is no such socket';
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return 'there is no way there';
    default:
      return error.message;
  }
}
