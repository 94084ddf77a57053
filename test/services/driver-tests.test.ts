import { strict as assert } from 'node:assert';
import type { Machine } from '../../server/core/machine.ts';
import type { KitResult } from '../../server/services/driver-kit/run-kit.ts';
import type { PretendDevice } from '../../server/services/driver-kit/pretend-target.ts';
import type { StandInFault } from '../../server/services/driver-kit/stand-ins.ts';
import { createDriverTests, type DriverTestOrder, type DriverTestOutcome } from '../../server/services/driver-tests.ts';
import { secretContext } from '../../server/services/power-secrets.ts';
import { definePowerDriver } from '../../power-drivers/define.ts';
import { PowerError, type PowerDriver } from '../../server/ports/power-driver.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { createMemoryPowerStore } from '../support/memory-power-store.ts';
import { poweredMachine } from '../support/power-world.ts';

const PASSWORD = 'canary-of-a-pdu';
const PRETEND_PORT = 4711;

interface World {
  run(order?: Partial<DriverTestOrder>): Promise<DriverTestOutcome>;
  /** Runs without letting time pass. */
  begin(order?: Partial<DriverTestOrder>): Promise<DriverTestOutcome>;
  put(n: number, change: Partial<Machine>): void;
  /** Every way in which a stand-in was opened, and whether a device lay behind it. */
  readonly standIns: (readonly [StandInFault, boolean])[];
  readonly orders: string[];
  readonly looked: string[];
  switching(name: string): void;
  /** Happens when the device is switched for the first time. */
  meanwhile: () => void;
  /** What lies beside the driver: a pretend device that says this, or why there is none to be run. */
  beside: PretendDevice | PowerError | undefined;
  /** For each test whether a pretend device was wanted, and how many have been closed. */
  readonly wanted: boolean[];
  closed: number;
  /** What the device really is. */
  readonly power: () => 'on' | 'off';
}

function layWorld(): World {
  const clock = createFakeClock();
  const memory = createMemoryPowerStore(clock);
  const [standIns, orders, looked, busy]: [World['standIns'], string[], string[], Set<string>] = [
    [],
    [],
    [],
    new Set(),
  ];
  let state: 'on' | 'off' = 'off';
  let fault: StandInFault | undefined;
  const driver: PowerDriver = definePowerDriver({
    name: 'pretend',
    summary: 'pretend PDU',
    abilities: ['on', 'off', 'status'],
    callTimeoutMs: 1000,
    settleTimeoutMs: 1000,
    fields: {
      host: { kind: 'host', label: 'PDU', scope: 'controller', required: true },
      port: { kind: 'port', label: 'Port', scope: 'controller', required: true, default: 2323 },
      password: { kind: 'secret', label: 'Password', scope: 'controller', required: true },
      outlet: { kind: 'integer', label: 'Outlet', scope: 'machine', required: true },
    },
    open: ({ host, port, password, outlet }) => {
      const reach = (): void => {
        if (host === '127.0.0.1' && port !== PRETEND_PORT) throw new PowerError('unreachable', `${String(fault)} PDU`);
        if (password !== PASSWORD) throw new PowerError('auth', 'password refused');
        if (outlet > 8) throw new PowerError('refused', 'no such outlet');
      };
      return {
        set: (want) => {
          orders.push(want);
          world.meanwhile();
          reach();
          state = want;
          return Promise.resolve();
        },
        query: () =>
          Promise.resolve()
            .then(reach)
            .then(() => state),
      };
    },
  });
  const tests = createDriverTests({
    store: memory.store,
    vault: { open: (sealed, context) => sealed.slice(0, -context.length - 1) },
    drivers: { list: () => [driver], byName: (name) => (name === 'pretend' ? driver : undefined) },
    power: {
      underWay: ({ name }) => (busy.has(name) ? 'cycle' : undefined),
      status: ({ name }) => {
        looked.push(name);
        return Promise.resolve({ is: 'refused', because: 'not here' });
      },
    },
    openWorld: (_, wantsPretend) => {
      world.wanted.push(wantsPretend);
      const { beside } = world;
      if (beside instanceof PowerError) return Promise.reject(beside);
      return Promise.resolve({
        edges: { clock, rng: { octets: (count) => new Uint8Array(count) } },
        pretend: wantsPretend ? beside : undefined,
        close: () => Promise.resolve(void (world.closed += 1)),
      });
    },
    openStandIn: (how, behind) => {
      fault = how;
      standIns.push([how, behind !== undefined]);
      return Promise.resolve({ host: '127.0.0.1', port: 7, close: () => Promise.resolve() });
    },
  });
  const order = { driver: 'pretend', machine: undefined, parameters: {}, secrets: {}, switches: false };
  const begin: World['begin'] = (change) => tests.run({ ...order, ...change });
  const world: World = {
    ...{ standIns, orders, looked, begin, meanwhile: () => undefined },
    ...{ beside: undefined, wanted: [], closed: 0, power: () => state },
    run: (change) => clock.until(begin(change)),
    put: (n, change) => {
      const parameters = { host: 'pdu-a', port: 2323, outlet: n };
      const machine = poweredMachine(n, { state: 'ready', power: { driver: 'pretend', parameters }, ...change });
      memory.put(machine);
      memory.seal(machine.id, 'password', `${PASSWORD}@${secretContext(machine.id, 'password')}`);
    },
    switching: (name) => busy.add(name),
  };
  return world;
}

const verdicts = (outcome: DriverTestOutcome): Readonly<Record<string, KitResult['verdict']>> => {
  if (outcome.is !== 'done') assert.fail(JSON.stringify(outcome));
  const { results } = outcome;
  return Object.fromEntries(results.map(({ rule, verdict }) => [rule, verdict]));
};
const because = (outcome: DriverTestOutcome): string => (outcome.is === 'done' ? 'done' : outcome.because);
const FIELDS = { parameters: { host: 'pdu-a', outlet: 2 }, secrets: { password: PASSWORD } };

describe('testing a driver from the daemon', () => {
  it('without a device, a stand-in is silent, away, half and flooding, and nothing is switched', async () => {
    const world = layWorld();
    const outcome = await world.run();
    const seen = verdicts(outcome);
    assert.equal(outcome.is === 'done' && outcome.on, 'no device');
    for (const rule of ['declaration', 'parameters', 'unreachable', 'silence', 'abort', 'half-answer', 'flood'])
      assert.equal(seen[rule], 'pass', rule);
    for (const rule of ['status', 'read-back', 'wrong-secret', 'lies', 'flapping'])
      assert.equal(seen[rule], 'not-judged', rule);
    assert.ok(world.standIns.every(([, hasDevice]) => !hasDevice));
    assert.deepEqual(world.orders, []);
  });

  it('on a device it looks, and only with leave it switches', async () => {
    const world = layWorld();
    const seen = verdicts(await world.run(FIELDS));
    assert.deepEqual([seen['status'], seen['outlet'], seen['read-back']], ['pass', 'pass', 'not-judged']);
    assert.deepEqual(world.orders, []);
    const switched = verdicts(await world.run({ ...FIELDS, switches: true }));
    assert.deepEqual(
      [switched['read-back'], switched['repeatable'], switched['wrong-secret']],
      ['pass', 'pass', 'pass'],
    );
    assert.ok(world.orders.length > 0);
    assert.ok(
      world.standIns.every(([, hasDevice]) => hasDevice),
      'the device lies behind the stand-in',
    );
  });

  it('on a machine it uses what the machine has, and looks at it afterwards', async () => {
    const world = layWorld();
    world.put(2, {});
    const outcome = await world.run({ machine: 'm2', switches: true });
    assert.equal(verdicts(outcome)['read-back'], 'pass');
    assert.equal('on' in outcome && outcome.on, 'm2: host pdu-a, port 2323, outlet 2');
    assert.deepEqual(world.looked, ['m2']);
    assert.ok(!JSON.stringify(outcome).includes(PASSWORD));
  });

  for (const state of ['allocated', 'deployed', 'deploying', 'rescue'] as const)
    it(`never on a machine that is ${state}, named or by its outlet`, async () => {
      const world = layWorld();
      world.put(2, { state });
      for (const order of [{ machine: 'm2' }, FIELDS])
        assert.match(because(await world.run(order)), new RegExp(`^m2 is in use \\(${state}\\)`));
      assert.deepEqual(world.orders, []);
    });

  it('12 no more once somebody takes the machine into use: a test takes minutes', async () => {
    const world = layWorld();
    world.put(2, {});
    world.meanwhile = () => {
      world.put(2, { state: 'allocated' });
    };
    const outcome = await world.run({ machine: 'm2', switches: true });
    assert.equal(world.orders.length, 1);
    assert.equal(verdicts(outcome)['repeatable'], 'fail');
    assert.match(JSON.stringify(outcome), /m2 is in use \(allocated\)/);
  });

  it('never while another machine on the same controller is being switched', async () => {
    const world = layWorld();
    world.put(5, { state: 'deployed' });
    assert.equal((await world.run(FIELDS)).is, 'done', 'another outlet may be in use');
    world.switching('m5');
    assert.match(because(await world.run(FIELDS)), /^m5 on the same controller is being switched/);
  });

  const opening = [`host=127.0.0.1`, `port=${PRETEND_PORT}`, `password=${PASSWORD}`, 'outlet=2'];
  const pretend = (change: Partial<PretendDevice> = {}): PretendDevice => ({
    file: '/etc/drivers/pretend.pretend',
    opening: opening.map((each) => `parameter ${each}`),
    ask: (words) => Promise.resolve(words === 'truth' ? 'off' : 'cannot'),
    ...change,
  });

  it('without a device and with a pretend one beside the driver, that one is switched without asking', async () => {
    const world = layWorld();
    world.beside = pretend({ ask: (words) => Promise.resolve(words === 'truth' ? world.power() : 'cannot') });
    const outcome = await world.run();
    const seen = verdicts(outcome);
    assert.equal(outcome.is === 'done' && outcome.on, 'the pretend device /etc/drivers/pretend.pretend');
    for (const rule of ['status', 'read-back', 'repeatable', 'wrong-secret', 'silence'])
      assert.equal(seen[rule], 'pass', rule);
    assert.ok(world.orders.length > 0);
    assert.equal(world.closed, 1);
  });

  it('a device that is named is the real one, whatever lies beside the driver', async () => {
    const world = layWorld();
    world.beside = pretend();
    assert.equal(verdicts(await world.run(FIELDS))['read-back'], 'not-judged');
    world.put(2, {});
    await world.run({ machine: 'm2' });
    assert.deepEqual([world.wanted, world.closed], [[false, false], 2]);
  });

  const unfit: readonly (readonly [string, World['beside'], RegExp])[] = [
    ['may not be run', new PowerError('config', 'x.pretend is writable'), /^x\.pretend is writable$/],
    ['is reached by what does not fit', pretend({ opening: ['parameter host=127.0.0.1'] }), /"password" is missing/],
    ['does not know whether it is on', pretend({ ask: () => Promise.resolve('cannot') }), /"on" or "off" was due/],
  ];
  for (const [title, beside, words] of unfit)
    it(`a pretend device that ${title} is refused`, async () => {
      const world = layWorld();
      world.beside = beside;
      const outcome = await world.run();
      assert.deepEqual([outcome.is, words.test(because(outcome))], ['refused', true], because(outcome));
      assert.equal(world.closed, beside instanceof PowerError ? 0 : 1);
    });

  it('a pretend device whose parameters are those of a machine in use is left alone', async () => {
    const world = layWorld();
    world.beside = pretend();
    const parameters = { host: '127.0.0.1', port: PRETEND_PORT, outlet: 2 };
    world.put(2, { state: 'deployed', power: { driver: 'pretend', parameters } });
    assert.match(because(await world.run()), /^m2 is in use \(deployed\)/);
    assert.deepEqual(world.orders, []);
  });

  it('one test at a time', async () => {
    const world = layWorld();
    const first = world.begin();
    assert.match(because(await world.begin()), /^another driver is being tested/);
    void first;
  });

  const refused: readonly (readonly [string, Partial<DriverTestOrder>, string, RegExp])[] = [
    ['a driver that is not there', { driver: 'x' }, 'unknown-driver', /no power driver "x"/],
    ['a machine that is not there', { machine: 'x' }, 'unknown-machine', /no machine "x"/],
    ['a machine and fields', { ...FIELDS, machine: 'm1' }, 'refused', /not both/],
    ['a machine with another driver', { machine: 'm3' }, 'refused', /is switched by ipmi, not by pretend/],
    ['a field that does not fit', { parameters: { host: 'a b' } }, 'bad-value', /host name or an address/],
    ['a secret among the parameters', { parameters: { password: 'x' } }, 'bad-value', /is a secret/],
    ['a secret that is missing', { parameters: { host: 'pdu-a', outlet: 2 } }, 'bad-value', /is missing/],
  ];
  for (const [title, order, is, words] of refused)
    it(`refuses ${title}`, async () => {
      const world = layWorld();
      world.put(1, {});
      world.put(3, { power: { driver: 'ipmi', parameters: { host: '10.0.0.7' } } });
      const outcome = await world.run(order);
      assert.equal(outcome.is, is);
      assert.match(because(outcome), words);
    });
});
