import { err, ok, type Result } from '../core/result.ts';

const UNITS_MS: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
]);

/** Milliseconds of `500ms`, `45s`, `30m`, `2h`, or seconds without a unit. */
export function parseDuration(text: string): Result<number> {
  const [, number = '', unit = ''] = /^(\d{1,6})(ms|[smh])?$/.exec(text) ?? [];
  const ms = Number(number) * (UNITS_MS.get(unit === '' ? 's' : unit) ?? Number.NaN);
  return number !== '' && ms > 0 ? ok(ms) : err(`"${text}" is not a time; write it like 45s, 30m or 2h`);
}
