import { gunzip } from 'node:zlib';
import { promisify } from 'node:util';
import { parseKernelConfig } from '../core/bundle-contents.ts';
import { formName, type KernelFormName } from '../core/kernel-form.ts';
import { bzImageVersionAt, KernelScan, releaseOf } from '../wire/linux/kernel-scan.ts';
import { piecesOf, type ArchiveSource } from './archive/archive-source.ts';
import { unpack } from './archive/unpack.ts';
import { formOfHead, PACKED_HEAD_OCTETS } from './kernel-head.ts';

/** What a kernel says of itself. */
export interface KernelSeen {
  readonly form: KernelFormName;
  readonly release: string | undefined;
  readonly config: readonly string[] | undefined;
}

const UNPACKED_OCTETS_MAX = 1024 ** 3;
const CONFIG_OCTETS_MAX = 4 * 1024 ** 2;
const PACKED_CONFIG_OCTETS_MAX = 1024 ** 2;

/**
 * Looks into a kernel: its form, its release (the banner of an unpacked one, the header of a bzImage) and its
 * configuration when it carries one. What is packed inside of it (zImage, zboot) stays closed.
 */
export async function readKernel(source: ArchiveSource): Promise<KernelSeen> {
  const head = await source.read(0, PACKED_HEAD_OCTETS);
  const seen = await formOfHead(head);
  const form = formName(seen);
  switch (seen.is) {
    case 'bzImage': {
      const at = bzImageVersionAt(head);
      const release = at === undefined ? undefined : releaseOf(await source.read(at, 128));
      return { form, release, config: undefined };
    }
    case 'Image':
    case 'ELF': {
      const scan = await scanAll(piecesOf(source));
      return { form, release: scan.release, config: await configAt(source, scan.configAt) };
    }
    case 'gzip': {
      const octets = piecesOf(source);
      const packed = { name: source.name, packing: 'gzip', octets, unpackedOctetsMax: UNPACKED_OCTETS_MAX } as const;
      return { form, release: (await unpack(packed, scanAll)).release, config: undefined };
    }
    case 'zImage':
    case 'uImage':
    case 'FIT':
    case 'EFI zboot':
    case 'EFI program':
    case 'packed':
    case 'unknown':
      return { form, release: undefined, config: undefined };
  }
}

async function scanAll(pieces: AsyncIterable<Uint8Array>): Promise<KernelScan> {
  const scan = new KernelScan();
  for await (const piece of pieces) scan.push(piece);
  return scan;
}

async function configAt(source: ArchiveSource, at: number | undefined): Promise<readonly string[] | undefined> {
  if (at === undefined) return undefined;
  const room = Buffer.from(await source.read(at, PACKED_CONFIG_OCTETS_MAX));
  const packed = room.subarray(0, Math.max(0, room.indexOf('IKCFG_ED')));
  // Eight letters that look like the mark and are none.
  const text = await promisify(gunzip)(packed, { maxOutputLength: CONFIG_OCTETS_MAX }).catch(() => undefined);
  return text && parseKernelConfig(text.toString('latin1'));
}
