import { strict as assert } from 'node:assert';
import { bootMatrix, type BootTally } from '../../server/core/boot-matrix.ts';

const tally = (change: Partial<BootTally>): BootTally => ({
  ...{ board: 'mustang', bundle: 'debian@1', state: 'ended well', boots: 1, lastMs: 10 },
  ...change,
});

describe('the matrix of boards and bundles', () => {
  it('has one cell for a board with a bundle: the counts, and how the newest boot ended', () => {
    const cells = bootMatrix([
      tally({ boots: 3, lastMs: 20 }),
      tally({ state: 'failed', boots: 2, lastMs: 30 }),
      tally({ state: 'silent', lastMs: 5 }),
    ]);
    assert.deepEqual(cells, [{ board: 'mustang', bundle: 'debian@1', last: 'failed', lastMs: 30, good: 3, bad: 3 }]);
  });

  it('is the same in whatever order the counts come, by board and then by bundle', () => {
    const tallies = [
      tally({ board: 'virt', bundle: 'a@1' }),
      tally({ bundle: 'debian@2', state: 'silent' }),
      tally({ state: 'failed', lastMs: 11 }),
      tally({}),
    ];
    const cells = bootMatrix(tallies);
    assert.deepEqual(bootMatrix([...tallies].reverse()), cells);
    assert.deepEqual(
      cells.map(({ board, bundle, last }) => [board, bundle, last]),
      [
        ['mustang', 'debian@1', 'failed'],
        ['mustang', 'debian@2', 'silent'],
        ['virt', 'a@1', 'ended well'],
      ],
    );
    assert.deepEqual(bootMatrix([]), []);
  });

  it('keeps boards and bundles apart whose names would run together', () => {
    assert.equal(
      bootMatrix([tally({ board: 'a', bundle: 'b c@1' }), tally({ board: 'a b', bundle: 'c@1' })]).length,
      2,
    );
  });
});
