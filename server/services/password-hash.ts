import { hexOf } from '../core/address.ts';
import type { PasswordCrypto, ScryptCost } from '../ports/password-crypto.ts';
import type { Rng } from '../ports/rng.ts';

/** 32 MiB and some 60 ms: dear to guess, cheap to log in. Older hashes carry their own cost. */
const COST: ScryptCost = { logN: 15, r: 8, p: 1 };
const SALT_OCTETS = 16;

const octetsOf = (hex: string): Uint8Array =>
  Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));

/** Hex of unpredictable octets. */
export function randomHex(rng: Rng, octets: number): string {
  return hexOf(rng.octets(octets));
}

/** A self-describing hash with a salt of its own: `scrypt$15$8$1$<salt>$<key>`. */
export async function hashPassword(password: string, crypto: PasswordCrypto, rng: Rng): Promise<string> {
  const salt = rng.octets(SALT_OCTETS);
  const key = await crypto.scrypt(password, salt, COST);
  return ['scrypt', COST.logN, COST.r, COST.p, hexOf(salt), hexOf(key)].join('$');
}

/**
 * Whether a password is the one behind a hash. Without a hash (nobody by that name) it costs the same time and is
 * false; a hash that cannot be read is false too, never a match.
 */
export async function isPassword(password: string, hash: string | undefined, crypto: PasswordCrypto): Promise<boolean> {
  const parts = /^scrypt\$(\d{1,2})\$(\d{1,2})\$(\d{1,2})\$([0-9a-f]{32})\$([0-9a-f]{64})$/.exec(hash ?? '');
  const [, logN, r, p, salt, key] = parts ?? [];
  if (salt === undefined || key === undefined) {
    await crypto.scrypt(password, new Uint8Array(SALT_OCTETS), COST);
    return false;
  }
  const made = await crypto.scrypt(password, octetsOf(salt), { logN: Number(logN), r: Number(r), p: Number(p) });
  return crypto.equal(made, octetsOf(key));
}
