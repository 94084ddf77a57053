import type { Packer } from '../core/kernel-form.ts';

/** The magic numbers of packers; lz4 has its frames' and the older one the kernel uses (lib/decompress_unlz4.c). */
const MAGICS: readonly (readonly [Packer, readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['bzip2', [0x42, 0x5a, 0x68]],
  ['lz4', [0x02, 0x21, 0x4c, 0x18]],
  ['lz4', [0x04, 0x22, 0x4d, 0x18]],
  ['lzma', [0x5d, 0x00, 0x00]],
];

/** What packed a file that begins so; nothing when no packer known here did. */
export function packerOf(head: Uint8Array): Packer | undefined {
  return MAGICS.find(([, magic]) => magic.every((octet, at) => head[at] === octet))?.[0];
}
