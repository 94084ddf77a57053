import { strict as assert } from 'node:assert';
import { STATES } from '../../server/core/lifecycle.ts';
import type { PowerSetting } from '../../server/core/machine.ts';
import { isInUse, sharersOf } from '../../server/core/outlet.ts';
import { overBudget, type CountedOrder } from '../../server/core/power-budget.ts';
import { sampleMachine } from '../support/samples.ts';

describe('who relies on an outlet', () => {
  it('machines that somebody has, or that are worked on', () => {
    const idle = STATES.filter((state) => !isInUse({ state }));
    assert.deepEqual([...idle].sort(), ['broken', 'new', 'ready', 'retired']);
  });

  it('those that declare the same outlet shared, and no other', () => {
    const on = (outlet: number, shared?: true): PowerSetting => ({
      driver: 'pdu',
      parameters: { host: 'pdu-1', outlet },
      ...(shared === undefined ? {} : { shared }),
    });
    const settings = [on(1, true), on(1, true), on(2, true), on(1), undefined];
    const all = settings.map((power, at) => sampleMachine(at + 1, { power }));
    const names = (n: number): readonly string[] => sharersOf(all[n] ?? sampleMachine(9), all).map(({ name }) => name);
    assert.deepEqual(names(0), ['board-02']);
    assert.deepEqual(names(1), ['board-01']);
    assert.deepEqual([names(2), names(3), names(4)], [[], [], []]);
  });
});

describe('the budget of machinery', () => {
  const order = (isMachinery: boolean, verb: CountedOrder['verb'] = 'cycle', step = 'done'): CountedOrder => ({
    ...{ isMachinery, verb, step },
  });
  const cases: readonly (readonly [string, readonly CountedOrder[], RegExp | undefined])[] = [
    ['nothing was ordered', [], undefined],
    ['two cycles of its own', [order(true), order(true)], undefined],
    ['three of its own are enough', [order(true), order(true, 'reset'), order(true, 'on')], /by itself switched it 3/],
    ['people are not counted', [order(false), order(false), order(false), order(true)], undefined],
    ['but told', [order(true), order(true), order(true), order(false)], /3 times within an hour, and people once;/],
    ['more than once', [...Array<CountedOrder>(3).fill(order(true)), order(false), order(false)], /people 2 times/],
    ['off costs nothing', [order(true), order(true), order(true, 'off')], undefined],
    ['what was dropped switched nothing', [order(true), order(true), order(true, 'cycle', 'dropped')], undefined],
    ['what failed may have', [order(true), order(true), order(true, 'cycle', 'failed')], /find out why/],
  ];
  for (const [title, orders, want] of cases)
    it(title, () => {
      const because = overBudget(orders);
      if (want) assert.match(because ?? '', want);
      else assert.equal(because, undefined);
    });
});
