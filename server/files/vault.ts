import { createCipheriv, createDecipheriv } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import type { Rng } from '../ports/rng.ts';
import { VaultError, type Vault } from '../ports/vault.ts';

const KEY_OCTETS = 32;
const NONCE_OCTETS = 12;
const TAG_OCTETS = 16;
const VERSION = 'v1';

/** The first seals, all open. */
type Keys = readonly [Uint8Array, ...Uint8Array[]];

/** A value under the vault, as it lies in the database. */
export interface SealedRow {
  readonly sealed: string;
  readonly context: string;
}

/** What opening the vault needs. */
export interface VaultOptions {
  /** The key file; it must lie outside what a backup of the database holds. */
  readonly keyFile: string;
  /** Whether the database holds sealed values: then a missing key is a refusal, never a new key. */
  readonly sealedRowsExist: boolean;
  /** One sealed value, if there is one: proves that this key is the right one. */
  readonly sample?: SealedRow | undefined;
  readonly rng: Rng;
}

function checkKeyFile(descriptor: number, keyFile: string): void {
  const { mode, uid } = fstatSync(descriptor);
  if ((mode & 0o077) !== 0)
    throw new VaultError(`the key file ${keyFile} can be read by others; run: chmod 600 ${keyFile}`);
  const me = process.getuid?.();
  if (me !== undefined && me !== 0 && uid !== me)
    throw new VaultError(`the key file ${keyFile} belongs to another user; run: chown ${String(me)} ${keyFile}`);
}

function openKeyFile(keyFile: string): number | undefined {
  try {
    return openSync(keyFile, 'r');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new VaultError(`the key file ${keyFile} cannot be read; check its owner and mode`, { cause: error });
  }
}

/** The keys of a file, one a line. Nothing when there is no file. */
function readKeys(keyFile: string): Keys | undefined {
  const descriptor = openKeyFile(keyFile);
  if (descriptor === undefined) return undefined;
  try {
    checkKeyFile(descriptor, keyFile);
    const lines = readFileSync(descriptor, 'utf8').trim().split('\n');
    const [first, ...older] = lines.map((line) => Buffer.from(line, 'hex'));
    if (!first || !lines.every((line) => /^[0-9a-f]{64}$/.test(line)))
      throw new VaultError(`the key file ${keyFile} does not hold a key of 64 hexadecimal digits; restore it`);
    return [first, ...older];
  } finally {
    closeSync(descriptor);
  }
}

/** Publishes keys by atomic rename after fsync, so that a crash leaves the old file or the new one, never half. */
function writeKeys(keyFile: string, keys: Keys): void {
  mkdirSync(dirname(keyFile), { recursive: true, mode: 0o700 });
  const half = `${keyFile}.new`;
  const descriptor = openSync(half, 'w', 0o600);
  try {
    chmodSync(half, 0o600);
    writeSync(descriptor, keys.map((key) => `${Buffer.from(key).toString('hex')}\n`).join(''));
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(half, keyFile);
  const folder = openSync(dirname(keyFile), 'r');
  fsyncSync(folder);
  closeSync(folder);
}

function seal(key: Uint8Array, nonce: Uint8Array, plain: string, context: string): string {
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(`${VERSION}\n${context}`));
  const body = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]);
  return `${VERSION}.${Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64url')}`;
}

function octetsOf(sealed: string): Uint8Array {
  const [version, text = '', ...rest] = sealed.split('.');
  const octets = Buffer.from(text, 'base64url');
  if (version === VERSION && rest.length === 0 && octets.length >= NONCE_OCTETS + TAG_OCTETS) return octets;
  throw new VaultError('a sealed secret is damaged; set it again');
}

function open(key: Uint8Array, octets: Uint8Array, context: string): string {
  const bodyAt = NONCE_OCTETS + TAG_OCTETS;
  const nonce = octets.subarray(0, NONCE_OCTETS);
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_OCTETS })
    .setAAD(Buffer.from(`${VERSION}\n${context}`))
    .setAuthTag(octets.subarray(NONCE_OCTETS, bodyAt));
  return Buffer.concat([decipher.update(octets.subarray(bodyAt)), decipher.final()]).toString();
}

/** The vault under some keys. Sealed text is `v1.` and base64url of nonce, tag and ciphertext. */
function vaultOf([sealing, ...older]: Keys, rng: Rng): Vault {
  const keys = [sealing, ...older];
  return {
    seal: (plain, context) => seal(sealing, rng.octets(NONCE_OCTETS), plain, context),
    open: (sealed, context) => {
      const octets = octetsOf(sealed);
      let cause: unknown;
      for (const key of keys)
        try {
          return open(key, octets, context);
        } catch (error) {
          cause = error;
        }
      throw new VaultError('a sealed secret does not open: wrong key, or it was moved from another row', { cause });
    },
  };
}

function refuseWrongKey(vault: Vault, sample: SealedRow, keyFile: string): void {
  try {
    vault.open(sample.sealed, sample.context);
  } catch (cause) {
    throw new VaultError(`the key file ${keyFile} is not the one the secrets were sealed with; restore the right one`, {
      cause,
    });
  }
}

/**
 * Opens the vault; makes the key file (mode 0600) when nothing has been sealed yet.
 * @throws VaultError when the file is missing though sealed rows exist, is readable by others, or is the wrong key.
 */
export function openVault({ keyFile, sealedRowsExist, sample, rng }: VaultOptions): Vault {
  const found = readKeys(keyFile);
  if (!found && sealedRowsExist)
    throw new VaultError(`the key file ${keyFile} is gone, but the database holds sealed secrets; restore the file`);
  const keys: Keys = found ?? [rng.octets(KEY_OCTETS)];
  if (!found) writeKeys(keyFile, keys);
  const vault = vaultOf(keys, rng);
  if (sample) refuseWrongKey(vault, sample, keyFile);
  return vault;
}

/**
 * Seals all values under a new key and forgets the old one. While it runs the key file holds both, so a crash at any
 * moment leaves every value readable and the rotation may simply be started again.
 * @throws VaultError, and nothing has been changed, when one of the values does not open.
 */
export async function rotateKey<T extends SealedRow>(
  { keyFile, rng }: Pick<VaultOptions, 'keyFile' | 'rng'>,
  rows: readonly T[],
  replace: (row: T, sealed: string) => Promise<void>,
): Promise<Vault> {
  const old = readKeys(keyFile);
  if (!old) throw new VaultError(`there is no key file ${keyFile} to rotate`);
  const key = rng.octets(KEY_OCTETS);
  const both = vaultOf([key, ...old], rng);
  const resealed = rows.map((row) => ({ row, sealed: both.seal(both.open(row.sealed, row.context), row.context) }));
  writeKeys(keyFile, [key, ...old]);
  for (const { row, sealed } of resealed) await replace(row, sealed);
  writeKeys(keyFile, [key]);
  return vaultOf([key], rng);
}
