/** One thing in an initramfs. `mode` holds the permission bits only. */
export type CpioEntry =
  | { readonly kind: 'folder'; readonly path: string; readonly mode: number }
  | { readonly kind: 'file'; readonly path: string; readonly mode: number; readonly content: Uint8Array }
  | { readonly kind: 'link'; readonly path: string; readonly target: string }
  | {
      readonly kind: 'device';
      readonly path: string;
      readonly mode: number;
      readonly major: number;
      readonly minor: number;
    };

const TYPE_BITS = { folder: 0o040000, file: 0o100000, link: 0o120000, device: 0o020000 } as const;
const NOTHING = new Uint8Array(0);

/**
 * An initramfs archive in the "newc" form the kernel unpacks (Documentation/driver-api/early-userspace/buffer-format).
 * Everything belongs to root and to the epoch, inode numbers count up: the same entries give the same octets.
 * Devices are character devices. Folders must come before what is in them.
 */
export function writeCpio(entries: readonly CpioEntry[]): Buffer {
  const parts = entries.flatMap((entry, index) => record(entry, index + 1));
  return Buffer.concat([...parts, ...trailer()]);
}

function record(entry: CpioEntry, inode: number): readonly Uint8Array[] {
  const content = contentOf(entry);
  const device = entry.kind === 'device' ? [entry.major, entry.minor] : [0, 0];
  const links = entry.kind === 'folder' ? 2 : 1;
  const mode = TYPE_BITS[entry.kind] | (entry.kind === 'link' ? 0o777 : entry.mode);
  return [
    ...header(entry.path, [inode, mode, 0, 0, links, 0, content.length, 0, 0, ...device]),
    content,
    pad(content.length),
  ];
}

function trailer(): readonly Uint8Array[] {
  return header('TRAILER!!!', [0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
}

/** Fields: inode, mode, uid, gid, links, mtime, octets, device major and minor, special major and minor. */
function header(path: string, fields: readonly number[]): readonly Uint8Array[] {
  const name = Buffer.from(`${path}\0`);
  const numbers = [...fields, name.length, 0].map((field) => field.toString(16).padStart(8, '0'));
  const text = Buffer.from(`070701${numbers.join('')}`, 'latin1');
  return [text, name, pad(text.length + name.length)];
}

function contentOf(entry: CpioEntry): Uint8Array {
  if (entry.kind === 'file') return entry.content;
  return entry.kind === 'link' ? Buffer.from(entry.target) : NOTHING;
}

function pad(octets: number): Uint8Array {
  return new Uint8Array((4 - (octets % 4)) % 4);
}
