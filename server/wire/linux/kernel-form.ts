import type { KernelForm } from '../../core/kernel-form.ts';
import { FDT_MAGIC } from '../fdt/header.ts';
import { packerOf } from '../packer.ts';
import { legacyArch } from '../uboot/legacy-image.ts';
import { readPe } from './pe.ts';

/** How many first octets tell every kernel: x86 has its magic number at 0x202 (Linux, Documentation/arch/x86/boot.rst). */
export const KERNEL_HEAD_OCTETS = 0x240;

type AnyArch = KernelForm['arch'];

/** `e_machine` of elf.h, and `Machine` of the PE header. */
const ELF_ARCH: ReadonlyMap<number, AnyArch> = new Map([
  [3, 'i386'],
  [40, 'armhf'],
  [62, 'amd64'],
  [183, 'arm64'],
  [243, 'riscv64'],
]);
const PE_ARCH: ReadonlyMap<number, AnyArch> = new Map([
  [0x14c, 'i386'],
  [0x1c2, 'armhf'],
  [0x1c4, 'armhf'],
  [0x5064, 'riscv64'],
  [0x8664, 'amd64'],
  [0xaa64, 'arm64'],
]);
const ZBOOT_MAGIC = 0x676d697a;
/** Where a zImage says that it starts and ends (Linux, arch/arm/boot/compressed/head.S). */
const ZIMAGE = { magic: 0x016f2818, magicAt: 0x24, startAt: 0x28, endAt: 0x2c };

/**
 * Tells a kernel by its magic numbers out of its first `KERNEL_HEAD_OCTETS` octets, and an EFI program out of its first
 * 4096 (fewer where the file is shorter). First match counts, for most kernels are EFI programs too. Image:
 * Documentation/arch/arm64/booting.rst and riscv/boot-image-header.rst; EFI zboot:
 * drivers/firmware/efi/libstub/zboot-header.S. Never throws; a file that is cut short is told as far as its magic reaches.
 */
export function kernelForm(head: Uint8Array): KernelForm {
  const { u16, u32, u32be } = numbersOf(head);
  const pe = readPe(head);
  const peArch = pe && PE_ARCH.get(pe.machine);
  if (u32(4) === ZBOOT_MAGIC && head[0] === 0x4d) return { is: 'EFI zboot', arch: peArch };
  if (u32(0x202) === 0x53726448) return { is: 'bzImage', arch: u16(0x236) & 1 ? 'amd64' : 'i386' };
  if (u32(0x38) === 0x644d5241) return { is: 'Image', arch: 'arm64' };
  if (u32(0x38) === 0x05435352) return { is: 'Image', arch: 'riscv64' };
  if (u32(ZIMAGE.magicAt) === ZIMAGE.magic) return { is: 'zImage', arch: 'armhf' };
  const wrapped = legacyArch(head);
  if (wrapped) return { is: 'uImage', arch: wrapped === 'invalid' ? undefined : wrapped };
  if (u32be(0) === FDT_MAGIC) return { is: 'FIT', arch: undefined };
  if (u32be(0) === 0x7f454c46) return { is: 'ELF', arch: ELF_ARCH.get(u16(0x12)) };
  if (pe) return { is: 'EFI program', arch: peArch };
  const by = packerOf(head);
  if (by === 'gzip') return { is: 'gzip', arch: undefined, kernel: undefined };
  return by ? { is: 'packed', by, arch: undefined } : { is: 'unknown', arch: undefined };
}

/** Octets the file that begins so must have at least, where a zImage's or an EFI program's header tells. */
export function octetsMin(head: Uint8Array): number | undefined {
  if (kernelForm(head).is !== 'zImage') return readPe(head)?.octetsMin;
  const { u32 } = numbersOf(head);
  return Math.max(0, u32(ZIMAGE.endAt) - u32(ZIMAGE.startAt));
}

/** Numbers of a head by their place, little-endian and big-endian; what lies behind its end counts as zero. */
function numbersOf(head: Uint8Array): Readonly<Record<'u16' | 'u32' | 'u32be', (at: number) => number>> {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  return {
    u16: (at) => (at + 2 <= head.length ? view.getUint16(at, true) : 0),
    u32: (at) => (at + 4 <= head.length ? view.getUint32(at, true) : 0),
    u32be: (at) => (at + 4 <= head.length ? view.getUint32(at) : 0),
  };
}
