import type { Arch } from './arch.ts';

/** What a file is, by its first octets; `kernel` of a gzip is what it holds. */
export type KernelForm =
  | { readonly is: 'Image' | 'zboot' | 'uImage' | 'ELF'; readonly arch: Arch | undefined }
  | { readonly is: 'zImage'; readonly arch: 'armhf' }
  | { readonly is: 'bzImage'; readonly arch: 'amd64' | 'i386' }
  | { readonly is: 'FIT' | 'unknown'; readonly arch: undefined }
  | { readonly is: 'packed'; readonly by: 'xz' | 'zstd' | 'lz4' | 'lzma' | 'bzip2'; readonly arch: undefined }
  | { readonly is: 'gzip'; readonly arch: Arch | undefined; readonly kernel: KernelForm | undefined };

/** How many first octets tell every form: x86 has its magic number at 0x202 (Linux, Documentation/arch/x86/boot.rst). */
export const KERNEL_HEAD_OCTETS = 0x240;

/** What a kernel is, for messages: `a gzip'd arm64 Image`. */
export function formWords(form: KernelForm): string {
  switch (form.is) {
    case 'gzip':
      return form.kernel && form.kernel.is !== 'unknown' ? `${formWords(form.kernel)} packed with gzip` : 'a gzip file';
    case 'packed':
      return `a file packed with ${form.by}`;
    case 'unknown':
      return 'no kernel Farrier knows';
    case 'zboot':
      return `an EFI zboot image${form.arch ? ` for ${form.arch}` : ''}`;
    case 'bzImage':
      return `a bzImage (x86, ${form.arch})`;
    case 'Image':
    case 'zImage':
    case 'uImage':
    case 'ELF':
    case 'FIT':
      return `${/^[IE]/.test(form.is) ? 'an' : 'a'} ${form.is}${form.arch ? ` for ${form.arch}` : ''}`;
  }
}

const PACKERS: readonly (readonly [Extract<KernelForm, { is: 'packed' }>['by'], readonly number[]])[] = [
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['lz4', [0x02, 0x21, 0x4c, 0x18]],
  ['lz4', [0x04, 0x22, 0x4d, 0x18]],
  ['lzma', [0x5d, 0, 0]],
  ['bzip2', [0x42, 0x5a, 0x68]],
];

/** `IH_ARCH_*` of u-boot's include/image.h, `e_machine` of elf.h, `Machine` of the PE header. */
const UIMAGE_ARCH: ReadonlyMap<number, Arch> = new Map([
  [2, 'armhf'],
  [3, 'i386'],
  [22, 'arm64'],
  [24, 'amd64'],
  [26, 'riscv64'],
]);
const ELF_ARCH: ReadonlyMap<number, Arch> = new Map([
  [3, 'i386'],
  [40, 'armhf'],
  [62, 'amd64'],
  [183, 'arm64'],
  [243, 'riscv64'],
]);
const PE_ARCH: ReadonlyMap<number, Arch> = new Map([
  [0x14c, 'i386'],
  [0x1c2, 'armhf'],
  [0x5064, 'riscv64'],
  [0x8664, 'amd64'],
  [0xaa64, 'arm64'],
]);

/**
 * Tells a kernel by its magic numbers out of its first `KERNEL_HEAD_OCTETS` octets (fewer where the file is shorter).
 * Never throws; a file that is cut short is told as far as its magic reaches.
 */
export function kernelForm(head: Uint8Array): KernelForm {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const u32 = (at: number, little: boolean): number => (at + 4 <= head.length ? view.getUint32(at, little) : 0);
  const u16 = (at: number): number => (at + 2 <= head.length ? view.getUint16(at, true) : 0);
  // An arm64 Image that is a zboot image is a PE file like any other; its own mark tells it (drivers/firmware/efi/libstub/zboot).
  if (u16(0) === 0x5a4d && u32(4, true) === 0x676d697a)
    return { is: 'zboot', arch: PE_ARCH.get(u16(u32(0x3c, true) + 4)) };
  if (u32(0x202, true) === 0x53726448) return { is: 'bzImage', arch: u16(0x236) & 1 ? 'amd64' : 'i386' };
  if (u32(0x38, true) === 0x644d5241) return { is: 'Image', arch: 'arm64' };
  if (u32(0x38, true) === 0x05435352) return { is: 'Image', arch: 'riscv64' };
  if (u32(0x24, true) === 0x016f2818) return { is: 'zImage', arch: 'armhf' };
  if (u32(0, false) === 0x27051956) return { is: 'uImage', arch: UIMAGE_ARCH.get(head[29] ?? 0) };
  if (u32(0, false) === 0xd00dfeed) return { is: 'FIT', arch: undefined };
  if (u32(0, false) === 0x7f454c46) return { is: 'ELF', arch: ELF_ARCH.get(u16(0x12)) };
  if (head[0] === 0x1f && head[1] === 0x8b) return { is: 'gzip', arch: undefined, kernel: undefined };
  const packer = PACKERS.find(([, magic]) => magic.every((octet, at) => head[at] === octet));
  return packer ? { is: 'packed', by: packer[0], arch: undefined } : { is: 'unknown', arch: undefined };
}
