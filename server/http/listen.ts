import { chmodSync, rmSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { connect } from 'node:net';

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

async function removeStaleSocket(path: string): Promise<void> {
  if (await isSomebodyThere(path)) throw new Error(`another Farrier already listens on ${path}`);
  rmSync(path, { force: true });
}

/** Starts an HTTP server with the limits of a hostile network; resolves once it listens. */
export async function listenHttp(handler: RequestListener, at: ListenAt): Promise<Server> {
  const server = createServer({ maxHeaderSize: HEADER_OCTETS_MAX, connectionsCheckingInterval: 5000 }, handler);
  server.headersTimeout = HEADERS_TIMEOUT_MS;
  // Not the whole request is limited (an upload of 4 GiB takes its time) but each silence; JSON bodies have a deadline.
  server.requestTimeout = 0;
  server.setTimeout(IDLE_TIMEOUT_MS);
  server.maxConnections = CONNECTIONS_MAX;
  if ('path' in at) await removeStaleSocket(at.path);
  const umask = 'path' in at ? process.umask(0o177) : undefined;
  const listening = new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(at, () => {
      server.off('error', reject);
      resolve();
    });
  });
  if (umask !== undefined) process.umask(umask);
  await listening;
  if ('path' in at) chmodSync(at.path, 0o600);
  return server;
}
