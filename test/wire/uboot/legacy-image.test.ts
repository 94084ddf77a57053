import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { crc32 } from '../../../server/wire/uboot/crc32.ts';
import {
  buildLegacyImage,
  buildScriptImage,
  LEGACY_HEADER_OCTETS,
  parseLegacyImage,
  parseScriptImage,
  type LegacyImage,
} from '../../../server/wire/uboot/legacy-image.ts';

const octetsOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const reasonOf = (octets: Uint8Array): string => {
  const image = parseLegacyImage(octets);
  return image.ok ? 'read' : image.error;
};
const kernel: LegacyImage = {
  os: 'linux',
  arch: 'armhf',
  type: 'kernel',
  compression: 'none',
  load: 0x40008000,
  entry: 0x40008000,
  name: 'Linux',
  madeAtS: 1_700_000_000,
  payload: octetsOf('zImage'),
};

describe('crc32', () => {
  it('gives the check value of CRC-32/ISO-HDLC', () => {
    assert.equal(crc32(octetsOf('123456789')), 0xcbf43926);
    assert.equal(crc32(new Uint8Array()), 0);
  });
});

describe('legacy u-boot images', () => {
  it('a script is octet for octet what mkimage 2023.01 made of it', () => {
    // SOURCE_DATE_EPOCH=1700000000 mkimage -A arm -O linux -T script -C none -n Farrier, of "echo hello\n"
    const golden =
      '270519565ccc03bd6553f1000000001300000000000000003db55e6f05020600466172726965720000000000000000000000000000000000' +
      '00000000000000000000000b000000006563686f2068656c6c6f0a';
    const image = buildScriptImage('echo hello\n', { arch: 'armhf', name: 'Farrier', madeAtS: 1_700_000_000 });
    assert.equal(Buffer.from(image).toString('hex'), golden);
  });

  it("reading leaves the caller's octets as they were, Node's Buffers too", () => {
    const image = Buffer.from(buildLegacyImage(kernel));
    const before = image.toString('hex');
    assert.equal(parseLegacyImage(image).ok, true);
    assert.equal(image.toString('hex'), before);
  });

  it('every field reads back', () => {
    const read = parseLegacyImage(buildLegacyImage(kernel));
    assert.ok(read.ok);
    assert.deepEqual(
      { ...read.value, payload: Buffer.from(read.value.payload).toString() },
      { ...kernel, payload: 'zImage' },
    );
  });

  it('a name of 32 octets fills its field, more is cut', () => {
    for (const length of [31, 32, 40]) {
      const read = parseLegacyImage(buildLegacyImage({ ...kernel, name: 'n'.repeat(length) }));
      assert.equal(read.ok && read.value.name.length, Math.min(length, 32));
    }
  });

  it('octets after the announced size are left out', () => {
    const image = buildLegacyImage(kernel);
    const longer = new Uint8Array(image.length + 9);
    longer.set(image);
    const read = parseLegacyImage(longer);
    assert.equal(read.ok && read.value.payload.length, 6);
  });

  const faults: readonly (readonly [string, (image: Uint8Array) => Uint8Array, RegExp])[] = [
    ['too short', (image) => image.subarray(0, LEGACY_HEADER_OCTETS - 1), /63 octets are too short/],
    ['another magic', (image) => ((image[0] = 0), image), /magic/],
    ['a flipped header octet', (image) => ((image[40] = 1), image), /header checksum/],
    ['a flipped data octet', (image) => ((image[66] = 0), image), /data checksum/],
    ['a cut off end', (image) => image.subarray(0, image.length - 1), /ends after 5 of 6 octets/],
    ['a kind nobody knows', (image) => resum(((image[29] = 200), image)), /unknown kind.*5, 200, 2, 0/],
  ];
  for (const [title, spoil, want] of faults)
    it(`refuses ${title}`, () => {
      assert.match(reasonOf(spoil(buildLegacyImage(kernel))), want);
    });

  function resum(image: Uint8Array): Uint8Array {
    image.fill(0, 4, 8);
    new DataView(image.buffer).setUint32(4, crc32(image.subarray(0, 64)));
    return image;
  }

  it('an image cut short at any octet gives a reason', () => {
    const image = buildLegacyImage(kernel);
    for (let length = 0; length < image.length; length += 1)
      assert.notEqual(reasonOf(image.subarray(0, length)), 'read');
  });

  it('any single flipped bit is noticed', () => {
    const image = buildLegacyImage(kernel);
    for (let bit = 0; bit < image.length * 8; bit += 1) {
      const spoilt = image.slice();
      spoilt[bit >> 3] = (spoilt[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.notEqual(reasonOf(spoilt), 'read', `bit ${bit}`);
    }
  });

  it('an image that lies inside a larger buffer is read where it lies', () => {
    const outer = new Uint8Array(200);
    outer.set(buildLegacyImage(kernel), 50);
    assert.equal(reasonOf(outer.subarray(50)), 'read');
  });

  it('an empty payload is an image too', () => {
    const read = parseLegacyImage(buildLegacyImage({ ...kernel, payload: new Uint8Array() }));
    assert.equal(read.ok && read.value.payload.length, 0);
  });

  it('every kind of image reads back as that kind', () => {
    for (const type of ['standalone', 'kernel', 'ramdisk', 'multi', 'firmware', 'script', 'flat-dt'] as const)
      for (const arch of ['armhf', 'arm64', 'amd64', 'i386', 'riscv64'] as const)
        for (const compression of ['none', 'gzip', 'bzip2', 'lzma', 'lzo', 'lz4', 'zstd'] as const) {
          const read = parseLegacyImage(buildLegacyImage({ ...kernel, type, arch, compression }));
          assert.deepEqual(read.ok && [read.value.type, read.value.arch, read.value.compression], [
            type,
            arch,
            compression,
          ]);
        }
  });

  it('a script reads back, whatever its text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.nat(0xffffffff), (text, madeAtS) => {
        const read = parseScriptImage(buildScriptImage(text, { arch: 'arm64', name: 'Farrier', madeAtS }));
        assert.deepEqual(read, { ok: true, value: text });
      }),
    );
  });

  it('what is no script says what it is', () => {
    assert.deepEqual(parseScriptImage(buildLegacyImage(kernel)), {
      ok: false,
      error: 'a u-boot image of type kernel, not a script',
    });
    const short = buildLegacyImage({ ...kernel, type: 'script', payload: Uint8Array.of(0, 0, 1, 0, 0, 0, 0, 0, 1) });
    assert.deepEqual(parseScriptImage(short), { ok: false, error: 'the script ends after 1 of 256 octets' });
    assert.equal(parseScriptImage(new Uint8Array(3)).ok, false);
  });

  it('property: hostile octets give a reason, never an exception', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(63), fc.nat(255), (tail, at, octet) => {
        const image = buildLegacyImage({ ...kernel, payload: tail });
        image[at] = octet;
        parseScriptImage(image);
        parseScriptImage(tail);
        return typeof reasonOf(image) === 'string';
      }),
    );
  });
});
