/** Unpredictable octets, owned by whoever wires. */
export interface Rng {
  octets(count: number): Uint8Array;
}
