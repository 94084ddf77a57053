import { strict as assert } from 'node:assert';
import type { Machine } from '../../server/core/machine.ts';
import { verdictView, type VerdictView } from '../../server/http/pages/boot-verdict.ts';
import { wallOf, type WallMachine, type WallRack } from '../../server/http/pages/wall.ts';
import { viewOfMachine } from '../../server/http/views.ts';
import { closeLabs, layHttpLab } from '../support/http-lab.ts';
import { sampleMachine } from '../support/samples.ts';

type Beside = Parameters<typeof viewOfMachine>[1];
const NOTHING: Beside = { address: undefined, lastEvent: undefined, underWay: undefined, bootable: undefined };
const seen = (state: 'on' | 'off' | 'unknown', because?: string): Machine['powerSeen'] => ({ state, atMs: 1, because });
const failed = verdictView({
  ...{ state: 'failed', rule: 'panic', lastGood: 'started', layer: 'image', cause: 'it panicked', others: [] },
  ...{ remedy: undefined, evidence: [], confidence: 'sure', dueMs: undefined },
});

let counter = 0;
const on = (rack: string | undefined, slot: string | undefined, change: Partial<Machine> = {}): WallMachine => ({
  view: viewOfMachine(sampleMachine((counter += 1), { rack, slot, powerSeen: seen('on'), ...change }), NOTHING),
  boot: undefined,
});
/** A rack as text: one line a unit, `name/units` or `.`, halves divided by `|`. */
const drawn = ({ rows }: WallRack): readonly string[] =>
  rows.map(
    ({ unit, cells }) =>
      `${unit}: ${cells.map((cell) => (cell.plate ? `${cell.plate.name}/${cell.units}` : '.') + (cell.halves === 2 ? '=' : '')).join('|')}`,
  );

describe('the wall', () => {
  beforeEach(() => {
    counter = 0;
  });
  afterEach(closeLabs);

  it('draws a rack from its top unit down, with tall and half-wide machines and free places', () => {
    const { racks, tray } = wallOf([on('r1', '2-3'), on('r1', '5 left'), on('r1', '1 right'), on('r1', '8')]);
    assert.equal(racks.length, 1);
    assert.deepEqual(drawn(racks[0]!), [
      '8: board-04/1=',
      '7: .=',
      '6: .=',
      '5: board-02/1|.',
      '4: .=',
      '3: board-01/2=',
      '2: ',
      '1: .|board-03/1',
    ]);
    assert.deepEqual(tray, []);
  });

  it('every row holds two halves, counting those that reach down into it', () => {
    const { racks } = wallOf([on('r1', '2-4 left'), on('r1', '3-5 right'), on('r1', '1'), on('r1', '7-9')]);
    const covered = new Map<number, number>();
    for (const { unit, cells } of racks[0]!.rows)
      for (const cell of cells)
        for (let below = 0; below < cell.units; below += 1)
          covered.set(unit - below, (covered.get(unit - below) ?? 0) + cell.halves);
    assert.deepEqual([...covered.values()], [...covered.values()].fill(2));
    assert.equal(covered.size, 9);
  });

  it('orders racks as people count, and puts into the tray what has no place or a taken one', () => {
    const { racks, tray } = wallOf([
      on('r10', '1'),
      on('r2', '1'),
      on(undefined, undefined),
      on('r2', '1 left'),
      on('r2', undefined),
      on('r2', 'behind it'),
    ]);
    assert.deepEqual(
      racks.map((rack) => rack.name),
      ['r2', 'r10'],
    );
    assert.deepEqual(
      tray.map((plate) => plate.name),
      ['board-03', 'board-04', 'board-05', 'board-06'],
    );
  });

  const lights: readonly (readonly [string, Partial<Machine>, Partial<Beside>, VerdictView | undefined, string])[] = [
    ['on', {}, {}, undefined, 'on: on'],
    ['off, whatever its last boot was', { powerSeen: seen('off') }, {}, failed, 'off: off'],
    [
      'unknown says why',
      { powerSeen: seen('unknown', 'the BMC is silent') },
      {},
      undefined,
      'unknown: the BMC is silent',
    ],
    ['nobody can switch it', { powerSeen: undefined }, {}, undefined, 'unknown: no power driver'],
    ['an order under way', {}, { underWay: 'cycle' }, failed, 'moving: power-cycling'],
    ['a boot under way', {}, {}, verdictView(undefined), 'moving: boot: power'],
    ['a moving state', { state: 'deploying' }, {}, undefined, 'moving: deploying'],
    ['a boot that failed', {}, {}, failed, 'failed: stopped: system'],
    ['work that failed', { failed: 'no disk' }, {}, undefined, 'failed: no disk'],
    ['broken', { state: 'broken' }, {}, undefined, 'failed: broken'],
  ];
  for (const [title, change, beside, boot, expected] of lights)
    it(`a light: ${title}`, () => {
      const machine = sampleMachine(1, { powerSeen: seen('on'), ...change });
      const { tray, counts } = wallOf([{ view: viewOfMachine(machine, { ...NOTHING, ...beside }), boot }]);
      assert.equal(`${tray[0]?.led ?? ''}: ${tray[0]?.words ?? ''}`, expected);
      assert.deepEqual(
        counts.filter((each) => each.count > 0).map((each) => each.led),
        [tray[0]?.led],
      );
    });

  it('the page shows racks and tray, and leaves out machines nobody has accepted', async () => {
    const lab = layHttpLab();
    await lab.store.machines.add(sampleMachine(1, { rack: 'Row A', slot: '3' }), []);
    await lab.store.machines.add(sampleMachine(2), []);
    await lab.store.machines.add(sampleMachine(3, { state: 'new' }), []);
    const base = await lab.listen('socket');
    const page = await (await fetch(`${base}/rack`, { headers: { Accept: 'text/html' } })).text();
    assert.match(page, /Rack Row A[^]*board-01[^]*In no rack[^]*board-02/);
    assert.ok(!page.includes('board-03'));
    assert.ok(!/style=|onclick/.test(page), 'the policy of the pages would refuse it');
  });
});
