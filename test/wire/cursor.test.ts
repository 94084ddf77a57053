import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { Cursor, OctetWriter } from '../../server/wire/cursor.ts';

describe('wire/cursor', () => {
  it('reads big-endian numbers, addresses and octets in order', () => {
    const c = new Cursor(Uint8Array.of(1, 2, 3, 255, 254, 253, 252, 10, 77, 0, 1, 9, 8, 7));
    assert.deepEqual([c.u8(), c.u16(), c.u32(), c.ipv4()], [1, 0x0203, 0xfffefdfc, 0x0a4d0001]);
    assert.deepEqual([...c.bytes(2)], [9, 8]);
    assert.equal(c.left, 1);
    assert.deepEqual([...c.rest()], [7]);
    assert.equal(c.failed, false);
  });

  it('a read beyond the end gives zeros, and the failure sticks', () => {
    const c = new Cursor(Uint8Array.of(1, 2, 3));
    assert.equal(c.u32(), 0);
    assert.equal(c.failed, true);
    assert.deepEqual([c.u8(), c.u16(), c.left, c.bytes(1).length], [0, 0, 0, 0]);
  });

  it('reads what was written, for any values', () => {
    const shape = fc.record({ a: fc.nat(255), b: fc.nat(65535), c: fc.nat(), d: fc.uint8Array({ maxLength: 20 }) });
    fc.assert(
      fc.property(shape, ({ a, b, c, d }) => {
        const w = new OctetWriter(new Uint8Array(64));
        w.u8(a);
        w.u16(b);
        w.u32(c);
        w.bytes(d);
        const r = new Cursor(w.written());
        assert.deepEqual([r.u8(), r.u16(), r.u32(), [...r.rest()]], [a, b, c, [...d]]);
      }),
    );
  });

  it('a write that does not fit changes nothing and sticks', () => {
    const w = new OctetWriter(new Uint8Array(3));
    w.u16(0x0102);
    w.u16(0x0304);
    assert.equal(w.failed, true);
    w.u8(9);
    assert.deepEqual([...w.written()], [1, 2]);
    assert.equal(w.left, 0);
  });

  it('fills', () => {
    const w = new OctetWriter(new Uint8Array(4));
    w.fill(3, 7);
    assert.deepEqual([...w.written(), w.length, w.left], [7, 7, 7, 3, 1]);
  });
});
