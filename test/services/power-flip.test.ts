import { strict as assert } from 'node:assert';
import { ipv4, type Ipv4 } from '../../server/core/address.ts';
import { flipWords } from '../../server/core/flip-judge.ts';
import { createSignsOf } from '../../server/services/flip-signs.ts';
import { createFlipWatch } from '../../server/services/flip-watch.ts';
import { createFlipTests, type FlipOutcome, type FlipTests } from '../../server/services/power-flip.ts';
import { settle } from '../support/fake-clock.ts';
import { createQuietLog } from '../support/quiet-log.ts';
import { createPowerWorld, poweredMachine, type PowerWorld } from '../support/power-world.ts';
import { sampleEvent, sampleFacts } from '../support/samples.ts';

/** BMCs are at the addresses of their machines and so many more. */
const BMC = 100;

interface Bench {
  readonly world: PowerWorld;
  readonly flips: FlipTests;
  /** Which machine really hangs on an outlet. */
  readonly wired: Map<string, string[]>;
  /** Machines whose answer is kept back. */
  readonly mute: Set<string>;
  /** Machines whose console goes on talking while they have power. */
  readonly talks: Set<string>;
  begin(refs: readonly string[]): Promise<FlipOutcome>;
  /** Lets the test come to its end; what was found, in words. */
  end(): Promise<readonly string[]>;
}

/** Four machines that answer while the outlet they really hang on is on. */
function bench(): Bench {
  const world = createPowerWorld();
  const wired = new Map([1, 2, 3, 4].map((n) => [String(n), [`m${n}`]]));
  const mute = new Set<string>();
  const talks = new Set<string>();
  const said = new Map<string, number>();
  for (const n of [1, 2, 3, 4]) world.pdu.set(String(n), 'on');
  const addresses = new Map<Ipv4, string>([1, 2, 3, 4].flatMap((n) => [n, BMC + n].map((at) => [ipv4(at), `m${n}`])));
  const isFed = (name: string): boolean =>
    [...wired].some(([outlet, names]) => names.includes(name) && world.pdu.state(outlet) === 'on');
  const answers = (address: Ipv4): Promise<boolean> => {
    const name = addresses.get(address) ?? '';
    return Promise.resolve(isFed(name) && (!mute.has(name) || address > BMC));
  };
  const heard = (name: string): number => {
    const octets = (said.get(name) ?? 0) + (talks.has(name) && isFed(name) ? 40 : 0);
    said.set(name, octets);
    return octets;
  };
  const { store, clock, power } = world;
  const flips = createFlipTests({
    ...{ store, power, clock, log: createQuietLog() },
    machines: { find: (ref) => Promise.resolve(ref === 'nobody' ? undefined : world.machine(ref)) },
    signsOf: createSignsOf({
      answers,
      addressOf: ({ name }) => [...addresses].find(([, each]) => each === name)?.[0],
      consoles: { room: ({ name }) => Promise.resolve({ recording: { range: () => ({ from: 0, to: heard(name) }) } }) },
    }),
    watch: createFlipWatch({ events: store.events, clock }),
  });
  return {
    ...{ world, flips, wired, mute, talks },
    begin: (refs) => flips.begin({ refs, by: 'alice', silentMs: 30_000, backMs: 60_000 }),
    end: async () => {
      for (let pieces = 0; flips.now()?.state === 'running'; pieces += 1) {
        assert.ok(pieces < 2000, 'it ends');
        await clock.pass(500);
        await settle();
      }
      return (flips.now()?.outlets ?? []).map(
        ({ machine, verdict }) => `${machine} ${verdict ? flipWords(verdict) : 'not tried'}`,
      );
    },
  };
}

const because = (outcome: FlipOutcome): string => (outcome.is === 'begun' ? '' : outcome.because);

describe('the flip test', () => {
  it('finds two that are swapped, and leaves everything on', async () => {
    const { world, wired, begin, end } = bench();
    wired.set('2', ['m3']).set('3', ['m2']);
    await begin(['m1', 'm2', 'm3', 'm4']);
    assert.deepEqual(await end(), ['m1 right', 'm2 swapped with m3', 'm3 swapped with m2', 'm4 right']);
    for (const outlet of '1234') assert.equal(world.pdu.state(outlet), 'on');
    const told = world.texts().filter((text) => text.startsWith('flip test'));
    assert.equal(told[1], 'flip test by alice: its outlet is swapped with m3');
  });

  it('an outlet with nobody, one with two, one of a machine outside of the test', async () => {
    const { wired, begin, end } = bench();
    wired.set('1', []).set('2', ['m2', 'm1']).set('3', ['m4']).set('4', ['m3']);
    await begin(['m1', 'm2', 'm3']);
    const want = ['m1 nobody went silent', 'm2 unsure: m1, m2 went silent together', 'm3 wrong: it switches m4'];
    assert.deepEqual(await end(), want);
  });

  it('a machine that gives no sign of life is not switched at all', async () => {
    const { world, mute, begin, end } = bench();
    mute.add('m1');
    await begin(['m1']);
    assert.match((await end())[0] ?? '', /unsure: it gives no sign of life; switch it on/);
    assert.deepEqual(world.pdu.calls, []);
  });

  it('machines without an answer of their own are watched by their BMC or by a console that talks', async () => {
    const { world, wired, mute, talks, begin, end } = bench();
    for (const n of [1, 2, 3]) mute.add(`m${n}`);
    for (const n of [1, 2]) world.put(poweredMachine(n, { facts: { ...sampleFacts, bmcAddress: ipv4(BMC + n) } }));
    talks.add('m3');
    wired.set('2', ['m3']).set('3', ['m2']);
    await begin(['m1', 'm2', 'm3', 'm4']);
    assert.deepEqual(await end(), ['m1 right', 'm2 swapped with m3', 'm3 swapped with m2', 'm4 right']);
  });

  it('a console that is silent anyway, and a BMC by which the machine is switched, are no signs', async () => {
    const { world, mute, begin, end } = bench();
    for (const n of [1, 2]) mute.add(`m${n}`);
    const power = { driver: 'ipmi', parameters: {} };
    world.put(poweredMachine(1, { power, facts: { ...sampleFacts, bmcAddress: ipv4(BMC + 1) } }));
    const signs = createSignsOf({
      answers: () => Promise.resolve(true),
      addressOf: () => undefined,
      consoles: { room: () => Promise.resolve({ recording: { range: () => ({ from: 0, to: 7 }) } }) },
    })(world.machine('m1'));
    assert.deepEqual(
      signs.map(({ is }) => is),
      ['console'],
    );
    await begin(['m2']);
    assert.match((await end())[0] ?? '', /unsure: it gives no sign of life/);
  });

  it('an outlet that says ok and does nothing is unsure; it is told to be on all the same', async () => {
    const { world, begin, end } = bench();
    world.pdu.habits('1', { ignores: 2 });
    await begin(['m1']);
    assert.match((await end())[0] ?? '', /unsure: power off failed: it took "off" 2 times/);
    assert.ok(world.pdu.calls.includes('pdu-a/1 on'));
  });

  it('a machine that does not come back is told; a packet of its firmware or words of its console count as coming back', async () => {
    const pattern = { kind: 'console', detail: { pattern: 'u-boot-banner' } } as const;
    const signs = [undefined, { kind: 'dhcp' }, pattern, { kind: 'console', detail: {} }] as const;
    for (const sign of signs) {
      const speaks = sign !== undefined && sign !== signs[3];
      const { world, flips, mute, begin, end } = bench();
      await begin(['m1']);
      while (world.pdu.state('1') === 'on') await world.clock.pass(100);
      mute.add('m1');
      while (!world.pdu.calls.includes('pdu-a/1 on')) await world.clock.pass(500);
      if (sign) await world.store.events.append([sampleEvent('heard', { ...sign, machine: world.machine('m1').id })]);
      assert.deepEqual(await end(), ['m1 right']);
      assert.deepEqual(flips.now()?.outlets[0]?.missing, speaks ? [] : ['m1']);
    }
  });

  it('aborted, and when Farrier stops, what is off is switched on again', async () => {
    for (const how of ['abort', 'stop'] as const) {
      const { world, flips, begin, end } = bench();
      await begin(['m1', 'm2']);
      while (world.pdu.state('1') === 'on') await world.clock.pass(100);
      if (how === 'abort') flips.abort();
      else void flips.stop();
      assert.deepEqual(await end(), ['m1 unsure: the test was aborted', 'm2 not tried']);
      assert.equal(flips.now()?.state, 'aborted');
      assert.equal(world.pdu.state('1'), 'on');
      assert.ok(!world.pdu.calls.some((call) => call.startsWith('pdu-a/2')));
    }
  });

  it('refuses machines in use, unknown ones, none, those that cannot be switched, and a second test', async () => {
    const { world, begin, end } = bench();
    world.put(poweredMachine(2, { state: 'deployed' }));
    world.put(poweredMachine(3, { power: undefined }));
    assert.match(because(await begin(['m1', 'm2'])), /m2 is deployed: a machine in use is not switched off/);
    assert.equal((await begin(['nobody'])).is, 'unknown-machine');
    assert.match(because(await begin([])), /name the machines/);
    assert.match(because(await begin(['m3'])), /no power setting/);
    assert.deepEqual(world.pdu.calls, []);
    assert.equal((await begin(['m1', 'm1'])).is, 'begun');
    assert.match(because(await begin(['m4'])), /a flip test is under way/);
    assert.equal((await end()).length, 1);
  });
});
