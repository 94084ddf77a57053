/** One entry of an initramfs archive, without its octets. */
export interface NewcEntry {
  readonly path: string;
  /** Type and permission bits, as in `stat`. */
  readonly mode: number;
  readonly octets: number;
}

const HEADER_OCTETS = 110;
/** The kernel's own limit is PATH_MAX. */
const NAME_OCTETS_MAX = 4096;
const MAGIC = /^07070[12]/;
const TRAILER = 'TRAILER!!!';

/** Not by bits: those of a size above 2 GiB would make a negative number. */
const padded = (octets: number): number => Math.ceil(octets / 4) * 4;

/**
 * Reads one archive in the "newc" form (Linux, Documentation/driver-api/early-userspace/buffer-format.rst) from pieces
 * of any size, names only. Never throws: what is wrong stands in `fault`, and nothing is read after it.
 */
export class NewcReader {
  readonly #take: (entry: NewcEntry) => void;
  /** Header and name while they come in; octets of file content still to pass over. */
  readonly #held = new Uint8Array(HEADER_OCTETS + NAME_OCTETS_MAX + 4);
  #heldOctets = 0;
  #toPass = 0;
  #ended = false;
  #fault: string | undefined;

  constructor(take: (entry: NewcEntry) => void) {
    this.#take = take;
  }

  /** Whether the trailer has been read. */
  get ended(): boolean {
    return this.#ended;
  }

  /** What is wrong, in words. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** Whether it stands between two entries: only there an archive may end without a trailer. */
  get isBetween(): boolean {
    return this.#heldOctets === 0 && this.#toPass === 0;
  }

  /** Reads a piece; gives how many of its octets belong to the archive, which are all until it has ended. */
  push(octets: Uint8Array): number {
    let at = 0;
    while (at < octets.length && !this.#ended && this.#fault === undefined) {
      if (this.#toPass > 0) {
        const passed = Math.min(this.#toPass, octets.length - at);
        this.#toPass -= passed;
        at += passed;
      } else at += this.#hold(octets.subarray(at));
    }
    return at;
  }

  /** Keeps octets until a header, then its name are whole. */
  #hold(octets: Uint8Array): number {
    const wanted = this.#heldOctets < HEADER_OCTETS ? HEADER_OCTETS : this.#entryOctets();
    const taken = octets.subarray(0, wanted - this.#heldOctets);
    this.#held.set(taken, this.#heldOctets);
    this.#heldOctets += taken.length;
    if (this.#heldOctets === HEADER_OCTETS && wanted === HEADER_OCTETS) this.#checkHeader();
    else if (this.#heldOctets === wanted) this.#finishEntry();
    return taken.length;
  }

  #checkHeader(): void {
    const nameOctets = this.#field(11);
    if (!MAGIC.test(this.#text(0, 6))) this.#fault = 'an entry does not begin with 070701';
    else if (!(nameOctets >= 1 && nameOctets <= NAME_OCTETS_MAX))
      this.#fault = 'the length of a name is not believable';
    else if (Number.isNaN(this.#field(6)) || Number.isNaN(this.#field(1))) this.#fault = 'a size is not a number';
  }

  #finishEntry(): void {
    const path = this.#text(HEADER_OCTETS, HEADER_OCTETS + this.#field(11) - 1);
    const octets = this.#field(6);
    this.#heldOctets = 0;
    this.#toPass = padded(octets);
    if (path === TRAILER) this.#ended = true;
    else this.#take({ path: path.replace(/^(\.?\/)+/, ''), mode: this.#field(1), octets });
  }

  /** Header and name with the padding behind them. */
  #entryOctets(): number {
    return padded(HEADER_OCTETS + this.#field(11));
  }

  /** The n-th of the thirteen fields of eight hexadecimal digits. */
  #field(n: number): number {
    const text = this.#text(6 + 8 * n, 14 + 8 * n);
    return /^[0-9A-Fa-f]{8}$/.test(text) ? Number.parseInt(text, 16) : Number.NaN;
  }

  #text(from: number, to: number): string {
    return new TextDecoder().decode(this.#held.subarray(from, to));
  }
}
