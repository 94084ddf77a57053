import type { Request } from 'express';
import type { Clock } from '../ports/clock.ts';
import { ProblemError } from './problem.ts';

/** Octets a JSON body may have. */
const BODY_OCTETS_MAX = 1 << 20;
/** A body must be here in this time. */
const BODY_TIMEOUT_MS = 60_000;

const tooLarge = (): ProblemError =>
  new ProblemError({ status: 413, code: 'too-large', detail: `a body may have ${BODY_OCTETS_MAX} octets` });

function isEmpty(request: Request): boolean {
  return request.headers['transfer-encoding'] === undefined && Number(request.headers['content-length'] ?? 0) === 0;
}

async function gather(request: Request): Promise<Buffer> {
  const parts: Buffer[] = [];
  let octets = 0;
  for await (const part of request) {
    if (!Buffer.isBuffer(part)) continue;
    octets += part.length;
    if (octets > BODY_OCTETS_MAX) throw tooLarge();
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function parse(octets: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(octets));
  } catch (cause) {
    const detail = `the body is not JSON: ${cause instanceof Error ? cause.message.slice(0, 200) : 'unreadable'}`;
    throw new ProblemError({ status: 400, code: 'bad-json', detail });
  }
}

/** The JSON body of a request; an empty object when there is no body. @throws ProblemError 400, 408, 413, 415 */
export async function readJson(request: Request, clock: Clock): Promise<unknown> {
  if (isEmpty(request)) return {};
  const type = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/json')
    throw new ProblemError({ status: 415, code: 'not-json', detail: 'send the body as application/json' });
  if (Number(request.headers['content-length'] ?? 0) > BODY_OCTETS_MAX) throw tooLarge();
  let cancel: () => void = () => undefined;
  const late = new Promise<never>((_resolve, reject) => {
    cancel = clock.after(BODY_TIMEOUT_MS, () => {
      const detail = `the body did not come within ${BODY_TIMEOUT_MS / 1000} s`;
      reject(new ProblemError({ status: 408, code: 'body-timeout', detail }));
    });
  });
  try {
    return parse(await Promise.race([gather(request), late]));
  } finally {
    cancel();
  }
}

/**
 * The octets of a streamed body, its type and announced size checked at once. Whoever takes them counts them.
 * @throws ProblemError 413, 415
 */
export function readOctets(request: Request, octetsMax: number): AsyncIterable<Uint8Array> {
  const type = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/octet-stream')
    throw new ProblemError({ status: 415, code: 'not-octets', detail: 'send the file as application/octet-stream' });
  if (Number(request.headers['content-length'] ?? 0) > octetsMax)
    throw new ProblemError({ status: 413, code: 'too-large', detail: `the file may have ${octetsMax} octets` });
  return octetsOf(request);
}

async function* octetsOf(request: Request): AsyncGenerator<Uint8Array> {
  for await (const part of request) if (part instanceof Uint8Array) yield part;
}
