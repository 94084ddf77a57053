import type { Sha256 } from '../core/address.ts';
import type { Board } from '../core/board.ts';
import type { Content } from './artefacts.ts';

/** The board catalogue: the shipped rows and the site's own, which shadow them. Re-read when a file changes. */
export interface Boards {
  list(): readonly Board[];
  byName(name: string): Board | undefined;
  /** A board's DTB by digest, and by the first 16 digits of it; nothing when the file is gone or has changed. */
  openDtb(sha256: Sha256): Promise<Content | undefined>;
  findDtb(sha256Start: string): Sha256 | undefined;
}
