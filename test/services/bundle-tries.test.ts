import { strict as assert } from 'node:assert';
import type { NewEvent } from '../../server/core/event.ts';
import type { Machine } from '../../server/core/machine.ts';
import type { Store } from '../../server/ports/store.ts';
import type { PlanNext } from '../../server/services/plan-next.ts';
import { createBundleTries, type BundleTries, type TryOrder } from '../../server/services/bundle-tries.ts';
import { decide } from '../../server/services/serve-boot.ts';
import { createFakeClock, settle, type FakeClock } from '../support/fake-clock.ts';
import { createMemoryStore } from '../support/memory-store.ts';
import { createQuietLog } from '../support/quiet-log.ts';
import { sampleBundle, sampleEvent, sampleMachine } from '../support/samples.ts';
import { layBench, rack1, ubootRequest } from './boot-bench.ts';
import { machine as bootMachine } from '../core/boot-fixtures.ts';

const WITHIN_MS = 60_000;

interface Bench {
  readonly store: Store;
  readonly clock: FakeClock;
  readonly machine: Machine;
  /** Orders the power service got. */
  readonly orders: string[];
  tries: BundleTries;
  ask(change?: Partial<TryOrder>): ReturnType<BundleTries['ask']>;
  /** Writes an event as the other parts do, and lets the tries hear it. */
  event(change: Partial<NewEvent>): Promise<void>;
  /** A second of the watch, after `ms`. */
  after(ms: number): Promise<void>;
  texts(): Promise<readonly string[]>;
  bundle(): Promise<string | undefined>;
  /** What a restart of the daemon leaves: the store. */
  restart(): Promise<void>;
}

async function lay(change: Partial<Machine> = {}): Promise<Bench> {
  const clock = createFakeClock();
  const store = createMemoryStore(clock);
  const log = createQuietLog();
  const machine = await store.machines.add(sampleMachine(1, { bundle: 'debian@1', ...change }), []);
  for (const version of ['1', '2', '3'])
    await store.bundles.add(sampleBundle('debian', { version, callsHome: true }), []);
  await store.bundles.add(sampleBundle('mute'), []);
  await store.bundles.add(sampleBundle('foreign', { version: '1', callsHome: true }), []);
  await store.bundles.add(sampleBundle('agent', { role: 'agent', callsHome: true }), []);
  const orders: string[] = [];
  const power = {
    order: (of: Machine, verb: string, by: string) => {
      orders.push(`${verb} ${of.name} by ${by}`);
      return Promise.resolve({ is: 'done', seen: { state: 'on', atMs: clock.now(), because: undefined } } as const);
    },
  };
  const planNext: PlanNext = (_machine, bundle) =>
    Promise.resolve(
      bundle === 'foreign@1'
        ? { do: 'refuse', because: 'its kernel is for amd64', remedy: 'try another', args: undefined }
        : undefined,
    );
  const build = async () => createBundleTries({ store, power, planNext, clock, log }, await store.tries.list());
  const bench: Bench = {
    ...{ store, clock, machine, orders, tries: await build() },
    ask: (order = {}) =>
      bench.tries.ask('board-01', { bundle: 'debian@2', withinMs: WITHIN_MS, mayCycle: true, ...order }, 'alice'),
    event: async (event) => {
      await store.events.append([sampleEvent('x', { machine: machine.id, ...event })]);
      await settle();
    },
    after: async (ms) => {
      clock.advance(ms);
      await bench.tries.look(clock.now());
      await settle();
    },
    texts: async () => (await store.events.list({ limit: 99 })).map(({ text }) => text).filter((text) => text !== 'x'),
    bundle: async () => (await store.machines.byId(machine.id))?.bundle,
    restart: async () => {
      await bench.tries.stop();
      bench.tries = await build();
    },
  };
  return bench;
}

const on = { kind: 'power', detail: { verb: 'on', driver: 'ipmi' } } as const;
const booted = (boot: string) => ({ kind: 'boot', boot, detail: { signal: 'booted' } }) as const;

describe('bundles on trial', () => {
  it('one that calls home becomes the machine’s; the one before stays for the way back', async () => {
    const bench = await lay();
    const { id } = bench.machine;
    assert.equal((await bench.ask()).is, 'done');
    assert.equal(bench.tries.trialOf(id, undefined), 'debian@2');
    await bench.tries.boots(id, 'b1');
    await bench.tries.served(id, 'b1');
    assert.equal(await bench.bundle(), 'debian@1', 'nothing is promoted by itself');
    await bench.event(booted('b0'));
    assert.equal(await bench.bundle(), 'debian@1', 'another boot proves nothing');
    await bench.event(booted('b1'));
    assert.equal(await bench.bundle(), 'debian@2');
    assert.deepEqual([bench.tries.list(), await bench.store.tries.list()], [[], []]);
    assert.deepEqual(await bench.store.tries.goods(), [{ machine: id, bundle: 'debian@2', before: 'debian@1' }]);
    assert.deepEqual(await bench.texts(), [
      'alice lets its next boot try debian@2: it has 60 s to call home, else it goes back to debian@1',
      'this boot gets debian@2 on trial',
      'debian@2 called home: it is good',
      'its bundle is debian@2 now, after the trial',
    ]);
    await assert.rejects(bench.store.bundles.remove('debian@1', []));
  });

  it('one that would be refused is not tried at all', async () => {
    const bench = await lay();
    const outcome = await bench.ask({ bundle: 'foreign@1' });
    assert.deepEqual(outcome, {
      is: 'taken',
      because: 'foreign@1 would not boot there: its kernel is for amd64; try another',
    });
    assert.deepEqual([bench.tries.list(), bench.orders], [[], []]);
  });

  it('silence: back to what it had, and power-cycled once when Farrier had switched it', async () => {
    const bench = await lay();
    const { id } = bench.machine;
    await bench.ask();
    await bench.event(on);
    await bench.after(30_000);
    await bench.tries.served(id, 'b1');
    await bench.after(29_999);
    assert.equal(bench.tries.trialOf(id, 'b1'), 'debian@2', 'the deadline runs from power-on');
    await bench.after(1);
    assert.deepEqual(bench.orders, ['cycle board-01 by the end of its trial']);
    await bench.after(60_000);
    assert.deepEqual([bench.orders.length, bench.tries.list(), await bench.bundle()], [1, [], 'debian@1']);
    assert.equal(bench.tries.trialOf(id, 'b2'), undefined);
    const words = 'debian@2 did not call home within 60 s: it goes back to debian@1, and it is power-cycled';
    assert.equal((await bench.texts()).at(-1), words);
  });

  const leftAlone: readonly (readonly [string, (bench: Bench) => Promise<void>, Partial<TryOrder>])[] = [
    ['switched on by hand', () => Promise.resolve(), {}],
    ['it must not be', (bench) => bench.event(on), { mayCycle: false }],
    [
      'switched off again',
      async (bench) => {
        await bench.event(on);
        await bench.event({ kind: 'power', detail: { verb: 'off', driver: 'ipmi' } });
      },
      {},
    ],
  ];
  for (const [what, before, order] of leftAlone)
    it(`silence of a machine is no reason to switch it when ${what}`, async () => {
      const bench = await lay();
      await bench.ask(order);
      await before(bench);
      await bench.tries.served(bench.machine.id, 'b1');
      await bench.after(WITHIN_MS);
      assert.deepEqual([bench.orders, bench.tries.list()], [[], []]);
      assert.match((await bench.texts()).at(-1) ?? '', /did not call home.*switch it off and on/);
    });

  it('what was seen of the power is no order', async () => {
    const bench = await lay();
    await bench.ask();
    await bench.event({ kind: 'power', detail: { verb: 'on', driver: 'ipmi', state: 'on' } });
    await bench.event({ kind: 'power', detail: { verb: 'on', code: 'unreachable' } });
    assert.equal(bench.tries.of(bench.machine.id)?.step, 'armed');
  });

  it('a machine that starts again gets the old one in that very boot', async () => {
    const bench = await lay();
    const { id } = bench.machine;
    await bench.ask();
    await bench.tries.boots(id, 'b1');
    await bench.tries.served(id, 'b1');
    await bench.tries.boots(id, 'b1');
    await bench.tries.boots(id, 'b2');
    assert.equal(bench.tries.trialOf(id, 'b2'), undefined);
    assert.match(
      (await bench.texts()).at(-1) ?? '',
      /started again before debian@2 called home: it goes back to debian@1/,
    );
  });

  it('a restart of the daemon keeps the deadline, and takes the boot under way for the same', async () => {
    const bench = await lay();
    const { id } = bench.machine;
    await bench.ask();
    await bench.event(on);
    await bench.tries.served(id, 'b1');
    await bench.restart();
    await bench.tries.boots(id, 'b2');
    assert.equal(bench.tries.trialOf(id, 'b2'), 'debian@2');
    await bench.tries.served(id, 'b2');
    await bench.after(WITHIN_MS - 1);
    assert.deepEqual(bench.orders, []);
    await bench.after(1);
    assert.equal(bench.orders.length, 1);
  });

  it('a restart between the outcome and its consequences goes on with them, and repeats no cycle', async () => {
    const bench = await lay();
    const attempt = {
      ...(await bench.ask().then((done) => (done.is === 'done' ? done.attempt : assert.fail()))),
      boot: 'b1',
    };
    await bench.store.tries.put({ ...attempt, step: 'good' }, []);
    await bench.restart();
    await bench.after(1000);
    assert.deepEqual([await bench.bundle(), bench.tries.list()], ['debian@2', []]);
    await bench.store.tries.put({ ...attempt, step: 'returning' }, []);
    await bench.restart();
    await bench.after(1000);
    assert.deepEqual([bench.orders.length, bench.tries.list()], [1, []]);
    await bench.store.tries.put({ ...attempt, step: 'cycling' }, []);
    await bench.restart();
    await bench.after(1000);
    assert.deepEqual([bench.orders.length, bench.tries.list()], [1, []]);
    assert.match((await bench.texts()).at(-1) ?? '', /restart of Farrier cut its power cycle short/);
  });

  it('it can be aborted, replaced while armed, and not while under way', async () => {
    const bench = await lay();
    const { id } = bench.machine;
    assert.equal((await bench.tries.abort('board-01', 'bob')).is, 'taken');
    await bench.ask();
    assert.equal((await bench.ask({ bundle: 'debian@3' })).is, 'done');
    assert.equal(bench.tries.trialOf(id, 'b1'), 'debian@3');
    await bench.tries.served(id, 'b1');
    assert.equal((await bench.ask()).is, 'taken');
    assert.equal((await bench.tries.abort('board-01', 'bob')).is, 'done');
    assert.match((await bench.texts()).at(-1) ?? '', /bob ended the trial of debian@3/);
  });

  it('another holder of the machine ends it, and nothing is switched (invariant I4)', async () => {
    const bench = await lay();
    await bench.ask();
    await bench.event(on);
    const now = await bench.store.machines.byId(bench.machine.id);
    await bench.store.machines.change(now ?? bench.machine, { ownerEpoch: 7 }, []);
    await bench.after(WITHIN_MS);
    assert.deepEqual([bench.orders, bench.tries.list()], [[], []]);
  });

  const refused: readonly (readonly [string, Partial<TryOrder>, Partial<Machine>, RegExp])[] = [
    ['a bundle nobody has', { bundle: 'debian@9' }, {}, /no bundle "debian@9"/],
    ['one that never calls home', { bundle: 'mute@1' }, {}, /--calls-home/],
    ['an agent', { bundle: 'agent@1' }, {}, /is an agent/],
    ['what it boots already', { bundle: 'debian@1' }, {}, /boots debian@1 already/],
    ['no time at all', { withinMs: 5 }, {}, /between 10 seconds and 24 hours/],
    ['a machine that boots no bundle', {}, { state: 'broken' }, /is broken/],
  ];
  for (const [what, order, machine, words] of refused)
    it(`${what} is refused`, async () => {
      const bench = await lay(machine);
      const outcome = await bench.ask(order);
      assert.ok(outcome.is !== 'done' && words.test(outcome.because), JSON.stringify(outcome));
      assert.deepEqual(bench.tries.list(), []);
    });

  it('a first call notes what was good, without any trial', async () => {
    const bench = await lay();
    const { id } = bench.machine;
    const call = (bundle: string) => bench.event({ ...booted('b9'), detail: { signal: 'booted', bundle } });
    for (const bundle of ['debian@1', 'debian@1', 'debian@3', 'gone@1']) await call(bundle);
    assert.deepEqual(await bench.store.tries.goods(), [{ machine: id, bundle: 'debian@3', before: 'debian@1' }]);
  });
});

describe('what a boot gets while a bundle is on trial', () => {
  it('the bundle on trial, with where to call and the token; afterwards its own again', async () => {
    const { deps, store, clock } = layBench(bootMachine);
    await store.bundles.add(sampleBundle('next', { callsHome: true, kernelArgs: ['try=1'] }), []);
    const power = { order: () => assert.fail('nothing is switched') };
    const tries = createBundleTries(
      { store, power, planNext: () => Promise.resolve(undefined), clock, log: createQuietLog() },
      [],
    );
    const own = { ...deps, tries, trialOf: tries.trialOf.bind(tries) };
    await tries.ask(bootMachine.name, { bundle: 'next@1', withinMs: WITHIN_MS, mayCycle: true }, 'alice');
    const request = { ...ubootRequest(bootMachine.macs[0] ?? assert.fail()), format: 'boot-script' } as const;
    const boot = async () => {
      const machine = await store.machines.byId(bootMachine.id);
      const session = await deps.sessions.firmwareSpoke(machine ?? bootMachine, request);
      return decide(own, session, { machine, request, network: rack1 });
    };
    const first = await boot();
    assert.ok(first.do === 'boot', JSON.stringify(first));
    assert.equal(first.bundle, 'next@1');
    assert.match(first.args.text, /try=1 .*farrier\.url=http:\/\/10\.77\.0\.1:5240 farrier\.token=[0-9a-f]{32}/);
    assert.equal((await boot()).do === 'boot' && tries.of(bootMachine.id)?.step, 'under way');
    deps.sessions.end(bootMachine.id);
    const second = await boot();
    assert.ok(second.do === 'boot' && second.bundle === 'debian@12');
    assert.doesNotMatch(second.args.text, /farrier\./);
    await tries.stop();
  });
});
