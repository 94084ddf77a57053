import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { ARCHES } from '../../server/core/arch.ts';
import {
  formName,
  formWords,
  KERNEL_FORM_NAMES,
  mayRunOn,
  type KernelForm,
  type KernelFormName,
} from '../../server/core/kernel-form.ts';

const IMAGE = { is: 'Image', arch: 'arm64' } as const;

const CASES: readonly (readonly [KernelForm, KernelFormName, string])[] = [
  [IMAGE, 'Image', 'an Image for arm64'],
  [{ is: 'gzip', arch: 'arm64', kernel: IMAGE }, 'Image.gz', 'an Image for arm64 packed with gzip'],
  [{ is: 'gzip', arch: undefined, kernel: undefined }, 'gzip', 'a gzip file'],
  [{ is: 'gzip', arch: 'amd64', kernel: { is: 'ELF', arch: 'amd64' } }, 'gzip', 'an ELF for amd64 packed with gzip'],
  [{ is: 'gzip', arch: undefined, kernel: { is: 'unknown', arch: undefined } }, 'gzip', 'a gzip file'],
  [{ is: 'packed', by: 'zstd', arch: undefined }, 'zstd', 'a file packed with zstd'],
  [{ is: 'zImage', arch: 'armhf' }, 'zImage', 'a zImage for armhf'],
  [{ is: 'bzImage', arch: 'i386' }, 'bzImage', 'a bzImage (x86, i386)'],
  [{ is: 'uImage', arch: undefined }, 'uImage', 'a uImage'],
  [{ is: 'ELF', arch: 'arm64' }, 'ELF', 'an ELF for arm64'],
  [{ is: 'EFI zboot', arch: 'arm64' }, 'EFI zboot', 'an EFI zboot image for arm64'],
  [{ is: 'EFI program', arch: 'amd64' }, 'EFI program', 'an EFI program for amd64'],
  [{ is: 'FIT', arch: undefined }, 'FIT', 'a FIT'],
  [{ is: 'unknown', arch: undefined }, 'unknown', 'no kernel Farrier knows'],
];

describe('the form of a kernel', () => {
  for (const [form, name, words] of CASES)
    it(`${words} is called ${name}`, () => {
      assert.equal(formName(form), name);
      assert.equal(formWords(form), words);
      assert.ok(KERNEL_FORM_NAMES.includes(name));
    });

  it('a kernel runs on its own architecture, a 32-bit x86 one on a 64-bit PC too, and who knows of others', () => {
    assert.ok(mayRunOn({ is: 'bzImage', arch: 'i386' }, 'amd64'));
    assert.ok(!mayRunOn({ is: 'bzImage', arch: 'amd64' }, 'i386'));
    fc.assert(
      fc.property(fc.constantFrom(...ARCHES), fc.constantFrom(...ARCHES), (own, board) => {
        assert.ok(mayRunOn({ is: 'Image', arch: undefined }, board));
        if (own !== 'i386') assert.equal(mayRunOn({ is: 'Image', arch: own }, board), own === board);
      }),
    );
  });
});
