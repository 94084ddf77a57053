import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { request, type IncomingMessage, type RequestOptions } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { WebSocket } from 'ws';
import { z } from 'zod';
import { CliFailure, EXIT, type ExitCode } from './failure.ts';

/** Where the daemon is reached. Remote daemons with a token will be a second kind. */
export interface Endpoint {
  readonly socketPath: string;
}

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
  stream(path: string, query: Readonly<Record<string, string>>): WebSocket;
}

const ANSWER_OCTETS_MAX = 64 << 20;
const FRAME_OCTETS_MAX = 8 << 20;
const HANDSHAKE_MS = 15_000;

const problemShape = z.looseObject({
  detail: z.string().optional(),
  title: z.string().optional(),
  field: z.string().optional(),
});

/** `/machines/{ref}` with each part encoded. */
export function pathOf(...parts: readonly string[]): string {
  return parts.map((part) => `/${encodeURIComponent(part)}`).join('');
}

function exitOf(status: number): ExitCode {
  if (status === 404) return EXIT.notFound;
  if ([401, 403, 409, 429].includes(status)) return EXIT.refused;
  return [400, 413, 415, 422].includes(status) ? EXIT.usage : EXIT.failed;
}

function failureOf(status: number, text: string): CliFailure {
  const problem = problemShape.safeParse(parseJson(text));
  const { detail, title, field } = problem.data ?? {};
  const words = detail ?? title ?? `the daemon answered ${status}`;
  return new CliFailure(exitOf(status), field === undefined || words.startsWith(field) ? words : `${field}: ${words}`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function unreachable(error: unknown, { socketPath }: Endpoint): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'ENOENT' || code === 'ECONNREFUSED')
    return new CliFailure(EXIT.failed, `no daemon answers at ${socketPath}; start one with farrier serve`);
  if (code === 'EACCES' || code === 'EPERM')
    return new CliFailure(EXIT.refused, `you may not open ${socketPath}; become its owner, for instance with sudo`);
  if (error instanceof CliFailure) return error;
  const words = error instanceof Error ? error.message : String(error);
  return new CliFailure(EXIT.failed, `the daemon at ${socketPath} broke off (${words}); its log says why`, {
    cause: error,
  });
}

function faultWords(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EACCES') return 'you may not read it';
  return cause instanceof Error ? cause.message : String(cause);
}

async function textOf(answer: AsyncIterable<Buffer>): Promise<string> {
  const pieces: Buffer[] = [];
  let octets = 0;
  for await (const piece of answer) {
    octets += piece.length;
    if (octets > ANSWER_OCTETS_MAX) throw new CliFailure(EXIT.failed, 'the answer is too long; ask for less');
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}

interface Sending {
  readonly options: RequestOptions;
  readonly timeoutMs: number | undefined;
  readonly write: (to: NodeJS.WritableStream) => Promise<void>;
}

/** Sends one request, and takes from a good answer what is wanted of it. */
async function exchange<T>(
  endpoint: Endpoint,
  { options, timeoutMs, write }: Sending,
  take: (answer: IncomingMessage) => T | Promise<T>,
): Promise<T> {
  const signal = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs);
  const asked = request({ ...options, ...endpoint, ...(signal ? { signal } : {}) });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    asked.once('response', resolve).once('error', reject);
  });
  try {
    // A refusal may come before the whole body has been taken: the answer counts, not the broken pipe.
    const [, answer] = await Promise.all([write(asked).catch(() => undefined), answered]);
    const status = answer.statusCode ?? 0;
    if (status >= 200 && status < 300) return await take(answer);
    throw failureOf(status, await textOf(answer));
  } catch (error) {
    if (signal?.aborted) throw new CliFailure(EXIT.timedOut, 'not done in the time given; it may still be under way');
    throw unreachable(error, endpoint);
  }
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
  const headers = octets ? { 'content-type': 'application/json', 'content-length': octets.length } : {};
  return {
    options: { method, path: `/api/v1${path}${queryOf(query)}`, headers: { host: 'farrier', ...headers } },
    timeoutMs,
    write: (to) => {
      if (octets) to.write(octets);
      to.end();
      return Promise.resolve();
    },
  };
}

function openStream({ socketPath }: Endpoint, path: string, query: Readonly<Record<string, string>>): WebSocket {
  const socket = new WebSocket(`ws://farrier/api/v1${path}${queryOf(query)}`, {
    createConnection: () => connect(socketPath),
    handshakeTimeout: HANDSHAKE_MS,
    maxPayload: FRAME_OCTETS_MAX,
    perMessageDeflate: false,
  });
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

/** An API client over HTTP/1.1 on the daemon's unix socket. */
export function createApi(endpoint: Endpoint): Api {
  const send = (call: Call): Promise<string> => exchange(endpoint, sendingOf(call), textOf);
  return {
    call: async (call, shape) => read(await send(call), shape),
    order: async (call) => {
      await send(call);
    },
    upload: async (path, file, shape) => {
      const { size } = await stat(file).catch((cause: unknown) => {
        throw new CliFailure(EXIT.usage, `${file} cannot be read: ${faultWords(cause)}`, { cause });
      });
      const headers = { host: 'farrier', 'content-type': 'application/octet-stream', 'content-length': size };
      const sending: Sending = {
        options: { method: 'POST', path: `/api/v1${path}`, headers },
        timeoutMs: undefined,
        write: (to) => pipeline(createReadStream(file), to),
      };
      return read(await exchange(endpoint, sending, textOf), shape);
    },
    octets: (call) => exchange(endpoint, sendingOf(call), (answer) => answer),
    stream: (path, query) => openStream(endpoint, path, query),
  };
}
