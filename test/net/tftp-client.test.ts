import assert from 'node:assert/strict';
import { fetchByTftp, TftpFetchError, type TftpFetchOrder } from '../../lab/tftp-client.ts';
import { encodeData, encodeError, encodeOack } from '../../server/wire/tftp/packet.ts';
import { patterned, Peer, until } from './tftp-support.ts';
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
    const fetched = fetch({ timeoutS: 5, blksize: 1468, tsize: true, windowsize: 4 });
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
    const fetched = fetch({ blksize: 8, windowsize: 3 });
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

  it('an address that is not ours is an error of the socket', async () => {
    await assert.rejects(fetch({ localAddress: '192.0.2.1', clock: realClock }), code('socket'));
  });
});
