import { createServer as createHttp, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { Socket } from 'node:net';
import { pause, type Clock } from '../../server/ports/clock.ts';
import { SLOW_MS, type Misbehaviour } from './machine.ts';

/** A request as a pretend device sees it. */
export interface DeviceRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** What it answers. */
export interface DeviceReply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string;
}

/** A web server on the loopback interface that can misbehave on the wire. */
export interface HttpDevice {
  readonly port: number;
  misbehave(how: Misbehaviour): void;
  /** Requests it took, in order; each ends when its reply has been sent or its connection is gone. */
  seen(): readonly { readonly target: string; readonly beganMs: number; readonly endedMs: number }[];
  close(): Promise<void>;
}

const BODY_MAX = 65_536;

/** Starts one on a free port; with `tls` it speaks HTTPS. */
export async function startHttpDevice(options: {
  readonly clock: Clock;
  readonly tls?: { readonly key: string; readonly cert: string } | undefined;
  readonly answer: (request: DeviceRequest) => DeviceReply;
}): Promise<HttpDevice> {
  const { clock, tls } = options;
  const sockets = new Set<Socket>();
  const seen: { target: string; beganMs: number; endedMs: number }[] = [];
  let how: Misbehaviour = 'not';
  const serve = async (request: IncomingMessage, reply: ServerResponse): Promise<void> => {
    const { method = '', url = '', headers } = request;
    const visit = { target: url, beganMs: clock.monotonicMs(), endedMs: Infinity };
    seen.push(visit);
    reply.once('close', () => {
      visit.endedMs = clock.monotonicMs();
    });
    const body = await bodyOf(request);
    if (how === 'silent') return;
    if (how === 'slow') await pause(clock, SLOW_MS);
    send(reply, options.answer({ method, path: url, headers, body }), how);
  };
  const listener = (request: IncomingMessage, reply: ServerResponse): void => {
    serve(request, reply).catch(() => reply.destroy());
  };
  const server = tls ? createHttps({ key: tls.key, cert: tls.cert }, listener) : createHttp(listener);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    misbehave: (next) => {
      how = next;
    },
    seen: () => seen,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        for (const socket of sockets) socket.destroy();
      }),
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = '';
  request.setEncoding('utf8');
  for await (const text of request) if (body.length < BODY_MAX) body += String(text);
  return body;
}

function send(reply: ServerResponse, { status, headers = {}, body = '' }: DeviceReply, how: Misbehaviour): void {
  for (const [name, value] of Object.entries(headers))
    reply.setHeader(name, typeof value === 'string' ? value : [...value]);
  if (how === 'half') {
    reply.writeHead(status, { 'content-length': Buffer.byteLength(body) + 100 });
    reply.write(body.slice(0, body.length / 2) || ' ', () => reply.destroy());
  } else if (how === 'flood') {
    // Answers such as 204 have no content to flood with.
    reply.writeHead(status === 204 ? 200 : status);
    const pour = (): void => {
      // As fast as the other side takes it, for as long as it stays.
      while (!reply.destroyed && reply.write(' '.repeat(BODY_MAX)));
    };
    reply.on('drain', pour);
    pour();
  } else {
    reply.writeHead(status, { 'content-length': Buffer.byteLength(body) });
    reply.end(body);
  }
}
