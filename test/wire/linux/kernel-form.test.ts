import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { formWords, type KernelForm } from '../../../server/core/kernel-form.ts';
import { KERNEL_HEAD_OCTETS, kernelForm, octetsMin } from '../../../server/wire/linux/kernel-form.ts';

/** Zeros with some octets written in, little-endian where a number is given. */
function head(...writes: readonly (readonly [number, number | readonly number[] | string])[]): Uint8Array {
  const octets = new Uint8Array(KERNEL_HEAD_OCTETS);
  const view = new DataView(octets.buffer);
  for (const [at, what] of writes)
    if (typeof what === 'number') view.setUint32(at, what, true);
    else octets.set(typeof what === 'string' ? Buffer.from(what, 'latin1') : what, at);
  return octets;
}
const PE = [0, 'MZ'] as const;

const CASES: readonly (readonly [string, Uint8Array, KernelForm, RegExp])[] = [
  [
    "Debian's arm64 vmlinuz, a PE file too",
    head(PE, [0x38, 'ARM\x64']),
    { is: 'Image', arch: 'arm64' },
    /an Image for arm64/,
  ],
  [
    'a riscv64 Image',
    head(PE, [0x30, 'RISCV'], [0x38, 'RSC\x05']),
    { is: 'Image', arch: 'riscv64' },
    /Image for riscv64/,
  ],
  ['an armhf vmlinuz', head([0x24, 0x016f2818]), { is: 'zImage', arch: 'armhf' }, /a zImage for armhf/],
  [
    'an amd64 vmlinuz, a PE file too',
    head(PE, [0x202, 'HdrS'], [0x236, 1]),
    { is: 'bzImage', arch: 'amd64' },
    /x86, amd64/,
  ],
  ['an i386 vmlinuz', head([0x202, 'HdrS']), { is: 'bzImage', arch: 'i386' }, /x86, i386/],
  [
    'an EFI zboot image',
    head(PE, [4, 'zimg'], [0x3c, 0x80], [0x80, 'PE'], [0x84, [0x64, 0xaa]]),
    { is: 'EFI zboot', arch: 'arm64' },
    /zboot image for arm64/,
  ],
  [
    'a zboot image whose PE header lies elsewhere',
    head(PE, [4, 'zimg'], [0x3c, 0x7fffffff]),
    { is: 'EFI zboot', arch: undefined },
    /zboot/,
  ],
  ['a uImage', head([0, [0x27, 5, 0x19, 0x56]], [29, [2]]), { is: 'uImage', arch: 'armhf' }, /a uImage for armhf/],
  ['a FIT', head([0, [0xd0, 0x0d, 0xfe, 0xed]]), { is: 'FIT', arch: undefined }, /a FIT/],
  ['a vmlinux', head([0, '\x7fELF'], [0x12, 183]), { is: 'ELF', arch: 'arm64' }, /an ELF for arm64/],
  ['a gzip file', head([0, [0x1f, 0x8b]]), { is: 'gzip', arch: undefined, kernel: undefined }, /a gzip file/],
  [
    'an xz file',
    head([0, [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]]),
    { is: 'packed', by: 'xz', arch: undefined },
    /packed with xz/,
  ],
  ['a zstd file', head([0, [0x28, 0xb5, 0x2f, 0xfd]]), { is: 'packed', by: 'zstd', arch: undefined }, /with zstd/],
  [
    'a program of UEFI that is no kernel',
    head(PE, [0x3c, 0x80], [0x80, 'PE'], [0x84, [0x64, 0x86]]),
    { is: 'EFI program', arch: 'amd64' },
    /an EFI program for amd64/,
  ],
  [
    'a program of UEFI for a processor without a name here',
    head(PE, [0x3c, 0x80], [0x80, 'PE'], [0x84, [0x34, 0x12]]),
    { is: 'EFI program', arch: undefined },
    /an EFI program/,
  ],
  ['a program of DOS', head(PE), { is: 'unknown', arch: undefined }, /no kernel/],
  ['a page of HTML', head([0, '<html>404']), { is: 'unknown', arch: undefined }, /no kernel/],
];

describe('kernelForm', () => {
  for (const [title, octets, form, words] of CASES)
    it(`tells ${title}`, () => {
      assert.deepEqual(kernelForm(octets), form);
      assert.match(formWords(form), words);
    });

  it('a file shorter than its magic is of no form', () => {
    assert.equal(kernelForm(new Uint8Array()).is, 'unknown');
    assert.equal(kernelForm(head([0x202, 'HdrS']).subarray(0, 0x204)).is, 'unknown');
    assert.equal(kernelForm(head([0x38, 'ARM\x64']).subarray(0, 0x3b)).is, 'unknown');
  });

  it('property: any octets have a form, and it can be said', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 700 }), (octets) => formWords(kernelForm(octets)).length > 3));
    fc.assert(
      fc.property(fc.nat(CASES.length - 1), fc.nat(KERNEL_HEAD_OCTETS), (nth, length) => {
        const octets = CASES[nth]?.[1] ?? new Uint8Array();
        return formWords(kernelForm(octets.subarray(0, length))).length > 3;
      }),
    );
  });

  it('a zImage says how long it must be, and so do the sections of an EFI program', () => {
    assert.equal(octetsMin(head([0x24, 0x016f2818], [0x28, 0x1000], [0x2c, 0x9000])), 0x8000);
    assert.equal(octetsMin(head([0x24, 0x016f2818], [0x28, 0x9000], [0x2c, 0x1000])), 0);
    const program = head(
      PE,
      [0x3c, 0x80],
      [0x80, 'PE'],
      [0x86, [1, 0]],
      [0x80 + 24 + 16, 0x200],
      [0x80 + 24 + 20, 0x1000],
    );
    assert.equal(octetsMin(program), 0x1200);
    assert.equal(octetsMin(head([0, '<html>'])), undefined);
    assert.equal(octetsMin(head([0x24, 0x016f2818]).subarray(0, 0x28)), 0);
  });
});
