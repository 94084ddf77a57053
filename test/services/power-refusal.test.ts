import { strict as assert } from 'node:assert';
import type { BootPlan } from '../../server/core/boot-plan.ts';
import { err, ok, type Result } from '../../server/core/result.ts';
import type { OrderWay, PowerOutcome, PowerVerb } from '../../server/services/power.ts';
import { createPowerWorld, poweredMachine, type PowerWorld } from '../support/power-world.ts';

const REFUSE: BootPlan = { do: 'refuse', because: 'its DTB is not there', remedy: 'give it again', args: undefined };
const DISK: BootPlan = { do: 'local-disk', because: 'no bundle is assigned' };

const order = (world: PowerWorld, name: string, verb: PowerVerb, way?: OrderWay): Promise<PowerOutcome> =>
  world.clock.until(world.power.order(world.machine(name), verb, 'alice', way));
const planned = (plan: BootPlan | undefined): PowerWorld =>
  createPowerWorld(undefined, { planNext: () => Promise.resolve(plan) });
const wordsOf = (outcome: PowerOutcome): string => (outcome.is === 'done' ? '' : outcome.because);

describe('an order that would boot what is refused', () => {
  for (const verb of ['on', 'cycle', 'reset'] as const)
    it(`${verb} is refused with the reason and the remedy before anything is switched`, async () => {
      const world = planned(REFUSE);
      const outcome = await order(world, 'm1', verb);
      assert.equal(wordsOf(outcome), 'm1 would not boot: its DTB is not there; give it again; or force it');
      assert.equal(outcome.is === 'refused' && outcome.forcedBy, 'operator');
      assert.deepEqual([world.pdu.calls, world.texts(), [...world.orders]], [[], [], []]);
      assert.equal(world.power.underWay(world.machine('m1')), undefined);
    });

  it('off is never refused for it', async () => {
    assert.equal((await order(planned(REFUSE), 'm1', 'off')).is, 'done');
  });

  it('by force it is switched all the same', async () => {
    assert.equal((await order(planned(REFUSE), 'm1', 'on', { force: 'operator' })).is, 'done');
  });

  for (const [what, plan] of [
    ['its own disk', DISK],
    ['whatever it likes, for nobody plans for it', undefined],
    ['nothing of ours', { do: 'ignore', because: 'unknown machines are ignored here' }],
  ] as const)
    it(`a machine that boots ${what} is switched`, async () => {
      assert.equal((await order(planned(plan), 'm1', 'cycle')).is, 'done');
    });

  it('one order at a time, also while the plan is asked', async () => {
    const world = createPowerWorld(undefined, { planNext: () => new Promise(() => undefined) });
    void world.power.order(world.machine('m1'), 'on', 'alice');
    assert.match(wordsOf(await order(world, 'm1', 'on')), /power on of m1 is under way/);
  });
});

describe('an outlet of several machines', () => {
  const shared = { driver: 'pretend', parameters: { host: 'pdu-a', outlet: '1' }, shared: true } as const;
  const together = (state: 'deployed' | 'ready'): PowerWorld => {
    const world = createPowerWorld();
    world.put(poweredMachine(1, { power: shared }));
    world.put(poweredMachine(2, { power: shared, state }));
    return world;
  };

  for (const verb of ['off', 'cycle', 'reset'] as const)
    it(`${verb} is refused by name while another one is in use; an administrator may force it`, async () => {
      const world = together('deployed');
      for (const way of [{}, { force: 'operator' }] as const) {
        const outcome = await order(world, 'm1', verb, way);
        assert.match(wordsOf(outcome), /its outlet is shared with m2 \(deployed\); release that first/);
        assert.equal(outcome.is === 'refused' && outcome.forcedBy, 'admin');
      }
      assert.deepEqual(world.pdu.calls, []);
      assert.equal((await order(world, 'm1', verb, { force: 'admin' })).is, 'done');
    });

  for (const verb of ['off', 'cycle', 'reset'] as const)
    it(`12 ${verb} is dropped when the other one is taken into use while it waits behind a slow driver`, async () => {
      const world = together('ready');
      world.pdu.habits('3', { slowMs: 4000 });
      const slow = world.power.order(world.machine('m3'), 'on', 'alice');
      await world.clock.pass(0);
      const waiting = world.power.order(world.machine('m1'), verb, 'alice');
      await world.clock.pass(1000);
      world.put({ ...world.machine('m2'), state: 'allocated' });
      const outcome = await world.clock.until(waiting);
      await world.clock.until(slow);
      assert.equal(outcome.is, 'dropped');
      assert.match(wordsOf(outcome), /shared with m2 \(allocated\)/);
      assert.ok(!world.pdu.calls.some((call) => call.startsWith('pdu-a/1 ')));
    });

  it('on disturbs nobody, and what nobody uses may be cycled', async () => {
    assert.equal((await order(together('deployed'), 'm1', 'on')).is, 'done');
    assert.equal((await order(together('ready'), 'm1', 'cycle')).is, 'done');
  });
});

describe('a driver that cannot switch off', () => {
  for (const verb of ['off', 'cycle'] as const)
    it(`refuses ${verb} in words, and does the rest`, async () => {
      const world = createPowerWorld(['on']);
      assert.match(wordsOf(await order(world, 'm1', verb)), new RegExp(`cannot switch off, so it cannot ${verb}`));
      assert.deepEqual(world.pdu.calls, []);
      assert.equal((await order(world, 'm1', 'on')).is, 'done');
    });
});

describe('machinery has a budget', () => {
  it('of three cycles within an hour; the fourth is refused and told; people are not held', async () => {
    const world = createPowerWorld();
    const cycle = (): Promise<PowerOutcome> => order(world, 'm1', 'cycle', { isMachinery: true });
    for (let nth = 1; nth <= 3; nth += 1) assert.equal((await cycle()).is, 'done');
    assert.equal((await order(world, 'm1', 'cycle')).is, 'done', 'alice may');
    const calls = world.pdu.calls.length;
    assert.match(wordsOf(await cycle()), /by itself switched it 3 times within an hour, and people once/);
    assert.equal(world.pdu.calls.length, calls);
    assert.match(world.texts().at(-1) ?? '', /^power cycle by alice refused: Farrier by itself/);
    assert.equal(world.events.at(-1)?.detail['code'], 'refused', 'which is no order under way');
    await world.clock.pass(3_600_000);
    assert.equal((await cycle()).is, 'done');
  });
});

describe('the console before the power', () => {
  type Ready = (signal: AbortSignal) => Promise<Result<void>>;
  const withConsole = (ready: Ready): PowerWorld =>
    createPowerWorld(undefined, { consoles: { ready: (_machine, signal) => ready(signal) } });
  const noted = (world: PowerWorld): readonly string[] => world.texts().filter((text) => text.includes('console'));

  it('is open before the device is told, and nothing is said of it', async () => {
    const calls: number[] = [];
    const world: PowerWorld = withConsole(() => {
      calls.push(world.pdu.calls.length);
      return Promise.resolve(ok(undefined));
    });
    assert.equal((await order(world, 'm1', 'cycle')).is, 'done');
    assert.deepEqual([calls, noted(world)], [[0], []]);
    await order(world, 'm1', 'off');
    assert.equal(calls.length, 1, 'nothing is to be read after off');
  });

  for (const [what, ready] of [
    ['refuses', () => Promise.resolve(err('the port is taken'))],
    ['breaks', () => Promise.reject(new Error('the port is taken'))],
  ] satisfies readonly (readonly [string, Ready])[])
    it(`that ${what} is a note, and never keeps the power off`, async () => {
      const world = withConsole(ready);
      assert.equal((await order(world, 'm1', 'on')).is, 'done');
      assert.deepEqual(noted(world), ['its console is not recorded from the first octet: the port is taken']);
    });

  it('that hangs is given 5 s, and told so by its signal', async () => {
    let wasTold = false;
    const world = withConsole((signal) => {
      signal.addEventListener('abort', () => (wasTold = true));
      return new Promise(() => undefined);
    });
    const beganMs = world.clock.monotonicMs();
    assert.equal((await order(world, 'm1', 'on')).is, 'done');
    assert.equal(world.clock.monotonicMs() - beganMs, 5000);
    assert.match(noted(world)[0] ?? '', /it did not open within 5 s/);
    assert.ok(wasTold);
  });

  it('an order may be aborted while it is waited for', async () => {
    const world = withConsole(() => new Promise(() => undefined));
    const going = world.power.order(world.machine('m1'), 'on', 'alice');
    await world.clock.pass(1000);
    world.power.abort(world.machine('m1'));
    assert.equal((await world.clock.until(going)).is, 'dropped');
    assert.ok(!world.pdu.calls.includes('pdu-a/1 on'));
  });
});
