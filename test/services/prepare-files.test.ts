import { strict as assert } from 'node:assert';
import type { Board } from '../../server/core/board.ts';
import { recipeKey, type Derived, type Recipe } from '../../server/core/recipe.ts';
import type { DerivedFiles } from '../../server/ports/derived-files.ts';
import { createPrepareFiles } from '../../server/services/prepare-files.ts';
import { artefact, debian, machine, ubootBoard } from '../core/boot-fixtures.ts';
import { settle } from '../support/fake-clock.ts';
import { layBench, rack1 } from './boot-bench.ts';

const fitBoard: Board = { ...ubootBoard, kernelFormat: 'FIT', kernelLoad: { load: 0x80080000, entry: 0x80080000 } };

/** Makes everything at the second asking, as a slow disk does. */
function slowMaker(): { readonly derived: DerivedFiles; readonly asked: string[] } {
  const asked: string[] = [];
  const make = (recipe: Recipe): Promise<Derived> => {
    const key = recipeKey(recipe);
    const isSecond = asked.includes(key);
    asked.push(key);
    return Promise.resolve(isSecond ? { is: 'there', artefact: artefact(recipe.make, 'e5') } : { is: 'making' });
  };
  const formOf: DerivedFiles['formOf'] = (sha256) =>
    Promise.resolve(sha256 === debian.kernel.sha256 ? { is: 'Image', arch: 'arm64' } : undefined);
  return { derived: { formOf, make }, asked };
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await settle();
}

const NOBODY = `${machine.id.slice(0, -1)}b` as typeof machine.id;

describe('preparing files', () => {
  const lay = (board: Board, bundle: string | undefined = 'debian@12') => {
    const bench = layBench({ ...machine, bundle }, [board]);
    const { derived, asked } = slowMaker();
    const failures: unknown[] = [];
    const prepare = createPrepareFiles({
      ...bench.deps,
      machines: bench.store.machines,
      derived,
      networks: () => [rack1],
      failed: (error) => failures.push(error),
    });
    return { prepare, asked, failures, makes: () => asked.map((key) => key.split(' ')[1]) };
  };

  it('makes the whole chain that a board needs, waiting for what is slow', async () => {
    const { prepare, makes } = lay(fitBoard);
    prepare([machine.id]);
    await settled();
    // Each is asked for again as the plan is made anew, until nothing is under work.
    assert.equal(makes().filter((make) => make === 'FIT').length, 2);
    assert.ok(makes().indexOf('gzip') < makes().indexOf('FIT'));
  });

  it('for all machines when none is named, and for none that is gone', async () => {
    const { prepare, asked } = lay(fitBoard);
    prepare([NOBODY]);
    await settled();
    assert.deepEqual(asked, []);
    prepare();
    await settled();
    assert.ok(asked.length > 0);
  });

  it('makes nothing for a board that reads what is stored', async () => {
    const { prepare, asked } = lay(ubootBoard);
    prepare();
    await settled();
    assert.deepEqual(asked, []);
  });
});
