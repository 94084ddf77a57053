import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { bzImageVersionAt, KernelScan, releaseOf } from '../../../server/wire/linux/kernel-scan.ts';

function head(...parts: readonly (readonly [at: number, text: string])[]): Uint8Array {
  const octets = new Uint8Array(0x210);
  for (const [at, text] of parts) octets.set(Buffer.from(text, 'latin1'), at);
  return octets;
}

describe('the version of a kernel', () => {
  it('a bzImage says where its version stands, or has none', () => {
    assert.equal(bzImageVersionAt(head([0x20e, '\u0010\u0035'])), 0x3510 + 0x200);
    assert.equal(bzImageVersionAt(head()), undefined);
  });

  const versions: readonly (readonly [string, string | undefined])[] = [
    ['6.1.0-56-arm64 (debian-kernel@lists.debian.org) #1 SMP', '6.1.0-56-arm64'],
    ['6.12.9+bpo-amd64\u0000junk', '6.12.9+bpo-amd64'],
    ['6.6.0-rc1\n', '6.6.0-rc1'],
    ['%s (%s)', undefined],
    ['6.1.0-cut-at-the-end', undefined],
    ['', undefined],
  ];
  for (const [text, release] of versions)
    it(`${JSON.stringify(text)} has the release ${release ?? 'unknown'}`, () => {
      assert.equal(releaseOf(Buffer.from(text, 'latin1')), release);
    });
});

describe('what a kernel says of itself', () => {
  const scanned = (octets: Uint8Array, step: number): KernelScan => {
    const scan = new KernelScan();
    for (let at = 0; at < octets.length; at += step) scan.push(octets.subarray(at, at + step));
    return scan;
  };

  it('banner and configuration are found wherever they lie and however the pieces fall', () => {
    fc.assert(
      fc.property(fc.nat(900), fc.nat(900), fc.integer({ min: 1, max: 700 }), (before, between, step) => {
        const noise = (octets: number): Buffer => Buffer.alloc(octets, 'Linux versio IKCFG_S');
        const banner = Buffer.from('Linux version 6.1.0-56-arm64 (x@y) #1\n\0');
        const octets = Buffer.concat([noise(before), banner, noise(between), Buffer.from('IKCFG_ST'), noise(300)]);
        const scan = scanned(octets, step);
        assert.equal(scan.release, '6.1.0-56-arm64');
        assert.equal(scan.configAt, before + banner.length + between + 8);
      }),
      { numRuns: 60 },
    );
  });

  it('the first banner with a release counts, not the pattern of one', () => {
    const text = 'Linux version %s (%s)\0........Linux version 6.1.7 (a)\0.....Linux version 5.4.3 (b)\0';
    assert.equal(scanned(Buffer.from(text.padEnd(900, '.')), 64).release, '6.1.7');
  });

  it('octets without either give neither', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (octets) => {
        const scan = scanned(octets, 50);
        assert.deepEqual([scan.release, scan.configAt], [undefined, undefined]);
      }),
      { numRuns: 30 },
    );
  });
});
