import type { BoardFinding } from './board-file.ts';

/** A finding before its place in the file is known. */
export interface Fault {
  readonly path: readonly PropertyKey[];
  readonly severity: BoardFinding['severity'];
  readonly words: string;
  readonly remedy: string;
}

/** What would make a boot fail or be refused. */
export const error = (path: readonly PropertyKey[], words: string, remedy: string): Fault => ({
  path,
  severity: 'error',
  words,
  remedy,
});
/** What is doubtful. */
export const warning = (path: readonly PropertyKey[], words: string, remedy: string): Fault => ({
  path,
  severity: 'warning',
  words,
  remedy,
});
