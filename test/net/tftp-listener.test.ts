import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { fetchByTftp, TftpFetchError } from '../../lab/virtual/tftp-fetch.ts';
import { startTftpListener, type TftpListener, type TftpListenerOptions } from '../../server/net/tftp-listener.ts';
import { BindError } from '../../server/net/bind-error.ts';
import type { BootFiles } from '../../server/ports/boot-files.ts';
import { encodeAck, encodeError } from '../../server/wire/tftp/packet.ts';
import { ip, net, patterned, Peer, serveTable, TableFiles, TestContent, until } from './tftp-support.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { createQuietLog } from '../support/quiet-log.ts';
import type { Ipv4 } from '../../server/core/address.ts';
import { realClock } from '../../server/edges/real-clock.ts';

const rrq = (name: string, options = ''): string => `\0\x01${name}\0octet\0${options}`;

describe('tftp listener', () => {
  const open: TftpListener[] = [];
  const peers: Peer[] = [];
  const serve = async (files: BootFiles, more: Partial<TftpListenerOptions> = {}) => {
    const served = await serveTable(files, more);
    open.push(served.listener);
    return served;
  };
  const peer = async (address?: string): Promise<Peer> => {
    const made = await Peer.at(address);
    peers.push(made);
    return made;
  };
  afterEach(async () => {
    for (const listener of open.splice(0)) await listener.close();
    for (const each of peers.splice(0)) await each.close();
  });

  const fetches: readonly (readonly [string, number, Readonly<Record<string, string>>, object])[] = [
    ['plain RFC 1350', 100_000, {}, { blksize: 512, windowsize: 1, tsize: undefined }],
    ['an empty file', 0, { tsize: '0' }, { tsize: 0 }],
    ['an exact multiple of the block (G3)', 5120, {}, { blocks: 11 }],
    ['u-boot: timeout and blksize', 100_000, { timeout: '5', blksize: '1468' }, { blksize: 1468, blocks: 69 }],
    [
      'EDK2: window 4 and tsize',
      100_000,
      { blksize: '1468', windowsize: '4', tsize: '0' },
      { windowsize: 4, tsize: 100_000 },
    ],
    ['a wide window over many chunks', 1_500_000, { blksize: '1024', windowsize: '64' }, { windowsize: 16 }],
    ['blocks of 8 octets', 20_000, { blksize: '8', windowsize: '16' }, { blocks: 2501 }],
  ];
  for (const [title, octets, asked, want] of fetches)
    for (const inMemory of [true, false])
      it(`${title}, ${inMemory ? 'from memory' : 'read from disk'}`, async () => {
        const content = new TestContent(patterned(octets), inMemory);
        const files = new TableFiles({ 'boot/file': content });
        const { port, listener } = await serve(files);
        const { bytes, stats } = await fetchByTftp({
          server: '127.0.0.1',
          port,
          path: '/boot/file',
          clock: realClock,
          options: asked,
        });
        assert.ok(patterned(octets).equals(bytes));
        assert.deepEqual({ ...stats, ...want }, stats);
        assert.equal(stats.timeouts, 0);
        const [report] = await files.ended(1);
        assert.equal(report?.outcome, 'done');
        assert.equal(report.octetsSent, octets);
        assert.match(report.words, new RegExp(`blksize ${stats.blksize}, windowsize ${stats.windowsize}`));
        assert.deepEqual([content.closes, listener.active, listener.counters.done], [1, 0, 1]);
      });

  it('passes on who asked for what on which address, the name cleaned', async () => {
    const files = new TableFiles({});
    const { port } = await serve(files);
    await assert.rejects(
      fetchByTftp({ server: '127.0.0.1', port, path: '/boot//dtb/', clock: realClock, localAddress: '127.0.7.7' }),
    );
    assert.deepEqual(files.asked, [{ via: 'tftp', path: 'boot/dtb', peer: ip('127.0.7.7'), local: ip('127.0.0.1') }]);
  });

  it('absent and refused files are ERROR 1 without a path (G10), and the next question is answered', async () => {
    const { port } = await serve(new TableFiles({ secret: 'refused' }));
    for (const path of ['secret', 'nowhere'])
      await assert.rejects(fetchByTftp({ server: '127.0.0.1', port, path, clock: realClock }), (error) => {
        assert.ok(error instanceof TftpFetchError);
        assert.equal(error.code, 'not-found');
        assert.match(error.message, /ERROR 1 File not found$/);
        return true;
      });
  });

  it('a file that cannot be opened is ERROR 0 without a path, and a line in the log', async () => {
    const { port, log, listener } = await serve(new TableFiles({ x: new Error('EIO /secret/place') }));
    await assert.rejects(
      fetchByTftp({ server: '127.0.0.1', port, path: 'x', clock: realClock }),
      /ERROR 0 the file cannot be read$/,
    );
    assert.match(log.lines.join('\n'), /EIO \/secret\/place/);
    assert.equal(listener.active, 0);
  });

  it('a file that fails in the middle is ERROR 0, reported failed and let go', async () => {
    const content = new TestContent(patterned(400_000), false);
    content.failAt = 300_000;
    const files = new TableFiles({ x: content });
    const { port } = await serve(files);
    await assert.rejects(
      fetchByTftp({ server: '127.0.0.1', port, path: 'x', clock: realClock }),
      /ERROR 0 the file cannot be read$/,
    );
    assert.equal((await files.ended(1))[0]?.outcome, 'failed');
    assert.equal(content.closes, 1);
  });

  it('each transfer has a fresh port, and none is the one asked (G1)', async () => {
    const { port } = await serve(new TableFiles({ x: new TestContent(patterned(10)) }));
    const ports = new Set([port]);
    for (let i = 0; i < 5; i += 1) {
      const client = await peer();
      client.send(rrq('x'), port);
      ports.add((await client.next()).port);
    }
    assert.equal(ports.size, 6);
  });

  it('answers come from the address that was asked', async () => {
    const addresses = ['127.0.0.2', '127.0.0.3'].map((each) => ({ address: ip(each), subnets: [net('127.0.0.0/8')] }));
    const { listener } = await serve(new TableFiles({ x: new TestContent(patterned(10)) }), { addresses });
    for (const { address, port } of listener.bound) {
      const client = await peer();
      client.send(rrq('x'), port, address);
      assert.equal((await client.next()).address, address);
      client.send(rrq('no'), port, address);
      assert.equal((await client.next()).address, address);
    }
  });

  it('an address that is named again stays open, one that is not is closed', async () => {
    const [kept, gone] = ['127.0.0.2', '127.0.0.3'].map((each) => ({
      address: ip(each),
      subnets: [net('127.0.0.0/8')],
    }));
    const { listener } = await serve(new TableFiles({}), { addresses: [kept!, gone!] });
    const before = listener.bound.find((each) => each.address === '127.0.0.2');
    await listener.serve([{ address: ip('127.0.0.2'), subnets: [net('127.0.0.0/8')] }]);
    assert.deepEqual(listener.bound, [before]);
  });

  it('a wrong TID gets ERROR 5 and does not disturb the transfer (G2)', async () => {
    const files = new TableFiles({ x: new TestContent(patterned(600)) });
    const { port, listener } = await serve(files);
    const [client, intruder] = [await peer(), await peer('127.0.0.9')];
    client.send(rrq('x'), port);
    const { port: tid } = await client.next();
    intruder.send(encodeAck(1), tid);
    assert.deepEqual((await intruder.next()).packet, { op: 'ERROR', code: 5, message: 'unknown transfer' });
    intruder.send(encodeError(0, 'die'), tid);
    for (let i = 0; i < 30; i += 1) intruder.send(encodeAck(1), tid);
    await until(() => listener.counters.strangers === 32);
    client.send(encodeAck(1), tid);
    assert.equal((await client.next()).packet.op, 'DATA');
    client.send(encodeAck(2), tid);
    assert.equal((await files.ended(1))[0]?.outcome, 'done');
    assert.ok(intruder.waiting <= 7, 'a stranger is answered a few times, an ERROR never');
  });

  const refused: readonly (readonly [string, string, number, string])[] = [
    ['a write request (G9)', '\0\x02new\0octet\0', 2, 'this server is read-only'],
    ['netascii (G8)', '\0\x01x\0netascii\0', 4, 'only mode octet is served'],
    ['mail (G8)', '\0\x01x\0mail\0', 4, 'only mode octet is served'],
    ['a request without its NULs (G10)', '\0\x01x', 4, 'malformed request'],
    ['a request that is too long (H4)', rrq('x', 'a\0'.repeat(300)), 4, 'malformed request'],
    ['a name that climbs', rrq('../../etc/passwd'), 1, 'File not found'],
    ['a name with a backslash', rrq('..\\x'), 1, 'File not found'],
    ['a name with control octets', rrq('x\x1b'), 1, 'File not found'],
    ['a name with a drive', rrq('C:/x'), 1, 'File not found'],
    ['an endless name', rrq('x'.repeat(256)), 1, 'File not found'],
  ];
  for (const [title, request, code, message] of refused)
    it(`refused, and asked of nobody: ${title}`, async () => {
      const files = new TableFiles({ x: new TestContent(patterned(10)) });
      const { port, listener } = await serve(files);
      const client = await peer();
      client.send(request, port);
      assert.deepEqual((await client.next()).packet, { op: 'ERROR', code, message });
      assert.deepEqual([files.asked.length, listener.active], [0, 0]);
    });

  it('mode names come in any case (G8)', async () => {
    const { port } = await serve(new TableFiles({ x: new TestContent(patterned(10)) }));
    const client = await peer();
    client.send('\0\x01x\0OCTET\0', port);
    assert.equal((await client.next()).packet.op, 'DATA');
  });

  it('rubbish, strays and errors on the request port are not answered', async () => {
    const { port, listener } = await serve(new TableFiles({}));
    const client = await peer();
    for (const junk of ['', '\0', '\0\x09', '\0\x05\0\0x\0', '\0\x04\0\x01', '\0\x03\0\x01abc', '\0\x06a\0b\0'])
      client.send(junk, port);
    client.send(rrq('x'), port);
    assert.equal((await client.next()).packet.op, 'ERROR', 'the first answer is the one to the request');
    assert.deepEqual([listener.counters.malformed, listener.counters.strangers, listener.counters.notFound], [3, 3, 1]);
  });

  it('senders outside the served subnets hear nothing', async () => {
    const addresses = [{ address: ip('127.0.0.1'), subnets: [net('127.0.5.0/24')] }];
    const { port, listener } = await serve(new TableFiles({}), { addresses });
    const [outside, inside] = [await peer('127.0.0.1'), await peer('127.0.5.1')];
    outside.send(rrq('x'), port);
    inside.send(rrq('x'), port);
    assert.equal((await inside.next()).packet.op, 'ERROR');
    assert.deepEqual([listener.counters.outside, outside.waiting], [1, 0]);
  });

  it('a request that comes again while its transfer is young starts no second one', async () => {
    const files = new TableFiles({ x: new TestContent(patterned(600)), y: new TestContent(patterned(10)) });
    const { port, listener } = await serve(files);
    const client = await peer();
    for (let i = 0; i < 3; i += 1) client.send(rrq('x'), port);
    const { port: tid } = await client.next();
    await until(() => listener.counters.repeated === 2);
    client.send(encodeAck(1), tid);
    assert.equal((await client.next()).port, tid);
    assert.equal(listener.counters.started, 1);
    client.send(rrq('y'), port);
    assert.notEqual((await client.next()).port, tid, 'another file from the same port takes the place');
    assert.equal((await files.ended(1))[0]?.words, 'blksize 512, windowsize 1: the client asked anew');
  });

  it('one address gets eight transfers, then ERROR 0 busy once; others are still served', async () => {
    const { port, listener } = await serve(new TableFiles({ x: new TestContent(patterned(6000)) }));
    for (let i = 0; i < 8; i += 1) {
      const client = await peer();
      client.send(rrq('x'), port);
      client.send(encodeAck(1), (await client.next()).port);
      await client.next();
    }
    const ninth = await peer();
    ninth.send(rrq('x'), port);
    assert.deepEqual((await ninth.next()).packet, { op: 'ERROR', code: 0, message: 'busy' });
    const other = await peer('127.0.0.2');
    other.send(rrq('x'), port);
    assert.equal((await other.next()).packet.op, 'DATA');
    assert.deepEqual([listener.active, listener.counters.busy], [9, 1]);
  });

  it('transfers that nobody answered make room for a new client, those under way do not', async () => {
    const files = new TableFiles({ x: new TestContent(patterned(6000)) });
    const { port, listener } = await serve(files, { transfersMax: 3, transfersPerPeerMax: 2 });
    const good = await peer('127.0.0.2');
    good.send(rrq('x'), port);
    const { port: tid } = await good.next();
    good.send(encodeAck(1), tid);
    await good.next();
    for (let i = 0; i < 20; i += 1) {
      const dead = await peer(`127.0.1.${i + 1}`);
      dead.send(rrq('x'), port);
      await dead.next();
    }
    good.send(encodeAck(2), tid);
    assert.equal((await good.next()).packet.op, 'DATA');
    assert.deepEqual([listener.active, listener.counters.busy, listener.counters.crowdedOut], [3, 0, 18]);
    assert.match(files.reports[0]?.words ?? '', /its place was needed/);
  });

  it('a transfer whose place was taken while its file was opened lets the file go', async () => {
    let arrive: (content: TestContent) => void = () => undefined;
    const late = new TestContent(patterned(10));
    const files = new TableFiles({
      late: new Promise<TestContent>((resolve) => (arrive = resolve)),
      x: new TestContent(patterned(10)),
    });
    const { port } = await serve(files, { transfersMax: 1 });
    const [first, second] = [await peer(), await peer('127.0.0.2')];
    first.send(rrq('late'), port);
    await until(() => files.asked.length === 1);
    second.send(rrq('x'), port);
    await second.next();
    arrive(late);
    assert.equal((await files.ended(1))[0]?.outcome, 'gave-up');
    assert.deepEqual([late.closes, first.waiting], [1, 0]);
  });

  it('a client that sends ERROR ends it at once (G7), and asks again like EDK2 from the next port', async () => {
    const files = new TableFiles({ x: new TestContent(patterned(600)) });
    const { port } = await serve(files);
    const client = await peer();
    client.send(rrq('x', 'tsize\x000\0blksize\x001468\0windowsize\x004\0'), port);
    const answer = await client.next();
    assert.equal(answer.packet.op, 'OACK');
    client.send(encodeError(8, 'User aborted the transfer'), answer.port);
    const [report] = await files.ended(1);
    assert.deepEqual([report?.outcome, report?.octetsSent], ['aborted-by-peer', 0]);
    assert.match(report?.words ?? '', /ERROR 8 from the client: User aborted the transfer/);
  });

  it('a lost block costs milliseconds, not the first second (G11)', async () => {
    const clock = createFakeClock();
    const { port } = await serve(new TableFiles({ x: new TestContent(patterned(6000)) }), { clock });
    const client = await peer();
    client.send(rrq('x'), port);
    const { port: tid } = await client.next();
    client.send(encodeAck(1), tid);
    await client.next();
    await clock.pass(700);
    const again = await client.next();
    assert.deepEqual(again.packet.op === 'DATA' && again.packet.block, 2);
  });

  it('a client that is gone ends it as soon as its host says so', async () => {
    const files = new TableFiles({ x: new TestContent(patterned(6000)) });
    const { port } = await serve(files);
    const client = await Peer.at();
    client.send(rrq('x'), port);
    const { port: tid } = await client.next();
    client.send(encodeAck(1), tid);
    await client.next();
    await client.close();
    assert.match((await files.ended(1))[0]?.words ?? '', /the client closed its port/);
  });

  it('a dead request draws three packets in 7 s, then its place is free (G12)', async () => {
    const clock = createFakeClock();
    const files = new TableFiles({ x: new TestContent(patterned(600)) });
    const { port, listener } = await serve(files, { clock });
    const client = await peer();
    client.send(rrq('x'), port);
    await client.next();
    for (const [waitMs, isSent] of [
      [90, false],
      [20, true],
      [1800, false],
      [200, true],
      [4700, false],
    ] as const) {
      await clock.pass(waitMs);
      if (isSent) assert.equal((await client.next()).packet.op, 'DATA');
    }
    assert.equal(listener.active, 1);
    await clock.pass(400);
    assert.deepEqual([listener.active, client.waiting, files.reports[0]?.outcome], [0, 0, 'gave-up']);
  });

  it('boards have their habits: no options, smaller blocks, other windows', async () => {
    const habits = { blksizeMax: 600, windowsizeMax: 32, options: true };
    const habitsOf = (who: Ipv4) =>
      who === ip('127.0.0.2') ? habits : who === ip('127.0.0.3') ? { ...habits, options: false } : undefined;
    const { port } = await serve(new TableFiles({ x: new TestContent(patterned(5000)) }, habitsOf));
    const ask = (localAddress: string) =>
      fetchByTftp({
        server: '127.0.0.1',
        port,
        path: 'x',
        clock: realClock,
        localAddress,
        options: { blksize: '1468', windowsize: '64' },
      });
    const [known, plain, unknown] = [await ask('127.0.0.2'), await ask('127.0.0.3'), await ask('127.0.0.4')];
    assert.deepEqual([known.stats.blksize, known.stats.windowsize], [600, 32]);
    assert.deepEqual([plain.stats.blksize, plain.stats.windowsize], [512, 1]);
    assert.deepEqual([unknown.stats.blksize, unknown.stats.windowsize], [1468, 16]);
  });

  it('serves addresses that come, leaves those that go, and says which cannot be opened', async () => {
    const { listener } = await serve(new TableFiles({}));
    const [first, second] = ['127.0.0.1', '127.0.0.2'].map((each) => ({
      address: ip(each),
      subnets: [net('127.0.0.0/8')],
    }));
    assert.ok(first && second);
    assert.deepEqual(await listener.serve([second]), []);
    assert.deepEqual(
      listener.bound.map((each) => each.address),
      ['127.0.0.2'],
    );
    const [fault, ...more] = await listener.serve([first, second, { address: ip('192.0.2.1'), subnets: [] }]);
    assert.deepEqual([fault?.code, more.length], ['no-address', 0]);
    assert.match(fault?.message ?? '', /UDP port 0 on 192\.0\.2\.1: no interface has this address now/);
    assert.equal(listener.bound.length, 2);
  });

  it('serving the same address again keeps its port open, with the new subnets', async () => {
    const { listener, port } = await serve(new TableFiles({}));
    const client = await peer();
    await listener.serve([{ address: ip('127.0.0.1'), subnets: [net('10.0.0.0/8')] }]);
    client.send(rrq('x'), port);
    await until(() => listener.counters.outside === 1);
    await listener.serve([{ address: ip('127.0.0.1'), subnets: [net('127.0.0.0/8')] }]);
    client.send(rrq('x'), port);
    assert.equal((await client.next()).packet.op, 'ERROR');
    assert.deepEqual(listener.bound, [{ address: '127.0.0.1', port }]);
  });

  it('an address that is not there yet does not stop the start', async () => {
    const { listener } = await serve(new TableFiles({}), { addresses: [{ address: ip('192.0.2.1'), subnets: [] }] });
    assert.deepEqual(listener.bound, []);
  });

  it('a port that another program holds stops the start, naming it', async () => {
    const holder = await peer();
    const options = { addresses: [{ address: ip('127.0.0.1'), subnets: [] }], port: holder.port };
    await assert.rejects(
      startTftpListener({ ...options, files: new TableFiles({}), clock: realClock, log: createQuietLog() }),
      (error) =>
        error instanceof BindError &&
        error.code === 'port-taken' &&
        error.message.includes(`127.0.0.1 is held by`) &&
        error.message.includes(`(pid ${process.pid})`),
    );
  });

  it('says how large a receive buffer it was granted', async () => {
    const { log } = await serve(new TableFiles({}));
    assert.match(log.lines[0] ?? '', /"receiveBufferOctets":\d{6,}/);
  });

  it('whoever is told of the end cannot break it by throwing', async () => {
    const content = new TestContent(patterned(10));
    const files: BootFiles = {
      open: () =>
        Promise.resolve({
          is: 'file',
          content,
          ended: () => {
            throw new Error('disk full');
          },
        }),
    };
    const { port, log, listener } = await serve(files);
    for (let i = 0; i < 2; i += 1) await fetchByTftp({ server: '127.0.0.1', port, path: 'x', clock: realClock });
    await until(() => listener.counters.done === 2);
    assert.match(log.lines.join(), /disk full/);
  });

  it('closing ends what is under way, tells so, and leaves no descriptor behind', async () => {
    const descriptors = (): number => readdirSync('/proc/self/fd').length;
    const client = await peer();
    const before = descriptors();
    const content = new TestContent(patterned(6000));
    const files = new TableFiles({ x: content });
    const { listener, port } = await serveTable(files);
    client.send(rrq('x'), port);
    await client.next();
    await listener.close();
    assert.deepEqual([files.reports.map((each) => each.outcome), content.closes, listener.active], [['gave-up'], 1, 0]);
    await until(() => descriptors() <= before);
  });
});
