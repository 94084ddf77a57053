import { ArchiveError } from './archive-error.ts';

/** One entry of a tar archive; `path` has neither a leading `./` nor a leading or trailing slash. */
export interface TarEntry {
  readonly path: string;
  readonly kind: 'file' | 'folder' | 'link' | 'device' | 'other';
  readonly octets: number;
  /** Where a symbolic link points, as written. */
  readonly target: string | undefined;
}

/** Which files' octets are wanted, and who takes them. One file is in memory at a time. */
export interface TarReader {
  /** Sees every entry as it comes; what it throws ends the reading. */
  see?(entry: TarEntry): void;
  wants(entry: TarEntry): boolean;
  take(entry: TarEntry, octets: Buffer): void;
}

const BLOCK = 512;
const FILE_OCTETS_MAX = 512 << 20;
/** A long name or pax header, and the path in it (PATH_MAX of limits.h). */
const NAME_OCTETS_MAX = 1 << 20;
const PATH_LETTERS_MAX = 4096;

/**
 * Reads a tar stream (POSIX ustar with GNU long names and pax paths, tar(5)) and hands over the wanted files. Nothing
 * is written to disk, so no path in the archive can lead anywhere.
 * @throws ArchiveError `bad-package` when it is damaged or ends early.
 */
export async function readTar(stream: AsyncIterable<Uint8Array>, reader: TarReader): Promise<void> {
  const source = new OctetSource(stream);
  const long: { path?: string; target?: string } = {};
  for (;;) {
    const header = await source.exactly(BLOCK);
    if (!header || header.every((octet) => octet === 0)) break;
    const octets = checkedSize(header);
    const type = header.toString('latin1', 156, 157);
    if (type === 'L' || type === 'K' || type === 'x') {
      if (octets > NAME_OCTETS_MAX) throw damaged('the length of a name is not believable');
      noteLongName(type, await body(source, octets), long);
      continue;
    }
    const entry = entryOf(header, type, octets, long);
    delete long.path;
    delete long.target;
    reader.see?.(entry);
    if (entry.kind === 'file' && reader.wants(entry)) reader.take(entry, await body(source, octets));
    else await source.skip(padded(octets));
  }
  // The decompressor must be read to its end, or it dies of a closed pipe.
  await source.drain();
}

function noteLongName(type: string, octets: Buffer, long: { path?: string; target?: string }): void {
  const text = octets.toString('utf8').replace(/\0+$/, '');
  if (type === 'L') long.path = text;
  else if (type === 'K') long.target = text;
  else {
    const path = /(?:^|\n)\d+ path=([^\n]*)\n/.exec(text)?.[1];
    if (path !== undefined) long.path = path;
  }
  if ((long.path?.length ?? 0) > PATH_LETTERS_MAX || (long.target?.length ?? 0) > PATH_LETTERS_MAX)
    throw damaged('the length of a name is not believable');
}

const KINDS: Readonly<Record<string, TarEntry['kind']>> = {
  ...{ '0': 'file', '\0': 'file', '2': 'link', '5': 'folder' },
  // Character and block devices, and pipes.
  ...{ '3': 'device', '4': 'device', '6': 'device' },
};

function entryOf(header: Buffer, type: string, octets: number, long: { path?: string; target?: string }): TarEntry {
  const prefix = header.toString('latin1', 257, 263) === 'ustar\0' ? field(header, 345, 155) : '';
  const short = field(header, 0, 100);
  const path = long.path ?? (prefix ? `${prefix}/${short}` : short);
  return {
    path: path.replace(/^(\.?\/)+/, '').replace(/\/+$/, ''),
    kind: KINDS[type] ?? 'other',
    octets,
    target: type === '2' ? (long.target ?? field(header, 157, 100)) : undefined,
  };
}

function checkedSize(header: Buffer): number {
  const sum = header.reduce((total, octet, at) => total + (at >= 148 && at < 156 ? 32 : octet), 0);
  if (Number.parseInt(field(header, 148, 8).trim(), 8) !== sum) throw damaged('a header has a wrong checksum');
  const octets = Number.parseInt(field(header, 124, 12).trim() || '0', 8);
  if (!(octets >= 0 && octets <= FILE_OCTETS_MAX)) throw damaged('a size is not believable');
  return octets;
}

async function body(source: OctetSource, octets: number): Promise<Buffer> {
  const whole = await source.exactly(padded(octets));
  if (!whole) throw damaged('it ends inside a file');
  return whole.subarray(0, octets);
}

function field(header: Buffer, at: number, octets: number): string {
  const text = header.toString('latin1', at, at + octets);
  const end = text.indexOf('\0');
  return end < 0 ? text : text.slice(0, end);
}

const padded = (octets: number): number => Math.ceil(octets / BLOCK) * BLOCK;
const damaged = (why: string): ArchiveError =>
  new ArchiveError('bad-package', `the package's tar archive is damaged: ${why}; fetch the package again`);

/** Hands out a stream in the amounts that are asked for. */
class OctetSource {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(stream: AsyncIterable<Uint8Array>) {
    this.#chunks = stream[Symbol.asyncIterator]();
  }

  /** That many octets; nothing at a clean end. */
  async exactly(octets: number): Promise<Buffer | undefined> {
    const parts: Buffer[] = [];
    let have = 0;
    while (have < octets) {
      const part = await this.#next(octets - have);
      if (!part && have === 0) return undefined;
      if (!part) throw damaged('it ends early');
      parts.push(part);
      have += part.length;
    }
    const [first = Buffer.alloc(0), ...more] = parts;
    return more.length === 0 ? first : Buffer.concat(parts);
  }

  async skip(octets: number): Promise<void> {
    for (let left = octets; left > 0;) {
      const part = await this.#next(left);
      if (!part) throw damaged('it ends early');
      left -= part.length;
    }
  }

  async drain(): Promise<void> {
    while (await this.#next(BLOCK * 128));
  }

  async #next(octetsMax: number): Promise<Buffer | undefined> {
    while (this.#rest.length === 0) {
      const step = await this.#chunks.next();
      if (step.done === true) return undefined;
      this.#rest = Buffer.from(step.value.buffer, step.value.byteOffset, step.value.byteLength);
    }
    const part = this.#rest.subarray(0, octetsMax);
    this.#rest = this.#rest.subarray(part.length);
    return part;
  }
}
