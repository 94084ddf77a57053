import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import type { PowerDriver, PowerErrorCode } from '../../server/ports/power-driver.ts';
import type { PowerOutcome } from '../../server/services/power.ts';
import { createPowerWorld, poweredMachine, type PowerWorld } from '../support/power-world.ts';

const elsewhere = { driver: 'pretend', parameters: { host: 'pdu-b', outlet: '3' } };

const order = (world: PowerWorld, n: number, verb: 'on' | 'off' | 'cycle' = 'on'): Promise<PowerOutcome> =>
  world.power.order(world.machine(`m${n}`), verb, 'alice');

/** A world whose PDU needs time between two commands. */
function paced(paceMs: number): PowerWorld {
  const driver = (): PowerDriver => ({ ...world.pdu.driver, paceMs });
  const world: PowerWorld = createPowerWorld(undefined, {
    drivers: { list: () => [driver()], byName: () => driver() },
  });
  return world;
}

describe('the queue of a controller', () => {
  it('two orders never meet at one controller', async () => {
    const world = createPowerWorld();
    for (const n of [1, 2, 3, 4]) world.pdu.habits(String(n), { slowMs: 700 });
    const outcomes = await world.clock.until(Promise.all([1, 2, 3, 4].map((n) => order(world, n, 'cycle'))));
    assert.deepEqual(
      outcomes.map((outcome) => outcome.is),
      ['done', 'done', 'done', 'done'],
    );
    assert.equal(world.pdu.overlap(), 1);
  });

  it('commands keep their order', async () => {
    const world = createPowerWorld();
    world.pdu.habits('1', { slowMs: 3000 });
    await world.clock.until(Promise.all([1, 2, 3, 4].map((n) => order(world, n))));
    const sent = world.pdu.calls.filter((call) => call.endsWith(' on'));
    assert.deepEqual(sent, ['pdu-a/1 on', 'pdu-a/2 on', 'pdu-a/3 on', 'pdu-a/4 on']);
  });

  it('another controller is not held up (I8)', async () => {
    const world = createPowerWorld();
    world.put(poweredMachine(3, { power: elsewhere }));
    world.pdu.habits('1', { slowMs: 4000 });
    const slow = order(world, 1);
    const startedMs = world.clock.monotonicMs();
    assert.equal((await world.clock.until(order(world, 3))).is, 'done');
    assert.ok(world.clock.monotonicMs() - startedMs < 1000);
    await world.clock.until(slow);
  });

  it('a neighbour waits for single commands, not for the rest of a cycle', async () => {
    const world = createPowerWorld();
    world.pdu.set('1', 'on');
    const cycle = order(world, 1, 'cycle');
    await world.clock.pass(1000);
    const startedMs = world.clock.monotonicMs();
    await world.clock.until(order(world, 2));
    assert.ok(world.clock.monotonicMs() - startedMs < 1000);
    assert.ok(world.pdu.state('1') === 'off', 'the cycle still rests');
    await world.clock.until(cycle);
  });

  it('a driver that does not let go keeps its controller for a minute more, but not for ever', async () => {
    const world = createPowerWorld();
    world.pdu.habits('1', { deaf: true });
    const hung = order(world, 1);
    const startedMs = world.clock.monotonicMs();
    assert.equal((await world.clock.until(order(world, 2))).is, 'done');
    const waitedMs = world.clock.monotonicMs() - startedMs;
    assert.ok(waitedMs >= 60_000 && waitedMs <= 140_000, String(waitedMs));
    await world.clock.until(hung);
  });

  it('more than 64 waiting commands are busy, not memory', async () => {
    const world = createPowerWorld();
    world.pdu.habits('1', { slowMs: 4000 });
    const first = order(world, 1);
    await world.clock.pass(0);
    const asked = Promise.all(Array.from({ length: 80 }, () => world.power.status(world.machine('m2'))));
    const outcomes = await world.clock.until(asked);
    const busy = outcomes.filter((outcome) => outcome.is === 'failed' && outcome.code === 'busy');
    assert.equal(busy.length, 17);
    await world.clock.until(first);
  });

  it('a controller that is silent five times is left alone for 30 s, then asked once', async () => {
    const world = createPowerWorld();
    world.pdu.habits('1', { errors: Array<PowerErrorCode>(20).fill('unreachable') });
    await world.clock.until(order(world, 1));
    await world.clock.until(order(world, 1));
    const calls = world.pdu.calls.length;
    assert.equal(calls, 5, 'four tries and one more');
    const outcome = await world.clock.until(order(world, 2));
    assert.match(outcome.is === 'failed' ? outcome.because : '', /silent 5 times in a row; asked again in 30 s/);
    assert.equal(world.pdu.calls.length, calls, 'not asked');
    await world.clock.pass(31_000);
    assert.equal((await world.clock.until(order(world, 2))).is, 'done');
    world.pdu.habits('1', {});
    assert.equal((await world.clock.until(order(world, 1))).is, 'done');
  });

  it('an order may be aborted while it waits: the driver is never called for it', async () => {
    const world = createPowerWorld();
    world.pdu.habits('1', { slowMs: 4000 });
    const slow = order(world, 1);
    const waiting = order(world, 2);
    await world.clock.pass(1000);
    world.power.abort(world.machine('m2'));
    const outcome = await world.clock.until(waiting);
    assert.equal(outcome.is, 'dropped');
    await world.clock.until(slow);
    assert.ok(!world.pdu.calls.includes('pdu-a/2 on'));
  });

  it('a controller has its own pace between two commands, whoever gives them', async () => {
    const world = paced(2000);
    const ends: number[] = [];
    const push = world.pdu.calls.push.bind(world.pdu.calls);
    world.pdu.calls.push = (...calls) => {
      ends.push(world.clock.monotonicMs());
      return push(...calls);
    };
    await world.clock.until(Promise.all([1, 2, 3].map((n) => order(world, n))));
    assert.equal(ends.length, 6);
    const gaps = ends.slice(1).map((atMs, at) => atMs - (ends[at] ?? 0));
    assert.ok(
      gaps.every((gap) => gap >= 2000),
      gaps.join(' '),
    );
  });

  it('what gave up while it waited costs no pace', async () => {
    const world = paced(2000);
    world.pdu.habits('1', { slowMs: 1000 });
    const going = [1, 2, 3].map((n) => order(world, n));
    await world.clock.pass(100);
    world.power.abort(world.machine('m2'));
    await world.clock.until(Promise.all(going));
    assert.deepEqual(
      world.pdu.calls.filter((call) => call.endsWith(' on')),
      ['pdu-a/1 on', 'pdu-a/3 on'],
    );
  });

  it('whatever is ordered on one controller, calls never meet and every order ends', async () => {
    const verb = fc.constantFrom('on' as const, 'off' as const, 'cycle' as const);
    const habits = fc.record({
      slowMs: fc.integer({ min: 0, max: 6000 }),
      ignores: fc.integer({ min: 0, max: 3 }),
      settlesMs: fc.integer({ min: 0, max: 12_000 }),
      errors: fc.array(fc.constantFrom<PowerErrorCode>('unreachable', 'busy', 'timeout', 'auth'), { maxLength: 3 }),
      // Later than its deadline of 5 s: a driver that does not heed the abort.
      lateMs: fc.constantFrom(0, 0, 8000, 50_000),
    });
    const aborts = fc.boolean();
    const orders = fc.array(fc.tuple(fc.integer({ min: 1, max: 4 }), verb, fc.integer({ min: 0, max: 5000 }), aborts), {
      maxLength: 6,
    });
    await fc.assert(
      fc.asyncProperty(fc.array(habits, { minLength: 4, maxLength: 4 }), orders, async (each, wanted) => {
        const world = createPowerWorld();
        each.forEach(({ lateMs, slowMs, ...habit }, at) => {
          world.pdu.habits(String(at + 1), { ...habit, slowMs: slowMs + lateMs });
        });
        const given: Promise<PowerOutcome>[] = [];
        for (const [n, what, gapMs, isAborted] of wanted) {
          given.push(order(world, n, what));
          await world.clock.pass(gapMs);
          if (isAborted) world.power.abort(world.machine(`m${n}`));
        }
        await world.clock.until(Promise.all(given));
        assert.ok(world.pdu.overlap() <= 1);
        assert.deepEqual(await world.store.powerOrders.open(), []);
        for (const [n] of wanted) {
          const seen = world.machine(`m${n}`).powerSeen;
          assert.ok(seen?.state !== 'unknown' || seen.because !== undefined, 'unknown has a reason');
        }
      }),
      { numRuns: 40 },
    );
  });
});
