import { openBoards } from '../files/board-catalogue.ts';
import type { BoardFinding } from '../files/board-file.ts';
import { createBoardShelf } from '../files/board-shelf.ts';
import { readConsolePatterns, stampOfPatterns } from '../files/console-patterns.ts';
import type { ConsolePattern } from '../core/console-pattern.ts';
import { lintBoards } from '../files/lint-boards.ts';
import { createSiteBoards } from '../files/site-boards.ts';
import type { Boards, DtbShelf, SiteBoards } from '../ports/boards.ts';

/** The boards of this site: files, what was imported for them, and the folder new ones go to. */
export interface SiteCatalogue {
  readonly boards: Boards & DtbShelf;
  readonly site: SiteBoards;
  /** Looks for changed files; says whether there were any. */
  refresh(): boolean;
  lint(): readonly BoardFinding[];
  /** What consoles say and what it means, as the files have it now. */
  consolePatterns(): readonly ConsolePattern[];
}

/** Opens the shipped boards and those of the site, whose last folder shadows all others and takes new ones. */
export function openSiteCatalogue(shipped: string, siteFolders: readonly string[]): SiteCatalogue {
  const folders = [shipped, ...siteFolders];
  const catalogue = openBoards(folders);
  const boards = createBoardShelf(catalogue);
  let stamp = stampOfPatterns(folders);
  let { patterns } = readConsolePatterns(folders);
  return {
    boards,
    site: createSiteBoards(siteFolders.at(-1)),
    refresh: () => {
      const now = stampOfPatterns(folders);
      if (now !== stamp) ({ patterns } = readConsolePatterns(folders));
      stamp = now;
      return catalogue.refresh();
    },
    lint: () => [...lintBoards(folders, boards), ...readConsolePatterns(folders).findings],
    consolePatterns: () => patterns,
  };
}
