import type { Sha256 } from '../core/address.ts';
import type { Board } from '../core/board.ts';
import type { DtbVersion } from '../core/dtb-version.ts';
import type { Result } from '../core/result.ts';
import type { Content } from './artefacts.ts';

/** The board catalogue: the shipped rows and the site's own, which shadow them. Re-read when a file changes. */
export interface Boards {
  list(): readonly Board[];
  byName(name: string): Board | undefined;
  /** A board's DTB by digest, and by the first 16 digits of it; nothing when the file is gone or has changed. */
  openDtb(sha256: Sha256): Promise<Content | undefined>;
  findDtb(sha256Start: string): Sha256 | undefined;
}

/** An imported device tree in memory. */
export interface HeldDtb {
  readonly version: DtbVersion;
  /** Nothing when its file has gone or was damaged: the board's boots are refused then, never guessed. */
  readonly octets: Uint8Array | undefined;
}

/** What has been imported for boards, so that `Boards` can answer with it at once. */
export interface DtbShelf {
  /** Puts an imported DTB in place of the file beside the board's; nothing gives the place back to that file. */
  hold(board: string, held: HeldDtb | undefined): void;
}

/** Reads what tells a device tree from another; hostile octets give a reason. */
export type ReadTree = (
  octets: Uint8Array,
) => Result<{ readonly model: string | undefined; readonly compatible: readonly string[] }>;

/** The site's own boards: the folder that shadows all others. */
export interface SiteBoards {
  /** Makes a board's folder and file; never writes over what is there. The error names the remedy. */
  write(name: string, text: string): Promise<Result<string>>;
}
