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

/** Whose line it is, and how it is spoken and left. */
export interface StreamLineParts {
  readonly clock: Clock;
  /** The far end, as reasons and errors name it. */
  readonly whom: string;
  readonly codec?: LineCodec;
  /** Is written before we close the stream. */
  readonly goodbye?: Uint8Array;
}

/** An open stream as a console's line. Nothing is read before somebody listens, so that nothing is lost. */
export function streamLine(stream: Duplex, parts: StreamLineParts): ConsoleLine {
  const { clock, whom, codec = PLAIN, goodbye } = parts;
  let because = `${whom} closed the connection`;
  stream.on('error', (error) => {
    because = `${whom}: ${error.message}`;
  });
  const ended = new Promise<string>((resolve) => {
    stream.once('end', () => stream.destroy());
    const end = (): void => {
      resolve(because);
    };
    if (stream.closed) end();
    else stream.once('close', end);
  });
  return {
    listen: (heard) => {
      readGently(stream, clock, (octets) => {
        const said = codec.hear(octets);
        if (said.length > 0) heard(said);
      });
    },
    write: async (octets) => {
      if (stream.destroyed || stream.writableEnded) throw new ConsoleError('unreachable', because);
      try {
        await sendAll(stream, codec.say(octets));
      } catch (cause) {
        throw new ConsoleError('unreachable', `${whom}: ${wordsOf(cause)}`, { cause });
      }
    },
    close: async () => {
      if (!stream.destroyed) because = `${whom}: closed`;
      if (goodbye !== undefined && stream.writable) stream.write(goodbye);
      stream.destroy();
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

function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
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
