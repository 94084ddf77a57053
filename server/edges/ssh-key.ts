import { createHash } from 'node:crypto';

/** What `ssh-keygen -l` says of a host's key: SHA-256 of its octets, base64 without padding. */
export function sshFingerprint(key: Uint8Array): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

/** Whether a host's key is the one an operator has entered, which may have been padded. */
export function isSshKey(key: Uint8Array, entered: string): boolean {
  return sshFingerprint(key) === entered.replace(/=+$/, '');
}
