import { chmodSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';

/** Where to listen. A `path` is a unix socket, made with mode 0600: whoever may open it is admin. */
export type ListenAt = { readonly host: string; readonly port: number } | { readonly path: string };

const HEADERS_TIMEOUT_MS = 15_000;
/** A connection on which nothing moves for so long is closed. */
export const IDLE_TIMEOUT_MS = 60_000;
const CONNECTIONS_MAX = 1000;
const HEADER_OCTETS_MAX = 16 << 10;

function isSomebodyThere(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => {
      resolve(false);
    });
  });
}

/** Throws when a daemon answers on its local socket already. */
export async function refuseSecond(path: string): Promise<void> {
  if (await isSomebodyThere(path))
    throw new Error(`another Farrier already listens on ${path}; stop it first, or give this one a dataDir of its own`);
}

async function removeStaleSocket(path: string): Promise<void> {
  await refuseSecond(path);
  rmSync(path, { force: true });
}

function wordsFor(cause: NodeJS.ErrnoException, at: ListenAt): string {
  if ('path' in at) return `${at.path}: ${cause.message}`;
  const where = `TCP ${at.host}:${String(at.port)} (HTTP)`;
  if (cause.code === 'EADDRINUSE')
    return `${where} is taken ("ss -ltnp sport = :${String(at.port)}" shows by whom); stop it, or change http.listen`;
  if (cause.code === 'EADDRNOTAVAIL')
    return `${where}: no interface has this address ("ip -4 addr" shows what there is); change http.listen`;
  if (cause.code === 'EACCES') return `${where}: not permitted; choose a port from 1024 up in http.listen`;
  return `${where}: ${cause.message}`;
}

type Upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

/** Starts an HTTP server with the limits of a hostile network; resolves once it listens. */
export async function listenHttp(handler: RequestListener, at: ListenAt, upgrade?: Upgrade): Promise<Server> {
  const server = createServer({ maxHeaderSize: HEADER_OCTETS_MAX, connectionsCheckingInterval: 5000 }, handler);
  // A client may close its side once it has asked (HTTP/1.0 through nc does): it still gets its answer, however late.
  Object.assign(server, { httpAllowHalfOpen: true });
  server.headersTimeout = HEADERS_TIMEOUT_MS;
  // Not the whole request is limited (an upload of 4 GiB takes its time) but each silence; JSON bodies have a deadline.
  server.requestTimeout = 0;
  server.setTimeout(IDLE_TIMEOUT_MS);
  server.maxConnections = CONNECTIONS_MAX;
  if (upgrade) server.on('upgrade', upgrade);
  if ('path' in at) await removeStaleSocket(at.path);
  const umask = 'path' in at ? process.umask(0o177) : undefined;
  const listening = new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      reject(new Error(wordsFor(cause, at), { cause }));
    });
    server.listen(at, () => {
      server.removeAllListeners('error');
      resolve();
    });
  });
  if (umask !== undefined) process.umask(umask);
  await listening;
  if ('path' in at) chmodSync(at.path, 0o600);
  return server;
}
