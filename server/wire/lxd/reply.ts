import { err, ok, type Result } from '../../core/result.ts';

/** An answer of LXD's REST API 1.0. `words`: those members of its metadata that are text. */
export type LxdReply =
  | { readonly is: 'sync'; readonly words: Readonly<Record<string, string>> }
  | {
      readonly is: 'begun';
      /** The operation's UUID. */
      readonly id: string;
      /** What opens a console's data and control WebSockets. */
      readonly dataSecret: string | undefined;
      readonly controlSecret: string | undefined;
    }
  | { readonly is: 'error'; readonly status: number; readonly because: string };

/** "Operation created": the answer to what LXD does in the background. */
const CREATED = 100;
const WORDS_MAX = 200;
/** Members of an instance or operation that are passed on; an answer has some twenty. */
const MEMBERS_MAX = 40;

/** Reads an answer's body. The error tells what is wrong, never what it held. */
export function readLxdReply(body: string): Result<LxdReply> {
  const reply = objectOf(parsed(body));
  if (!reply) return err('is not a JSON object');
  const metadata = objectOf(reply['metadata']) ?? {};
  switch (reply['type']) {
    case 'sync':
      return ok({ is: 'sync', words: wordsOf(metadata) });
    case 'error':
      return ok({
        is: 'error',
        status: typeof reply['error_code'] === 'number' ? reply['error_code'] : 0,
        because: plain(reply['error']) ?? 'an error without words',
      });
    default:
      return reply['status_code'] === CREATED ? readOperation(metadata) : err('is of no type that is known');
  }
}

function readOperation(metadata: Readonly<Record<string, unknown>>): Result<LxdReply> {
  const id = metadata['id'];
  if (typeof id !== 'string' || !/^[0-9a-f-]{36}$/.test(id)) return err('names no operation');
  const fds = objectOf(objectOf(metadata['metadata'])?.['fds']) ?? {};
  return ok({ is: 'begun', id, dataSecret: secretOf(fds['0']), controlSecret: secretOf(fds['control']) });
}

function secretOf(value: unknown): string | undefined {
  return typeof value === 'string' && /^[0-9a-zA-Z]{16,256}$/.test(value) ? value : undefined;
}

function wordsOf(metadata: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
  const words = Object.entries(metadata).flatMap(([name, value]) => {
    const text = plain(value);
    return text === undefined || text === '' ? [] : [[name.slice(0, 40), text] as const];
  });
  return Object.fromEntries(words.slice(0, MEMBERS_MAX));
}

function plain(value: unknown): string | undefined {
  return typeof value === 'string' ? value.replace(/\p{Cc}/gu, ' ').slice(0, WORDS_MAX) : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return Object.fromEntries(Object.entries(value));
}
