import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { pipeline } from 'node:stream/promises';
import type { WebSocket } from 'ws';
import { z } from 'zod';
import { exchange, failureOf, parseJson, textOf, type Sending, type Where } from './exchange.ts';
import { CliFailure, EXIT } from './failure.ts';
import type { Remote } from './remote.ts';

/** Where the daemon is reached: by its socket on this host, or elsewhere by its page's address and an account. */
export type Endpoint = { readonly socketPath: string } | Pick<Remote, 'where'>;

/** One call of the API, `path` below `/api/v1`. */
export interface Call {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: unknown;
  /** Milliseconds after which the call is given up with exit code 124. */
  readonly timeoutMs?: number | undefined;
}

/** The daemon's API. Every failure is a CliFailure with the exit code that fits. */
export interface Api {
  /** The answer read by `shape`; unknown members are the shape's business. */
  call<T>(call: Call, shape: z.ZodType<T>): Promise<T>;
  /** For calls that answer with nothing. */
  order(call: Call): Promise<void>;
  /** Streams a file; the answer read by `shape`. */
  upload<T>(path: string, file: string, shape: z.ZodType<T>): Promise<T>;
  /** An answer's octets as they come. */
  octets(call: Call): Promise<AsyncIterable<Buffer>>;
  /** Opens a WebSocket. A refusal is its `error`, with the daemon's words. */
  stream(path: string, query: Readonly<Record<string, string>>): Promise<WebSocket>;
}

const FRAME_OCTETS_MAX = 8 << 20;
const HANDSHAKE_MS = 15_000;

/** `/machines/{ref}` with each part encoded. */
export function pathOf(...parts: readonly string[]): string {
  return parts.map((part) => `/${encodeURIComponent(part)}`).join('');
}

function faultWords(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EACCES') return 'you may not read it';
  return cause instanceof Error ? cause.message : String(cause);
}

function read<T>(text: string, shape: z.ZodType<T>): T {
  const parsed = shape.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  throw new CliFailure(EXIT.failed, 'the daemon gave an answer this command does not know; are both of one version?', {
    cause: parsed.error,
  });
}

function queryOf(query: Call['query']): string {
  const given = Object.entries(query ?? {}).flatMap(([key, value]) =>
    value === undefined ? [] : [[key, value] as const],
  );
  return given.length === 0 ? '' : `?${new URLSearchParams(Object.fromEntries(given)).toString()}`;
}

function sendingOf({ method, path, query, body, timeoutMs }: Call): Sending {
  const octets = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  const headers: Sending['options']['headers'] = octets
    ? { 'content-type': 'application/json', 'content-length': octets.length }
    : {};
  return {
    options: { method, path: `/api/v1${path}${queryOf(query)}`, headers },
    timeoutMs,
    write: (to) => {
      if (octets) to.write(octets);
      to.end();
      return Promise.resolve();
    },
  };
}

/** The package is loaded with the first stream: most commands open none. */
type WebSockets = typeof import('ws');

/** What a WebSocket is opened with. */
function socketTo({ WebSocket }: WebSockets, where: Where, path: string): WebSocket {
  const options = { handshakeTimeout: HANDSHAKE_MS, maxPayload: FRAME_OCTETS_MAX, perMessageDeflate: false };
  const { socketPath } = where.address;
  if (typeof socketPath === 'string')
    return new WebSocket(`ws://farrier${path}`, { ...options, createConnection: () => connect(socketPath) });
  return new WebSocket(new URL(path, where.name.replace(/^http/, 'ws')), { ...options, headers: { ...where.headers } });
}

function openStream(ws: WebSockets, where: Where, path: string): WebSocket {
  const socket = socketTo(ws, where, path);
  socket.on('unexpected-response', (_request, answer) => {
    const tell = (text: string): void => {
      socket.emit('error', failureOf(answer.statusCode ?? 0, text));
      socket.terminate();
    };
    textOf(answer).then(tell, () => {
      tell('');
    });
  });
  return socket;
}

async function whereIs(endpoint: Endpoint): Promise<Where> {
  if (!('socketPath' in endpoint)) return endpoint.where();
  const { socketPath } = endpoint;
  return { name: socketPath, address: { socketPath }, headers: { host: 'farrier' } };
}

/** An API client over HTTP/1.1. */
export function createApi(endpoint: Endpoint): Api {
  let loading: Promise<WebSockets> | undefined;
  const send = async (call: Call): Promise<string> => exchange(await whereIs(endpoint), sendingOf(call), textOf);
  return {
    call: async (call, shape) => read(await send(call), shape),
    order: async (call) => {
      await send(call);
    },
    upload: async (path, file, shape) => {
      const { size } = await stat(file).catch((cause: unknown) => {
        throw new CliFailure(EXIT.usage, `${file} cannot be read: ${faultWords(cause)}`, { cause });
      });
      const headers = { 'content-type': 'application/octet-stream', 'content-length': size };
      const sending: Sending = {
        options: { method: 'POST', path: `/api/v1${path}`, headers },
        timeoutMs: undefined,
        write: (to) => pipeline(createReadStream(file), to),
      };
      return read(await exchange(await whereIs(endpoint), sending, textOf), shape);
    },
    octets: async (call) => exchange(await whereIs(endpoint), sendingOf(call), (answer) => answer),
    stream: async (path, query) => {
      const where = await whereIs(endpoint);
      return openStream(await (loading ??= import('ws')), where, `/api/v1${path}${queryOf(query)}`);
    },
  };
}
