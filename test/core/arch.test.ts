import { strict as assert } from 'node:assert';
import { ARCHES, CLIENT_ARCH, parseArch } from '../../server/core/arch.ts';

describe('architectures', () => {
  const same: readonly (readonly [string, string])[] = [
    ['arm64', 'arm64'],
    ['aarch64', 'arm64'],
    ['armv7l', 'armhf'],
    ['x86_64', 'amd64'],
    ['AMD64', 'amd64'],
    ['i686', 'i386'],
  ];
  for (const [word, want] of same)
    it(`"${word}" is ${want}`, () => {
      assert.deepEqual(parseArch(word), { ok: true, value: want });
    });

  for (const word of ['sparc', '', 'constructor'])
    it(`"${word}" is refused with the known ones`, () => {
      const read = parseArch(word);
      assert.ok(!read.ok && ARCHES.every((arch) => read.error.includes(arch)));
    });

  it('the types measured on real firmware name the right loader', () => {
    assert.deepEqual(CLIENT_ARCH[0], { arch: 'amd64', loader: 'pxe-bios' });
    assert.deepEqual(CLIENT_ARCH[7], { arch: 'amd64', loader: 'uefi' });
    assert.deepEqual(CLIENT_ARCH[11], { arch: 'arm64', loader: 'uefi' });
    assert.deepEqual(CLIENT_ARCH[21], { arch: 'armhf', loader: 'u-boot' });
    assert.deepEqual(CLIENT_ARCH[22], { arch: 'arm64', loader: 'u-boot' });
  });
});
