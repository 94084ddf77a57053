import type { Log } from '../../server/ports/log.ts';

/** A log that prints nothing and keeps its lines: level, words, fields as JSON. */
export interface QuietLog extends Log {
  readonly lines: readonly string[];
}

/** A log without lines yet. */
export function createQuietLog(): QuietLog {
  const lines: string[] = [];
  const line =
    (level: string): Log['info'] =>
    (words, fields) => {
      lines.push(`${level} ${words} ${JSON.stringify(fields ?? {})}`);
    };
  return { lines, debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') };
}
