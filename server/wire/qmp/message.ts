import { err, ok, type Result } from '../../core/result.ts';

/** What QEMU says on its machine protocol socket, one JSON object a line (QMP, `docs/interop/qmp-spec`). */
export type QmpMessage =
  | { readonly is: 'greeting'; readonly version: string }
  | { readonly is: 'return'; readonly id: number | undefined; readonly value: unknown }
  | { readonly is: 'error'; readonly id: number | undefined; readonly because: string }
  | { readonly is: 'event'; readonly name: string };

/** Characters of QEMU's own words that are passed on. */
const WORDS_MAX = 200;

/** One command as QMP wants it, with its line end. */
export function writeQmp(id: number, command: string): string {
  return `${JSON.stringify({ execute: command, id })}\r\n`;
}

/** Reads one line without its end. The error tells what is wrong, never what the line held. */
export function readQmp(line: string): Result<QmpMessage> {
  const said = objectOf(parsed(line));
  if (said === undefined) return err('is not a JSON object');
  if ('QMP' in said) return ok({ is: 'greeting', version: versionOf(said['QMP']) });
  const id = typeof said['id'] === 'number' ? said['id'] : undefined;
  if ('return' in said) return ok({ is: 'return', id, value: said['return'] });
  if ('error' in said) return ok({ is: 'error', id, because: wordsOf(said['error']) });
  if (typeof said['event'] === 'string') return ok({ is: 'event', name: said['event'] });
  return err('is neither a greeting, an answer, an error nor an event');
}

/** The member of an object, if there is one and it is text. */
export function textMember(value: unknown, name: string): string | undefined {
  const member = objectOf(value)?.[name];
  return typeof member === 'string' ? member : undefined;
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return Object.fromEntries(Object.entries(value));
}

function versionOf(greeting: unknown): string {
  const qemu = objectOf(objectOf(objectOf(greeting)?.['version'])?.['qemu']);
  const parts = [qemu?.['major'], qemu?.['minor'], qemu?.['micro']];
  return parts.every((part) => typeof part === 'number') ? parts.join('.') : 'unknown';
}

function wordsOf(error: unknown): string {
  const words = textMember(error, 'desc') ?? textMember(error, 'class') ?? 'an error without words';
  return words.replace(/\p{Cc}/gu, ' ').slice(0, WORDS_MAX);
}
