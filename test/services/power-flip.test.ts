import { strict as assert } from 'node:assert';
import { ipv4, type Ipv4 } from '../../server/core/address.ts';
import { flipWords } from '../../server/core/flip-judge.ts';
import type { MachineId } from '../../server/core/machine.ts';
import { hearAskings } from '../../server/services/dhcp-askings.ts';
import { createSigns, type Signs } from '../../server/services/flip-signs.ts';
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
  /** Machines that have a console, and whether it goes on talking while they have power. */
  readonly consoles: Map<string, boolean>;
  /** Machines that ask by DHCP while they have power, and every how many seconds. */
  readonly asks: Map<string, number>;
  readonly signs: Signs;
  /** Lets time pass; who asks by DHCP does. */
  passS(seconds: number): Promise<void>;
  begin(refs: readonly string[], silentMs?: number): Promise<FlipOutcome>;
  /** Lets the test come to its end; what was found, in words. */
  end(): Promise<readonly string[]>;
}

/** Four machines that answer while the outlet they really hang on is on. */
function bench(): Bench {
  const world = createPowerWorld();
  const wired = new Map([1, 2, 3, 4].map((n) => [String(n), [`m${n}`]]));
  const mute = new Set<string>();
  const consoles = new Map<string, boolean>();
  const asks = new Map<string, number>();
  const said = new Map<string, number>();
  for (const n of [1, 2, 3, 4]) world.pdu.set(String(n), 'on');
  const addresses = new Map<Ipv4, string>([1, 2, 3, 4].flatMap((n) => [n, BMC + n].map((at) => [ipv4(at), `m${n}`])));
  const isFed = (name: string): boolean =>
    [...wired].some(([outlet, names]) => names.includes(name) && world.pdu.state(outlet) === 'on');
  const answers = (address: Ipv4): Promise<boolean> => {
    const name = addresses.get(address) ?? '';
    return Promise.resolve(isFed(name) && (!mute.has(name) || address > BMC));
  };
  const { store, clock, power } = world;
  const heardOctets = (id: MachineId): number | undefined => {
    const name = ['m1', 'm2', 'm3', 'm4'].find((each) => world.machine(each).id === id) ?? '';
    if (!consoles.has(name)) return undefined;
    const octets = (said.get(name) ?? 0) + (consoles.get(name) === true && isFed(name) ? 40 : 0);
    said.set(name, octets);
    return octets;
  };
  let halves = 0;
  const passHalf = async (): Promise<void> => {
    await clock.pass(500);
    halves += 1;
    const asking = [...asks].filter(([name, everyS]) => isFed(name) && halves % (2 * everyS) === 0);
    await store.events.append(asking.map(([name]) => asked(world.machine(name).id)));
    await settle();
  };
  const signs = createSigns({
    ...{ answers, consoles: { heardOctets }, clock },
    addressOf: ({ name }) => [...addresses].find(([, each]) => each === name)?.[0],
    askings: hearAskings({ events: store.events, clock }),
  });
  const flips = createFlipTests({
    ...{ store, power, clock, log: createQuietLog() },
    machines: { find: (ref) => Promise.resolve(ref === 'nobody' ? undefined : world.machine(ref)) },
    signs,
    watch: createFlipWatch({ events: store.events, clock }),
  });
  return {
    ...{ world, flips, wired, mute, consoles, asks, signs },
    passS: async (seconds) => {
      for (let half = 0; half < 2 * seconds; half += 1) await passHalf();
    },
    begin: (refs, silentMs = 30_000) => flips.begin({ refs, by: 'alice', silentMs, backMs: 60_000 }),
    end: async () => {
      for (let pieces = 0; flips.now()?.state === 'running'; pieces += 1) {
        assert.ok(pieces < 2000, 'it ends');
        await passHalf();
      }
      return (flips.now()?.outlets ?? []).map(
        ({ machine, verdict }) => `${machine} ${verdict ? flipWords(verdict) : 'not tried'}`,
      );
    },
  };
}

const asked = (machine: MachineId) =>
  sampleEvent('DHCP DISCOVER', { kind: 'dhcp', machine, detail: { received: 'DISCOVER', sent: 'OFFER' } });

const because = (outcome: FlipOutcome): string => (outcome.is === 'begun' ? '' : outcome.because);

describe('the flip test', () => {
  it('finds two that are swapped, and leaves everything on', async () => {
    const { world, wired, begin, end } = bench();
    wired.set('2', ['m3']).set('3', ['m2']);
    await begin(['m1', 'm2', 'm3', 'm4']);
    assert.deepEqual(await end(), ['m1 right', 'm2 swapped with m3', 'm3 swapped with m2', 'm4 right']);
    for (const outlet of '1234') assert.equal(world.pdu.state(outlet), 'on');
    const told = world.texts().filter((text) => text.startsWith('flip test'));
    assert.equal(
      told[1],
      'flip test by alice: its outlet is swapped with m3; with it off, m3 answers no more on its address',
    );
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

  it('machines without an answer of their own are watched by their BMC, their DHCP or a console that talks', async () => {
    const { world, flips, wired, mute, consoles, asks, passS, begin, end } = bench();
    for (const n of [1, 2, 3]) mute.add(`m${n}`);
    world.put(poweredMachine(1, { facts: { ...sampleFacts, bmcAddress: ipv4(BMC + 1) } }));
    asks.set('m2', 4);
    consoles.set('m3', true);
    wired.set('2', ['m3']).set('3', ['m2']);
    await passS(40);
    await begin(['m1', 'm2', 'm3', 'm4']);
    assert.deepEqual(await end(), ['m1 right', 'm2 swapped with m3', 'm3 swapped with m2', 'm4 right']);
    const signs = (flips.now()?.outlets ?? []).map(({ silent, missing }) => [silent[0]?.sign, ...missing]);
    assert.deepEqual(signs, [['BMC'], ['console'], ['DHCP'], ['link']], 'and all came back');
  });

  it('DHCP is judged by its own rhythm: too slow for the time given, or none yet, is unsure', async () => {
    const { wired, mute, asks, passS, begin, end } = bench();
    mute.add('m1');
    asks.set('m1', 20);
    await passS(90);
    await begin(['m1']);
    assert.match((await end())[0] ?? '', /unsure: it asked by DHCP \d+ s ago, but its silence could not be told/);
    await passS(60);
    await begin(['m1']);
    const want = /unsure: only its DHCP is heard, with pauses of 20 s: give it 52 s to fall silent \(--silent\)/;
    assert.match((await end())[0] ?? '', want);
    await begin(['m1'], 60_000);
    assert.deepEqual(await end(), ['m1 right']);
    wired.set('1', []).set('4', ['m1']);
    await begin(['m1'], 60_000);
    assert.deepEqual(await end(), ['m1 nobody went silent'], 'it went on asking');
  });

  it('a console that is silent anyway, and a BMC by which the machine is switched, are no signs', async () => {
    const { world, mute, consoles, signs, begin, end } = bench();
    for (const n of [1, 2]) mute.add(`m${n}`);
    const power = { driver: 'ipmi', parameters: {} };
    world.put(poweredMachine(1, { power, facts: { ...sampleFacts, bmcAddress: ipv4(BMC + 1) } }));
    consoles.set('m1', false).set('m2', false);
    const of = (name: string, withinMs: number): readonly string[] =>
      signs.of(world.machine(name), withinMs).map(({ is }) => is);
    assert.deepEqual([of('m1', 30_000), of('m3', 30_000)], [['link', 'console'], ['link']]);
    await begin(['m2']);
    assert.match((await end())[0] ?? '', /unsure: it gives no sign of life/);
    assert.deepEqual(of('m2', 5000), ['link']);
    await begin(['m2'], 5000);
    assert.match((await end())[0] ?? '', /unsure: a console needs 12 s to fall silent \(--silent\)/);
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
    const cutOff = { kind: 'tftp', detail: { outcome: 'gave-up' } } as const;
    const signs = [undefined, { kind: 'dhcp' }, pattern, { kind: 'console', detail: {} }, cutOff] as const;
    for (const sign of signs) {
      const speaks = sign === signs[1] || sign === pattern;
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
