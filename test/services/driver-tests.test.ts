import { strict as assert } from 'node:assert';
import type { Machine } from '../../server/core/machine.ts';
import type { KitResult } from '../../server/services/driver-kit/run-kit.ts';
import type { StandInFault } from '../../server/services/driver-kit/stand-ins.ts';
import { createDriverTests, type DriverTestOrder, type DriverTestOutcome } from '../../server/services/driver-tests.ts';
import { secretContext } from '../../server/services/power-secrets.ts';
import { definePowerDriver } from '../../power-drivers/define.ts';
import { PowerError, type PowerDriver } from '../../server/ports/power-driver.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { createMemoryPowerStore } from '../support/memory-power-store.ts';
import { poweredMachine } from '../support/power-world.ts';

const PASSWORD = 'canary-of-a-pdu';

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
    open: ({ host, password, outlet }) => {
      const reach = (): void => {
        if (host === '127.0.0.1') throw new PowerError('unreachable', `${String(fault)} PDU`);
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
    openWorld: () =>
      Promise.resolve({
        edges: { clock, rng: { octets: (count) => new Uint8Array(count) } },
        pretend: undefined,
        close: () => Promise.resolve(),
      }),
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
