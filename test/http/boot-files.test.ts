import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request, createServer, type IncomingMessage, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import express from 'express';
import { parseIpv4, parseSha256 } from '../../server/core/address.ts';
import { bootFilesRouter } from '../../server/http/boot-files.ts';
import type { Content } from '../../server/ports/artefacts.ts';
import type { BootFiles, FileRequest, TransferReport } from '../../server/ports/boot-files.ts';
import type { Clock } from '../../server/ports/clock.ts';
import type { Log } from '../../server/ports/log.ts';

const SHA = 'ab'.repeat(32);
const TAG = `"${SHA}"`;
const LOCALHOST = parseIpv4('127.0.0.1');
const BIG_OCTETS = 24 * 1024 * 1024;

class TestFile implements Content {
  readonly octets: number;
  readonly sha256;
  readonly whole: Uint8Array | undefined;
  closes = 0;
  reads = 0;
  failAt = Infinity;
  readonly #buffer: Buffer;

  constructor(buffer: Buffer, inMemory: boolean) {
    const sha = parseSha256(SHA);
    assert.ok(sha.ok);
    this.sha256 = sha.value;
    this.octets = buffer.length;
    this.#buffer = buffer;
    this.whole = inMemory ? buffer : undefined;
  }

  async read(at: number, octets: number): Promise<Uint8Array> {
    this.reads += 1;
    await Promise.resolve();
    if (at + octets > this.failAt) throw new Error('EIO /secret');
    return this.#buffer.subarray(at, at + octets);
  }

  close(): void {
    this.closes += 1;
  }
}

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

describe('boot files over HTTP', () => {
  let server: Server;
  let file: TestFile;
  let asked: FileRequest[];
  let reports: TransferReport[];
  let stalled: (() => void)[];
  let logged: string[];

  const files: BootFiles = {
    open: (wanted) => {
      asked.push(wanted);
      if (wanted.path === 'boot/refused') return Promise.resolve({ is: 'refused', because: '/secret' });
      if (wanted.path !== 'boot/0123456789abcdef/linux') return Promise.resolve({ is: 'absent' });
      return Promise.resolve({ is: 'file', content: file, ended: (report) => reports.push(report) });
    },
  };
  const clock: Clock = {
    now: () => 0,
    monotonicMs: () => 0,
    after: (_ms, call) => {
      stalled.push(call);
      return () => {
        stalled = stalled.filter((each) => each !== call);
      };
    },
  };
  const keep = (words: string, fields?: object): void => void logged.push(`${words} ${JSON.stringify(fields)}`);
  const log: Log = { debug: keep, info: keep, warn: keep, error: keep };

  const port = (): number => (server.address() as AddressInfo).port;
  const ask = async (path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> => {
    const req = request({ port: port(), host: '127.0.0.1', path, method, headers, agent: false }).end();
    const [res] = (await once(req, 'response')) as [IncomingMessage];
    const pieces: Buffer[] = [];
    for await (const piece of res) pieces.push(piece as Buffer);
    return { status: res.statusCode, headers: res.headers, body: Buffer.concat(pieces) };
  };
  const settled = async (): Promise<void> => {
    while (file.closes === 0) await new Promise((resolve) => setImmediate(resolve));
  };
  const LINUX = '/boot/0123456789abcdef/linux';

  beforeEach(async () => {
    [asked, reports, stalled, logged] = [[], [], [], []];
    file = new TestFile(Buffer.from('0123456789'), true);
    const app = express().use(bootFilesRouter({ files, clock, log }));
    server = createServer(app).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });

  for (const inMemory of [true, false])
    it(`the whole file with its length and strong tag, ${inMemory ? 'from memory' : 'from disk'}`, async () => {
      const octets = Buffer.alloc(3 * 1024 * 1024 + 7, 'abcdefg');
      file = new TestFile(octets, inMemory);
      const { status, headers, body } = await ask(LINUX);
      assert.equal(status, 200);
      assert.ok(octets.equals(body));
      assert.equal(headers['content-length'], String(octets.length));
      assert.equal(headers['content-type'], 'application/octet-stream');
      assert.deepEqual([headers.etag, headers['accept-ranges']], [TAG, 'bytes']);
      await settled();
      assert.deepEqual(
        reports.map((each) => [each.outcome, each.octetsSent]),
        [['done', octets.length]],
      );
      assert.deepEqual([file.closes, file.reads], [1, inMemory ? 0 : 4]);
    });

  it('an empty file has length 0', async () => {
    file = new TestFile(Buffer.alloc(0), true);
    const { status, headers } = await ask(LINUX);
    assert.deepEqual([status, headers['content-length']], [200, '0']);
    await settled();
    assert.equal(reports[0]?.outcome, 'done');
  });

  it('HEAD, as UEFI asks first, says the length and sends nothing', async () => {
    const { status, headers, body } = await ask(LINUX, { Range: 'bytes=0-1' }, 'HEAD');
    assert.deepEqual([status, headers['content-length'], headers.etag, body.length], [200, '10', TAG, 0]);
    await settled();
    assert.deepEqual(
      reports.map((each) => [each.outcome, each.octetsSent, each.words]),
      [['done', 0, 'asked only for the size']],
    );
  });

  it("UEFI's HTTP boot names the host without its port, and is answered all the same", async () => {
    const headers = { Host: '127.0.0.1', 'User-Agent': 'UefiHttpBoot/1.0' };
    for (const method of ['HEAD', 'GET']) {
      const answer = await ask(LINUX, headers, method);
      assert.deepEqual([answer.status, answer.headers['content-length']], [200, '10']);
      assert.equal(answer.headers['transfer-encoding'], undefined);
    }
  });

  const ranges: readonly (readonly [string, Record<string, string>, number, string, string | undefined])[] = [
    ['a range', { Range: 'bytes=2-4' }, 206, '234', 'bytes 2-4/10'],
    ['an open range', { Range: 'bytes=7-' }, 206, '789', 'bytes 7-9/10'],
    ['the last octets', { Range: 'bytes=-2' }, 206, '89', 'bytes 8-9/10'],
    ['a range beyond the end', { Range: 'bytes=10-' }, 416, '', 'bytes */10'],
    ['two ranges: the whole', { Range: 'bytes=0-0,2-2' }, 200, '0123456789', undefined],
    ['If-Range with our tag', { Range: 'bytes=2-4', 'If-Range': TAG }, 206, '234', 'bytes 2-4/10'],
    ['If-Range with another tag: the whole', { Range: 'bytes=2-4', 'If-Range': '"x"' }, 200, '0123456789', undefined],
    [
      'If-Range with our tag made weak: the whole',
      { Range: 'bytes=2-4', 'If-Range': `W/${TAG}` },
      200,
      '0123456789',
      undefined,
    ],
    [
      'If-Range with a date: the whole',
      { Range: 'bytes=2-4', 'If-Range': 'Sat, 29 Oct 2022 19:43:31 GMT' },
      200,
      '0123456789',
      undefined,
    ],
    ['If-None-Match with our tag', { 'If-None-Match': TAG }, 304, '', undefined],
    ['If-None-Match with another', { 'If-None-Match': '"x"' }, 200, '0123456789', undefined],
    ['If-None-Match before Range', { 'If-None-Match': TAG, Range: 'bytes=2-4' }, 304, '', undefined],
  ];
  for (const [title, sent, status, body, contentRange] of ranges)
    it(title, async () => {
      const answer = await ask(LINUX, sent);
      assert.deepEqual(
        [answer.status, answer.body.toString(), answer.headers['content-range']],
        [status, body, contentRange],
      );
      if (status !== 304) assert.equal(answer.headers['content-length'], String(body.length));
      await settled();
      assert.deepEqual([reports.length, reports[0]?.octetsSent, file.closes], [1, body.length, 1]);
    });

  it('absent and refused are 404 without a reason', async () => {
    for (const path of ['/boot/nowhere', '/boot/refused']) {
      const { status, body } = await ask(path);
      assert.deepEqual([status, body.toString()], [404, 'not found\n']);
    }
  });

  it('passes on who asked for what on which address', async () => {
    await ask('/boot//grub%2Egfx/./x%20y/');
    assert.ok(LOCALHOST.ok);
    assert.deepEqual(asked, [
      { via: 'http', path: 'boot/grub.gfx/x y', peer: LOCALHOST.value, local: LOCALHOST.value },
    ]);
  });

  for (const path of [
    '/boot/%2e%2e/x',
    '/boot/..%2fx',
    '/boot/a%5cb',
    '/boot/a%00b',
    '/boot/%ff',
    '/boot/%',
    '/boot/%0d%0ax',
    `/boot/${'a'.repeat(256)}`,
  ])
    it(`refused, and asked of nobody: ${path.slice(0, 30)}`, async () => {
      assert.deepEqual([(await ask(path)).status, asked.length], [404, 0]);
    });

  it('other methods and other paths are not ours', async () => {
    assert.equal((await ask(LINUX, {}, 'DELETE')).status, 404);
    assert.equal((await ask('/boots/x')).status, 404);
    assert.equal(asked.length, 0);
  });

  it('a file that fails in the middle breaks the connection, is reported once and let go', async () => {
    file = new TestFile(Buffer.alloc(4 * 1024 * 1024), false);
    file.failAt = 2 * 1024 * 1024;
    await assert.rejects(ask(LINUX));
    await settled();
    assert.deepEqual(
      reports.map((each) => each.outcome),
      ['failed'],
    );
    assert.match(logged.join(), /EIO/);
  });

  /** A client that asks and reads nothing. */
  const deaf = async (): Promise<Socket> => {
    file = new TestFile(Buffer.alloc(BIG_OCTETS), false);
    const socket = connect(port(), '127.0.0.1').pause();
    socket.on('error', () => undefined);
    socket.write(`GET ${LINUX} HTTP/1.1\r\nHost: x\r\n\r\n`);
    while (stalled.length === 0) await new Promise((resolve) => setImmediate(resolve));
    return socket;
  };

  it('a client that reads nothing is not read for: memory stays bounded', async () => {
    const socket = await deaf();
    assert.ok(file.reads < BIG_OCTETS / (1024 * 1024), `${file.reads} pieces`);
    socket.destroy();
    await settled();
  });

  it('a client that leaves is reported once, with what it got', async () => {
    const socket = await deaf();
    socket.destroy();
    await settled();
    assert.deepEqual(
      reports.map((each) => [each.outcome, each.octetsSent < BIG_OCTETS]),
      [['aborted-by-peer', true]],
    );
    assert.deepEqual([file.closes, stalled.length], [1, 0]);
  });

  it('a client that stalls is given up', async () => {
    const socket = await deaf();
    for (const call of [...stalled]) call();
    await settled();
    assert.deepEqual(
      reports.map((each) => each.outcome),
      ['gave-up'],
    );
    socket.destroy();
  });
});
