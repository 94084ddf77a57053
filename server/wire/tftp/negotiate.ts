import type { TftpOptions } from './packet.ts';

/** What a server grants one client. */
export interface TftpLimits {
  /** Largest `blksize`, octets: the MTU less 32, so that no block is sent in fragments. */
  readonly blksizeMax: number;
  /** Largest `windowsize`, blocks. */
  readonly windowsizeMax: number;
  /** Octets of DATA that may be under way at once; a large `blksize` shrinks the window to it. */
  readonly inFlightOctetsMax: number;
}

/** What a transfer is run with. */
export interface TftpTerms {
  readonly blksize: number;
  readonly windowsize: number;
  /** What the OACK says; nothing: no OACK, the answer is DATA 1. */
  readonly oack: TftpOptions | undefined;
}

/** Block size without the option (RFC 1350). */
const BLKSIZE_DEFAULT = 512;

/**
 * Answers the options of a read request for a file of `octets` (RFC 2347, 2348, 2349, 7440). An option that is unknown
 * or out of range is left out. `timeout` is always left out: once agreed it would have to be obeyed, and u-boot asks for
 * 5 s, which makes each lost packet cost 5 s; the timer measured from the round trip is better for everybody.
 */
export function negotiate(asked: TftpOptions, limits: TftpLimits, octets: number): TftpTerms {
  const blksize = grant(asked.get('blksize'), 8, 65464, limits.blksizeMax);
  const blockOctets = blksize ?? BLKSIZE_DEFAULT;
  const windowMax = Math.min(limits.windowsizeMax, Math.max(1, Math.floor(limits.inFlightOctetsMax / blockOctets)));
  const windowsize = grant(asked.get('windowsize'), 1, 65535, windowMax);
  const values: Readonly<Record<string, number | undefined>> = { blksize, windowsize, tsize: octets };
  const oack = new Map<string, string>();
  for (const name of asked.keys()) {
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    if (value !== undefined) oack.set(name, String(value));
  }
  return { blksize: blockOctets, windowsize: windowsize ?? 1, oack: oack.size > 0 ? oack : undefined };
}

function grant(text: string | undefined, min: number, max: number, limit: number): number | undefined {
  if (text === undefined || !/^\d{1,5}$/.test(text)) return undefined;
  const value = Number(text);
  return value < min || value > max || limit < min ? undefined : Math.min(value, limit);
}
