import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { joined } from '../../../server/core/octets.ts';
import * as octets from '../../../server/wire/ipmi/octets.ts';

describe('IPMI octets', () => {
  it('numbers are written least octet first', () => {
    assert.deepEqual(octets.u16le(0x0102), [2, 1]);
    assert.deepEqual(octets.u32le(0x01020304), [4, 3, 2, 1]);
    assert.deepEqual(octets.u32le(0xffffffff), [255, 255, 255, 255]);
  });

  it('numbers come back, at any place, unsigned', () => {
    fc.assert(
      fc.property(fc.nat(0xffffffff), fc.nat(65535), fc.uint8Array({ maxLength: 5 }), (long, short, before) => {
        const all = joined(before, octets.u32le(long), octets.u16le(short));
        assert.equal(octets.readU32le(all, before.length), long);
        assert.equal(octets.readU16le(all, before.length + 4), short);
      }),
    );
  });

  it('behind the end there are zeros, never undefined', () => {
    const two = Uint8Array.of(1, 2);
    assert.deepEqual([octets.octetAt(two, 2), octets.readU16le(two, 1), octets.readU32le(two, 9)], [0, 2, 0]);
  });

  it('names are Latin-1, both ways', () => {
    const name = fc.uint8Array({ maxLength: 20 }).map((each) => octets.fromLatin1(each));
    fc.assert(
      fc.property(name, (text) => {
        assert.equal(octets.fromLatin1(octets.latin1(text)), text);
        assert.equal(octets.latin1(text).length, text.length);
      }),
    );
    assert.deepEqual([...octets.latin1('ÿ')], [255]);
  });
});
