import { LineCounter, parseDocument, type Document } from 'yaml';
import { z } from 'zod';
import { ARCHES, type Loader } from '../core/arch.ts';
import { BOOT_FORMATS } from '../core/board.ts';
import { faultOfRpiLine } from '../core/rpi.ts';
import { err, ok, type Result } from '../core/result.ts';

/** One thing wrong with a board's file, where it stands, and what to do about it. */
export interface BoardFinding {
  readonly file: string;
  /** Counted from 1; 1 where the whole file is meant. */
  readonly line: number;
  readonly column: number;
  /** An error keeps the board out of the catalogue; a warning does not. */
  readonly severity: 'error' | 'warning';
  readonly words: string;
  readonly remedy: string;
}

const LOADERS = ['pxe-bios', 'uefi', 'uefi-http', 'ipxe', 'u-boot', 'grub', 'rpi'] as const satisfies readonly Loader[];
const words = z.array(z.string().min(1)).readonly();
const octetsMax = z.number().int().min(16).max(65_535);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, '64 hexadecimal digits');
const rpiLine = z.string().refine((line) => faultOfRpiLine(line) === undefined, {
  error: (issue) => `this line cannot stand there: ${faultOfRpiLine(String(issue.input)) ?? ''}`,
});
const address = z.string().regex(/^0x[0-9a-f]{1,16}$/i, 'write it in quotes and hexadecimal, like "0x40400000"');

/** A row of the catalogue as its file gives it: every field may be left to the board it extends. */
const rowSchema = z
  .strictObject({
    title: z.string().min(1).max(100),
    extends: z.string(),
    arch: z.enum(ARCHES),
    compatible: words,
    signs: z
      .strictObject({
        clientArch: z.array(z.number().int().min(0).max(65_535)).readonly(),
        vendorClass: words,
        systemUuid: z
          .array(z.string().regex(/^[0-9a-f-]{8,36}$/, 'the beginning of a UUID in small letters'))
          .readonly(),
        oui: z.array(z.string().regex(/^[0-9a-f]{2}(:[0-9a-f]{2}){2}$/i, 'write it like 52:54:00')).readonly(),
        smbiosVendor: words,
        smbiosProduct: words,
        dtCompatible: words,
      })
      .partial(),
    loaders: z
      .array(
        z.strictObject({
          loader: z.enum(LOADERS),
          formats: z.array(z.enum(BOOT_FORMATS)).readonly(),
          argOctetsMax: z
            .strictObject({
              extlinux: octetsMax,
              'boot-script': octetsMax,
              grub: octetsMax,
              ipxe: octetsMax,
              rpi: octetsMax,
            })
            .partial()
            .optional(),
          dtbArgs: z.array(z.enum(BOOT_FORMATS)).readonly().optional(),
        }),
      )
      .min(1)
      .readonly(),
    dtb: z.strictObject({
      file: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._+-]{0,95}\.dtb$/, 'a plain file name that ends in .dtb'),
      sha256: sha256.optional(),
      octets: z.number().int().positive().optional(),
      source: z.string().min(1),
      licence: z.string().min(1),
    }),
    console: z.strictObject({
      device: z.string().regex(/^[A-Za-z0-9]+$/, 'a device like ttyS0'),
      baud: z.number().int().min(300).max(4_000_000).optional(),
    }),
    earlycon: z.string().regex(/^[\w,]+$/, 'a word like pl011,0x9000000'),
    loadAddresses: z
      .strictObject({ kernel: address, initrd: address, dtb: address, unpack: address, unpackOctets: address })
      .partial(),
    kernelFormat: z.enum(['Image', 'Image.gz', 'zImage', 'bzImage', 'uImage', 'FIT']),
    kernelLoad: z.strictObject({ load: address, entry: address.optional() }),
    kernelArgs: words,
    kernelArgOctetsMax: octetsMax,
    tftp: z
      .strictObject({
        blksizeMax: z.number().int().min(8).max(65_464),
        windowsizeMax: z.number().int().min(1).max(65_535),
        options: z.boolean(),
        rollOverTo: z.union([z.literal(0), z.literal(1)]),
        singlePort: z.boolean(),
      })
      .partial(),
    firmware: z
      .array(
        z.strictObject({
          file: z
            .string()
            .regex(/^[A-Za-z0-9][\w.+-]{0,95}\.(bin|elf|dat|dtbo|dtb)$/, 'a plain file name like start4.elf'),
          sha256: sha256.optional(),
          source: z.string().min(1),
          licence: z.string().min(1),
        }),
      )
      .max(64)
      .readonly(),
    rpiConfig: z.array(rpiLine).max(64).readonly(),
    powerOffS: z.number().min(0).max(600),
    hasBmc: z.boolean(),
    proof: z.enum(['tested', 'emulated', 'simulated', 'untested']),
    sources: z.array(z.string().min(1)).min(1).readonly(),
  })
  .partial();

/** A `board.yaml` as it stands, before it becomes a board. */
export type BoardRow = z.infer<typeof rowSchema>;

/** A file that was read, and where each of its fields stands. */
export interface BoardText {
  readonly row: BoardRow;
  /** Line and column of a field, for findings about its value. */
  place(path: readonly PropertyKey[]): { readonly line: number; readonly column: number };
}

/** Reads one `board.yaml`. The error lists everything that is wrong with it, each with line, column and remedy. */
export function readBoardText(file: string, text: string): Result<BoardText, readonly BoardFinding[]> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const finding = (place: { line: number; column: number }, said: string, remedy: string): BoardFinding => ({
    file,
    ...place,
    severity: 'error',
    words: said,
    remedy,
  });
  const broken = document.errors.map((each) => {
    const at = each.linePos?.[0];
    return finding({ line: at?.line ?? 1, column: at?.col ?? 1 }, headOf(each.message), 'mend the YAML');
  });
  if (broken.length > 0) return err(broken);
  const place = (path: readonly PropertyKey[]): { line: number; column: number } => placeOf(document, lines, path);
  const parsed = rowSchema.safeParse(document.toJS() ?? {});
  if (parsed.success) return ok({ row: parsed.data, place });
  return err(
    parsed.error.issues.flatMap((issue) => {
      if (issue.code !== 'unrecognized_keys')
        return [
          finding(place(issue.path), `${issue.path.join('.') || 'the file'}: ${issue.message}`, 'see dtbs/README.md'),
        ];
      return issue.keys.map((key) => finding(place([...issue.path, key]), `"${key}" is no field`, nearestField(key)));
    }),
  );
}

function headOf(message: string): string {
  return message.split('\n')[0]?.replace(/ at line \d+, column \d+:?$/, '') ?? message;
}

/** The nearest node that stands in the file; a field that is missing is shown where it ought to be. */
function placeOf(
  document: Document,
  lines: LineCounter,
  path: readonly PropertyKey[],
): { line: number; column: number } {
  for (let length = path.length; length > 0; length -= 1) {
    const node = document.getIn(path.slice(0, length), true);
    const range = node !== null && typeof node === 'object' && 'range' in node ? node.range : undefined;
    const from: unknown = Array.isArray(range) ? range[0] : undefined;
    if (typeof from !== 'number') continue;
    const { line, col } = lines.linePos(from);
    return { line, column: col };
  }
  return { line: 1, column: 1 };
}

const FIELDS = [
  ...Object.keys(rowSchema.shape),
  ...['clientArch', 'vendorClass', 'systemUuid', 'oui', 'smbiosVendor', 'smbiosProduct', 'dtCompatible'],
  ...['loader', 'formats', 'argOctetsMax', 'file', 'sha256', 'octets', 'source', 'licence', 'device', 'baud'],
  ...[
    'kernel',
    'initrd',
    'unpack',
    'unpackOctets',
    'load',
    'entry',
    'dtbArgs',
    'blksizeMax',
    'windowsizeMax',
    'options',
    'rollOverTo',
    'singlePort',
    ...BOOT_FORMATS,
  ],
];

function nearestField(key: string): string {
  const ranked = FIELDS.map((field) => ({ field, far: distance(key.toLowerCase(), field.toLowerCase()) }));
  const best = ranked.sort((a, b) => a.far - b.far)[0];
  return best && best.far <= 3 ? `did you mean "${best.field}"?` : 'take it out; dtbs/README.md lists the fields';
}

/** Levenshtein's distance: how many letters differ. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 0; i < Math.min(a.length, 40); i += 1) {
    const next = [i + 1];
    for (let j = 1; j <= b.length; j += 1) {
      const change = (row[j - 1] ?? 0) + (a[i] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
