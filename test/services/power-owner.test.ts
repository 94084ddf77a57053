import { strict as assert } from 'node:assert';
import type { PowerVerb } from '../../server/services/power.ts';
import { createPowerWorld, type PowerWorld } from '../support/power-world.ts';

const begin = (world: PowerWorld, n: number, verb: PowerVerb) =>
  world.power.order(world.machine(`m${n}`), verb, 'alice');
const callsFor = (world: PowerWorld, n: number): readonly string[] =>
  world.pdu.calls.filter((call) => call.startsWith(`pdu-a/${n} `));

describe('power belongs to the owner (I4)', () => {
  for (const verb of ['on', 'off', 'cycle', 'reset'] as const)
    it(`release while a ${verb} waits behind a slow driver: the driver is never called`, async () => {
      const world = createPowerWorld();
      world.pdu.habits('1', { slowMs: 4000 });
      const slow = begin(world, 1, 'on');
      await world.clock.pass(0);
      const waiting = begin(world, 2, verb);
      await world.clock.pass(1000);
      world.changeHands('m2');
      const outcome = await world.clock.until(waiting);
      await world.clock.until(slow);
      assert.equal(outcome.is, 'dropped');
      assert.deepEqual(callsFor(world, 2), []);
      assert.equal([...world.orders.values()].find((order) => order.machine === 'm-2')?.step, 'dropped');
      assert.match(world.texts().find((text) => text.includes('dropped')) ?? '', /changed hands/);
    });

  it('an order given with an old view of the machine is dropped', async () => {
    const world = createPowerWorld();
    const old = world.machine('m1');
    world.changeHands('m1');
    assert.equal((await world.clock.until(world.power.order(old, 'on', 'alice'))).is, 'dropped');
    assert.deepEqual(world.pdu.calls, []);
  });

  it('a boot device wished with an old view is dropped', async () => {
    const world = createPowerWorld();
    const old = world.machine('m1');
    world.changeHands('m1');
    assert.equal((await world.clock.until(world.power.bootdev(old, 'pxe'))).is, 'dropped');
    assert.equal((await world.clock.until(world.power.identify(old, 60))).is, 'dropped');
    assert.deepEqual(world.pdu.calls, []);
  });

  it('release in the rest of a cycle: it is not switched on for the next owner', async () => {
    const world = createPowerWorld();
    world.pdu.set('1', 'on');
    const cycle = begin(world, 1, 'cycle');
    await world.clock.pass(1000);
    world.changeHands('m1');
    assert.equal((await world.clock.until(cycle)).is, 'dropped');
    assert.ok(!world.pdu.calls.includes('pdu-a/1 on'));
    assert.match(world.texts().at(-1) ?? '', /went off and was not seen on again/);
  });

  it('release between two tries: the second is not made', async () => {
    const world = createPowerWorld();
    world.pdu.habits('1', { slowMs: 100, errors: ['busy'] });
    const going = begin(world, 1, 'on');
    await world.clock.pass(150);
    world.changeHands('m1');
    assert.equal((await world.clock.until(going)).is, 'dropped');
    assert.deepEqual(callsFor(world, 1), ['pdu-a/1 on']);
  });

  it('another outlet set while the order waits: neither outlet is switched', async () => {
    const world = createPowerWorld();
    world.pdu.habits('1', { slowMs: 4000 });
    const slow = begin(world, 1, 'on');
    await world.clock.pass(0);
    const waiting = begin(world, 2, 'off');
    await world.clock.pass(1000);
    const now = world.machine('m2');
    world.put({ ...now, rev: now.rev + 1, power: { driver: 'pretend', parameters: { host: 'pdu-a', outlet: '9' } } });
    const outcome = await world.clock.until(waiting);
    await world.clock.until(slow);
    assert.match(outcome.is === 'dropped' ? outcome.because : '', /power setting of m2 was changed/);
    assert.deepEqual([...callsFor(world, 2), ...callsFor(world, 9)], []);
  });

  it('a change of anything else does not disturb an order', async () => {
    const world = createPowerWorld();
    world.pdu.habits('1', { slowMs: 500 });
    const going = begin(world, 1, 'on');
    await world.clock.pass(100);
    const now = world.machine('m1');
    world.put({ ...now, rev: now.rev + 1, name: 'm1', seenMs: 99 });
    assert.equal((await world.clock.until(going)).is, 'done');
    assert.equal(world.machine('m1').seenMs, 99);
    assert.equal(world.machine('m1').powerSeen?.state, 'on');
  });
});
