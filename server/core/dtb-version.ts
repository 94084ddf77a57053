import type { Sha256 } from './address.ts';

/** A device tree may be no larger, wherever it comes from; the largest of Debian's kernels is 153,395 octets. */
export const DTB_OCTETS_MAX = 2 << 20;

/** One device tree that was imported for a board. It never changes; which one is served does. */
export interface DtbVersion {
  readonly board: string;
  /** Counts from 1 within its board; 0 means the file beside `board.yaml`, which is no version. */
  readonly version: number;
  readonly sha256: Sha256;
  readonly octets: number;
  /** The name it is served under. */
  readonly file: string;
  /** `model` and `compatible` of its root. */
  readonly model: string | undefined;
  readonly compatible: readonly string[];
  /** Where it came from, and its licence, in words. */
  readonly source: string;
  readonly licence: string;
  readonly atMs: number;
  readonly by: string;
}

/** All that was imported for one board. */
export interface DtbHistory {
  /** The version that is served; 0 is the file beside `board.yaml`, or the firmware's own tree. */
  readonly current: number;
  /** Ascending. */
  readonly versions: readonly DtbVersion[];
}

/** Why a tree with these `compatible` entries is not a board's, in words; nothing when it is, or the board does not ask. */
export function strangeTo(wanted: readonly string[], found: readonly string[]): string | undefined {
  if (wanted.length === 0 || wanted.some((entry) => found.includes(entry))) return undefined;
  return `is of "${found.join(' ')}", not of "${wanted.join(' ')}"`;
}
