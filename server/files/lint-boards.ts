import { readFileSync } from 'node:fs';
import type { Board } from '../core/board.ts';
import type { Boards } from '../ports/boards.ts';
import { openBoards } from './board-catalogue.ts';
import { readBoardText, type BoardFinding } from './board-file.ts';
import { faultsOfBoard } from './lint-board.ts';
import { warning, type Fault } from './lint-fault.ts';
import { drawsOf } from './lint-signs.ts';

/**
 * Everything that is wrong or doubtful with the boards of these folders (the shipped one first, as for the catalogue):
 * what keeps a board out of the catalogue, and what would make a boot of it fail or be refused. `served` knows what has
 * been imported for them; the folders alone when it is left out.
 */
export function lintBoards(folders: readonly string[], served?: Pick<Boards, 'list'>): readonly BoardFinding[] {
  const catalogue = openBoards(folders);
  const boards = (served ?? catalogue).list();
  const draws = drawsOf(boards);
  return [...catalogue.findings(), ...boards.flatMap((board) => lintBoard(board, draws))];
}

function lintBoard(board: Board, draws: readonly (readonly [Board, Board])[]): readonly BoardFinding[] {
  const text = readBoardText(board.file, readText(board.file));
  const own = text.ok ? text.value.row : {};
  const tied: readonly Fault[] = draws
    .filter(([one]) => one === board)
    .map(([, other]) =>
      warning(['signs'], `nothing tells it from board "${other.name}"`, 'give one of them a sign the other has not'),
    );
  return [...faultsOfBoard(board, own), ...tied].map(({ path, severity, words, remedy }) => {
    const { line, column } = text.ok ? text.value.place(path) : { line: 1, column: 1 };
    return { file: board.file, line, column, severity, words, remedy };
  });
}

/** Empty when the file has gone since the catalogue was read. */
function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
