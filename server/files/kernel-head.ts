import { Readable } from 'node:stream';
import { constants, createGunzip } from 'node:zlib';
import type { KernelForm } from '../core/kernel-form.ts';
import { KERNEL_HEAD_OCTETS, kernelForm } from '../wire/linux/kernel-form.ts';

/** So much of a file is enough to see its form, and what it holds when it is packed with gzip. */
export const PACKED_HEAD_OCTETS = 64 * 1024;

/** The form of a kernel that begins so; a gzip file is opened as far as `head` reaches. */
export async function formOfHead(head: Uint8Array): Promise<KernelForm> {
  const form = kernelForm(head);
  if (form.is !== 'gzip') return form;
  const kernel = await unpackedForm(head);
  return kernel ? { is: 'gzip', arch: kernel.arch, kernel } : form;
}

/** The form of what a gzip file holds, read no further than that; nothing when it cannot be unpacked. */
async function unpackedForm(head: Uint8Array): Promise<KernelForm | undefined> {
  const unpacker = Readable.from([head]).pipe(createGunzip({ finishFlush: constants.Z_SYNC_FLUSH }));
  try {
    for await (const piece of unpacker)
      if (piece instanceof Uint8Array) return kernelForm(piece.subarray(0, KERNEL_HEAD_OCTETS));
  } catch {
    return undefined;
  }
  return undefined;
}
