import { strict as assert } from 'node:assert';
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { endChild, saidBy, type Said } from '../../lab/child-process.ts';
import { startFakeConsole, type FakeConsole } from '../support/fake-console.ts';
import { until } from '../support/until.ts';

/** Far longer than it takes: the host may be busy. */
const SOON_MS = 60_000;
const MAIN = fileURLToPath(new URL('../../server/main.ts', import.meta.url));

/** A program in a terminal of its own (script(1)), with all that appears on it. */
class Pty {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #said: Said;

  constructor(command: string) {
    this.#child = spawn('script', ['-qfec', command, '/dev/null'], { env: { ...process.env, TERM: 'xterm' } });
    this.#said = saidBy(this.#child, { encoding: 'latin1' });
  }

  get shown(): string {
    return this.#said.all();
  }

  async shows(words: string): Promise<void> {
    await this.#said.has(words, SOON_MS);
  }

  async over(): Promise<void> {
    await this.#said.over(SOON_MS);
  }

  async stop(): Promise<void> {
    await endChild(this.#child);
  }

  type(keys: string): void {
    this.#child.stdin.write(keys);
  }
}

describe('farrier console at a real terminal', function () {
  this.timeout(240_000);
  let folder: string;
  let board: FakeConsole;
  let pty: Pty | undefined;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'farrier-pty-'));
    board = await startFakeConsole({ socket: join(folder, 'farrier.sock') });
  });
  afterEach(async () => {
    await pty?.stop();
    pty = undefined;
    await board.close();
    rmSync(folder, { recursive: true });
  });
  const farrier = (...args: readonly string[]): string =>
    [process.execPath, '--import', 'tsx', MAIN, '--socket', board.base, 'console', 'board-01', ...args].join(' ');

  for (const [how, end] of [
    [
      'its escape key',
      (pty: Pty): void => {
        pty.type('\x1dq');
      },
    ],
    ['SIGTERM', (pty: Pty) => void process.kill(Number(/pid=(\d+)/.exec(pty.shown)?.[1]), 'SIGTERM')],
  ] as const)
    it(`sends keys as they are, and leaves the terminal as it was after ${how}`, async () => {
      board.say('=> ');
      pty = new Pty(`stty -a; sh -c 'echo pid=$$; exec ${farrier()}'; echo; stty -a; echo over`);
      await pty.shows('live; Ctrl-] ? for help');
      const before = /[^]*?(?=pid=)/.exec(pty.shown)?.[0] ?? '';
      pty.type('\x1dw');
      await pty.shows('the keyboard is yours');
      pty.type('run\x03\x1a\x04\x11\x13\x7f\r');
      board.say('done');
      await pty.shows('done');
      await until('the keys arrive', () => board.keys().endsWith('\r'), SOON_MS);
      assert.equal(board.keys(), 'run\x03\x1a\x04\x11\x13\x7f\r', 'control keys go to the board, not to us');
      end(pty);
      await pty.shows('over');
      await pty.over();
      assert.match(before, / icanon/);
      assert.ok(pty.shown.endsWith(`${before}over\r\n`), `as before:\n${pty.shown}`);
    });

  it('a pipe gets the octets of the board and nothing else', async () => {
    const octets = Buffer.from(Array.from({ length: 200_000 }, (_, n) => (n * 31 + (n >> 8)) % 256));
    board.say(octets.subarray(0, 150_000));
    const [program = '', ...args] = farrier('--from', '0', '--readonly').split(' ');
    const child = spawn(program, args);
    const pieces: Buffer[] = [];
    let got = 0;
    child.stdout.on('data', (piece: Buffer) => {
      pieces.push(piece);
      got += piece.length;
    });
    await until('the first octets', () => got > 0, SOON_MS);
    board.say(octets.subarray(150_000));
    await until('all octets', () => got >= octets.length, SOON_MS);
    await endChild(child, { by: 'SIGTERM' });
    assert.deepEqual(Buffer.concat(pieces), octets);
  });
});
