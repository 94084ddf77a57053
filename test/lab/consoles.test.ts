import { strict as assert } from 'node:assert';
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endChild } from '../../lab/child-process.ts';
import { layLan, type Lan } from '../../lab/netns.ts';
import { vouchForFolder } from '../../power-drivers/trust.ts';
import { createConsoleTransports } from '../../server/consoles/index.ts';
import { loadSerial } from '../../server/consoles/serial.ts';
import type { FieldValues } from '../../server/core/field.ts';
import { machineIdOf } from '../../server/core/machine.ts';
import { realClock } from '../../server/edges/real-clock.ts';
import { realRng } from '../../server/edges/real-rng.ts';
import { openRecordings } from '../../server/files/consoles/recordings.ts';
import type { ConsoleLine } from '../../server/ports/console.ts';
import type { ConsoleRecording, ConsoleRecordings } from '../../server/ports/console-recordings.ts';
import { until } from '../support/until.ts';

const machine = machineIdOf(new Uint8Array(10));
const SOON_MS = 30_000;
const PORT = 7001;
const AT = { host: '127.0.0.1', port: PORT };
const ACCEPTERS = {
  raw: `tcp,127.0.0.1,${PORT}`,
  telnet: `telnet,tcp,127.0.0.1,${PORT}`,
  rfc2217: `telnet(rfc2217),tcp,127.0.0.1,${PORT}`,
};

/** Every octet there is, in an order that no text has. */
const every = (octets: number): Buffer =>
  Buffer.from(Array.from({ length: octets }, (_, n) => (n * 7 + (n >> 8)) & 255));

describe('consoles behind Debian’s ser2net', function () {
  this.timeout(240_000);
  const children: ChildProcess[] = [];
  const lines: ConsoleLine[] = [];
  let folder = '';
  let board: FileHandle;
  let heard = Buffer.alloc(0);
  let recordings: ConsoleRecordings;
  let recording: ConsoleRecording;
  let server: ChildProcess;

  // It looks names up only for kinds of addresses that some interface has, the loopback's apart.
  let lan: Lan;
  before(async () => {
    lan = await layLan('consoles0', '10.78.9.1/24');
  });
  after(() => lan.remove());

  const serve = (mode: keyof typeof ACCEPTERS): void => {
    const yaml = `connection: &board\n  accepter: ${ACCEPTERS[mode]}\n  connector: serialdev,${join(folder, 'adapter')},9600n81,local\n`;
    writeFileSync(join(folder, 'ser2net.yaml'), yaml);
    server = spawn('ser2net', ['-n', '-c', join(folder, 'ser2net.yaml'), '-P', join(folder, 'pid')], {
      stdio: 'ignore',
    });
    children.push(server);
  };
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'farrier-ser2net-'));
    const end = (name: string): string => `pty,raw,echo=0,link=${join(folder, name)}`;
    children.push(spawn('socat', [end('board'), end('adapter')], { stdio: 'ignore' }));
    const isThere = (): boolean => ['board', 'adapter'].every((name) => existsSync(join(folder, name)));
    await until('the pair of terminals is there', isThere, SOON_MS);
    board = await open(join(folder, 'board'), 'r+');
    heard = Buffer.alloc(0);
    void listen(board);
    recordings = openRecordings({ folder: join(folder, 'consoles'), keepOctets: 1 << 20, clock: realClock });
    recording = await recordings.open(machine);
  });
  afterEach(async () => {
    for (const line of lines.splice(0)) await line.close();
    for (const child of children.splice(0).reverse()) await endChild(child);
    await board.close();
    await recordings.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const watch = async (name: string, parameters: FieldValues): Promise<ConsoleLine> => {
    const transports = createConsoleTransports({ vouchForFolder, loadSerial, ownSocket: join(folder, 'farrier.sock') });
    const edges = { clock: realClock, rng: realRng, byPowerDriver: undefined };
    let line: ConsoleLine | undefined;
    const opens = async (): Promise<boolean> => {
      line = await transports
        .byName(name)
        ?.open(parameters, edges, AbortSignal.timeout(20_000))
        .catch(() => undefined);
      return line !== undefined;
    };
    await until('it opens', opens, SOON_MS);
    assert.ok(line);
    lines.push(line);
    line.listen((octets) => {
      recording.append(octets);
    });
    return line;
  };
  const recorded = async (): Promise<Buffer> => {
    const all: Uint8Array[] = [];
    for (let offset = 0; ;) {
      const pieces = await recording.read(offset, 1 << 16);
      const last = pieces.at(-1);
      if (!last) return Buffer.concat(all);
      all.push(...pieces.map((piece) => piece.octets));
      offset = last.at + last.octets.length;
    }
  };
  /** At the pace of a line of 9600 baud: 960 octets a second. */
  const speak = async (octets: Uint8Array): Promise<void> => {
    for (let at = 0; at < octets.length; at += 48) {
      await board.write(octets.subarray(at, at + 48));
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  /** What comes to the board, until its terminal is gone. */
  const listen = async (end: FileHandle): Promise<void> => {
    for (;;) {
      const got = await end.read(Buffer.alloc(4096), 0, 4096, null).catch(() => undefined);
      if (!got || got.bytesRead === 0) return;
      heard = Buffer.concat([heard, got.buffer.subarray(0, got.bytesRead)]);
    }
  };
  const hears = (octets: Buffer): Promise<void> =>
    until(
      'the board hears it',
      () => heard.equals(octets),
      SOON_MS,
      () => heard.toString('hex'),
    );

  for (const [mode, name, more] of [
    ['raw', 'tcp', {}],
    ['telnet', 'telnet', {}],
    ['rfc2217', 'telnet', { rfc2217: 'yes', speed: 9600, dataBits: 8, parity: 'none', stopBits: 1 }],
  ] as const)
    it(`16 ${mode}: at the pace of 9600 baud nothing is lost, whatever the octets, and the log is complete`, async () => {
      serve(mode);
      const line = await watch(name, { ...AT, ...more });
      // The server has the line open once the first key has arrived.
      await line.write(Buffer.from('.'));
      await hears(Buffer.from('.'));
      const octets = every(2400);
      await speak(octets);
      await until('all of it is recorded', () => recording.range().to >= octets.length, SOON_MS);
      assert.ok((await recorded()).equals(octets));
      await line.write(every(256));
      await hears(Buffer.concat([Buffer.from('.'), every(256)]));
    });

  it('a server that goes away ends the line, with the reason', async () => {
    serve('raw');
    const line = await watch('tcp', AT);
    await endChild(server);
    assert.match(await line.ended, /closed the connection|ECONNRESET/);
  });

  it('RFC 2217: a break goes out and keys go on after it', async () => {
    serve('rfc2217');
    const line = await watch('telnet', { ...AT, rfc2217: 'yes', speed: 9600 });
    await line.write(Buffer.from('.'));
    await hears(Buffer.from('.'));
    await line.sendBreak?.();
    await line.write(Buffer.from('after'));
    await until('keys arrive', () => heard.toString().endsWith('after'), SOON_MS);
  });

  it('a server that does not speak RFC 2217 is named, where it was wanted', async () => {
    serve('telnet');
    const line = await watch('telnet', { ...AT, rfc2217: 'yes', speed: 9600 });
    assert.match(await line.ended, /does not speak RFC 2217/);
  });

  it('a serial device of this host: the other end of a pair of terminals', async () => {
    const line = await watch('serial', { path: realpathSync(join(folder, 'adapter')), speed: 9600 });
    const octets = every(512);
    await speak(octets);
    await until('all of it is recorded', () => recording.range().to >= octets.length, SOON_MS);
    assert.ok((await recorded()).equals(octets));
    await line.write(Buffer.from('typed'));
    await hears(Buffer.from('typed'));
  });
});
