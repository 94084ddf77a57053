/** Thrown when a sealed value cannot be opened: wrong key, or moved to another row. */
export class VaultError extends Error {
  override readonly name = 'VaultError';
}

/**
 * Seals secrets with AES-256-GCM under a key that lives in a file outside the database. `context` (machine id and
 * field name) is authenticated, so a row copied elsewhere does not open.
 */
export interface Vault {
  seal(plain: string, context: string): string;
  /** @throws VaultError */
  open(sealed: string, context: string): string;
}
