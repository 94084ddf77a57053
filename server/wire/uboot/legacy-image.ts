import { err, ok, type Result } from '../../core/result.ts';
import { crc32 } from './crc32.ts';

/** Octets of the header (u-boot include/image.h, `struct legacy_img_hdr`), all numbers big-endian. */
export const LEGACY_HEADER_OCTETS = 64;
const MAGIC = 0x27051956;
const NAME_OCTETS = 32;

/** What an image says it runs on (`IH_OS_*`). */
const IMAGE_OS = { invalid: 0, linux: 5, 'u-boot': 17 } as const;
/** `IH_ARCH_*`, in Debian's words. */
const IMAGE_ARCH = { invalid: 0, armhf: 2, i386: 3, amd64: 24, arm64: 22, riscv64: 26 } as const;
/** `IH_TYPE_*`. */
const IMAGE_TYPE = {
  standalone: 1,
  kernel: 2,
  ramdisk: 3,
  multi: 4,
  firmware: 5,
  script: 6,
  'flat-dt': 8,
} as const;
/** `IH_COMP_*`. */
const IMAGE_COMPRESSION = { none: 0, gzip: 1, bzip2: 2, lzma: 3, lzo: 4, lz4: 5, zstd: 6 } as const;

type ImageOs = keyof typeof IMAGE_OS;
type ImageArch = keyof typeof IMAGE_ARCH;
type ImageType = keyof typeof IMAGE_TYPE;
type ImageCompression = keyof typeof IMAGE_COMPRESSION;

/** A legacy u-boot image: what stands in its header, and what it wraps. */
export interface LegacyImage {
  readonly os: ImageOs;
  readonly arch: ImageArch;
  readonly type: ImageType;
  readonly compression: ImageCompression;
  /** Addresses the kernel is copied to and entered at; 0 for ramdisks and scripts. */
  readonly load: number;
  readonly entry: number;
  /** At most 32 octets of ASCII; more is cut, as mkimage cuts it. */
  readonly name: string;
  /** The header's time stamp, epoch seconds. */
  readonly madeAtS: number;
  readonly payload: Uint8Array;
}

/** The architecture in the header of an image that begins so, `invalid` for an unknown one; nothing when it is no image. */
export function legacyArch(head: Uint8Array): ImageArch | undefined {
  if (head.length < LEGACY_HEADER_OCTETS) return undefined;
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  return view.getUint32(0) === MAGIC ? (keyOf(IMAGE_ARCH, view.getUint8(29)) ?? 'invalid') : undefined;
}

/** Builds a legacy image with both checksums right, octet for octet as mkimage does. */
export function buildLegacyImage(image: LegacyImage): Uint8Array {
  const { payload } = image;
  const octets = new Uint8Array(LEGACY_HEADER_OCTETS + payload.length);
  octets.set(buildLegacyHeader({ ...image, payloadOctets: payload.length, payloadSum: crc32(payload) }));
  octets.set(payload, LEGACY_HEADER_OCTETS);
  return octets;
}

/** The header alone, for a payload that is too large to be held: its length and CRC-32 are known beforehand. */
export function buildLegacyHeader(
  image: Omit<LegacyImage, 'payload'> & { readonly payloadOctets: number; readonly payloadSum: number },
): Uint8Array {
  const octets = new Uint8Array(LEGACY_HEADER_OCTETS);
  const view = new DataView(octets.buffer);
  const { os, arch, type, compression } = image;
  view.setUint32(0, MAGIC);
  view.setUint32(8, image.madeAtS);
  view.setUint32(12, image.payloadOctets);
  view.setUint32(16, image.load);
  view.setUint32(20, image.entry);
  view.setUint32(24, image.payloadSum);
  octets.set([IMAGE_OS[os], IMAGE_ARCH[arch], IMAGE_TYPE[type], IMAGE_COMPRESSION[compression]], 28);
  octets.set(new TextEncoder().encode(image.name).subarray(0, NAME_OCTETS), 32);
  view.setUint32(4, crc32(octets));
  return octets;
}

/**
 * Reads a legacy image and checks both sums. Octets after the announced size are left out; hostile octets give a
 * reason, never an exception.
 */
export function parseLegacyImage(octets: Uint8Array): Result<LegacyImage> {
  if (octets.length < LEGACY_HEADER_OCTETS)
    return err(`${octets.length} octets are too short for a u-boot image header`);
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  if (view.getUint32(0) !== MAGIC) return err('no u-boot image: the magic number is not 27051956');
  // A copy: `slice` of a Node Buffer would be a view, and the caller's octets would lose their checksum.
  const header = Uint8Array.from(octets.subarray(0, LEGACY_HEADER_OCTETS));
  header.fill(0, 4, 8);
  if (crc32(header) !== view.getUint32(4)) return err('the header checksum of the u-boot image is wrong');
  const size = view.getUint32(12);
  const payload = octets.subarray(LEGACY_HEADER_OCTETS, LEGACY_HEADER_OCTETS + size);
  if (payload.length < size) return err(`the u-boot image ends after ${payload.length} of ${size} octets`);
  if (crc32(payload) !== view.getUint32(24)) return err('the data checksum of the u-boot image is wrong');
  return kindsOf(view, payload, header.subarray(32));
}

function kindsOf(view: DataView, payload: Uint8Array, name: Uint8Array): Result<LegacyImage> {
  const os = keyOf(IMAGE_OS, view.getUint8(28));
  const arch = keyOf(IMAGE_ARCH, view.getUint8(29));
  const type = keyOf(IMAGE_TYPE, view.getUint8(30));
  const compression = keyOf(IMAGE_COMPRESSION, view.getUint8(31));
  if (!os || !arch || !type || !compression)
    return err(
      `an unknown kind of u-boot image: os, arch, type, compression are ${[28, 29, 30, 31].map((at) => view.getUint8(at)).join(', ')}`,
    );
  const end = name.indexOf(0);
  return ok({
    os,
    arch,
    type,
    compression,
    load: view.getUint32(16),
    entry: view.getUint32(20),
    name: new TextDecoder('latin1').decode(end < 0 ? name : name.subarray(0, end)),
    madeAtS: view.getUint32(8),
    payload,
  });
}

function keyOf<Key extends string>(table: Readonly<Record<Key, number>>, value: number): Key | undefined {
  for (const key in table) if (table[key] === value) return key;
  return undefined;
}

/** Wraps script text as u-boot's `source` wants it (mkimage -T script): a list of one size, a zero, the text. */
export function buildScriptImage(text: string, about: Pick<LegacyImage, 'arch' | 'name' | 'madeAtS'>): Uint8Array {
  const script = new TextEncoder().encode(text);
  const payload = new Uint8Array(8 + script.length);
  new DataView(payload.buffer).setUint32(0, script.length);
  payload.set(script, 8);
  return buildLegacyImage({ os: 'linux', type: 'script', compression: 'none', load: 0, entry: 0, ...about, payload });
}

/** The text of a script image; the error says why it is none. */
export function parseScriptImage(octets: Uint8Array): Result<string> {
  const image = parseLegacyImage(octets);
  if (!image.ok) return image;
  const { type, payload } = image.value;
  if (type !== 'script' || payload.length < 8) return err(`a u-boot image of type ${type}, not a script`);
  const size = new DataView(payload.buffer, payload.byteOffset).getUint32(0);
  if (8 + size > payload.length) return err(`the script ends after ${payload.length - 8} of ${size} octets`);
  return ok(new TextDecoder().decode(payload.subarray(8, 8 + size)));
}
