import { strict as assert } from 'node:assert';
import type { Machine } from '../../server/core/machine.ts';
import { readConsolePatterns } from '../../server/files/console-patterns.ts';
import { ConsoleError } from '../../server/ports/console.ts';
import type { PowerDriver } from '../../server/ports/power-driver.ts';
import type { Store } from '../../server/ports/store.ts';
import { startConsoles, type ConsoleService } from '../../server/services/consoles.ts';
import { createFakeClock, settle, type FakeClock } from '../support/fake-clock.ts';
import { createMemoryRecordings } from '../support/memory-recordings.ts';
import { createMemoryStore } from '../support/memory-store.ts';
import { createPretendLine, type PretendLine } from '../support/pretend-line.ts';
import { createQuietLog } from '../support/quiet-log.ts';
import { sampleEvent, sampleMachine } from '../support/samples.ts';

const { patterns } = readConsolePatterns(['dtbs']);
const OK = { ok: true, value: undefined };

describe('consoles', () => {
  let clock: FakeClock;
  let store: Store;
  let board: PretendLine;
  let driven: PretendLine;
  let machine: Machine;
  let consoles: ConsoleService;
  let recordings: ReturnType<typeof createMemoryRecordings>;
  const choice = { transport: 'pretend', parameters: { host: 'ser.lab' }, secrets: {} };
  const start = (): Promise<ConsoleService> => {
    const byDriver = { ...driven.transport, name: 'power-driver', fields: {} };
    const all = [board.transport, byDriver];
    const pretend: PowerDriver = {
      ...{ name: 'bmc', summary: '', abilities: ['on', 'console'], callTimeoutMs: 1, settleTimeoutMs: 1 },
      fields: { password: { kind: 'secret', label: 'Password', scope: 'controller', required: false } },
      open: (parameters) => ({
        set: () => Promise.resolve(),
        query: () => Promise.resolve('on'),
        console: (signal) => driven.transport.open(parameters, { clock, rng, byPowerDriver: undefined }, signal),
      }),
    };
    const rng = { octets: (count: number) => new Uint8Array(count).fill(128) };
    return startConsoles({
      store,
      patterns: () => patterns,
      ...{ recordings, clock, log: createQuietLog(), rng },
      vault: { seal: (plain) => `sealed:${plain}`, open: (sealed) => sealed.slice(7) },
      transports: {
        list: () => all,
        byName: (name) =>
          name === 'power-driver'
            ? { ...byDriver, open: (_given, edges, signal) => edges.byPowerDriver?.(signal) ?? Promise.reject(Error()) }
            : all.find((each) => each.name === name),
      },
      drivers: { list: () => [pretend], byName: (name) => (name === 'bmc' ? pretend : undefined) },
      timeline: { add: (event) => void store.events.append([event]) },
    });
  };
  const texts = async (): Promise<readonly string[]> =>
    (await store.events.list({ machine: machine.id, limit: 99 })).map((event) => event.text);
  const ready = (): Promise<unknown> => consoles.ready(machine.id, new AbortController().signal);
  const recording = () => recordings.of(machine.id)!;
  const heard = async (): Promise<string> =>
    (await recording().read(0, 9999)).map(({ octets }) => Buffer.from(octets).toString()).join('');
  beforeEach(async () => {
    clock = createFakeClock();
    store = createMemoryStore(clock);
    [board, driven] = [createPretendLine(), createPretendLine()];
    recordings = createMemoryRecordings(clock);
    machine = await store.machines.add(sampleMachine(1), []);
    consoles = await start();
  });
  afterEach(() => consoles.stop());

  it('a console that is set is opened, kept and recorded; without one there is nothing to wait for', async () => {
    assert.deepEqual(await ready(), OK);
    assert.equal(board.opened(), 0);
    assert.deepEqual(await consoles.set(machine, choice, 'alice'), { is: 'done' });
    assert.deepEqual(await ready(), OK);
    board.say('U-Boot');
    assert.equal(await heard(), 'U-Boot');
    assert.deepEqual(await texts(), ['alice set the console to pretend', 'console open (pretend)']);
    assert.equal((await consoles.room(machine)).line().is, 'open');
  });

  it('tells how much a console has said only where one is set', async () => {
    assert.equal(consoles.heardOctets(machine.id), undefined);
    await consoles.room(machine);
    assert.equal(consoles.heardOctets(machine.id), undefined, 'a room to look into is no console');
    await consoles.set(machine, choice, 'alice');
    await ready();
    assert.equal(consoles.heardOctets(machine.id), 0);
    board.say('U-Boot');
    assert.equal(consoles.heardOctets(machine.id), 6);
    await consoles.set(machine, undefined, 'alice');
    assert.equal(consoles.heardOctets(machine.id), undefined);
  });

  it('after a restart it is open before anybody asks', async () => {
    await consoles.set(machine, choice, 'alice');
    await consoles.stop();
    consoles = await start();
    await settle();
    assert.equal(board.opened(), 2);
    board.say('still here');
    assert.equal(await heard(), 'still here');
  });

  it('what is not right is named; secrets are sealed, stay with their device and are never shown', async () => {
    assert.deepEqual(await consoles.set(machine, { ...choice, transport: 'smoke' }, 'alice'), {
      ...{ is: 'bad-value', field: 'transport' },
      because: 'no console transport "smoke"; there are pretend, power-driver',
    });
    const wrong = await consoles.set(machine, { ...choice, parameters: {} }, 'alice');
    assert.equal(wrong.is === 'bad-value' && wrong.field, 'host');
    await consoles.set(machine, { ...choice, secrets: { password: 'horseshoe' } }, 'alice');
    await ready();
    assert.deepEqual(board.parameters(), { host: 'ser.lab', password: 'horseshoe' });
    const shown = await consoles.setting(machine);
    assert.deepEqual(shown.secretsSet, ['password']);
    assert.ok(!JSON.stringify(shown).includes('horseshoe'));
    await consoles.set(machine, { ...choice, parameters: { host: 'ser.lab', speed: 9600 } }, 'alice');
    await ready();
    assert.equal(board.parameters()['password'], 'horseshoe', 'the same device');
    await consoles.set(machine, { ...choice, parameters: { host: 'evil.lab' } }, 'mallory');
    await ready();
    assert.equal(board.parameters()['password'], undefined, 'another device gets no password');
  });

  it('what fails is tried again, ever more slowly, and told once', async () => {
    board.fail(new ConsoleError('unreachable', 'nothing listens there'));
    await consoles.set(machine, choice, 'alice');
    await clock.pass(120_000);
    const tries = board.opened();
    assert.ok(tries >= 6 && tries <= 9, String(tries));
    board.fail(undefined);
    await clock.pass(60_000);
    assert.deepEqual((await texts()).slice(1), [
      'no console: nothing listens there; tried again by itself',
      'console open (pretend)',
    ]);
  });

  it('an order does not wait for the next try: it is tried at once, and the reason is given', async () => {
    board.fail(new ConsoleError('busy', 'somebody else has the session'));
    await consoles.set(machine, choice, 'alice');
    await clock.pass(60_000);
    const before = board.opened();
    assert.deepEqual(await ready(), { ok: false, error: 'somebody else has the session' });
    assert.equal(board.opened(), before + 1);
    board.fail(undefined);
    assert.deepEqual(await ready(), OK);
  });

  it('credentials that were refused are tried once, until the setting changes', async () => {
    board.fail(new ConsoleError('auth', 'the password was refused'));
    await consoles.set(machine, choice, 'alice');
    await clock.pass(3_600_000);
    assert.deepEqual(await ready(), { ok: false, error: 'the password was refused' });
    assert.equal(board.opened(), 1);
    assert.match((await texts()).at(-1) ?? '', /not tried again until its setting changes/);
    board.fail(undefined);
    await consoles.set(machine, { ...choice, secrets: { password: 'horseshoe' } }, 'alice');
    assert.deepEqual(await ready(), OK);
  });

  it('who waits is not kept waiting: an opening that hangs ends, and so does the wait', async () => {
    board.hang();
    await consoles.set(machine, choice, 'alice');
    const stop = new AbortController();
    const waiting = consoles.ready(machine.id, stop.signal);
    await settle();
    stop.abort();
    assert.equal((await waiting).ok, false);
    await clock.pass(15_000);
    assert.equal((await consoles.room(machine)).line().because, 'it did not open within 15 s');
  });

  it('a line that comes and goes does not fill the timeline', async () => {
    await consoles.set(machine, choice, 'alice');
    for (let n = 0; n < 50; n += 1) {
      await ready();
      board.end('unplugged');
      await clock.pass(100);
    }
    assert.ok((await texts()).length <= 8, String((await texts()).length));
    const marks = recording().marks();
    assert.ok(marks.filter((mark) => mark.is === 'opened').length >= 50, 'the recording knows all of them');
  });

  it('by the power driver: opened with its secrets, and anew when the power setting changes', async () => {
    const power = { driver: 'bmc', parameters: {} };
    machine = await store.machines.change(machine, { power }, []);
    await store.secrets.put(machine.id, 'password', 'sealed:one');
    await consoles.set(machine, { transport: 'power-driver', parameters: {}, secrets: {} }, 'alice');
    assert.deepEqual(await ready(), OK);
    assert.deepEqual(driven.parameters(), { password: 'one' });
    await store.events.append([sampleEvent('alice set power', { kind: 'edit', machine: machine.id })]);
    await store.secrets.put(machine.id, 'password', 'sealed:two');
    await clock.pass(1000);
    assert.deepEqual(await ready(), OK);
    assert.deepEqual(driven.parameters(), { password: 'two' });
    assert.equal(driven.opened(), 2);
    await store.events.append([sampleEvent('renamed', { kind: 'edit', machine: machine.id })]);
    await clock.pass(1000);
    assert.equal(driven.opened(), 2, 'what does not matter to the line leaves it open');
  });

  it('the driver’s secrets are in no words', async () => {
    machine = await store.machines.change(machine, { power: { driver: 'bmc', parameters: {} } }, []);
    await store.secrets.put(machine.id, 'password', 'sealed:horseshoe');
    driven.fail(new ConsoleError('refused', 'session of horseshoe refused'));
    await consoles.set(machine, { transport: 'power-driver', parameters: {}, secrets: {} }, 'alice');
    await settle();
    assert.ok(!(await texts()).join().includes('horseshoe'));
  });

  it('a boot’s part begins where its power was ordered, and ends where the next begins', async () => {
    await consoles.set(machine, choice, 'alice');
    await ready();
    board.say('before');
    const ordered = { kind: 'power', machine: machine.id, detail: { verb: 'on', step: 'started' } } as const;
    await store.events.append([sampleEvent('power on ordered', ordered)]);
    board.say('BootROM');
    const boot = async (id: string): Promise<void> => {
      await store.boots.add({ id, machine: machine.id, startedMs: clock.now(), tokenHash: undefined, plan: '' });
      await store.events.append([sampleEvent('DISCOVER', { kind: 'dhcp', machine: machine.id, boot: id })]);
      await settle();
    };
    await boot('b-1');
    board.say('Linux');
    await boot('b-2');
    await store.events.append([sampleEvent('late', { kind: 'dhcp', machine: machine.id, boot: 'b-1' })]);
    await store.events.append([sampleEvent('older', { kind: 'dhcp', machine: machine.id, boot: 'b-0' })]);
    await settle();
    const marks = recording()
      .marks()
      .filter((mark) => mark.is === 'boot');
    assert.deepEqual(
      marks.map(({ at, words }) => [at, words]),
      [
        [6, 'b-1'],
        [18, 'b-2'],
      ],
    );
  });

  it('a disk that is full is told of, and the console goes on', async () => {
    await consoles.set(machine, choice, 'alice');
    await ready();
    recording().fail('the disk is full; free some space on it');
    board.say('x');
    recording().fail(undefined);
    assert.deepEqual((await texts()).slice(-2), [
      'the console is not recorded: the disk is full; free some space on it',
      'the console is recorded again',
    ]);
    assert.equal(await heard(), 'x');
  });

  it('without its setting the line is let go and the recording stays; without its machine that goes too', async () => {
    await consoles.set(machine, choice, 'alice');
    await ready();
    board.say('kept');
    await consoles.set(machine, undefined, 'alice');
    assert.equal((await consoles.room(machine)).line().is, 'none');
    assert.equal(await heard(), 'kept');
    assert.deepEqual(await ready(), OK);
    await store.machines.remove(machine, [sampleEvent('removed', { kind: 'state', machine: machine.id })]);
    await clock.pass(1000);
    assert.equal(recordings.of(machine.id), undefined);
  });

  it('what is typed waits for a slow line, but not without end', async () => {
    await consoles.set(machine, choice, 'alice');
    await ready();
    board.hang();
    const seat = (await consoles.room(machine)).sit('alice', () => undefined);
    assert.ok(seat?.take(false).ok);
    const piece = new Uint8Array(6000);
    const taken = [1, 2, 3, 4].map(() => seat.keys(piece).ok);
    assert.deepEqual(taken, [true, true, false, false]);
    seat.leave();
  });

  describe('what it says', () => {
    const beginBoot = async (id: string): Promise<void> => {
      await store.boots.add({ id, machine: machine.id, startedMs: clock.now(), tokenHash: undefined, plan: '' });
      await store.events.append([sampleEvent('ordered', { kind: 'boot', machine: machine.id, boot: id })]);
      await settle();
    };
    const said = async () =>
      (await store.events.list({ machine: machine.id, limit: 99 })).filter((event) => event.detail['pattern']);
    beforeEach(async () => {
      await consoles.set(machine, choice, 'alice');
      await ready();
      await beginBoot('b-1');
    });

    it('is told on the boot it belongs to, in the pattern’s words, and nothing else of it', async () => {
      board.say('U-Boot 2023.01 (Dec');
      board.say(' 21)\r\nPassword: hunter2\r\nbootarg overflow 512+0+0+1 > 512\r\n');
      assert.deepEqual(
        (await said()).map(({ text, boot, severity, detail }) => [text, boot, severity, detail['stops']]),
        [
          ['u-boot 2023.01 speaks on the console', 'b-1', 'note', undefined],
          ['u-boot refuses the kernel arguments: bootarg overflow 512+0+0+1 > 512', 'b-1', 'bad', 'loader'],
        ],
      );
      assert.ok(!JSON.stringify(await store.events.list({ limit: 99 })).includes('hunter2'));
    });

    it('a loader’s version is kept with its machine', async () => {
      board.say('U-Boot 2014.10-rc2 (Oct 1 2014)\n');
      await settle();
      const { firmware } = (await store.machines.byId(machine.id))!;
      assert.deepEqual([firmware?.loader, firmware?.loaderVersion], ['u-boot', '2014.10-rc2']);
    });

    it('a loader’s version is kept though somebody else changes the machine at that moment', async () => {
      const now = (await store.machines.byId(machine.id))!;
      board.say('U-Boot 2014.10-rc2 (Oct 1 2014)\n');
      await store.machines.change(now, { rack: 'r1' }, []);
      await settle();
      const { firmware, rack } = (await store.machines.byId(machine.id))!;
      assert.deepEqual([firmware?.loaderVersion, rack], ['2014.10-rc2', 'r1']);
    });

    it('a prompt is told once, although its line ends later', async () => {
      board.say('board login: ');
      board.say('root\r\n');
      assert.equal((await said()).length, 1);
    });

    it('what repeats itself does not fill the timeline', async () => {
      for (let n = 0; n < 1000; n += 1) board.say('U-Boot 2023.01 (Dec 21)\n');
      assert.equal((await said()).length, 3);
    });

    it('a panic keeps the last 4 KiB with its boot, its trace among them', async () => {
      board.say('x'.repeat(9000));
      board.say('\nKernel panic - not syncing: Attempted to kill init!\n');
      board.say('Call trace:\n dump_backtrace\n');
      await clock.pass(2000);
      const tail = Buffer.from((await store.consoles.tailOf('b-1')) ?? []).toString();
      assert.equal(tail.length, 4096);
      assert.ok(tail.endsWith('dump_backtrace\n'));
      assert.equal(await store.consoles.tailOf('b-2'), undefined);
    });

    it('20 a board that makes up banners and panics without end does not keep the store busy', async () => {
      const before = (await store.machines.byId(machine.id))!.rev;
      let reads = 0;
      const read = recording().read.bind(recording());
      Object.assign(recording(), {
        read: (...asked: Parameters<typeof read>) => {
          reads += 1;
          return read(...asked);
        },
      });
      for (let n = 0; n < 100; n += 1) {
        board.say(`U-Boot 2023.${String(n)} (Dec 21)\nKernel panic - not syncing: Attempted to kill init!\n`);
        await settle();
      }
      await clock.pass(2000);
      assert.equal((await store.machines.byId(machine.id))!.rev - before, 20);
      assert.equal(reads, 1);
    });

    it('a boot that nobody ordered begins with its loader’s banner', async () => {
      board.say('reboot: Restarting system\r\n');
      board.say('U-Boot 2023.01 (Dec 21)\r\n');
      clock.advance(5000);
      board.say('BOOTP broadcast 1\r\n');
      await beginBoot('b-2');
      const mark = recording()
        .marks()
        .findLast((each) => each.is === 'boot');
      assert.deepEqual([mark?.words, mark?.at], ['b-2', 27]);
    });
  });

  it('a room has room for so many', async () => {
    await consoles.set(machine, choice, 'alice');
    const room = await consoles.room(machine);
    for (let n = 0; n < 16; n += 1) assert.ok(room.sit('greedy', () => undefined));
    assert.equal(
      room.sit('greedy', () => undefined),
      undefined,
      'one account leaves room for others',
    );
    for (let n = 16; n < 32; n += 1) assert.ok(room.sit(`v${n}`, () => undefined));
    assert.equal(
      room.sit('one more', () => undefined),
      undefined,
    );
  });
});
