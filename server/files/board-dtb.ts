import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { parseSha256, type Sha256 } from '../core/address.ts';
import type { BoardDtb } from '../core/board.ts';
import { DTB_OCTETS_MAX, strangeTo } from '../core/dtb-version.ts';
import { err, ok, type Result } from '../core/result.ts';
import { readFdt } from '../wire/fdt/fdt.ts';

/** A DTB as a board declares it, with the path of its file. */
export interface DeclaredDtb {
  readonly path: string;
  readonly file: string;
  readonly sha256: string | undefined;
  readonly octets: number | undefined;
  readonly source: string;
  readonly licence: string;
  readonly optional: boolean;
}

/**
 * Checks a declared DTB: it is there, it is a device tree as long as its header says, its digest and size are those
 * declared, and it is of the board (`compatible`; empty: not asked). Nothing when it is optional and not there. The error says in words what is wrong and where
 * the right file is to be had.
 */
export function checkDtb(declared: DeclaredDtb, compatible: readonly string[]): Result<BoardDtb | undefined> {
  const octets = readDtb(declared.path);
  if (!octets && declared.optional) return ok(undefined);
  if (!octets) return err(`the device tree ${declared.file} is not there; take it from ${declared.source}`);
  const sha256 = digestOf(octets);
  if (declared.sha256 !== undefined && declared.sha256 !== sha256)
    return err(`the device tree ${declared.file} has sha256 ${sha256}, but ${declared.sha256} is declared`);
  if (declared.octets !== undefined && declared.octets !== octets.length)
    return err(`the device tree ${declared.file} has ${octets.length} octets, but ${declared.octets} are declared`);
  const tree = readFdt(octets);
  if (!tree.ok) return err(`${declared.file}: ${tree.error}`);
  const stranger = strangeTo(compatible, tree.value.compatible);
  if (stranger !== undefined) return err(`the device tree ${declared.file} ${stranger}`);
  const { file: name, source, licence } = declared;
  return ok({ name, sha256, octets: octets.length, source, licence });
}

/** The octets of a DTB file; nothing when there is no such file or it is too large to be one. */
export function readDtb(path: string): Uint8Array | undefined {
  try {
    return statSync(path).size > DTB_OCTETS_MAX ? undefined : readFileSync(path);
  } catch {
    return undefined;
  }
}

/** SHA-256 of octets. */
export function digestOf(octets: Uint8Array): Sha256 {
  const digest = parseSha256(createHash('sha256').update(octets).digest('hex'));
  if (!digest.ok) throw new Error(digest.error);
  return digest.value;
}
