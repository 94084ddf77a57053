import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';
import type { Clock } from '../../server/ports/clock.ts';
import { createSwitched, type Switched } from './switched.ts';

/** A pretend LXD with one instance `c1` in the project `default`, on a UNIX socket. */
export interface PretendLxd {
  readonly machine: Switched;
  readonly socket: string;
  /** Method and path of each request, in order. */
  readonly requests: readonly string[];
  /** What it says of the instance instead of its state. */
  status: string | undefined;
  /** How operations end: nothing for well, else LXD's `err`. */
  operationError: string | undefined;
  /** A client that is not trusted: 403 to everything. */
  isForbidden: boolean;
  readonly open: () => number;
  readonly say: (octets: Uint8Array) => void;
  readonly typed: () => Buffer;
  readonly close: () => Promise<void>;
}

const OPERATION = 'f7b8063a-c778-45e9-aef9-3576605de52c';
const SECRETS = { '0': 'd'.repeat(64), control: 'c'.repeat(64) };

/** Starts one whose socket lies in `folder`. */
export async function startPretendLxd(folder: string, clock: Clock): Promise<PretendLxd> {
  const peers = new Set<Socket>();
  const consoles = new Set<WebSocket>();
  const [requests, typed]: [string[], Buffer[]] = [[], []];
  const socket = `${folder}/unix.socket`;
  const server = createServer((request, response) => {
    requests.push(`${request.method ?? ''} ${request.url ?? ''}`);
    // A client that hangs up in its request is gone; that must not end whoever pretends.
    device.machine.command(() => serve(request, response, device)).catch(() => response.destroy());
  });
  const sockets = new WebSocketServer({ noServer: true });
  server.on('upgrade', (request, peer, head) => {
    requests.push(`WS ${pathOf(request)}`);
    const secret = new URL(request.url ?? '', 'http://lxd').searchParams.get('secret');
    if (secret !== SECRETS['0'] && secret !== SECRETS.control) peer.destroy();
    else
      sockets.handleUpgrade(request, peer, head, (web) => {
        if (secret === SECRETS['0']) take(web, consoles, typed);
      });
  });
  server.on('connection', (peer) => {
    peers.add(peer);
    peer.on('error', () => undefined);
    peer.once('close', () => peers.delete(peer));
  });
  const device: PretendLxd = {
    machine: createSwitched(clock),
    socket,
    requests,
    status: undefined,
    operationError: undefined,
    isForbidden: false,
    open: () => peers.size,
    say: (octets) => {
      for (const each of consoles) each.send(octets);
    },
    typed: () => Buffer.concat(typed),
    close: async () => {
      device.machine.end();
      for (const peer of peers) peer.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  return device;
}

function take(web: WebSocket, consoles: Set<WebSocket>, typed: Buffer[]): void {
  consoles.add(web);
  web.on('error', () => undefined);
  web.once('close', () => consoles.delete(web));
  web.on('message', (octets) => {
    if (Buffer.isBuffer(octets)) typed.push(octets);
  });
  web.send(Buffer.from('board: first words\r\n'));
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '').split('?')[0] ?? '';
}

async function serve(request: IncomingMessage, response: ServerResponse, device: PretendLxd): Promise<void> {
  const { machine } = device;
  if (machine.how === 'silent') return;
  if (machine.how === 'flood') {
    flood(response);
    return;
  }
  const body = await bodyOf(request);
  const reply = device.isForbidden ? failure(403, 'not authorized') : act(request, body, device);
  const text = JSON.stringify(reply);
  response.writeHead(reply['error_code'] === undefined ? 200 : Number(reply['error_code']), {
    'content-type': 'application/json',
  });
  if (machine.how === 'half') response.end(text.slice(0, text.length / 2));
  else response.end(text);
}

type Reply = Readonly<Record<string, unknown>>;

function act(request: IncomingMessage, body: string, device: PretendLxd): Reply {
  const { machine } = device;
  const path = pathOf(request);
  if (path === `/1.0/operations/${OPERATION}/wait`) {
    const { operationError: err } = device;
    return {
      type: 'sync',
      metadata: { id: OPERATION, status: err === undefined ? 'Success' : 'Failure', err: err ?? '' },
    };
  }
  const isHere = path.startsWith('/1.0/instances/c1') && (request.url ?? '').includes('project=default');
  if (!isHere) return failure(404, 'Instance not found');
  if (path.endsWith('/console')) {
    if (machine.truth() === 'off') return failure(400, 'Instance is not running');
    return { type: 'async', status_code: 100, metadata: { id: OPERATION, metadata: { fds: SECRETS } } };
  }
  if (path.endsWith('/state')) {
    const action = /"action":"(\w+)"/.exec(body)?.[1] ?? '';
    if (device.operationError === undefined && action !== 'restart') machine.order(action === 'stop' ? 'off' : 'on');
    return { type: 'async', status_code: 100, metadata: { id: OPERATION, metadata: null } };
  }
  const status = device.status ?? (machine.look() === 'on' ? 'Running' : 'Stopped');
  return { type: 'sync', metadata: { name: 'c1', type: 'container', architecture: 'x86_64', status } };
}

function failure(code: number, error: string): Reply {
  return { type: 'error', error_code: code, error };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

function flood(response: ServerResponse): void {
  const chunk = Buffer.alloc(64 * 1024, ' ');
  const more = (): void => {
    while (!response.destroyed && response.write(chunk));
  };
  response.on('error', () => undefined);
  response.on('drain', more);
  more();
}
