import { strict as assert } from 'node:assert';
import type { PowerErrorCode } from '../../server/ports/power-driver.ts';
import type { PowerOutcome, PowerVerb } from '../../server/services/power.ts';
import type { OutletHabits } from '../support/pretend-pdu.ts';
import { createPowerWorld, poweredMachine, type PowerWorld } from '../support/power-world.ts';

const order = (world: PowerWorld, name: string, verb: PowerVerb): Promise<PowerOutcome> =>
  world.clock.until(world.power.order(world.machine(name), verb, 'alice'));

const codeOf = (outcome: PowerOutcome): string => (outcome.is === 'failed' ? outcome.code : outcome.is);

describe('power orders', () => {
  it('on is ordered, seen and kept with its time', async () => {
    const world = createPowerWorld();
    const outcome = await order(world, 'm1', 'on');
    assert.equal(outcome.is, 'done');
    assert.deepEqual(world.pdu.calls, ['pdu-a/1 on', 'pdu-a/1 status']);
    assert.deepEqual(world.machine('m1').powerSeen, { state: 'on', atMs: world.clock.now(), because: undefined });
    assert.deepEqual(world.texts(), ['power on ordered by alice (pretend)', 'seen on after 0.0 s']);
    assert.deepEqual(world.events.at(-1)?.detail, { state: 'on', durationMs: 0, verb: 'on', driver: 'pretend' });
  });

  it('cycle is off, seen off, a rest, on, seen on', async () => {
    const world = createPowerWorld();
    world.pdu.set('1', 'on');
    const startedMs = world.clock.monotonicMs();
    assert.equal((await order(world, 'm1', 'cycle')).is, 'done');
    const orders = world.pdu.calls.filter((call) => !call.endsWith('status'));
    assert.deepEqual(orders, ['pdu-a/1 off', 'pdu-a/1 on']);
    assert.deepEqual(world.pdu.calls.slice(0, 2), ['pdu-a/1 off', 'pdu-a/1 status'], 'seen off before on');
    assert.ok(world.clock.monotonicMs() - startedMs >= 5000, 'rests');
    assert.deepEqual(world.texts(), [
      'power cycle ordered by alice',
      'told to be off (pretend)',
      'seen off after 0.0 s',
      'told to be on (pretend)',
      'seen on after 0.0 s; power cycle done',
    ]);
  });

  interface Case {
    readonly title: string;
    readonly verb: PowerVerb;
    readonly habits: OutletHabits;
    readonly want: string;
    /** Orders that reach the outlet. */
    readonly orders: number;
  }
  const cases: readonly Case[] = [
    {
      title: 'an outlet that ignores the first order is told again',
      verb: 'on',
      habits: { ignores: 1 },
      want: 'done',
      orders: 2,
    },
    {
      title: 'an outlet that says ok and does nothing is no-effect',
      verb: 'on',
      habits: { ignores: 99 },
      want: 'no-effect',
      orders: 2,
    },
    {
      title: 'an outlet that takes 8 s is waited for',
      verb: 'on',
      habits: { settlesMs: 8000 },
      want: 'done',
      orders: 1,
    },
    {
      title: 'unreachable twice, then well',
      verb: 'on',
      habits: { errors: ['unreachable', 'unreachable'] },
      want: 'done',
      orders: 3,
    },
    { title: 'busy is tried again', verb: 'on', habits: { errors: ['busy'] }, want: 'done', orders: 2 },
    { title: 'a lost answer is asked for again', verb: 'on', habits: { errors: ['timeout'] }, want: 'done', orders: 2 },
    {
      title: 'after four silences it gives up',
      verb: 'on',
      habits: { errors: Array<PowerErrorCode>(9).fill('unreachable') },
      want: 'unreachable',
      orders: 4,
    },
    {
      title: 'a refused login is never tried again',
      verb: 'on',
      habits: { errors: ['auth'] },
      want: 'auth',
      orders: 1,
    },
    {
      title: 'a refusal is never tried again',
      verb: 'on',
      habits: { errors: ['refused'] },
      want: 'refused',
      orders: 1,
    },
    {
      title: 'bad parameters are never tried again',
      verb: 'on',
      habits: { errors: ['config'] },
      want: 'config',
      orders: 1,
    },
    {
      title: 'a missing tool is never tried again',
      verb: 'on',
      habits: { errors: ['tool-missing'] },
      want: 'tool-missing',
      orders: 1,
    },
    {
      title: 'a BMC deaf while it switches is looked at again',
      verb: 'on',
      habits: { blind: ['timeout', 'unreachable'] },
      want: 'done',
      orders: 1,
    },
    { title: 'a login refused at the look ends it', verb: 'on', habits: { blind: ['auth'] }, want: 'auth', orders: 1 },
    {
      title: 'a reset whose answer is lost is not repeated',
      verb: 'reset',
      habits: { errors: ['timeout'] },
      want: 'timeout',
      orders: 1,
    },
    {
      title: 'a reset that did not arrive is tried again',
      verb: 'reset',
      habits: { errors: ['unreachable'] },
      want: 'done',
      orders: 2,
    },
    {
      title: 'a driver that hangs is left at its deadline',
      verb: 'on',
      habits: { deaf: true },
      want: 'timeout',
      orders: 4,
    },
  ];
  for (const { title, verb, habits, want, orders } of cases)
    it(title, async () => {
      const world = createPowerWorld();
      if (verb === 'reset') world.pdu.set('1', 'on');
      world.pdu.habits('1', habits);
      assert.equal(codeOf(await order(world, 'm1', verb)), want);
      assert.equal(world.pdu.calls.filter((call) => !call.endsWith('status')).length, orders);
      const [only] = world.orders.values();
      assert.equal(only?.step, want === 'done' ? 'done' : 'failed');
    });

  it('the state shown after a failure is what is known: unknown with the reason', async () => {
    const world = createPowerWorld();
    world.pdu.habits('1', { errors: ['auth'], words: 'login refused' });
    await order(world, 'm1', 'on');
    assert.deepEqual(world.machine('m1').powerSeen, {
      state: 'unknown',
      atMs: world.clock.now(),
      because: 'login refused',
    });
  });

  it('an order that had no effect is told again, and says so; its end names the kind of failure', async () => {
    const world = createPowerWorld();
    world.pdu.habits('1', { ignores: 99 });
    await order(world, 'm1', 'on');
    const [first, again, last] = world.events;
    assert.equal(first?.text, 'power on ordered by alice (pretend)');
    assert.match(again?.text ?? '', /^still off after \d+\.\d s; told to be on again \(pretend\)$/);
    assert.deepEqual(last?.detail, { code: 'no-effect', state: 'off', verb: 'on', driver: 'pretend' });
    assert.equal(world.events.length, 3, 'nothing is told twice');
  });

  it('no-effect shows what was seen, not what was ordered (I6)', async () => {
    const world = createPowerWorld();
    world.pdu.habits('1', { ignores: 99 });
    await order(world, 'm1', 'on');
    assert.equal(world.machine('m1').powerSeen?.state, 'off');
  });

  it('a cycle that does not come on again says so, with the remedy', async () => {
    const world = createPowerWorld();
    world.pdu.set('1', 'on');
    const going = world.power.order(world.machine('m1'), 'cycle', 'alice');
    await world.clock.pass(1000);
    world.pdu.habits('1', { ignores: 99 });
    const outcome = await world.clock.until(going);
    assert.equal(codeOf(outcome), 'no-effect');
    const [last] = world.events.slice(-1);
    assert.equal(last?.severity, 'bad');
    assert.match(last.text, /went off and was not seen on again: order "on"/);
  });

  it('a second order for a machine waits for nobody: it is refused', async () => {
    const world = createPowerWorld();
    const first = world.power.order(world.machine('m1'), 'cycle', 'alice');
    assert.equal(world.power.underWay(world.machine('m1')), 'cycle');
    const second = await world.clock.until(world.power.order(world.machine('m1'), 'on', 'bob'));
    assert.equal(second.is, 'refused');
    assert.equal((await world.clock.until(first)).is, 'done');
    assert.equal(world.power.underWay(world.machine('m1')), undefined);
  });

  const refusals: readonly (readonly [string, Parameters<typeof poweredMachine>[1], PowerVerb])[] = [
    ['no power setting', { power: undefined }, 'on'],
    ['no such driver', { power: { driver: 'gone', parameters: {} } }, 'on'],
  ];
  for (const [title, change, verb] of refusals)
    it(`${title} is a refusal with a reason`, async () => {
      const world = createPowerWorld();
      world.put(poweredMachine(1, change));
      assert.equal((await order(world, 'm1', verb)).is, 'refused');
      assert.equal((await world.clock.until(world.power.status(world.machine('m1')))).is, 'refused');
      assert.deepEqual(world.pdu.calls, []);
    });

  it('what a driver cannot do is refused before it is called', async () => {
    const world = createPowerWorld(['on', 'off', 'status']);
    assert.equal((await order(world, 'm1', 'reset')).is, 'refused');
    assert.equal((await world.clock.until(world.power.bootdev(world.machine('m1'), 'pxe'))).is, 'refused');
    assert.equal((await world.clock.until(world.power.identify(world.machine('m1'), 60))).is, 'refused');
    assert.deepEqual(world.pdu.calls, []);
  });

  it('what a controller says of itself is told, and is no event', async () => {
    const world = createPowerWorld(['on', 'off', 'status', 'info']);
    const outcome = await world.clock.until(world.power.info(world.machine('m1')));
    assert.deepEqual(outcome.is === 'done' ? outcome.info : outcome, { firmware: '1.2 of pdu-a' });
    assert.deepEqual([world.pdu.calls, world.texts()], [['pdu-a/1 info'], []]);
  });

  it('a driver without "info" is not asked, and the refusal says what it can do', async () => {
    const world = createPowerWorld(['on', 'off', 'status']);
    const outcome = await world.clock.until(world.power.info(world.machine('m1')));
    assert.ok(outcome.is === 'refused');
    assert.equal(outcome.because, 'driver "pretend" cannot do "info"; it can do on, off, status');
    assert.deepEqual(world.pdu.calls, []);
  });

  it('a machine is made to blink and to stop', async () => {
    const world = createPowerWorld();
    assert.equal((await world.clock.until(world.power.identify(world.machine('m1'), 60))).is, 'done');
    assert.equal((await world.clock.until(world.power.identify(world.machine('m1'), 0))).is, 'done');
    assert.deepEqual(world.pdu.calls, ['pdu-a/1 identify 60', 'pdu-a/1 identify 0']);
    assert.deepEqual(world.texts(), ['blinks for 60 s', 'blinks no longer']);
  });

  it('a boot device is set once and told on the timeline', async () => {
    const world = createPowerWorld();
    assert.equal((await world.clock.until(world.power.bootdev(world.machine('m1'), 'pxe'))).is, 'done');
    assert.deepEqual(world.pdu.calls, ['pdu-a/1 bootdev pxe']);
    assert.deepEqual(world.texts(), ['next boot from pxe']);
  });

  it('a driver without eyes leaves the state unknown until somebody says what he sees', async () => {
    const world = createPowerWorld(['on', 'off']);
    const outcome = await order(world, 'm1', 'on');
    assert.equal(outcome.is, 'done');
    assert.equal(world.machine('m1').powerSeen?.state, 'unknown');
    assert.equal((await world.clock.until(world.power.status(world.machine('m1')))).is, 'refused');
    await world.clock.until(world.power.say(world.machine('m1'), 'on', 'bob'));
    assert.equal(world.machine('m1').powerSeen?.state, 'on');
    assert.match(world.texts().at(-1) ?? '', /power seen on: bob says so/);
  });

  it('nobody can talk over a driver that sees', async () => {
    const world = createPowerWorld();
    assert.equal((await world.clock.until(world.power.say(world.machine('m1'), 'on', 'bob'))).is, 'refused');
    assert.equal(world.machine('m1').powerSeen, undefined);
  });

  it('an abort ends the waiting and asks the state afresh', async () => {
    const world = createPowerWorld();
    world.pdu.set('1', 'on');
    const going = world.power.order(world.machine('m1'), 'cycle', 'alice');
    await world.clock.pass(1000);
    const looksBefore = world.pdu.calls.filter((call) => call.endsWith('status')).length;
    world.power.abort(world.machine('m1'));
    const outcome = await world.clock.until(going);
    assert.match(outcome.is === 'failed' ? outcome.because : '', /stopped waiting; it went off/);
    await world.clock.pass(1000);
    assert.equal(world.pdu.calls.filter((call) => call.endsWith('status')).length, looksBefore + 1);
    assert.equal(world.machine('m1').powerSeen?.state, 'off');
    assert.ok(!world.pdu.calls.includes('pdu-a/1 on'));
  });

  it('stop ends what is under way and refuses what comes', async () => {
    const world = createPowerWorld();
    world.pdu.habits('1', { settlesMs: 9000 });
    const going = world.power.order(world.machine('m1'), 'on', 'alice');
    await world.clock.pass(1000);
    await world.clock.until(world.power.stop());
    assert.equal((await going).is, 'failed');
    assert.equal((await order(world, 'm2', 'on')).is, 'refused');
    assert.equal((await world.store.powerOrders.open()).length, 0);
  });
});
