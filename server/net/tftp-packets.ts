import type { Clock } from '../ports/clock.ts';
import type { Content } from '../ports/artefacts.ts';
import { wireBlock } from '../wire/tftp/transfer.ts';
import { DATA_HEADER_OCTETS, writeDataHeader } from '../wire/tftp/packet.ts';

/** How a file is cut into packets. */
export interface PacketShape {
  readonly blksize: number;
  readonly rollOverTo: 0 | 1;
}

/** A run of finished DATA packets; the first is block `firstBlock`. */
export interface Chunk {
  readonly firstBlock: number;
  readonly packets: readonly Uint8Array[];
  /** All of them, back to back. */
  readonly octets: Uint8Array;
}

/** Octets of file in a chunk, at most; small enough that 512 transfers may each hold one of their own. */
const CHUNK_OCTETS = 128 * 1024;
const CHUNK_BLOCKS_MAX = 512;
/** What one packet costs in memory besides its octets: the view onto the chunk's buffer. */
const VIEW_OCTETS = 128;
/** A chunk touched within this time is in use: boards of one storm come close behind each other. */
const IN_USE_MS = 1000;

/**
 * DATA packets made once per (content, block size) and shared by all transfers, because making one costs as much as
 * sending it. Bounded: when all that is held is in use, nothing is added and the sender joins header and slice itself.
 */
export class PacketCache {
  readonly #held = new Map<string, { readonly chunk: Chunk; readonly octets: number; usedMs: number }>();
  readonly #loading = new Map<string, Promise<Chunk>>();
  readonly #octetsMax: number;
  readonly #clock: Clock;
  #octets = 0;

  constructor(octetsMax: number, clock: Clock) {
    this.#octetsMax = octetsMax;
    this.#clock = clock;
  }

  /** Octets held now, the cost of the views included. */
  get octets(): number {
    return this.#octets;
  }

  /** The chunk with this block, if it is held or can be made without waiting and without pushing out what is in use. */
  get(content: Content, shape: PacketShape, block: number): Chunk | undefined {
    const place = placeOf(content, shape, block);
    const held = this.#touch(place.key);
    if (held || !content.whole || !this.#makeRoom(place)) return held;
    const data = content.whole.subarray(place.at, place.at + place.dataOctets);
    return this.#keep(place, cut(data, shape, place));
  }

  /** The chunk with this block, read from the content if it must be; transfers that ask together share the reading. */
  async load(content: Content, shape: PacketShape, block: number): Promise<Chunk> {
    const place = placeOf(content, shape, block);
    const held = this.#touch(place.key);
    if (held) return held;
    const loading = this.#loading.get(place.key) ?? this.#read(content, shape, place);
    this.#loading.set(place.key, loading);
    try {
      return await loading;
    } finally {
      this.#loading.delete(place.key);
    }
  }

  async #read(content: Content, shape: PacketShape, place: Place): Promise<Chunk> {
    const data = await readFully(content, place.at, place.dataOctets);
    const chunk = cut(data, shape, place);
    return this.#makeRoom(place) ? this.#keep(place, chunk) : chunk;
  }

  #touch(key: string): Chunk | undefined {
    const held = this.#held.get(key);
    if (!held) return undefined;
    held.usedMs = this.#clock.monotonicMs();
    this.#held.delete(key);
    this.#held.set(key, held);
    return held.chunk;
  }

  /** Drops the least recently used until the place fits; false when that would drop something in use. */
  #makeRoom(place: Place): boolean {
    const idleSinceMs = this.#clock.monotonicMs() - IN_USE_MS;
    for (const [key, held] of this.#held) {
      if (this.#octets + place.costOctets <= this.#octetsMax || held.usedMs > idleSinceMs) break;
      this.#held.delete(key);
      this.#octets -= held.octets;
    }
    return this.#octets + place.costOctets <= this.#octetsMax;
  }

  #keep(place: Place, chunk: Chunk): Chunk {
    this.#held.set(place.key, { chunk, octets: place.costOctets, usedMs: this.#clock.monotonicMs() });
    this.#octets += place.costOctets;
    return chunk;
  }
}

/** The octets of a run of at least two packets from `block` on, up to `end` or as far as the chunk goes; else nothing. */
export function runIn(
  chunk: Chunk,
  shape: PacketShape,
  block: number,
  end: number,
): { readonly octets: Uint8Array; readonly count: number } | undefined {
  const at = block - chunk.firstBlock;
  const count = Math.min(end - block, chunk.packets.length - at);
  if (at < 0 || count < 2) return undefined;
  const packetOctets = shape.blksize + DATA_HEADER_OCTETS;
  return { octets: chunk.octets.subarray(at * packetOctets, (at + count) * packetOctets), count };
}

/** DATA made for this one sending: the header, and the file's own octets. Nothing when the content is not in memory. */
export function looseData(content: Content, shape: PacketShape, block: number): readonly Uint8Array[] | undefined {
  if (!content.whole) return undefined;
  const header = new Uint8Array(DATA_HEADER_OCTETS);
  writeDataHeader(header, 0, wireBlock(block, shape.rollOverTo));
  const at = (block - 1) * shape.blksize;
  return [header, content.whole.subarray(at, at + shape.blksize)];
}

interface Place {
  readonly key: string;
  readonly firstBlock: number;
  readonly blocks: number;
  readonly at: number;
  readonly dataOctets: number;
  readonly costOctets: number;
}

function placeOf(content: Content, shape: PacketShape, block: number): Place {
  const perChunk = Math.max(1, Math.min(CHUNK_BLOCKS_MAX, Math.floor(CHUNK_OCTETS / shape.blksize)));
  const index = Math.floor((block - 1) / perChunk);
  const blocksOfFile = Math.floor(content.octets / shape.blksize) + 1;
  const blocks = Math.min(perChunk, blocksOfFile - index * perChunk);
  const at = index * perChunk * shape.blksize;
  const dataOctets = Math.min(blocks * shape.blksize, content.octets - at);
  const costOctets = dataOctets + blocks * (DATA_HEADER_OCTETS + VIEW_OCTETS);
  const key = `${content.sha256}/${shape.blksize}/${shape.rollOverTo}/${index}`;
  return { key, firstBlock: index * perChunk + 1, blocks, at, dataOctets, costOctets };
}

function cut(data: Uint8Array, shape: PacketShape, place: Place): Chunk {
  const buffer = Buffer.allocUnsafeSlow(data.length + place.blocks * DATA_HEADER_OCTETS);
  const packets = Array.from({ length: place.blocks }, (_, i) => {
    const block = data.subarray(i * shape.blksize, (i + 1) * shape.blksize);
    const at = i * (shape.blksize + DATA_HEADER_OCTETS);
    writeDataHeader(buffer, at, wireBlock(place.firstBlock + i, shape.rollOverTo));
    buffer.set(block, at + DATA_HEADER_OCTETS);
    return buffer.subarray(at, at + DATA_HEADER_OCTETS + block.length);
  });
  return { firstBlock: place.firstBlock, packets, octets: buffer };
}

async function readFully(content: Content, at: number, octets: number): Promise<Uint8Array> {
  const data = octets === 0 ? new Uint8Array(0) : await content.read(at, octets);
  if (data.length !== octets) throw new Error(`${data.length} of ${octets} octets could be read at ${at}`);
  return data;
}
