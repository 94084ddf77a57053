import { pino } from 'pino';
import type { Log, LogFields } from '../ports/log.ts';

/** Fields whose names may carry a secret never reach the log, whatever a caller passes. */
const REDACTED = ['password', 'secret', 'token', 'secrets', 'authorization', 'cookie'];

/** One JSON line an event on standard error; `level` is pino's (`info`, `debug`, `silent` …). */
export function createLog(level: string): Log {
  const log = pino(
    { level, base: null, redact: REDACTED, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination(2),
  );
  return {
    debug: (words, fields: LogFields = {}) => {
      log.debug(fields, words);
    },
    info: (words, fields: LogFields = {}) => {
      log.info(fields, words);
    },
    warn: (words, fields: LogFields = {}) => {
      log.warn(fields, words);
    },
    error: (words, fields: LogFields = {}) => {
      log.error(fields, words);
    },
  };
}
