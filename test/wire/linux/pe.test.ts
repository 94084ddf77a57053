import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { readPe } from '../../../server/wire/linux/pe.ts';

/** A PE header with sections of so many octets from so far on. */
function pe(machine: number, sections: readonly (readonly [from: number, octets: number])[]): Uint8Array {
  const octets = new Uint8Array(1024);
  const view = new DataView(octets.buffer);
  view.setUint16(0, 0x5a4d, true);
  view.setUint32(0x3c, 0x40, true);
  view.setUint32(0x40, 0x4550, true);
  view.setUint16(0x44, machine, true);
  view.setUint16(0x46, sections.length, true);
  view.setUint16(0x54, 0xa0, true);
  sections.forEach(([from, size], nth) => {
    view.setUint32(0x40 + 24 + 0xa0 + nth * 40 + 16, size, true);
    view.setUint32(0x40 + 24 + 0xa0 + nth * 40 + 20, from, true);
  });
  return octets;
}

describe('the header of an EFI program', () => {
  it('tells the processor, and how long the file must be', () => {
    const image = readPe(
      pe(0xaa64, [
        [0x1000, 0x2000],
        [0x3000, 0x500],
        [0, 0],
      ]),
    );
    assert.deepEqual(image, { machine: 0xaa64, octetsMin: 0x3500 });
    assert.deepEqual(readPe(pe(0x8664, [])), { machine: 0x8664, octetsMin: 0 });
  });

  it('all else is nothing', () => {
    for (const octets of [new Uint8Array(0), new Uint8Array(4096), new TextEncoder().encode('#!/bin/sh')])
      assert.equal(readPe(octets), undefined);
  });

  it('property: hostile octets are never an exception', () => {
    const spoilt = fc
      .tuple(fc.nat(1023), fc.nat(255))
      .map(([at, value]) => pe(0xaa64, [[64, 64]]).fill(value, at, at + 4));
    fc.assert(fc.property(fc.oneof(fc.uint8Array({ maxLength: 2048 }), spoilt), (octets) => void readPe(octets)));
  });
});
