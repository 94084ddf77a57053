import { ipv4, type Ipv4 } from '../core/address.ts';

const NOTHING = new Uint8Array(0);

/**
 * Reads octets front to back, big-endian. A read beyond the end gives zeros and sets `failed`, which stays set: a
 * decoder reads a whole structure and asks once. Never throws.
 */
export class Cursor {
  readonly #octets: Uint8Array;
  #at = 0;
  #failed = false;

  constructor(octets: Uint8Array) {
    this.#octets = octets;
  }

  /** Whether any read so far went beyond the end. */
  get failed(): boolean {
    return this.#failed;
  }

  /** Octets not read yet; 0 once failed. */
  get left(): number {
    return this.#failed ? 0 : this.#octets.length - this.#at;
  }

  u8(): number {
    const at = this.#take(1);
    return at < 0 ? 0 : (this.#octets[at] ?? 0);
  }

  u16(): number {
    const at = this.#take(2);
    const o = this.#octets;
    return at < 0 ? 0 : ((o[at] ?? 0) << 8) | (o[at + 1] ?? 0);
  }

  u32(): number {
    const at = this.#take(4);
    const o = this.#octets;
    if (at < 0) return 0;
    return (((o[at] ?? 0) << 24) | ((o[at + 1] ?? 0) << 16) | ((o[at + 2] ?? 0) << 8) | (o[at + 3] ?? 0)) >>> 0;
  }

  ipv4(): Ipv4 {
    return ipv4(this.u32());
  }

  /** A view, not a copy, of the next `count` octets; empty when there are fewer. */
  bytes(count: number): Uint8Array {
    const at = this.#take(count);
    return at < 0 ? NOTHING : this.#octets.subarray(at, at + count);
  }

  /** A view of all that is left. */
  rest(): Uint8Array {
    return this.bytes(this.left);
  }

  #take(count: number): number {
    const at = this.#at;
    if (this.#failed || count < 0 || at + count > this.#octets.length) {
      this.#failed = true;
      return -1;
    }
    this.#at = at + count;
    return at;
  }
}

/** Writes octets front to back, big-endian, into a buffer of fixed size. A write that does not fit sets `failed`. */
export class OctetWriter {
  readonly #octets: Uint8Array;
  #at = 0;
  #failed = false;

  constructor(octets: Uint8Array) {
    this.#octets = octets;
  }

  get failed(): boolean {
    return this.#failed;
  }

  /** Octets written so far. */
  get length(): number {
    return this.#at;
  }

  /** Octets that still fit. */
  get left(): number {
    return this.#failed ? 0 : this.#octets.length - this.#at;
  }

  u8(value: number): void {
    const at = this.#take(1);
    if (at >= 0) this.#octets[at] = value;
  }

  u16(value: number): void {
    const at = this.#take(2);
    if (at < 0) return;
    this.#octets[at] = value >>> 8;
    this.#octets[at + 1] = value;
  }

  u32(value: number): void {
    const at = this.#take(4);
    if (at < 0) return;
    this.#octets[at] = value >>> 24;
    this.#octets[at + 1] = value >>> 16;
    this.#octets[at + 2] = value >>> 8;
    this.#octets[at + 3] = value;
  }

  bytes(value: Uint8Array): void {
    const at = this.#take(value.length);
    if (at >= 0) this.#octets.set(value, at);
  }

  /** `count` octets of `value`. */
  fill(count: number, value = 0): void {
    const at = this.#take(count);
    if (at >= 0) this.#octets.fill(value, at, at + count);
  }

  /** A view of what was written. */
  written(): Uint8Array {
    return this.#octets.subarray(0, this.#at);
  }

  #take(count: number): number {
    const at = this.#at;
    if (this.#failed || at + count > this.#octets.length) {
      this.#failed = true;
      return -1;
    }
    this.#at = at + count;
    return at;
  }
}
