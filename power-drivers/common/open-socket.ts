import { connect, type Socket } from 'node:net';
import { PowerError } from '../../server/ports/power-driver.ts';

/** A program of this host, or one that is reached over TCP. */
export type Place = { readonly path: string } | { readonly host: string; readonly port: number };

/**
 * Connects to a program. Throws a `PowerError` that names it by `where`: `unreachable`, or `timeout` when `signal` is
 * given. The caller destroys the socket; an error of it that nobody listens for is nobody's.
 */
export function openSocket(place: Place, where: string, signal: AbortSignal): Promise<Socket> {
  return whenOpen(() => connect({ ...place }), { event: 'connect', where, signal });
}

/** What is waited for on a socket. */
interface Opening<S> {
  readonly event: 'connect' | 'secureConnect';
  readonly where: string;
  readonly signal: AbortSignal;
  /** Why nothing is to be said over it, now that it is open. */
  readonly fault?: (socket: S) => PowerError | undefined;
}

/** Waits until a socket of any kind is open; throws as `openSocket`, and what `fault` finds. The socket is destroyed then. */
export function whenOpen<S extends Socket>(open: () => S, { event, where, signal, fault }: Opening<S>): Promise<S> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(new PowerError('timeout', `${where}: stopped waiting`));
      return;
    }
    const socket = open();
    const stop = (): void => {
      settle(new PowerError('timeout', `${where}: stopped waiting`));
    };
    const failed = (cause: Error): void => {
      settle(new PowerError('unreachable', `${where}: ${wordsOf(cause)}`, { cause }));
    };
    const settle = (trouble: PowerError | undefined): void => {
      signal.removeEventListener('abort', stop);
      socket.off('error', failed);
      // What still comes from a socket given up is nobody's.
      socket.on('error', () => undefined);
      if (trouble) {
        socket.destroy();
        reject(trouble);
      } else resolve(socket);
    };
    socket.once('error', failed);
    socket.once(event, () => {
      settle(fault?.(socket));
    });
    signal.addEventListener('abort', stop, { once: true });
  });
}

/** The same, but nothing where nobody listens (yet). */
export async function openSocketIfThere(place: Place, where: string, signal: AbortSignal): Promise<Socket | undefined> {
  try {
    return await openSocket(place, where, signal);
  } catch (cause) {
    if (cause instanceof PowerError && NOBODY.has(systemCode(cause.cause))) return undefined;
    throw cause;
  }
}

const NOBODY: ReadonlySet<string> = new Set(['ENOENT', 'ECONNREFUSED']);

/** What the system says in letters, for people. */
function wordsOf(cause: Error): string {
  switch (systemCode(cause)) {
    case 'ENOENT':
      return 'there is no such socket; is the program that makes it running?';
    case 'ECONNREFUSED':
      return 'nothing listens there; is the program running?';
    case 'EACCES':
      return "Farrier's user may not open it";
    default:
      return cause.message;
  }
}

function systemCode(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : '';
}
