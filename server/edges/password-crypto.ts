import { createHash, scrypt, timingSafeEqual } from 'node:crypto';
import type { PasswordCrypto } from '../ports/password-crypto.ts';

const KEY_OCTETS = 32;

/** Node's own scrypt (on its thread pool), SHA-256 and constant-time comparison. */
export const nodePasswordCrypto: PasswordCrypto = {
  scrypt: (password, salt, { logN, r, p }) =>
    new Promise((resolve, reject) => {
      const N = 2 ** logN;
      // Node refuses above `maxmem`; the algorithm needs a little more than 128 * N * r octets.
      const maxmem = 128 * N * r + (1 << 20);
      scrypt(password.normalize('NFC'), salt, KEY_OCTETS, { N, r, p, maxmem }, (error, key) => {
        if (error) reject(error);
        else resolve(key);
      });
    }),
  sha256: (text) => createHash('sha256').update(text).digest('hex'),
  equal: (a, b) => a.length === b.length && timingSafeEqual(a, b),
};
