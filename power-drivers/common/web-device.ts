import type { Result } from '../../server/core/result.ts';
import { err, ok } from '../../server/core/result.ts';
import { PowerError } from '../../server/ports/power-driver.ts';
import { TLS_FINGERPRINT_FIELD, type HttpReply } from './http-call.ts';

/** Where a device's web server is: the fields every driver that speaks HTTP to one host declares. */
export const webFields = {
  host: { kind: 'host', label: 'Address', scope: 'controller', required: true },
  scheme: {
    kind: 'choice',
    label: 'Protocol',
    help: 'Over http everybody on the wire can read along.',
    scope: 'controller',
    required: true,
    choices: ['http', 'https'],
    default: 'http',
  },
  port: {
    kind: 'port',
    label: 'TCP port',
    help: 'Where it is not the usual one.',
    scope: 'controller',
    required: false,
  },
  tlsFingerprint: TLS_FINGERPRINT_FIELD,
} as const;

/** Throws what a status other than 2xx means: 401 and 403 `auth`, 429 and 503 `busy`, anything else `refused`. */
export function expectSuccess(reply: HttpReply, where: string): void {
  const { status } = reply;
  if (status >= 200 && status < 300) return;
  const answered = `${where}: answered HTTP ${status}`;
  if (status === 401 || status === 403) throw new PowerError('auth', `${answered}: it refuses the credentials`);
  if (status === 429 || status === 503) throw new PowerError('busy', answered);
  throw new PowerError('refused', answered);
}

/** An answer as JSON; throws `refused` when it is none. */
export function jsonOf(reply: HttpReply, where: string): unknown {
  try {
    const value: unknown = JSON.parse(reply.body);
    return value;
  } catch {
    throw new PowerError('refused', `${where}: its answer is not JSON`);
  }
}

/** What a JSON pointer points at; `undefined` where nothing is. RFC 6901 §4 */
export function atPointer(document: unknown, pointer: string): unknown {
  let here = document;
  for (const raw of pointer.split('/').slice(1)) {
    const name = raw.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, name)) return undefined;
    if (Array.isArray(here) && !/^(0|[1-9]\d{0,9})$/.test(name)) return undefined;
    here = new Map(Object.entries(here)).get(name);
  }
  return here;
}

/** A JSON value as operators write it: texts without quotes, everything else as JSON has it. */
export function wordOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' || value === null ? String(value) : undefined;
}

/** How a value is written where it is put in: part of a URL, inside a JSON text, or as it is. */
export const ESCAPES = {
  url: encodeURIComponent,
  json: (text: string) => JSON.stringify(text).slice(1, -1),
} as const;

/**
 * Puts values in for `{name}`, escaped; everything else stays as it is, braces of other names among it. What has been put in
 * is not looked at again.
 */
export function fill(
  text: string,
  values: Readonly<Record<string, string>>,
  escape: (value: string) => string,
): string {
  return text.replace(/\{([a-z]+)\}/g, (whole, name: string) =>
    Object.hasOwn(values, name) ? escape(values[name] ?? '') : whole,
  );
}

/** Reads an http or https address without credentials in it; the error says what is wrong, never the address. */
export function readWebUrl(text: string): Result<URL> {
  if (!URL.canParse(text)) return err('is not an address such as http://192.0.2.7/relay');
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return err('must begin with http:// or https://');
  if (url.username !== '' || url.password !== '') return err('must not hold a user or password; enter them as fields');
  return ok(url);
}
