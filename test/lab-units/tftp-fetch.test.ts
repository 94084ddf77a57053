import assert from 'node:assert/strict';
import {
  fetchByTftp,
  TftpFetchError,
  tftpFetch,
  tftpProbe,
  type TftpFetchOrder,
} from '../../lab/virtual/tftp-fetch.ts';
import { encodeData, encodeError, encodeOack, TFTP_ERROR } from '../../server/wire/tftp/packet.ts';
import { ip, patterned, Peer, until } from '../net/tftp-support.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';
import { realClock } from '../../server/edges/real-clock.ts';

describe('tftp client of virtual boards', () => {
  let server: Peer;
  let clock: FakeClock;
  const fetch = (more: Partial<TftpFetchOrder> = {}) =>
    fetchByTftp({ server: '127.0.0.1', port: server.port, path: 'x', clock, ...more });
  const code = (want: string) => (error: unknown) => error instanceof TftpFetchError && error.code === want;

  beforeEach(async () => {
    server = await Peer.at();
    clock = createFakeClock();
  });
  afterEach(() => server.close());

  it('asks again when nobody answers, and gives up in the end', async () => {
    const fetched = fetch({ triesMax: 2, patienceMs: 500 });
    const failed = assert.rejects(fetched, code('timeout'));
    for (let i = 0; i < 3; i += 1) {
      assert.equal((await server.next()).packet.op, 'RRQ');
      clock.advance(501);
    }
    await failed;
  });

  it('asks as the firmware it plays: u-boot', async () => {
    const fetched = fetch({ options: { timeout: '5', tsize: '0', blksize: '1468', windowsize: '4' } });
    const { packet, port } = await server.next();
    assert.ok(packet.op === 'RRQ');
    assert.deepEqual(
      [...packet.options],
      [
        ['timeout', '5'],
        ['tsize', '0'],
        ['blksize', '1468'],
        ['windowsize', '4'],
      ],
    );
    server.send(encodeError(1, 'File not found'), port);
    await assert.rejects(fetched, code('not-found'));
  });

  it('acknowledges a full window, a gap at once and a copy of the gap not again', async () => {
    const fetched = fetch({ options: { blksize: '8', windowsize: '3' } });
    const { port } = await server.next();
    const acked = async (): Promise<number> => {
      const { packet } = await server.next();
      return packet.op === 'ACK' ? packet.block : NaN;
    };
    const data = (block: number, octets = 8): void => {
      server.send(encodeData(block, patterned(octets)), port);
    };
    server.send(
      encodeOack(
        new Map([
          ['blksize', '8'],
          ['windowsize', '3'],
        ]),
      ),
      port,
    );
    assert.equal(await acked(), 0);
    for (const block of [1, 2, 3]) data(block);
    assert.equal(await acked(), 3);
    for (const block of [4, 6, 6, 6]) data(block);
    assert.equal(await acked(), 4);
    for (const block of [5, 6]) data(block);
    data(7, 3);
    assert.equal(await acked(), 7);
    const { bytes, stats } = await fetched;
    assert.deepEqual([bytes.length, stats.blocks, stats.outOfOrder, server.waiting], [51, 7, 3, 0]);
  });

  it('a second server is told that it is unknown, and changes nothing', async () => {
    const fetched = fetch();
    const { port } = await server.next();
    const other = await Peer.at();
    server.send(encodeData(1, patterned(512)), port);
    await server.next();
    other.send(encodeData(2, patterned(3)), port);
    assert.deepEqual((await other.next()).packet, { op: 'ERROR', code: 5, message: 'unknown transfer' });
    server.send(encodeData(2, patterned(4)), port);
    assert.equal((await fetched).bytes.length, 516);
    await other.close();
  });

  it('takes no more than it was told to', async () => {
    const failed = assert.rejects(fetch({ octetsMax: 1000 }), code('too-big'));
    const { port } = await server.next();
    for (const block of [1, 2]) server.send(encodeData(block, patterned(512)), port);
    await failed;
    await until(() => server.waiting >= 2);
  });

  describe('as a board uses it', () => {
    const habit = { options: { blksize: '1468', tsize: '0' } };
    let power: AbortController;
    const at = () => ({ address: ip('127.0.0.1'), port: server.port, clock });
    const sender = () => ({ from: ip('127.0.0.9'), signal: power.signal });
    beforeEach(() => {
      power = new AbortController();
    });

    it('asks from its own address, and asks again after five seconds of silence', async () => {
      const fetched = tftpFetch(at(), 'x', habit, sender());
      const { packet, address } = await server.next();
      assert.ok(packet.op === 'RRQ');
      assert.deepEqual([address, [...packet.options.keys()]], ['127.0.0.9', ['blksize', 'tsize']]);
      clock.advance(4999);
      assert.equal(server.waiting, 0);
      clock.advance(1);
      const { port } = await server.next();
      server.send(encodeData(1, patterned(9)), port, '127.0.0.9');
      assert.deepEqual(await fetched, { is: 'file', octets: patterned(9) });
    });

    it('the server’s no is an answer, silence is none', async () => {
      const refused = tftpFetch(at(), 'x', habit, sender());
      server.send(encodeError(1, 'File not found'), (await server.next()).port, '127.0.0.9');
      assert.deepEqual(await refused, { is: 'error', words: 'ERROR 1 File not found' });
      const failed = assert.rejects(tftpFetch(at(), 'x', habit, sender()), code('timeout'));
      for (let tries = 0; tries < 6; tries += 1) {
        await server.next();
        clock.advance(5000);
      }
      await failed;
    });

    it('power off ends it at once, also before it has begun', async () => {
      const failed = assert.rejects(tftpFetch(at(), 'x', habit, sender()), code('aborted'));
      await server.next();
      power.abort();
      await failed;
      assert.equal(clock.waiting(), 0);
      await assert.rejects(tftpFetch(at(), 'x', habit, sender()), code('aborted'));
      assert.equal(server.waiting, 0);
    });

    for (const [what, answer] of [
      ['OACK', encodeOack(new Map([['tsize', '9']]))],
      ['DATA', encodeData(1, patterned(512))],
    ] as const)
      it(`a probe breaks off with ERROR 8 when ${what} has come`, async () => {
        const probed = tftpProbe(at(), 'x', habit, sender());
        server.send(answer, (await server.next()).port, '127.0.0.9');
        await probed;
        const { packet } = await server.next();
        assert.ok(packet.op === 'ERROR' && packet.code === TFTP_ERROR.optionsRefused);
        assert.equal(clock.waiting(), 0);
      });

    it('a probe for a file that is not there is over as well', async () => {
      const probed = tftpProbe(at(), 'x', habit, sender());
      server.send(encodeError(1, 'File not found'), (await server.next()).port, '127.0.0.9');
      await probed;
    });
  });

  it('an address that is not ours is an error of the socket', async () => {
    await assert.rejects(fetch({ localAddress: '192.0.2.1', clock: realClock }), code('socket'));
  });
});
