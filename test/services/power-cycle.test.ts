import { strict as assert } from 'node:assert';
import type { PowerErrorCode } from '../../server/ports/power-driver.ts';
import type { OutletHabits } from '../support/pretend-pdu.ts';
import { createPowerWorld } from '../support/power-world.ts';

interface Case {
  readonly title: string;
  readonly habits: OutletHabits;
  /** The outlet afterwards, and the orders it got. */
  readonly state: 'on' | 'off';
  readonly orders: readonly string[];
  readonly code: PowerErrorCode;
  readonly words: RegExp;
}

const cases: readonly Case[] = [
  {
    title: 'an outlet that says ok to "off" and stays on is told to be on all the same, and that is no good cycle',
    habits: { ignores: 2 },
    state: 'on',
    orders: ['off', 'off', 'on'],
    code: 'no-effect',
    words:
      /^off failed \(it took "off" 2 times and is still on\); on was ordered all the same, and it is on: this was no/,
  },
  {
    title: 'an "off" that is refused does not skip "on"',
    habits: { errors: ['refused'] },
    state: 'on',
    orders: ['off', 'on'],
    code: 'refused',
    words: /off failed \(pretended refused\); on was ordered all the same, and it is on/,
  },
  {
    title: 'four silences at "off", and "on" goes through',
    habits: { errors: Array<PowerErrorCode>(4).fill('unreachable') },
    state: 'on',
    orders: ['off', 'off', 'off', 'off', 'on'],
    code: 'unreachable',
    words: /on was ordered all the same/,
  },
  {
    title: 'an outlet that obeys so late that the settling time has passed is on again at the end',
    habits: { settlesMs: 26_000 },
    state: 'on',
    orders: ['off', 'off', 'on', 'on'],
    code: 'no-effect',
    words: /and on failed too/,
  },
  {
    title: 'both halves fail: both are told',
    habits: { errors: ['refused', 'refused'] },
    state: 'on',
    orders: ['off', 'on'],
    code: 'refused',
    words: /^off failed \(pretended refused\), and on failed too \(pretended refused\); order "on" when it should run/,
  },
  {
    title: 'a login that is refused is not tried a second time by "on": nothing was switched',
    habits: { errors: ['auth'] },
    state: 'on',
    orders: ['off'],
    code: 'auth',
    words: /^pretended auth$/,
  },
  {
    title: 'a login that is refused at the look, after "off" was taken: "on" is ordered',
    habits: { blind: ['auth'] },
    state: 'on',
    orders: ['off', 'on'],
    code: 'auth',
    words: /on was ordered all the same, and it is on/,
  },
];

describe('a cycle whose "off" fails', () => {
  for (const { title, habits, state, orders, code, words } of cases)
    it(title, async () => {
      const world = createPowerWorld();
      world.pdu.set('1', 'on');
      world.pdu.habits('1', habits);
      const outcome = await world.clock.until(world.power.order(world.machine('m1'), 'cycle', 'alice'));
      assert.ok(outcome.is === 'failed', outcome.is);
      assert.equal(outcome.code, code);
      assert.match(outcome.because, words);
      const sent = world.pdu.calls.filter((call) => !call.endsWith('status'));
      assert.deepEqual(
        sent.map((call) => call.split(' ')[1]),
        orders,
      );
      await world.clock.pass(60_000);
      assert.equal(world.pdu.state('1'), state);
      assert.ok(!world.texts().some((text) => text.includes('cycle done')), 'never told as a good one');
      assert.deepEqual(await world.store.powerOrders.open(), []);
    });

  it('aborted in "off": "on" is not ordered behind anybody’s back', async () => {
    const world = createPowerWorld();
    world.pdu.set('1', 'on');
    world.pdu.habits('1', { slowMs: 3000 });
    const going = world.power.order(world.machine('m1'), 'cycle', 'alice');
    await world.clock.pass(1000);
    world.power.abort(world.machine('m1'));
    await world.clock.until(going);
    await world.clock.pass(60_000);
    assert.ok(!world.pdu.calls.includes('pdu-a/1 on'));
  });
});
