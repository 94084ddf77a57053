import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { fetchByTftp } from '../../lab/virtual/tftp-fetch.ts';
import { layLan, type LabHost, type Lan } from '../../lab/netns.ts';
import { openArtefactFolder } from '../../server/files/artefact-folder.ts';
import { startTftpListener, type TftpListener } from '../../server/net/tftp-listener.ts';
import type { Artefacts } from '../../server/ports/artefacts.ts';
import type { BootFiles, TransferReport } from '../../server/ports/boot-files.ts';
import type { Artefact } from '../../server/core/bundle.ts';
import { ip, net, Peer } from '../net/tftp-support.ts';
import { BadWire } from './tftp-relay.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { createQuietLog } from '../support/quiet-log.ts';
import { until } from '../support/until.ts';
import { realClock } from '../../server/edges/real-clock.ts';

const require = createRequire(import.meta.url);
const run = promisify(execFile);
const ADDRESS = '10.69.0.1';
const MIB = 1 << 20;
const SOON_MS = 60_000;
/** More blocks of 512 octets than a block number can count. */
const KERNEL_OCTETS = 40 * MIB + 123;

const NPM_TFTP = `
  const [module, host, path, to] = process.argv.slice(1);
  require(module).createClient({ host, windowSize: 16, blockSize: 1468 }).get(path, to, (error) => {
    if (error) { console.error(String(error)); process.exit(1); }
  });`;
const NPM_TFTP2 = `
  const [module, host, path, to] = process.argv.slice(1);
  const fs = require('fs');
  const pieces = [];
  const client = require(module)(host, 69);
  client.read(path, (data) => { pieces.push(Buffer.from(data)); }, () => { fs.writeFileSync(to, Buffer.concat(pieces)); process.exit(0); });`;

describe('TFTP with real peers', function () {
  this.timeout(300_000);
  let lan: Lan;
  let board: LabHost;
  let folder: string;
  let artefacts: Artefacts;
  let listener: TftpListener;
  let kernel: Artefact;
  let small: Artefact;
  const reports: TransferReport[] = [];
  const log = createQuietLog();

  const files: BootFiles = {
    open: async ({ path }) => {
      const artefact = { kernel, small, 'boot/dir/small': small }[path];
      const content = artefact && (await artefacts.open(artefact.sha256));
      return content ? { is: 'file', content, ended: (report) => reports.push(report) } : { is: 'absent' };
    },
  };
  const digestOf = async (name: string): Promise<string> =>
    createHash('sha256')
      .update(await readFile(join(folder, name)))
      .digest('hex');
  const put = (name: string, octets: number): Promise<Artefact> =>
    artefacts.put(
      name,
      // eslint-disable-next-line @typescript-eslint/require-await -- a stream that has it all at hand
      (async function* () {
        for (let at = 0; at < octets; at += MIB) yield randomBytes(Math.min(MIB, octets - at));
      })(),
      octets,
    );

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'farrier-tftp-lab-'));
    // The kernel is read from disk, the small file is held in memory.
    artefacts = await openArtefactFolder({ dataDir: folder, clock: realClock, hotOctetsMax: 16 * MIB });
    [kernel, small] = [await put('kernel', KERNEL_OCTETS), await put('small', 300_000)];
    lan = await layLan('tftp69', `${ADDRESS}/16`);
    board = await lan.addHost('tftp69b', { address: '10.69.0.9/16' });
    listener = await startTftpListener({
      addresses: [
        { address: ip(ADDRESS), subnets: [net('10.69.0.0/16')] },
        { address: ip('127.0.0.1'), subnets: [net('127.0.0.0/8')] },
      ],
      port: 69,
      files,
      clock: realClock,
      log,
    });
  });
  after(async () => {
    await listener.close();
    await lan.remove();
    await rm(folder, { recursive: true });
  });
  beforeEach(() => {
    reports.length = 0;
  });

  const clients: readonly (readonly [string, 'kernel' | 'small', string, (to: string) => readonly string[]])[] = [
    [
      'tftp-hpa, 40 MiB in blocks of 512: numbers roll over (G4)',
      'kernel',
      'blksize 512, windowsize 1',
      (to) => ['tftp', '-m', 'binary', ADDRESS, '-c', 'get', '/kernel', to],
    ],
    [
      'curl, 40 MiB, blksize 1468 and tsize',
      'kernel',
      'blksize 1468, windowsize 1',
      (to) => ['curl', '-sSf', '--tftp-blksize', '1468', '-o', to, `tftp://${ADDRESS}/kernel`],
    ],
    [
      'curl without options',
      'small',
      'blksize 512, windowsize 1',
      (to) => ['curl', '-sSf', '--tftp-no-options', '-o', to, `tftp://${ADDRESS}/boot/dir//small`],
    ],
    [
      'busybox with blksize',
      'kernel',
      'blksize 1428, windowsize 1',
      (to) => ['busybox', 'tftp', '-g', '-b', '1428', '-r', 'kernel', '-l', to, ADDRESS],
    ],
    [
      'atftp, window 16',
      'kernel',
      'blksize 1468, windowsize 16',
      (to) => [
        'atftp',
        '--option',
        'blksize 1468',
        '--option',
        'windowsize 16',
        '-g',
        '-r',
        'kernel',
        '-l',
        to,
        ADDRESS,
      ],
    ],
    [
      'npm tftp, window 16',
      'kernel',
      'blksize 1468, windowsize 16',
      (to) => [process.execPath, '--no-deprecation', '-e', NPM_TFTP, require.resolve('tftp'), ADDRESS, 'kernel', to],
    ],
    [
      'npm tftp2, plain RFC 1350',
      'small',
      'blksize 512, windowsize 1',
      (to) => [process.execPath, '-e', NPM_TFTP2, require.resolve('tftp2'), ADDRESS, 'small', to],
    ],
  ];
  for (const [title, name, words, command] of clients)
    it(title, async () => {
      const [program = '', ...args] = command(join(folder, 'got'));
      await board.exec(program, args);
      const want = name === 'kernel' ? kernel : small;
      assert.equal(await digestOf('got'), want.sha256);
      await until('the transfer is reported', () => reports.length > 0, SOON_MS);
      assert.deepEqual([reports[0]?.outcome, reports[0]?.octetsSent], ['done', want.octets]);
      assert.match(reports[0]?.words ?? '', new RegExp(words));
      await rm(join(folder, 'got'));
    });

  it('curl is told that there is no such file', async () => {
    await assert.rejects(board.exec('curl', ['-sS', `tftp://${ADDRESS}/nowhere`]), /\(68\)/);
  });

  it('tftp-hpa may not write (G9)', async () => {
    const { stdout, stderr } = await board.exec('tftp', ['-m', 'binary', ADDRESS, '-c', 'put', '/etc/hostname', 'new']);
    assert.match(stdout + stderr, /read-only/);
  });

  it('a virtual board fetches 40 MiB with a window of 16 over roll-over of small blocks', async () => {
    const { bytes, stats } = await fetchByTftp({
      server: '127.0.0.1',
      path: 'kernel',
      clock: realClock,
      options: { blksize: '512', windowsize: '16', tsize: '0' },
    });
    assert.equal(createHash('sha256').update(bytes).digest('hex'), kernel.sha256);
    assert.deepEqual([stats.tsize, stats.blocks], [KERNEL_OCTETS, Math.floor(KERNEL_OCTETS / 512) + 1]);
  });

  it('100 boards at once get equal bytes, and none waits for a timeout', async () => {
    const all = await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        fetchByTftp({
          server: '127.0.0.1',
          path: 'small',
          clock: realClock,
          localAddress: `127.0.3.${i + 1}`,
          options: { blksize: '1468', windowsize: i % 2 ? '4' : '1' },
          patienceMs: 20_000,
        }),
      ),
    );
    for (const { bytes, stats } of all) {
      assert.equal(createHash('sha256').update(bytes).digest('hex'), small.sha256);
      assert.equal(stats.timeouts, 0);
    }
    assert.equal(listener.counters.busy, 0);
  });

  describe('on a wire that loses 5 in 100, doubles and swaps some', () => {
    let wire: BadWire;
    beforeEach(async () => {
      wire = await BadWire.open(69, 5);
    });
    afterEach(() => {
      wire.close();
    });

    for (const windowsize of [1, 4, 16])
      it(`a virtual board with a window of ${windowsize}`, async () => {
        const { bytes } = await fetchByTftp({
          server: '127.0.0.1',
          port: wire.port,
          path: 'small',
          clock: realClock,
          options: { blksize: '512', windowsize: String(windowsize) },
        });
        assert.equal(createHash('sha256').update(bytes).digest('hex'), small.sha256);
        assert.ok(wire.lost > 10, `${wire.lost} lost`);
      });

    it('tftp-hpa', async () => {
      const to = join(folder, 'got');
      await run('tftp', ['-m', 'binary', '127.0.0.1', String(wire.port), '-c', 'get', 'small', to]);
      assert.equal(await digestOf('got'), small.sha256);
      assert.ok(wire.lost > 30, `${wire.lost} lost`);
    });
  });

  it('2000 dead requests do not keep a good client out, and their ports are given back', async () => {
    const before = (await readdir('/proc/self/fd')).length;
    const dead = await Promise.all(Array.from({ length: 200 }, (_, i) => Peer.at(`127.1.${i}.1`)));
    for (let i = 0; i < 2000; i += 1) dead[i % 200]?.send(`\0\x01small\0octet\0junk${i}\0`, 69);
    const more = await Promise.all(Array.from({ length: 600 }, (_, i) => Peer.at(`127.2.${i >> 8}.${i & 255 || 1}`)));
    for (const peer of more) peer.send('\0\x01kernel\0octet\0', 69);
    const { stats } = await fetchByTftp({
      server: '127.0.0.1',
      path: 'small',
      clock: realClock,
      options: { blksize: '1468' },
      patienceMs: 5000,
    });
    // So many datagrams at once overflow the socket: the first request may be among those that the kernel drops.
    assert.ok(stats.timeouts <= 1, `asked ${stats.timeouts + 1} times`);
    assert.ok(listener.active <= 512);
    for (const peer of [...dead, ...more]) await peer.close();
    await until('the dead are given up', () => listener.active === 0, SOON_MS);
    assert.ok((await readdir('/proc/self/fd')).length <= before + 2);
  });

  it('one dead request draws less than 100 octets per octet', async () => {
    const clock = createFakeClock();
    const other = await startTftpListener({
      addresses: [{ address: ip('127.0.0.6'), subnets: [net('127.0.0.0/8')] }],
      port: 69,
      files,
      clock,
      log,
    });
    const peer = await Peer.at();
    const request = '\0\x01/kernel\0octet\0';
    peer.send(request, 69, '127.0.0.6');
    let octets = 0;
    for (let i = 0; i < 3; i += 1) {
      const { packet } = await peer.next();
      octets += packet.op === 'DATA' ? packet.data.length + 4 : 0;
      await clock.pass(4500);
    }
    await clock.pass(60_000);
    assert.deepEqual([other.active, peer.waiting, octets], [0, 0, 3 * 516]);
    assert.ok(octets <= 100 * request.length);
    await peer.close();
    await other.close();
  });
});
