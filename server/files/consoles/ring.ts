import type { RecordedPiece } from '../../ports/console-recordings.ts';

/** The newest pieces of a recording, in memory: for those who watch, and until they are written. */
export class PieceRing {
  readonly #octetsMax: number;
  #pieces: RecordedPiece[] = [];
  #octets = 0;
  #end: number;

  constructor(octetsMax: number, end: number) {
    this.#octetsMax = octetsMax;
    this.#end = end;
  }

  /** Where the next octet goes. */
  get end(): number {
    return this.#end;
  }

  /** The first offset it still holds. */
  get start(): number {
    return this.#pieces[0]?.at ?? this.#end;
  }

  add(octets: Uint8Array, atMs: number): void {
    this.#pieces.push({ at: this.#end, atMs, octets });
    this.#end += octets.length;
    this.#octets += octets.length;
  }

  /** Forgets the oldest while there is too much, but nothing from `needed` on. */
  trim(needed: number): void {
    let drop = 0;
    for (const piece of this.#pieces) {
      if (this.#octets <= this.#octetsMax || piece.at + piece.octets.length > needed) break;
      this.#octets -= piece.octets.length;
      drop += 1;
    }
    if (drop > 0) this.#pieces = this.#pieces.slice(drop);
  }

  /** Pieces from an offset on, at most so many octets. */
  from(offset: number, octetsMax: number): readonly RecordedPiece[] {
    return cutPieces(this.#pieces, offset, octetsMax);
  }
}

/** Of pieces in order those that lie from `offset` on, cut to `octetsMax` octets. */
export function cutPieces(
  pieces: readonly RecordedPiece[],
  offset: number,
  octetsMax: number,
): readonly RecordedPiece[] {
  const found: RecordedPiece[] = [];
  let left = octetsMax;
  for (const { at, atMs, octets } of pieces) {
    if (left <= 0) break;
    if (at + octets.length <= offset) continue;
    const skip = Math.max(0, offset - at);
    const part = octets.subarray(skip, skip + left);
    found.push({ at: at + skip, atMs, octets: part });
    left -= part.length;
  }
  return found;
}
