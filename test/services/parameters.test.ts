import { strict as assert } from 'node:assert';
import { artefactPath } from '../../server/core/bundle.ts';
import type { TransferReport } from '../../server/ports/boot-files.ts';
import { createDhcpAdvisor } from '../../server/services/serve-boot.ts';
import { createBootFiles } from '../../server/services/serve-files.ts';
import {
  createParameterService,
  ONCE_WAITS_MS,
  type ParameterService,
  type ParameterTarget,
  type ParameterWish,
} from '../../server/services/parameters.ts';
import { debian, MAC, machine } from '../core/boot-fixtures.ts';
import { BOARD_ADDRESS, layBench, rack1, SERVER, ubootRequest, type BootBench } from './boot-bench.ts';

const CONFIG = 'pxelinux.cfg/01-52-54-00-12-34-56';
const mine: ParameterTarget = { scope: 'machine', subject: machine.name };
const next: ParameterTarget = { scope: 'once', subject: machine.name };
const wish: ParameterWish = {
  name: 'lab.rows',
  type: 'number',
  meaning: 'Rows.',
  unit: undefined,
  choices: [],
  min: undefined,
  max: 9,
  word: 'rows',
};

interface Laid extends BootBench {
  readonly parameters: ParameterService;
  /** The config as the board asks for it now. */
  config(): Promise<string>;
  /** The kernel is asked for; what its transfer comes to. */
  kernel(octets?: number): Promise<(report?: Partial<TransferReport>) => void>;
  /** Its firmware speaks: DHCP. */
  firmware(): Promise<string | undefined>;
}

function lay(): Laid {
  const bench = layBench(machine);
  const parameters = createParameterService({
    store: bench.store,
    boards: bench.deps.boards,
    networks: () => [rack1],
    clock: bench.clock,
  });
  bench.leases.set(BOARD_ADDRESS, MAC);
  const files = createBootFiles(bench.deps);
  const advisor = createDhcpAdvisor(bench.deps);
  const asked = (path: string) => files.open({ via: 'tftp', path, peer: BOARD_ADDRESS, local: SERVER });
  return {
    ...bench,
    parameters,
    firmware: async () => (await advisor.advise(ubootRequest(MAC), rack1, true)).file,
    config: async () => {
      const served = await asked(CONFIG);
      assert.ok(served.is === 'file');
      return new TextDecoder().decode(await served.content.read(0, served.content.octets));
    },
    kernel: async () => {
      const served = await asked(artefactPath(debian.kernel));
      assert.ok(served.is === 'file');
      return (report = {}) => {
        const whole = { outcome: 'done', octetsSent: served.content.octets, durationMs: 1, retransmits: 0, words: '' };
        served.ended({ ...whole, ...report } as TransferReport);
      };
    },
  };
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('parameters, set by people', () => {
  it('say whose doing they were, on the machine’s timeline, and count at once', async () => {
    const { parameters, store } = lay();
    assert.deepEqual(await parameters.set(mine, 'kernel.loglevel', '5', 'alice'), { is: 'done' });
    const counting = (await parameters.ofMachine(machine)).find((each) => each.declaration.name === 'kernel.loglevel');
    assert.deepEqual([counting?.value, counting?.origin, counting?.setting?.by], [5, 'machine', 'alice']);
    const events = await store.events.list({ machine: machine.id, limit: 9 });
    assert.deepEqual(
      events.map((event) => [event.kind, event.text]),
      [['edit', 'parameter kernel.loglevel set to 5 by alice']],
    );
  });

  it('count from site, network and board too, and come back when the nearer one is unset', async () => {
    const { parameters } = lay();
    const targets: readonly ParameterTarget[] = [
      { scope: 'site' },
      { scope: 'network', subject: 'rack1' },
      { scope: 'board', subject: 'bench-uboot' },
      mine,
      next,
    ];
    for (const [index, target] of targets.entries()) await parameters.set(target, 'kernel.loglevel', index, 'alice');
    const seen: (string | undefined)[] = [];
    for (const target of [...targets].reverse()) {
      const found = (await parameters.ofMachine(machine)).find((each) => each.declaration.name === 'kernel.loglevel');
      seen.push(`${String(found?.value)} ${found?.origin ?? ''}`);
      await parameters.unset(target, 'kernel.loglevel', 'alice');
    }
    assert.deepEqual(seen, ['4 once', '3 machine', '2 board', '1 network', '0 site']);
    assert.deepEqual(await parameters.settings(), []);
  });

  const refused: readonly (readonly [string, ParameterTarget, string, string, RegExp])[] = [
    ['a machine there is not', { scope: 'machine', subject: 'nobody' }, 'debug.stay', 'on', /unknown-machine/],
    ['a network there is not', { scope: 'network', subject: 'rack9' }, 'debug.stay', 'on', /"field":"subject".*rack9/],
    ['a board there is not', { scope: 'board', subject: 'nope' }, 'debug.stay', 'on', /farrier board list/],
    ['a parameter there is not', mine, 'debug.nope', 'on', /unknown-parameter.*farrier parameter list/],
    ['a value of another type', mine, 'debug.stay', 'maybe', /"field":"value".*neither true nor false/],
  ];
  for (const [title, target, name, value, want] of refused)
    it(`refuses ${title}`, async () => {
      const { parameters, events } = lay();
      assert.match(JSON.stringify(await parameters.set(target, name, value, 'alice')), want);
      assert.deepEqual(await events(), []);
    });

  it('unsetting what is not set says so', async () => {
    const { parameters } = lay();
    assert.match(JSON.stringify(await parameters.unset(next, 'debug.stay', 'a')), /not set for its next boot/);
    assert.match(JSON.stringify(await parameters.unset(mine, 'debug.stay', 'a')), /not set there/);
  });
});

describe('parameters of the site’s own', () => {
  it('are declared, set, put on the line, and forgotten when no value stands', async () => {
    const { parameters, config, firmware } = lay();
    assert.deepEqual(await parameters.declare(wish, 'alice'), { is: 'done' });
    assert.match(JSON.stringify(await parameters.set(mine, 'lab.rows', '10', 'a')), /no whole number from any to 9/);
    await parameters.set(mine, 'lab.rows', '4', 'alice');
    await firmware();
    assert.match(await config(), / rows=4 /);
    assert.match(JSON.stringify(await parameters.undeclare('lab.rows', 'alice')), /taken.*still set/);
    await parameters.unset(mine, 'lab.rows', 'alice');
    assert.deepEqual(await parameters.undeclare('lab.rows', 'alice'), { is: 'done' });
    assert.match(JSON.stringify(await parameters.undeclare('lab.rows', 'alice')), /unknown-parameter/);
  });

  const bad: readonly (readonly [string, Partial<ParameterWish>, RegExp])[] = [
    ['a name that is none', { name: 'Lab Rows' }, /"field":"name"/],
    ['the name of a shipped one', { name: 'debug.stay' }, /taken.*choose another name/],
    ['a name that a shell could not tell apart', { name: 'debug-stay' }, /same as debug\.stay/],
    ['a choice without choices', { type: 'choice', max: undefined }, /"field":"choices"/],
    ['choices of a number', { choices: ['a'] }, /a number has no choices/],
    ['limits of a text', { type: 'text' }, /only a number/],
    ['a kernel argument that is no name', { word: 'a=b' }, /"field":"word"/],
    ['a kernel argument of Farrier’s', { word: 'farrier.token' }, /belong to Farrier/],
  ];
  for (const [title, change, want] of bad)
    it(`refuses ${title}`, async () => {
      const { parameters } = lay();
      assert.match(JSON.stringify(await parameters.declare({ ...wish, ...change }, 'alice')), want);
    });

  it('a new type must fit the value that is set', async () => {
    const { parameters } = lay();
    await parameters.declare(wish, 'alice');
    await parameters.set(mine, 'lab.rows', '4', 'alice');
    assert.deepEqual(await parameters.declare({ ...wish, max: 5 }, 'alice'), { is: 'done' });
    assert.match(JSON.stringify(await parameters.declare({ ...wish, max: 3 }, 'alice')), /which is set; unset it/);
  });
});

describe('a parameter for the next boot', () => {
  it('counts in that boot however often the config is asked for, and is gone in the one after', async () => {
    const bench = lay();
    await bench.parameters.set(next, 'debug.initcalls', 'on', 'alice');
    await bench.firmware();
    assert.match(await bench.config(), /initcall_debug/);
    (await bench.kernel())();
    assert.match(await bench.config(), /initcall_debug/, 'the same boot asks again');
    assert.deepEqual(await bench.parameters.settings(), []);
    await bench.firmware();
    assert.doesNotMatch(await bench.config(), /initcall_debug/);
    const told = (await bench.events()).filter((event) => event.detail['onceUsed'] === 1);
    assert.equal(told.length, 1);
    assert.match(told[0]?.text ?? '', /1 parameter set for one boot went to this one/);
  });

  it('is told to the system of its boot, and to no later one', async () => {
    const bench = lay();
    await bench.parameters.set(next, 'ssh.authorized-keys', 'ssh-ed25519 A', 'alice');
    await bench.firmware();
    await bench.config();
    (await bench.kernel())();
    const [boot] = await bench.store.boots.ofMachine(machine.id, 1);
    const toldTo = async (id: string) =>
      (await bench.parameters.ofBoot(machine, id)).some((each) => each.declaration.name === 'ssh.authorized-keys');
    assert.deepEqual([await toldTo(boot?.id ?? ''), await toldTo('b-later')], [true, false]);
  });

  it('is on disk as used before the kernel’s first octet leaves: a crash then gives it to no second boot', async () => {
    const bench = lay();
    await bench.parameters.set(next, 'debug.initcalls', 'on', 'alice');
    await bench.firmware();
    await bench.config();
    await bench.kernel();
    assert.deepEqual(await bench.parameters.settings(), []);
  });

  it('waits for another boot when the daemon stops before the kernel was asked for', async () => {
    const bench = lay();
    await bench.parameters.set(next, 'debug.initcalls', 'on', 'alice');
    await bench.firmware();
    assert.match(await bench.config(), /initcall_debug/);
    bench.deps.sessions.end(machine.id);
    await bench.firmware();
    assert.match(await bench.config(), /initcall_debug/);
  });

  it('is given back when the kernel was cut short or only its size was asked for', async () => {
    for (const report of [
      { outcome: 'gave-up' },
      { octetsSent: 0 },
      { outcome: 'aborted-by-peer', octetsSent: 0 },
    ] as const) {
      const bench = lay();
      await bench.parameters.set(next, 'debug.initcalls', 'on', 'alice');
      await bench.firmware();
      await bench.config();
      (await bench.kernel())(report);
      await settle();
      assert.equal((await bench.parameters.settings()).length, 1, JSON.stringify(report));
    }
  });

  it('stays used when one transfer is cut while another brings the kernel whole, in either order', async () => {
    for (const order of [
      [0, 1],
      [1, 0],
    ] as const) {
      const bench = lay();
      await bench.parameters.set(next, 'debug.initcalls', 'on', 'alice');
      await bench.firmware();
      await bench.config();
      const ends = [await bench.kernel(), await bench.kernel()];
      ends[order[0]]?.(order[0] === 0 ? { outcome: 'gave-up' } : {});
      ends[order[1]]?.(order[1] === 0 ? { outcome: 'gave-up' } : {});
      await settle();
      assert.deepEqual(await bench.parameters.settings(), []);
    }
  });

  it('a part of the kernel that was asked for by itself is no cut', async () => {
    const bench = lay();
    await bench.parameters.set(next, 'debug.initcalls', 'on', 'alice');
    await bench.firmware();
    await bench.config();
    (await bench.kernel())({ octetsSent: 1 });
    await settle();
    assert.deepEqual(await bench.parameters.settings(), []);
  });

  it('that was set while a boot is under way is for the one after', async () => {
    const bench = lay();
    await bench.parameters.set(next, 'kernel.loglevel', '1', 'alice');
    await bench.firmware();
    await bench.config();
    (await bench.kernel())();
    await bench.parameters.set(next, 'kernel.loglevel', '2', 'alice');
    await bench.firmware();
    assert.match(await bench.config(), /loglevel=2/);
  });

  it('counts no more after a day', async () => {
    const bench = lay();
    await bench.parameters.set(next, 'debug.initcalls', 'on', 'alice');
    bench.clock.advance(ONCE_WAITS_MS);
    assert.deepEqual(await bench.parameters.settings(), []);
    await bench.firmware();
    assert.doesNotMatch(await bench.config(), /initcall_debug/);
  });

  it('boot.target=local-disk: used by the word that sends it there, and kept in that boot', async () => {
    const bench = lay();
    await bench.parameters.set(next, 'boot.target', 'local-disk', 'alice');
    assert.equal(await bench.firmware(), undefined);
    assert.equal(await bench.firmware(), undefined, 'a retransmitted DISCOVER');
    assert.deepEqual(await bench.parameters.settings(), []);
    bench.deps.sessions.end(machine.id);
    assert.notEqual(await bench.firmware(), undefined);
  });

  it('boot.target=agent: one boot of the agent, then its bundle again', async () => {
    const bench = lay();
    await bench.parameters.set(next, 'boot.target', 'agent', 'alice');
    await bench.firmware();
    assert.match(await bench.config(), /farrier\.token=[0-9a-f]{32}/);
  });
});
