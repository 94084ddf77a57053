import type { Log } from '../../server/ports/log.ts';

/** A log that remembers its lines as `level words`. */
export function createQuietLog(): Log & { readonly lines: readonly string[] } {
  const lines: string[] = [];
  const line =
    (level: string): Log['info'] =>
    (words, fields) => {
      lines.push(`${level} ${words} ${JSON.stringify(fields ?? {})}`);
    };
  return { lines, debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') };
}
