import { request as requestHttp, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as requestHttps } from 'node:https';
import { z } from 'zod';
import { CliFailure, EXIT, type ExitCode } from './failure.ts';

/** Where a daemon is reached, ready for one request: a socket of this host, or an address. */
export interface Where {
  /** For people. */
  readonly name: string;
  readonly address: Pick<RequestOptions, 'socketPath' | 'protocol' | 'hostname' | 'port'>;
  readonly headers: Readonly<Record<string, string>>;
}

/** One request. */
export interface Sending {
  readonly options: {
    readonly method: string;
    readonly path: string;
    readonly headers: Readonly<Record<string, string | number>>;
  };
  readonly timeoutMs: number | undefined;
  readonly write: (to: NodeJS.WritableStream) => Promise<void>;
}

const ANSWER_OCTETS_MAX = 64 << 20;

const problemShape = z.looseObject({
  detail: z.string().optional(),
  title: z.string().optional(),
  field: z.string().optional(),
});

function exitOf(status: number): ExitCode {
  if (status === 404) return EXIT.notFound;
  if ([401, 403, 409, 429].includes(status)) return EXIT.refused;
  return [400, 413, 415, 422].includes(status) ? EXIT.usage : EXIT.failed;
}

/** A refusal in the daemon's words. */
export function failureOf(status: number, text: string): CliFailure {
  const problem = problemShape.safeParse(parseJson(text));
  const { detail, title, field } = problem.data ?? {};
  const words = detail ?? title ?? `the daemon answered ${status}`;
  return new CliFailure(exitOf(status), field === undefined || words.startsWith(field) ? words : `${field}: ${words}`);
}

/** JSON, or nothing. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function unreachable(error: unknown, { name }: Where): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'ENOENT' || code === 'ECONNREFUSED')
    return new CliFailure(EXIT.failed, `no daemon answers at ${name}; start one with farrier serve`);
  if (code === 'EACCES' || code === 'EPERM')
    return new CliFailure(EXIT.refused, `you may not open ${name}; become its owner, for instance with sudo`);
  if (error instanceof CliFailure) return error;
  const words = error instanceof Error ? error.message : String(error);
  return new CliFailure(EXIT.failed, `the daemon at ${name} broke off (${words}); its log says why`, {
    cause: error,
  });
}

/** A whole answer, up to 64 MiB. */
export async function textOf(answer: AsyncIterable<Buffer>): Promise<string> {
  const pieces: Buffer[] = [];
  let octets = 0;
  for await (const piece of answer) {
    octets += piece.length;
    if (octets > ANSWER_OCTETS_MAX) throw new CliFailure(EXIT.failed, 'the answer is too long; ask for less');
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}

/** Sends one request, and takes from a good answer what is wanted of it. @throws CliFailure */
export async function exchange<T>(
  where: Where,
  { options, timeoutMs, write }: Sending,
  take: (answer: IncomingMessage) => T | Promise<T>,
): Promise<T> {
  const signal = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs);
  const { address } = where;
  const request = address.protocol === 'https:' ? requestHttps : requestHttp;
  const whole = { ...options, ...address, headers: { ...where.headers, ...options.headers } };
  const asked = request({ ...whole, ...(signal ? { signal } : {}) });
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
    throw unreachable(error, where);
  }
}
