import { strict as assert } from 'node:assert';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Terminal } from '../../server/cli/deps.ts';
import { runCli } from '../../server/cli/program.ts';
import { startFakeConsole, type FakeConsole } from '../support/fake-console.ts';
import { createFakeClock, settle, type FakeClock } from '../support/fake-clock.ts';

const fail = (): never => assert.fail('not asked for here');

/** `farrier console` with a person at its keys. */
interface Run {
  readonly out: () => string;
  readonly err: () => string;
  readonly exit: Promise<number>;
  /** Types, as soon as the keys are taken. */
  readonly type: (keys: string) => void;
  readonly hasKeys: () => boolean;
}

describe('farrier console', () => {
  let folder: string;
  let board: FakeConsole;
  let clock: FakeClock;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'farrier-console-'));
    board = await startFakeConsole({ socket: join(folder, 'farrier.sock') });
    clock = createFakeClock();
  });
  afterEach(async () => {
    await board.close();
    rmSync(folder, { recursive: true });
  });

  const run = (...args: readonly string[]): Run => {
    const out: Buffer[] = [];
    let err = '';
    let heard: ((octets: Uint8Array) => void) | undefined;
    const terminal: Terminal = {
      ...{ writeOut: fail, askSecret: fail, readStdin: fail, colour: false, canAsk: true },
      writeErr: (text) => (err += text),
      writeOctets: (octets) => {
        out.push(Buffer.from(octets));
        return Promise.resolve();
      },
      takeKeys: (hear) => {
        heard = hear;
        return () => {
          heard = undefined;
        };
      },
    };
    const never = { serve: fail, demo: fail, bundleFromFolder: fail, bundleFromDebian: fail, buildAgent: fail };
    const work = { ...never, dtbFromDeb: fail, dtbInFolder: fail, newDriver: fail };
    const deps = { version: '1', terminal, clock, work, configFiles: [], demoSocket: board.base };
    return {
      out: () => Buffer.concat(out).toString('latin1'),
      err: () => err,
      exit: runCli(['console', 'board-01', ...args], deps),
      type: (keys) => heard?.(Buffer.from(keys)),
      hasKeys: () => heard !== undefined,
    };
  };
  const until = async (what: string, isSo: () => boolean): Promise<void> => {
    for (let turn = 0; turn < 5000 && !isSo(); turn += 1) await settle();
    assert.ok(isSo(), what);
  };

  it('shows what was said last and what comes, unchanged, and quits by its escape key', async () => {
    const octets = Buffer.from(Array.from({ length: 6000 }, (_, n) => (n * 7) % 256));
    board.say(octets);
    const { out, err, exit, type, hasKeys } = run();
    await until('the record', () => out().length === 4096);
    board.say('\x00\xff live');
    await until('live', () => out().endsWith('live'));
    assert.equal(out(), Buffer.concat([octets.subarray(-4096), Buffer.from('\x00\xff live')]).toString('latin1'));
    assert.match(err(), /\[board-01: live; Ctrl-\] \? for help\]/);
    type('\x1d?\x1dq');
    assert.equal(await exit, 0);
    assert.match(err(), /q quits, w takes the keyboard/);
    assert.equal(hasKeys(), false, 'the terminal is given back');
  });

  it('a stray key reaches nobody; with the keyboard they reach the board; a break is a break', async () => {
    const { err, exit, type } = run();
    await until('hello', () => err().includes('live'));
    type('halt\x03');
    assert.match(err(), /keys go nowhere: Ctrl-\] w takes them/);
    type('\x1dw');
    await until('the keyboard', () => err().includes('the keyboard is yours'));
    type('ls\r\x03\x1d\x1d');
    type('\x1db');
    type('\x1dr');
    await until('given back', () => err().includes('nobody has the keyboard'));
    assert.equal(board.keys(), 'ls\r\x03\x1d');
    assert.ok(board.asked.includes('{"do":"break"}'));
    type('\x1dq');
    assert.equal(await exit, 0);
  });

  it('takes the keyboard from somebody only when told to', async () => {
    const { err, exit, type } = run('--escape', '^A');
    await until('hello', () => err().includes('Ctrl-A ? for help'));
    board.writerIs('bob');
    await until('bob', () => err().includes('bob has the keyboard'));
    type('\x01w');
    await until('refused', () => err().includes('somebody else has the keyboard'));
    type('\x01W');
    await until('taken', () => err().includes('the keyboard is yours'));
    type('\x01q');
    assert.equal(await exit, 0);
  });

  it('--readonly never takes the keyboard, and Ctrl-C quits', async () => {
    const { err, exit, type } = run('--readonly');
    await until('hello', () => err().includes('live'));
    type('\x1dwx');
    assert.match(err(), /this is --readonly/);
    assert.ok(!board.asked.some((each) => each.includes('take')));
    type('\x03');
    assert.equal(await exit, 0);
  });

  it('comes back from the last octet after the stream broke off', async () => {
    board.say('one ');
    const { out, err, exit, type } = run('--from', '1');
    await until('one', () => out() === 'ne ');
    board.cut(4008);
    board.say('two');
    await until('two', () => out() === 'ne two');
    assert.match(err(), /trying again/);
    assert.deepEqual(board.asked, ['from=1', 'from=4']);
    type('\x1dq');
    assert.equal(await exit, 0);
  });

  it('says so when the daemon does not come back', async () => {
    const { out, err, exit } = run();
    board.say('x');
    await until('x', () => out() === 'x');
    await board.close();
    for (let turn = 0; turn < 400; turn += 1) await clock.pass(1000);
    assert.equal(await exit, 1);
    assert.match(err(), /the daemon does not come back/);
    board = await startFakeConsole({ socket: join(folder, 'second.sock') });
  });

  it('replays a boot at the pace it was said, or faster', async () => {
    board.say('one ', 1000);
    board.say('two ', 61_000);
    board.say('three', 61_001);
    const { out, exit } = run('--replay', 'b1', '--speed', '4');
    await until('one', () => out() === 'one ' && clock.waiting() > 0);
    await clock.pass(14_999);
    assert.equal(out(), 'one ');
    await clock.pass(1);
    assert.equal(await exit, 0);
    assert.equal(out(), 'one two three');
  });

  it('--download writes every octet to a file of the owner', async () => {
    const octets = Buffer.from(Array.from({ length: 300_000 }, (_, n) => (n * 31) % 256));
    board.say(octets);
    const file = join(folder, 'console.raw');
    const { err, exit } = run('--download', file, '--from', '5');
    assert.equal(await exit, 0, err());
    assert.deepEqual(readFileSync(file), octets.subarray(5));
    const { out, exit: toStdout } = run('--download', '-');
    assert.equal(await toStdout, 0);
    assert.equal(out(), octets.toString('latin1'));
  });

  for (const [args, words] of [
    [['--escape', 'ab'], /cannot be an escape key/],
    [['--from', 'x'], /a number of octets/],
    [['--speed', '0'], /a speed is a number above 0/],
  ] as const)
    it(`${args.join(' ')} is a fault of the command line`, async () => {
      const { err, exit } = run(...args);
      assert.equal(await exit, 2);
      assert.match(err(), words);
    });
});
