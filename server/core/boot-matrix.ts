import type { VerdictState } from './boot-verdict.ts';

/** Boots of one board with one bundle that ended the same way. */
export interface BootTally {
  readonly board: string;
  readonly bundle: string;
  readonly state: Exclude<VerdictState, 'under way'>;
  readonly boots: number;
  /** Epoch ms at which the newest of them began. */
  readonly lastMs: number;
}

/** How boots of a board with a bundle have ended, as far as their records are kept. */
export interface MatrixCell {
  readonly board: string;
  readonly bundle: string;
  /** How the newest boot ended. */
  readonly last: BootTally['state'];
  readonly lastMs: number;
  readonly good: number;
  /** Failed or silent. */
  readonly bad: number;
}

/** The board x bundle matrix, in the order of boards and bundles. */
export function bootMatrix(tallies: readonly BootTally[]): readonly MatrixCell[] {
  const cells = new Map<string, MatrixCell>();
  for (const { board, bundle, state, boots, lastMs } of tallies) {
    const key = JSON.stringify([board, bundle]);
    const before = cells.get(key) ?? { board, bundle, last: state, lastMs, good: 0, bad: 0 };
    const newest = lastMs > before.lastMs ? { last: state, lastMs } : {};
    const [good, bad] = state === 'ended well' ? [boots, 0] : [0, boots];
    cells.set(key, { ...before, ...newest, good: before.good + good, bad: before.bad + bad });
  }
  return [...cells.values()].sort((a, b) => compare(a.board, b.board) || compare(a.bundle, b.bundle));
}

const compare = (a: string, b: string): number => (a === b ? 0 : a < b ? -1 : 1);
