/** The hash of a cipher suite's HMACs. */
export type IpmiHash = 'sha1' | 'sha256';

/** A cipher suite Farrier speaks (IPMI 2.0 §22.15.2, table 22-20). Suite 0 (no authentication) is not among them, ever. */
export interface CipherSuite {
  readonly id: 3 | 17;
  readonly hash: IpmiHash;
  /** RAKP-HMAC-SHA1 is 1, RAKP-HMAC-SHA256 is 3 (table 13-17). */
  readonly authentication: number;
  /** HMAC-SHA1-96 is 1, HMAC-SHA256-128 is 4 (table 13-18). */
  readonly integrity: number;
  /** AES-CBC-128 is 1 (table 13-19). */
  readonly confidentiality: number;
  /** Octets of the key exchange authentication codes of RAKP 2 and 3. */
  readonly codeOctets: number;
  /** Octets of the AuthCode behind each packet and of the integrity check value of RAKP 4. */
  readonly integrityOctets: number;
}

/** HMAC-SHA1, HMAC-SHA1-96, AES-CBC-128. */
export const SUITE_3: CipherSuite = {
  id: 3,
  hash: 'sha1',
  authentication: 1,
  integrity: 1,
  confidentiality: 1,
  codeOctets: 20,
  integrityOctets: 12,
};

/** HMAC-SHA256, HMAC-SHA256-128, AES-CBC-128. */
export const SUITE_17: CipherSuite = {
  id: 17,
  hash: 'sha256',
  authentication: 3,
  integrity: 4,
  confidentiality: 1,
  codeOctets: 32,
  integrityOctets: 16,
};

/** In the order in which they are tried. */
export const SUITES: readonly CipherSuite[] = [SUITE_17, SUITE_3];
