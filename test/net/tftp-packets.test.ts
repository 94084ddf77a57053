import assert from 'node:assert/strict';
import { looseData, PacketCache } from '../../server/net/tftp-packets.ts';
import { decodePacket } from '../../server/wire/tftp/packet.ts';
import { must, patterned, TestContent } from './tftp-support.ts';
import { createFakeClock } from '../support/fake-clock.ts';

const MIB = 1 << 20;
const shape = { blksize: 1000, rollOverTo: 0 } as const;

/** All packets of a content as the cache gives them, joined; each number is checked on the way. */
async function joined(
  cache: PacketCache,
  content: TestContent,
  blksize: number,
  rollOverTo: 0 | 1 = 0,
): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  const blocks = Math.floor(content.octets / blksize) + 1;
  while (pieces.length < blocks) {
    const chunk = await cache.load(content, { blksize, rollOverTo }, pieces.length + 1);
    assert.equal(chunk.firstBlock, pieces.length + 1);
    for (const datagram of chunk.packets) {
      const packet = must(decodePacket(datagram));
      assert.ok(packet.op === 'DATA');
      pieces.push(packet.data);
    }
  }
  assert.equal(pieces.length, blocks);
  return Buffer.concat(pieces);
}

describe('tftp packets', () => {
  for (const [octets, blksize] of [
    [0, 512],
    [1, 512],
    [512, 512],
    [400_000, 1468],
    [128 * 1024 * 2, 1024],
    [300_000, 65464],
    [9000, 8],
  ] as const)
    it(`${octets} octets in blocks of ${blksize} are whole`, async () => {
      for (const inMemory of [true, false]) {
        const content = new TestContent(patterned(octets), inMemory);
        assert.ok(patterned(octets).equals(await joined(new PacketCache(MIB, createFakeClock()), content, blksize)));
      }
    });

  it('block 65535 is followed by 0, or by 1 where a board wants it (G4)', () => {
    const content = new TestContent(Buffer.alloc(8 * 65540));
    const numbersAt = (rollOverTo: 0 | 1): readonly number[] => {
      const chunk = new PacketCache(16 * MIB, createFakeClock()).get(content, { blksize: 8, rollOverTo }, 65535);
      return (chunk?.packets ?? [])
        .slice(65534 - (chunk?.firstBlock ?? 0))
        .map((each) => Buffer.from(each).readUInt16BE(2));
    };
    assert.deepEqual(numbersAt(0).slice(0, 3), [65534, 65535, 0]);
    assert.deepEqual(numbersAt(1).slice(0, 3), [65534, 65535, 1]);
  });

  it('boards that fetch the same file share its packets (H12)', () => {
    const cache = new PacketCache(MIB, createFakeClock());
    const buffer = patterned(5000);
    const [one, two] = [new TestContent(buffer), new TestContent(buffer)];
    assert.equal(cache.get(one, shape, 1), cache.get(two, shape, 3));
    assert.notEqual(cache.get(one, shape, 1), cache.get(one, { ...shape, blksize: 500 }, 1));
  });

  it('boards that ask together share one reading from disk (H12)', async () => {
    const cache = new PacketCache(MIB, createFakeClock());
    const content = new TestContent(patterned(5000), false);
    assert.equal(cache.get(content, shape, 1), undefined, 'nothing is there without reading');
    const chunks = await Promise.all(Array.from({ length: 10 }, () => cache.load(content, shape, 1)));
    assert.deepEqual([new Set(chunks).size, content.reads], [1, 1]);
    assert.equal(cache.get(content, shape, 1), chunks[0]);
  });

  it('a failed reading is told to all that wait, and tried again later', async () => {
    const cache = new PacketCache(MIB, createFakeClock());
    const content = new TestContent(patterned(5000), false);
    content.failAt = 0;
    const both = await Promise.allSettled([cache.load(content, shape, 1), cache.load(content, shape, 1)]);
    assert.deepEqual(
      both.map((each) => each.status),
      ['rejected', 'rejected'],
    );
    content.failAt = Infinity;
    assert.equal((await cache.load(content, shape, 1)).packets.length, 6);
  });

  it('a reading that comes up short is a failure, never a short file', async () => {
    const content = new TestContent(patterned(5000), false);
    content.read = (at, octets) => Promise.resolve(patterned(5000).subarray(at, at + octets - 1));
    await assert.rejects(new PacketCache(MIB, createFakeClock()).load(content, shape, 1), /4999 of 5000 octets/);
  });

  it('never holds more than it may; what is in use stays, what is idle goes', () => {
    const clock = createFakeClock();
    const cache = new PacketCache(300_000, clock);
    const contents = Array.from({ length: 4 }, (_, i) => new TestContent(patterned(130_000 + i)));
    const held = (i: number): boolean => cache.get(contents[i]!, shape, 1) !== undefined;
    assert.deepEqual([held(0), held(1), held(2)], [true, true, false], 'the third finds no room');
    assert.ok(cache.octets <= 300_000);
    clock.advance(900);
    assert.ok(held(1));
    clock.advance(900);
    assert.deepEqual([held(2), held(1), held(0)], [true, true, false], 'the first was idle and went');
    assert.ok(cache.octets <= 300_000);
  });

  it('without room the sender joins header and file itself, and the datagram is the same', () => {
    const content = new TestContent(patterned(2500));
    const packets = new PacketCache(MIB, createFakeClock()).get(content, shape, 1)?.packets ?? [];
    for (const block of [1, 2, 3])
      assert.ok(Buffer.concat(looseData(content, shape, block) ?? []).equals(packets[block - 1]!));
    assert.equal(looseData(new TestContent(patterned(10), false), shape, 1), undefined);
  });
});
