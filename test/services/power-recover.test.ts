import { strict as assert } from 'node:assert';
import type { PowerState } from '../../server/core/machine.ts';
import type { PowerOrder } from '../../server/ports/store.ts';
import { createPowerWorld, type PowerWorld } from '../support/power-world.ts';

interface Case {
  readonly title: string;
  readonly verb: PowerOrder['verb'];
  readonly step: PowerOrder['step'];
  readonly state: PowerState;
  readonly want: 'done' | 'failed' | 'dropped';
  readonly words: RegExp;
}

const cases: readonly Case[] = [
  { title: 'had not begun', verb: 'on', step: 'asked', state: 'off', want: 'dropped', words: /had not begun/ },
  { title: 'on, and it is on', verb: 'on', step: 'on-ordered', state: 'on', want: 'done', words: /seen on/ },
  {
    title: 'on, but it is off',
    verb: 'on',
    step: 'on-ordered',
    state: 'off',
    want: 'failed',
    words: /order "on" again/,
  },
  {
    title: 'on, cut between intent and call',
    verb: 'on',
    step: 'started',
    state: 'off',
    want: 'failed',
    words: /order "on" again/,
  },
  { title: 'off, and it is off', verb: 'off', step: 'off-ordered', state: 'off', want: 'done', words: /seen off/ },
  {
    title: 'cycle, caught off',
    verb: 'cycle',
    step: 'off-seen',
    state: 'off',
    want: 'failed',
    words: /went off and stayed off: order "on"/,
  },
  {
    title: 'cycle, cut at the first half',
    verb: 'cycle',
    step: 'off-ordered',
    state: 'on',
    want: 'failed',
    words: /order "cycle" again/,
  },
  {
    title: 'cycle, cut at the second half, and on',
    verb: 'cycle',
    step: 'on-ordered',
    state: 'on',
    want: 'done',
    words: /seen on/,
  },
  {
    title: 'cycle, cut at the second half, and off',
    verb: 'cycle',
    step: 'on-ordered',
    state: 'off',
    want: 'failed',
    words: /stayed off/,
  },
  { title: 'reset', verb: 'reset', step: 'started', state: 'on', want: 'failed', words: /cannot be told/ },
];

async function leftOpen(world: PowerWorld, order: Partial<PowerOrder>): Promise<void> {
  await world.store.powerOrders.add({
    id: 'left-open',
    machine: world.machine('m1').id,
    verb: 'on',
    ownerEpoch: 7,
    askedMs: 1,
    by: 'alice',
    step: 'started',
    because: undefined,
    isMachinery: false,
    ...order,
  });
}

const orders = (world: PowerWorld): readonly string[] => world.pdu.calls.filter((call) => !call.endsWith('status'));

describe('after a restart (I9)', () => {
  for (const { title, verb, step, state, want, words } of cases)
    it(`${title}: ${want}, with at most one question and no order`, async () => {
      const world = createPowerWorld();
      world.pdu.set('1', state);
      await leftOpen(world, { verb, step });
      await world.clock.until(world.restarted().recover());
      const settled = world.orders.get('left-open');
      assert.equal(settled?.step, want);
      assert.match(world.texts().at(-1) ?? '', words);
      assert.deepEqual(orders(world), []);
      assert.ok(world.pdu.calls.length <= 1);
    });

  it('a machine that changed hands is not even asked', async () => {
    const world = createPowerWorld();
    await leftOpen(world, { ownerEpoch: 6 });
    await world.clock.until(world.restarted().recover());
    assert.equal(world.orders.get('left-open')?.step, 'dropped');
    assert.deepEqual(world.pdu.calls, []);
  });

  it('a machine that is gone is no reason to stumble', async () => {
    const world = createPowerWorld();
    const gone = { ...world.machine('m1'), id: world.machine('m2').id };
    await leftOpen(world, {});
    await leftOpen(world, { id: 'other', machine: gone.id });
    world.pdu.habits('1', { blind: ['unreachable'] });
    await world.clock.until(world.restarted().recover());
    assert.equal(world.orders.get('left-open')?.step, 'failed');
    assert.equal(world.orders.get('other')?.step, 'failed');
  });

  it('a silent device: failed, the state is unknown', async () => {
    const world = createPowerWorld();
    await leftOpen(world, { verb: 'off', step: 'off-ordered' });
    world.pdu.habits('1', { blind: ['timeout'] });
    await world.clock.until(world.restarted().recover());
    assert.equal(world.orders.get('left-open')?.step, 'failed');
    assert.equal(world.machine('m1').powerSeen?.state, 'unknown');
  });

  const killedAfterMs = [0, 1, 99, 101, 250, 400, 2000, 5300, 5400, 5600, 9000];
  for (const ms of killedAfterMs)
    it(`killed ${ms} ms into a cycle: settled, and never a second cycle`, async () => {
      const world = createPowerWorld();
      world.pdu.set('1', 'on');
      world.pdu.habits('1', { slowMs: 100 });
      void world.power.order(world.machine('m1'), 'cycle', 'alice');
      await world.clock.pass(ms);
      const before = world.pdu.calls.length;
      const next = world.restarted();
      await world.clock.pass(10_000);
      assert.equal(world.pdu.calls.length, before, 'the killed run is dead');
      await world.clock.until(next.recover());
      assert.ok(world.pdu.calls.length <= before + 1, 'at most one question');
      assert.equal(new Set(orders(world)).size, orders(world).length, 'no order twice');
      assert.deepEqual(await world.store.powerOrders.open(), []);
      const isOff = world.pdu.state('1') === 'off';
      if (isOff) assert.match(world.texts().at(-1) ?? '', /order "on" when it should run/);
    });
});
