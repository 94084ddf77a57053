import { open, readFile, rm, stat, truncate, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { RecordedPiece } from '../../ports/console-recordings.ts';
import { cutPieces } from './ring.ts';

/** One entry of the index: where in the segment (4 octets), and when (8 octets, a double). */
const ENTRY_OCTETS = 12;
/** Entries closer together than this share the first one's time: a slow line would else have an index larger than itself. */
const STEP_MS = 20;

/** A file of raw octets, named by the offset of its first, and beside it the index of their times. */
export class Segment {
  readonly start: number;
  /** Octets that are in the file. */
  octets: number;
  readonly #base: string;
  #log: FileHandle | undefined;
  #index: FileHandle | undefined;
  #indexOctets = 0;
  #lastMs = -Infinity;

  constructor(folder: string, start: number, octets: number, indexOctets = 0) {
    this.#base = join(folder, String(start).padStart(16, '0'));
    this.start = start;
    this.octets = octets;
    this.#indexOctets = indexOctets;
  }

  /** The offset after its last octet. */
  get end(): number {
    return this.start + this.octets;
  }

  /** What it takes of the disk: a line that says an octet now and then has an index larger than itself. */
  get diskOctets(): number {
    return this.octets + this.#indexOctets;
  }

  /** Writes pieces that follow each other and what is there. Throws as the file system does; what is half written does not count. */
  async write(pieces: readonly RecordedPiece[]): Promise<void> {
    const { log, index } = await this.#handles();
    const octets = Buffer.concat(pieces.map((piece) => piece.octets));
    await writeAll(log, octets, this.octets);
    const entries = this.#entriesOf(pieces);
    if (entries.length > 0) await writeAll(index, entries, this.#indexOctets);
    this.#indexOctets += entries.length;
    this.octets += octets.length;
  }

  #entriesOf(pieces: readonly RecordedPiece[]): Buffer {
    const entries: Buffer[] = [];
    for (const { at, atMs } of pieces) {
      if (Math.abs(atMs - this.#lastMs) < STEP_MS) continue;
      this.#lastMs = atMs;
      const entry = Buffer.alloc(ENTRY_OCTETS);
      entry.writeUInt32BE(at - this.start, 0);
      entry.writeDoubleBE(atMs, 4);
      entries.push(entry);
    }
    return Buffer.concat(entries);
  }

  async #handles(): Promise<{ readonly log: FileHandle; readonly index: FileHandle }> {
    if (this.#log && this.#index) return { log: this.#log, index: this.#index };
    const [log, index] = [this.#log ?? (await openOwn(`${this.#base}.log`)), await openOwn(`${this.#base}.at`)];
    this.#log = log;
    this.#index = index;
    // What a power failure left of the index beyond the octets themselves would put later octets at its times.
    const entries = (await this.#entries()).filter(({ at }) => at < this.octets);
    this.#indexOctets = entries.length * ENTRY_OCTETS;
    await index.truncate(this.#indexOctets);
    return { log, index };
  }

  async #entries(): Promise<readonly { readonly at: number; readonly atMs: number }[]> {
    const octets = await readFile(`${this.#base}.at`).catch(() => Buffer.alloc(0));
    const count = Math.floor(octets.length / ENTRY_OCTETS);
    return Array.from({ length: count }, (_, n) => ({
      at: octets.readUInt32BE(n * ENTRY_OCTETS),
      atMs: octets.readDoubleBE(n * ENTRY_OCTETS + 4),
    }));
  }

  /** The pieces from an offset on. */
  async read(from: number, octetsMax: number): Promise<readonly RecordedPiece[]> {
    const begin = Math.max(0, from - this.start);
    const length = Math.min(octetsMax, this.octets - begin);
    if (length <= 0) return [];
    const octets = Buffer.alloc(length);
    const file = await open(`${this.#base}.log`, 'r');
    try {
      const { bytesRead } = await file.read(octets, 0, length, begin);
      const pieces = piecesOf(octets.subarray(0, bytesRead), begin, await this.#entries());
      return cutPieces(pieces, 0, octetsMax).map((piece) => ({ ...piece, at: piece.at + this.start }));
    } finally {
      await file.close();
    }
  }

  async sync(): Promise<void> {
    await Promise.all([this.#log?.datasync(), this.#index?.datasync()]);
  }

  /** Lets go of its files; what was half written is cut off. */
  async close(): Promise<void> {
    const [log, index] = [this.#log, this.#index];
    this.#log = undefined;
    this.#index = undefined;
    await log?.close();
    await index?.close();
    if (log) await truncate(`${this.#base}.log`, this.octets);
  }

  async remove(): Promise<void> {
    await this.close().catch(() => undefined);
    await Promise.all(['.log', '.at'].map((end) => rm(this.#base + end, { force: true })));
  }
}

/** A segment of an earlier run. */
export async function segmentOf(folder: string, name: string): Promise<Segment | undefined> {
  const start = /^(\d{16})\.log$/.exec(name)?.[1];
  if (start === undefined) return undefined;
  const sizeOf = async (ending: string): Promise<number> => (await stat(join(folder, name.slice(0, 16) + ending))).size;
  return new Segment(folder, Number(start), await sizeOf('.log'), await sizeOf('.at').catch(() => 0));
}

function openOwn(path: string): Promise<FileHandle> {
  return open(path, 'r+').catch(() => open(path, 'wx+', 0o600));
}

async function writeAll(file: FileHandle, octets: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < octets.length;) {
    const { bytesWritten } = await file.write(octets, done, octets.length - done, position + done);
    done += bytesWritten;
  }
}

/** Cuts octets that begin at `begin` where the index says that later ones came. */
function piecesOf(
  octets: Uint8Array,
  begin: number,
  entries: readonly { readonly at: number; readonly atMs: number }[],
): readonly RecordedPiece[] {
  const end = begin + octets.length;
  const before = entries.findLast(({ at }) => at <= begin) ?? entries[0];
  const within = entries.filter(({ at }) => at > begin && at < end);
  const starts = [{ at: begin, atMs: before?.atMs ?? 0 }, ...within];
  return starts.map(({ at, atMs }, n) => ({
    at,
    atMs,
    octets: octets.subarray(at - begin, (starts[n + 1]?.at ?? end) - begin),
  }));
}
