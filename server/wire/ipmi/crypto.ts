import type { IpmiHash } from './suite.ts';

/** The primitives RMCP+ needs, done at the edge: the codec itself touches no library. */
export interface IpmiCrypto {
  hmac(hash: IpmiHash, key: Uint8Array, octets: Uint8Array): Uint8Array;
  /** AES-128-CBC without padding of its own; `plain` is a multiple of 16 octets. */
  encrypt(key: Uint8Array, iv: Uint8Array, plain: Uint8Array): Uint8Array;
  /** The inverse; `cipher` is a multiple of 16 octets. */
  decrypt(key: Uint8Array, iv: Uint8Array, cipher: Uint8Array): Uint8Array;
  /** Compares in constant time; false when the lengths differ. */
  equal(a: Uint8Array, b: Uint8Array): boolean;
  /** Unpredictable octets, for session ids, nonces and initialization vectors. */
  random(octets: number): Uint8Array;
}
