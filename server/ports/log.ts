/** What a line of the log may carry besides its words. Never a secret. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** The daemon's own log: one JSON line an event. */
export interface Log {
  debug(words: string, fields?: LogFields): void;
  info(words: string, fields?: LogFields): void;
  warn(words: string, fields?: LogFields): void;
  error(words: string, fields?: LogFields): void;
}
