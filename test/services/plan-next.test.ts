import { strict as assert } from 'node:assert';
import type { Board } from '../../server/core/board.ts';
import type { Machine } from '../../server/core/machine.ts';
import { createPlanNext, whyRefused } from '../../server/services/plan-next.ts';
import { machine, ubootBoard } from '../core/boot-fixtures.ts';
import { layBench, rack1 } from './boot-bench.ts';

const noDtb: Board = { ...ubootBoard, dtbMissing: 'its DTB is not there' };

describe('what a machine would boot next', () => {
  const planOf = (change: Partial<Machine>, board: Board = noDtb, trial?: string) => {
    const bench = layBench({ ...machine, ...change }, [board]);
    const next = createPlanNext({ ...bench.deps, networks: () => [rack1] });
    return next({ ...machine, ...change }, trial);
  };
  const booting = { bundle: 'debian@12', board: ubootBoard.name } as const;

  it('a missing DTB refuses, with reason and remedy in one sentence', async () => {
    const plan = await planOf(booting);
    assert.equal(plan?.do, 'refuse');
    assert.match(whyRefused(plan) ?? '', /^its DTB is not there; put that DTB beside /);
  });

  it('a good one boots, one without a bundle goes to its disk; neither is refused', async () => {
    const good = await planOf(booting, ubootBoard);
    assert.equal(good?.do, 'boot');
    const disk = await planOf({ ...booting, bundle: undefined });
    assert.equal(disk?.do, 'local-disk');
    assert.deepEqual([whyRefused(good), whyRefused(disk), whyRefused(undefined)], [undefined, undefined, undefined]);
  });

  it('with a bundle on trial it is that bundle’s plan', async () => {
    const plan = await planOf({ ...booting, bundle: undefined }, ubootBoard, 'debian@12');
    assert.equal(plan?.do === 'boot' && plan.bundle, 'debian@12');
  });

  it('nobody plans for a machine without a board, nor for one that was met and only recognised', async () => {
    assert.equal(await planOf({ ...booting, board: undefined, recognised: undefined }), undefined);
    const recognised = { board: ubootBoard.name, evidence: ['it says so'] };
    assert.equal(await planOf({ state: 'new', board: undefined, recognised }), undefined);
    assert.notEqual(await planOf({ state: 'new', board: ubootBoard.name }), undefined, 'somebody said what it is');
  });
});
