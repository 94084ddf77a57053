import { createHash } from 'node:crypto';
import { parseSha256, type Sha256 } from '../core/address.ts';

/** SHA-256 as 64 lower-case hexadecimal digits. */
export function sha256Of(octets: Uint8Array | string): Sha256 {
  const digest = parseSha256(createHash('sha256').update(octets).digest('hex'));
  if (!digest.ok) throw new Error(digest.error);
  return digest.value;
}
