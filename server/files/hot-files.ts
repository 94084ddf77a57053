import type { Sha256 } from '../core/address.ts';

interface HotFile {
  readonly octets: number;
  readonly whole: Promise<Uint8Array>;
}

/** Whole files in memory, the least recently opened dropped first. A file that is being loaded is loaded once for all. */
export class HotFiles {
  readonly #octetsMax: number;
  readonly #files = new Map<Sha256, HotFile>();
  #octets = 0;

  constructor(octetsMax: number) {
    this.#octetsMax = octetsMax;
  }

  /** Octets held now. */
  get octets(): number {
    return this.#octets;
  }

  /** Whether a file of this size may be held: at most half the room, so that one image does not push out all kernels. */
  fits(octets: number): boolean {
    return octets <= this.#octetsMax / 2;
  }

  get(sha256: Sha256): Promise<Uint8Array> | undefined {
    const file = this.#files.get(sha256);
    if (!file) return undefined;
    this.#files.delete(sha256);
    this.#files.set(sha256, file);
    return file.whole;
  }

  /** Holds what `read` gives; forgets it again when that fails. */
  async load(sha256: Sha256, octets: number, read: () => Promise<Uint8Array>): Promise<Uint8Array> {
    const present = this.get(sha256);
    if (present) return present;
    for (const [oldest, file] of this.#files) {
      if (this.#octets + octets <= this.#octetsMax) break;
      this.#drop(oldest, file);
    }
    const file = { octets, whole: read() };
    this.#files.set(sha256, file);
    this.#octets += octets;
    try {
      return await file.whole;
    } catch (error) {
      if (this.#files.get(sha256) === file) this.#drop(sha256, file);
      throw error;
    }
  }

  #drop(sha256: Sha256, file: HotFile): void {
    this.#files.delete(sha256);
    this.#octets -= file.octets;
  }
}
