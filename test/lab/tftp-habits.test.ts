import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { fetchOddly, type OddHabits } from '../../lab/virtual/odd-tftp.ts';
import { fetchByTftp } from '../../lab/virtual/tftp-fetch.ts';
import type { TftpHabits } from '../../server/core/board.ts';
import { realClock } from '../../server/edges/real-clock.ts';
import type { TftpListener } from '../../server/net/tftp-listener.ts';
import type { BootFiles, FileAnswer, TransferReport } from '../../server/ports/boot-files.ts';
import { decodePacket, encodeAck, type TftpPacket } from '../../server/wire/tftp/packet.ts';
import { patterned, Peer, serveTable, TableFiles, TestContent } from '../net/tftp-support.ts';
import { until } from '../support/until.ts';
import { BadWire } from './tftp-relay.ts';

const sha256 = (octets: Uint8Array): string => createHash('sha256').update(octets).digest('hex');
const NONE: TftpHabits = { blksizeMax: undefined, windowsizeMax: undefined, options: true };

interface Firmware {
  readonly name: string;
  readonly habits: OddHabits;
  /** What its board says in its file. */
  readonly board: TftpHabits;
  readonly path: 'kernel' | 'long';
  /** What becomes of it when its board says nothing; nothing where every server must bear it. */
  readonly without?: RegExp | 'corrupt' | 'gives up';
}

const FIRMWARES: readonly Firmware[] = [
  {
    name: 'one that chokes on an OACK',
    habits: { options: { blksize: '1468', tsize: '0' }, onOack: 'gives-up' },
    board: { ...NONE, options: false },
    path: 'kernel',
    without: /chokes on the OACK/,
  },
  {
    name: 'one whose buffer holds 600 octets, but which asks for 1468',
    habits: { options: { blksize: '1468' }, bufferOctets: 600 },
    board: { ...NONE, blksizeMax: 600 },
    path: 'kernel',
    without: /crashes: block too long/,
  },
  {
    name: 'one whose ring holds 4 datagrams, but which asks for a window of 16',
    habits: { options: { blksize: '512', windowsize: '16' }, ringPackets: 4 },
    board: { ...NONE, windowsizeMax: 4 },
    path: 'kernel',
  },
  {
    name: 'one that counts 65534, 65535, 1',
    habits: { options: { blksize: '8', windowsize: '16' }, rollOverTo: 1 },
    board: { ...NONE, rollOverTo: 1 },
    path: 'long',
    without: 'corrupt',
  },
  {
    name: 'one that counts 65534, 65535, 0',
    habits: { options: { blksize: '8', windowsize: '16' }, rollOverTo: 0 },
    board: NONE,
    path: 'long',
  },
  {
    name: 'one that hears port 69 only',
    habits: { options: { blksize: '1468' }, samePortOnly: true },
    board: { ...NONE, singlePort: true },
    path: 'kernel',
    without: 'gives up',
  },
  {
    name: 'EDK2, which learns the size, says ERROR 8 and asks anew',
    habits: { options: { tsize: '0', blksize: '1468', windowsize: '4' }, onOack: 'asks-anew-other-port' },
    board: NONE,
    path: 'kernel',
  },
  {
    name: 'one that does so from the very same port',
    habits: { options: { tsize: '0', blksize: '1468' }, onOack: 'asks-anew-same-port' },
    board: NONE,
    path: 'kernel',
  },
  {
    name: 'a Raspberry Pi 4, which says ERROR 0 "Early terminate" once it knows that the file is there',
    habits: {
      options: { tsize: '0', blksize: '1024' },
      onOack: 'asks-anew-other-port',
      abort: { code: 0, words: 'Early terminate' },
    },
    board: NONE,
    path: 'kernel',
  },
  {
    name: 'one that sends each request three times, and again in the middle of the file',
    habits: { requestCopies: 3 },
    board: NONE,
    path: 'kernel',
  },
  {
    name: 'the same on port 69 only',
    habits: { requestCopies: 3, samePortOnly: true },
    board: { ...NONE, singlePort: true },
    path: 'kernel',
  },
];

const SOON_MS = 60_000;
const KERNEL = patterned(60_001);
/** More blocks of 8 octets than a block number can count. */
const LONG = patterned(8 * 66_000 + 3);

describe('TFTP habits of firmware', function () {
  this.timeout(180_000);
  let listener: TftpListener;
  let port: number;
  let files: TableFiles;
  let board: TftpHabits | undefined;

  before(async () => {
    const table = { kernel: new TestContent(KERNEL), long: new TestContent(LONG) };
    files = new TableFiles(table, () => board);
    ({ listener, port } = await serveTable(files));
  });
  after(async () => {
    await listener.close();
  });

  const fetch = (firmware: Firmware, patienceMs: number, triesMax: number): Promise<Uint8Array> =>
    fetchOddly(
      {
        ...{ server: '127.0.0.1', port, path: firmware.path, localAddress: '127.0.0.9' },
        ...{ clock: realClock, patienceMs, triesMax },
      },
      firmware.habits,
    );

  for (const firmware of FIRMWARES) {
    const want = firmware.path === 'long' ? LONG : KERNEL;
    it(`${firmware.name}: gets its file whole`, async () => {
      board = firmware.board;
      assert.equal(sha256(await fetch(firmware, 2000, 20)), sha256(want));
      await until('its transfers have ended', () => listener.active === 0, SOON_MS);
    });
    const { without } = firmware;
    if (without)
      it(`${firmware.name}: does not, where its board says nothing of it`, async () => {
        board = NONE;
        // Only one that waits in vain, or may, need not wait for long.
        const patienceMs = without instanceof RegExp ? 10_000 : 250;
        const outcome = await fetch(firmware, patienceMs, 2).then(sha256, (error: unknown) => String(error));
        if (without === 'corrupt') assert.notEqual(outcome, sha256(want));
        else assert.match(outcome, without === 'gives up' ? /gave up waiting/ : without);
      });
  }

  it('an early end is noted as what it is: the client ended it, with its words', async () => {
    board = NONE;
    // Of what was given up before, the server may have something to tell yet.
    await until('no other transfer is under way', () => listener.active === 0, SOON_MS);
    const at = files.reports.length;
    const pi = FIRMWARES.find((each) => each.habits.abort);
    assert.ok(pi);
    await fetch(pi, 2000, 20);
    const [probe, whole] = (await files.ended(at + 2)).slice(at);
    assert.deepEqual([probe?.outcome, probe?.octetsSent, whole?.outcome], ['aborted-by-peer', 0, 'done']);
    assert.match(probe?.words ?? '', /ERROR 0 from the client: Early terminate/);
  });
});

const GOLDEN = fileURLToPath(new URL('../golden/tftp/', import.meta.url));

interface Frame {
  readonly by: 'client' | 'server';
  /** The client's port. */
  readonly port: string;
  readonly octets: Uint8Array;
  readonly packet: TftpPacket;
}

function framesOf(file: string): readonly Frame[] {
  const lines = readFileSync(GOLDEN + file, 'utf8').split('\n');
  let port = '';
  return lines
    .filter((line) => /^\d/.test(line))
    .map((line) => {
      const [, by, from = '', hex = ''] = line.split(' ');
      if (by === 'client') port = from;
      const octets = Uint8Array.from(Buffer.from(hex, 'hex'));
      const packet = decodePacket(octets);
      assert.ok(packet.ok);
      return { by: by === 'client' ? 'client' : 'server', port, octets, packet: packet.value };
    });
}

/** What became of one captured request: its frames, and how many octets the file must have had. */
interface Story {
  readonly request: Frame;
  readonly answered: 'file' | 'error';
  readonly isAborted: boolean;
  readonly lastAck: number;
}

function storiesOf(frames: readonly Frame[]): readonly Story[] {
  const begins = frames.flatMap(({ packet }, at) => (packet.op === 'RRQ' ? [at] : []));
  return begins.flatMap((from, nth) => {
    const [request, ...rest] = frames.slice(from, begins[nth + 1]);
    if (!request) return [];
    const acks = rest.flatMap(({ by, packet }) => (by === 'client' && packet.op === 'ACK' ? [packet.block] : []));
    const isAborted = rest.some(({ by, packet }) => by === 'client' && packet.op === 'ERROR');
    const isError = rest.some(({ by, packet }) => by === 'server' && packet.op === 'ERROR');
    return [{ request, isAborted, answered: isError ? 'error' : 'file', lastAck: acks.at(-1) ?? 0 }];
  });
}

describe('TFTP requests of real firmware, as captured, against the real server', function () {
  this.timeout(120_000);
  const reports: TransferReport[] = [];
  let octets: number | undefined;
  const files: BootFiles = {
    open: (): Promise<FileAnswer> =>
      Promise.resolve(
        octets === undefined
          ? { is: 'absent' }
          : { is: 'file', content: new TestContent(Buffer.alloc(octets, 7)), ended: (report) => reports.push(report) },
      ),
  };
  let listener: TftpListener;
  let port: number;
  before(async () => {
    ({ listener, port } = await serveTable(files));
  });
  after(async () => {
    await listener.close();
  });

  for (const file of readdirSync(GOLDEN).filter((name) => name.endsWith('.hex')))
    it(`${file}: each request ends as it did then`, async () => {
      for (const story of storiesOf(framesOf(file))) await replay(story);
    });

  async function replay({ request, answered, isAborted, lastAck }: Story): Promise<void> {
    assert.ok(request.packet.op === 'RRQ');
    const { options } = request.packet;
    const blksize = Number(options.get('blksize') ?? 512);
    // At most some hundred blocks of the file are acknowledged again: its end is what matters, not its length.
    const blocks = Math.min(Math.max(1, lastAck), 300);
    octets = answered === 'error' ? undefined : (blocks - 1) * blksize + 5;
    const at = reports.length;
    const client = await Peer.at();
    client.send(request.octets, port);
    const first = await client.next();
    if (answered === 'error') assert.equal(first.packet.op, 'ERROR');
    else if (isAborted) {
      assert.equal(first.packet.op, 'OACK');
      client.send(Buffer.from('\0\x05\0\x08User aborted the transfer\0', 'latin1'), first.port);
      await until('it is reported', () => reports.length > at, SOON_MS);
      assert.deepEqual([reports[at]?.outcome, reports[at]?.octetsSent], ['aborted-by-peer', 0]);
    } else {
      assert.equal(first.packet.op, options.size > 0 ? 'OACK' : 'DATA');
      await takeAll(client, first, blocks);
      await until('it is reported', () => reports.length > at, SOON_MS);
      assert.deepEqual([reports[at]?.outcome, reports[at]?.octetsSent], ['done', octets]);
    }
    await client.close();
  }

  /** Takes what comes in order, acknowledging each window's end and the last block. */
  async function takeAll(client: Peer, first: { packet: TftpPacket; port: number }, blocks: number): Promise<void> {
    const { packet, port: tid } = first;
    let taken = packet.op === 'DATA' ? 1 : 0;
    const windowsize = packet.op === 'OACK' ? Number(packet.options.get('windowsize') ?? 1) : 1;
    client.send(encodeAck(taken), tid);
    while (taken < blocks) {
      const { packet: next } = await client.next();
      if (next.op !== 'DATA' || next.block !== taken + 1) continue;
      taken += 1;
      if (taken % windowsize === 0 || taken === blocks) client.send(encodeAck(taken), tid);
    }
  }
});

describe('TFTP at 5 losses in 100', function () {
  this.timeout(120_000);
  it('100 boards at once, each its file whole (G13)', async () => {
    const content = new TestContent(KERNEL);
    const { listener, port } = await serveTable(new TableFiles({ kernel: content }));
    const wire = await BadWire.open(port, 5);
    try {
      const all = await Promise.all(
        Array.from({ length: 100 }, (_, nth) =>
          fetchByTftp({
            ...{ server: '127.0.0.1', port: wire.port, path: 'kernel', clock: realClock },
            localAddress: `127.0.7.${String(nth + 1)}`,
            options: { blksize: nth % 2 ? '1468' : '1024', windowsize: String([1, 4, 16][nth % 3]) },
            ...{ patienceMs: 1000, triesMax: 30 },
          }),
        ),
      );
      const want = sha256(KERNEL);
      assert.deepEqual(
        all.filter(({ bytes }) => sha256(bytes) !== want),
        [],
      );
      assert.ok(wire.lost > 200, `${String(wire.lost)} lost`);
      assert.equal(listener.counters.busy, 0);
    } finally {
      wire.close();
      await listener.close();
    }
  });
});
