/** What one scrypt costs (RFC 7914 §2): memory is 128 * N * r octets. */
export interface ScryptCost {
  /** The binary logarithm of N. */
  readonly logN: number;
  readonly r: number;
  readonly p: number;
}

/** One-way functions over secrets, owned by whoever wires. */
export interface PasswordCrypto {
  /** 32 octets by scrypt, computed off the event loop. */
  scrypt(password: string, salt: Uint8Array, cost: ScryptCost): Promise<Uint8Array>;
  /** SHA-256 of the text's UTF-8 octets, hexadecimal. */
  sha256(text: string): string;
  /** Compares in constant time; octets of different lengths are never equal. */
  equal(a: Uint8Array, b: Uint8Array): boolean;
}
