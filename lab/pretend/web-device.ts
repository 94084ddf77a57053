import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Clock } from '../../server/ports/clock.ts';

/**
 * How a pretend device misbehaves. `silent`: takes the request and never answers; `slow`: answers late; `half`: does it and
 * loses the reply in the middle; `lies`: says yes and does nothing; `late`: does it some time after the yes; `flood`: never
 * stops answering; `flapping`: cuts one connection in five, the first among them.
 */
export type WebFault = 'not' | 'silent' | 'slow' | 'half' | 'lies' | 'late' | 'flood' | 'flapping';

/** A request as a pretend device reads it. */
export interface WebAsk {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** What it answers. */
export interface WebAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** The outlets as the device's program sees them: `turn` may do nothing, or later. Numbers and names alike are texts. */
export interface WebOutlets {
  has(outlet: string): boolean;
  isOn(outlet: string): boolean;
  turn(outlet: string, on: boolean): void;
}

/** The device's program: one answer for each request. */
export type WebManner = (ask: WebAsk, outlets: WebOutlets) => WebAnswer;

/** A pretend device with a web server, on 127.0.0.1. */
export interface PretendWebDevice {
  readonly port: number;
  misbehave(how: WebFault): void;
  isOn(outlet: string): boolean;
  turn(outlet: string, on: boolean): void;
  /** Requests it has seen, on the monotonic clock; one it never answered ends when its connection does. */
  seen(): readonly { readonly target: string; readonly beganMs: number; readonly endedMs: number }[];
  close(): Promise<void>;
}

/** A device to be. */
export interface WebDeviceOptions {
  readonly manner: WebManner;
  /** All off at first. */
  readonly outlets: readonly string[];
  readonly clock: Clock;
  readonly slowMs?: number;
  readonly lateMs?: number;
}

const ASK_MAX = 64 * 1024;

/** Starts a pretend device; resolves when it listens. */
export async function startWebDevice(options: WebDeviceOptions): Promise<PretendWebDevice> {
  const { manner, clock, slowMs = 500, lateMs = 300 } = options;
  const states = new Map(options.outlets.map((outlet) => [outlet, false]));
  const seen: { target: string; beganMs: number; endedMs: number }[] = [];
  let fault: WebFault = 'not';
  let asked = 0;
  const outlets: WebOutlets = {
    has: (outlet) => states.has(outlet),
    isOn: (outlet) => states.get(outlet) ?? false,
    turn: (outlet, on) => {
      if (fault === 'lies') return;
      if (fault === 'late') clock.after(lateMs, () => states.set(outlet, on));
      else states.set(outlet, on);
    },
  };
  const server = createServer((request, response) => {
    const record = { target: request.url ?? '', beganMs: clock.monotonicMs(), endedMs: Infinity };
    seen.push(record);
    response.on('close', () => (record.endedMs = clock.monotonicMs()));
    asked += 1;
    if (fault === 'silent') return;
    if (fault === 'flapping' && asked % 5 === 1) {
      request.socket.destroy();
      return;
    }
    void readAsk(request).then((ask) => {
      const answer = manner(ask, outlets);
      if (fault === 'slow')
        clock.after(slowMs, () => {
          give(response, answer, fault);
        });
      else give(response, answer, fault);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const bound = server.address();
  return {
    port: typeof bound === 'object' && bound ? bound.port : 0,
    misbehave: (how) => {
      fault = how;
      asked = 0;
    },
    isOn: (outlet) => outlets.isOn(outlet),
    turn: (outlet, on) => states.set(outlet, on),
    seen: () => seen,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function readAsk(request: IncomingMessage): Promise<WebAsk> {
  let body = '';
  for await (const chunk of request) if (body.length < ASK_MAX) body += String(chunk);
  const url = new URL(request.url ?? '/', 'http://device');
  const { method = '', headers } = request;
  return { method, path: decodeURIComponent(url.pathname), query: url.searchParams, headers, body };
}

function give(response: ServerResponse, { status = 200, headers = {}, body = '' }: WebAnswer, fault: WebFault): void {
  if (fault === 'flood') {
    // An answer without content, such as 204, could not flood.
    response.writeHead(200, headers);
    flood(response);
    return;
  }
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) + (fault === 'half' ? 10 : 0) });
  if (fault !== 'half') {
    response.end(body);
    return;
  }
  response.write(body.slice(0, Math.ceil(body.length / 2)) || ' ', () => response.destroy());
}

function flood(response: ServerResponse): void {
  const chunk = 'x'.repeat(ASK_MAX);
  const more = (): void => {
    while (!response.destroyed && response.write(chunk));
  };
  response.on('drain', more);
  more();
}
