/** Octets for people: `312 octets`, `48.2 KiB`, `31.0 MiB`. */
export function octetWords(octets: number): string {
  if (octets < 1024) return `${octets} octets`;
  const units = ['KiB', 'MiB', 'GiB', 'TiB'];
  let value = octets / 1024;
  let at = 0;
  while (value >= 1024 && at < units.length - 1) {
    value /= 1024;
    at += 1;
  }
  return `${value < 100 ? value.toFixed(1) : value.toFixed(0)} ${units[at] ?? ''}`;
}

/** A span of time for people: `84 ms`, `1.2 s`, `3 min 5 s`, `2 h 10 min`. */
export function spanWords(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
  const s = Math.round(ms / 1000);
  if (s < 3600) return both(s, [60, 'min'], [1, 's']);
  if (s < 172_800) return both(s, [3600, 'h'], [60, 'min']);
  return `${Math.floor(s / 86_400)} d`;
}

type Unit = readonly [seconds: number, word: string];

function both(s: number, [big, bigWord]: Unit, [small, smallWord]: Unit): string {
  const rest = Math.floor((s % big) / small);
  return `${Math.floor(s / big)} ${bigWord}${rest > 0 ? ` ${rest} ${smallWord}` : ''}`;
}

/** A moment, for `<time datetime>`, and in words for readers without scripts. */
export interface Moment {
  readonly iso: string;
  readonly words: string;
}

/** A moment from epoch milliseconds; hostile or absurd numbers become the epoch. */
export function moment(ms: number): Moment {
  const iso = new Date(Math.abs(ms) <= 8.64e15 ? ms : 0).toISOString();
  return { iso, words: `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC` };
}
