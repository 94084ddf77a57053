import { strict as assert } from 'node:assert';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import type { Packer } from '../../server/core/kernel-form.ts';
import { packerOf } from '../../server/wire/packer.ts';

describe('packerOf', () => {
  const cases: readonly (readonly [Packer, readonly number[]])[] = [
    ['gzip', [...gzipSync('x')]],
    ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]],
    ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
    ['bzip2', [...Buffer.from('BZh9')]],
    ['lz4', [0x02, 0x21, 0x4c, 0x18]],
    ['lz4', [0x04, 0x22, 0x4d, 0x18]],
    ['lzma', [0x5d, 0, 0, 0x80]],
  ];
  for (const [packer, octets] of cases)
    it(`tells ${packer} by ${Buffer.from(octets.slice(0, 6)).toString('hex')}`, () => {
      assert.equal(packerOf(Uint8Array.from(octets)), packer);
      assert.equal(packerOf(Uint8Array.from(octets.slice(0, 1))), undefined);
    });

  it('what begins with a letter no packer begins with is not packed', () => {
    const first = fc
      .integer({ min: 0, max: 255 })
      .filter((octet) => ![0x1f, 0xfd, 0x28, 0x42, 2, 4, 0x5d].includes(octet));
    fc.assert(
      fc.property(first, fc.uint8Array({ maxLength: 20 }), (octet, rest) => {
        assert.equal(packerOf(Uint8Array.of(octet, ...rest)), undefined);
      }),
    );
  });
});
