import { spawn } from 'node:child_process';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import type { Packer } from '../../core/kernel-form.ts';
import { ArchiveError } from './archive-error.ts';

/** How octets are packed; all but gzip are unpacked by the program of that trade. */
export type Packing = 'plain' | Packer;

/** The program, its arguments, and the Debian package it is in. Their memory is bounded: the input is anybody's. */
const PROGRAMS = {
  xz: { program: 'xz', args: ['-dc', '--memlimit-decompress=512MiB'], from: 'xz-utils' },
  lzma: { program: 'xz', args: ['-dc', '--format=lzma', '--memlimit-decompress=512MiB'], from: 'xz-utils' },
  zstd: { program: 'zstd', args: ['-dcq', '--memory=512MB'], from: 'zstd' },
  bzip2: { program: 'bzip2', args: ['-dc'], from: 'bzip2' },
  lz4: { program: 'lz4', args: ['-dc'], from: 'lz4' },
} as const satisfies Readonly<Record<Exclude<Packer, 'gzip'>, unknown>>;

/** What is unpacked, and how much may come of it: a small file may unpack to more than a disk holds. */
export interface Packed {
  /** For messages. */
  readonly name: string;
  readonly packing: Packing;
  readonly octets: AsyncIterable<Uint8Array>;
  readonly unpackedOctetsMax: number;
}

/**
 * Unpacks a stream and hands it to `take`, which reads it to its end or throws.
 * @throws ArchiveError `bad-package` for damage and for more octets than allowed, `tool-missing` without the program.
 */
export async function unpack<T>(packed: Packed, take: (plain: AsyncIterable<Uint8Array>) => Promise<T>): Promise<T> {
  const { packing, octets } = packed;
  const bounded = (plain: AsyncIterable<Uint8Array>): Promise<T> => take(atMost(plain, packed));
  if (packing === 'plain') return bounded(octets);
  if (packing !== 'gzip') return unpackWith(PROGRAMS[packing], packed, bounded);
  return gunzipWith(packed, bounded);
}

async function gunzipWith<T>(packed: Packed, take: (plain: AsyncIterable<Uint8Array>) => Promise<T>): Promise<T> {
  // When the reader fails, the pipeline only says that it was aborted.
  const failed: unknown[] = [];
  const noting = (plain: AsyncIterable<Uint8Array>): Promise<T> =>
    take(plain).catch((failure: unknown) => {
      failed.push(failure);
      throw failure;
    });
  try {
    return await pipeline(Readable.from(packed.octets), createGunzip(), noting);
  } catch (cause) {
    const [failure = cause] = failed;
    if (failure instanceof Error && 'code' in failure && /^Z_/.test(String(failure.code)))
      throw new ArchiveError('bad-package', `${packed.name} is damaged: ${failure.message}; fetch it again`, { cause });
    throw failure;
  }
}

async function* atMost(
  plain: AsyncIterable<Uint8Array>,
  { name, unpackedOctetsMax }: Packed,
): AsyncGenerator<Uint8Array> {
  let octets = 0;
  for await (const piece of plain) {
    octets += piece.length;
    if (octets > unpackedOctetsMax)
      throw new ArchiveError('bad-package', `${name} unpacks to more than ${unpackedOctetsMax} octets; it is refused`);
    yield piece;
  }
}

async function unpackWith<T>(
  { program, args, from }: { readonly program: string; readonly args: readonly string[]; readonly from: string },
  packed: Packed,
  take: (plain: AsyncIterable<Uint8Array>) => Promise<T>,
): Promise<T> {
  const child = spawn(program, [...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  let words = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (words = (words + text).slice(0, 500)));
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', (cause) => {
      reject(new ArchiveError('tool-missing', `cannot run ${program}; install it (Debian: ${from})`, { cause }));
    });
    child.once('close', (code) => {
      if (code === 0) resolve();
      else
        reject(
          new ArchiveError(
            'bad-package',
            `${program} could not unpack ${packed.name}: ${words.trim()}; fetch it again`,
          ),
        );
    });
  });
  // A broken pipe here only says that the other end failed first; the exit code and the reader say why.
  const fed = pipeline(Readable.from(packed.octets), child.stdin).catch(() => undefined);
  const read = take(child.stdout).catch((failure: unknown) => {
    child.kill();
    throw failure;
  });
  const [end, taken] = await Promise.allSettled([ended, read, fed]);
  // Whoever was killed for what the reader found failed because of it.
  if (taken.status === 'rejected' && taken.reason instanceof ArchiveError && !isMissing(end)) throw taken.reason;
  if (end.status === 'rejected') throw end.reason;
  if (taken.status === 'rejected') throw taken.reason;
  return taken.value;
}

const isMissing = (end: PromiseSettledResult<void>): boolean =>
  end.status === 'rejected' && end.reason instanceof ArchiveError && end.reason.code === 'tool-missing';
