import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import {
  ipv4ListOption,
  ipv4Option,
  octetsOfIpv4s,
  octetsOfText,
  octetsOfU32,
  OPT,
  textOption,
  u16Option,
  u32Option,
} from '../../../server/wire/dhcp/options.ts';
import { octetsOnWire, readField, writeOption } from '../../../server/wire/dhcp/option-field.ts';
import { ip } from '../../support/dhcp-lab.ts';

const only = (...value: number[]): ReadonlyMap<number, Uint8Array> => new Map([[1, Uint8Array.from(value)]]);

describe('wire/dhcp/options', () => {
  it('B10 a fixed-length option of another length is no option', () => {
    assert.equal(u32Option(only(0, 0, 1, 1), 1), 257);
    assert.equal(u32Option(only(255, 255, 255, 255), 1), 0xffffffff);
    for (const value of [[], [1], [1, 2, 3], [1, 2, 3, 4, 5]]) assert.equal(u32Option(only(...value), 1), undefined);
    assert.equal(u16Option(only(2, 64), 1), 576);
    for (const value of [[], [1], [1, 2, 3]]) assert.equal(u16Option(only(...value), 1), undefined);
    assert.equal(ipv4Option(only(10, 77, 0, 1), 1), ip('10.77.0.1'));
    assert.equal(ipv4Option(only(10, 77, 0), 1), undefined);
    assert.equal(ipv4Option(only(10, 77, 0, 1), 2), undefined);
  });

  it('B10 lists of addresses are multiples of four octets', () => {
    const list = [ip('10.0.0.1'), ip('255.255.255.255')];
    assert.deepEqual(ipv4ListOption(new Map([[6, octetsOfIpv4s(list)]]), 6), list);
    for (const value of [[], [1, 2, 3], [1, 2, 3, 4, 5]]) assert.equal(ipv4ListOption(only(...value), 1), undefined);
  });

  it('B8 a trailing NUL is stripped when present and not needed', () => {
    assert.equal(textOption(only(97, 98), 1), 'ab');
    assert.equal(textOption(only(97, 98, 0), 1), 'ab');
    assert.equal(textOption(only(0), 1), '');
    assert.equal(textOption(only(97), 2), undefined);
  });

  it('text that fits Latin-1 survives, the rest becomes a question mark', () => {
    assert.equal(textOption(new Map([[1, octetsOfText('Grüße')]]), 1), 'Grüße');
    assert.deepEqual([...octetsOfText('a€')], [97, 63]);
  });

  it('numbers survive', () => {
    fc.assert(fc.property(fc.nat(0xffffffff), (n) => u32Option(new Map([[51, octetsOfU32(n)]]), 51) === n));
  });

  it('B7 an option takes two octets a part, and only some may have parts', () => {
    const sizes = [0, 255, 256, 510, 511].map((n) => octetsOnWire([OPT.vendorSpecific, new Uint8Array(n)]));
    assert.deepEqual(sizes, [2, 257, 260, 514, 517]);
    assert.equal(octetsOnWire([OPT.hostName, new Uint8Array(256)]), undefined);
  });

  it('B6 B7 any long value is read back as it was written, and takes what was said', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1200 }), (value) => {
        const octets = octetsOnWire([OPT.vendorSpecific, value]) ?? 0;
        const field = new Uint8Array(octets);
        assert.equal(writeOption(field, 0, [OPT.vendorSpecific, value]), octets);
        const found = new Map<number, Uint8Array>();
        assert.deepEqual(readField(field, found), { ended: false, overran: false });
        assert.deepEqual(found.get(OPT.vendorSpecific), value);
      }),
    );
  });

  it('says how a field ended', () => {
    assert.deepEqual(readField(Uint8Array.of(12, 1, 65, 255), new Map()), { ended: true, overran: false });
    assert.deepEqual(readField(Uint8Array.of(12, 9, 65), new Map()), { ended: false, overran: true });
  });

  it('codes are named once', () => {
    const codes = Object.values(OPT);
    assert.equal(new Set(codes).size, codes.length);
  });
});
