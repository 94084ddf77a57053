import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Sha256 } from '../core/address.ts';
import type { BoardFirmware } from '../core/board.ts';
import { err, ok, type Result } from '../core/result.ts';
import { contentInMemory, type Content } from '../ports/artefacts.ts';
import { digestOf } from './board-dtb.ts';
import type { BoardRow } from './board-file.ts';

/** The largest of Raspberry Pi's files, start_db.elf, has some 5 MB. */
const FIRMWARE_OCTETS_MAX = 16 << 20;

/** A firmware file as a board declares it, with the path of its file. */
export interface DeclaredFirmware {
  readonly path: string;
  readonly file: string;
  readonly sha256: string | undefined;
  readonly source: string;
}

/** The firmware files a board's row declares, in its folder; nothing when it declares none. */
export function declaredFirmware(folder: string, row: BoardRow): readonly DeclaredFirmware[] | undefined {
  return row.firmware?.map(({ file, sha256, source }) => ({ path: join(folder, file), file, sha256, source }));
}

/** What was read of a board's firmware files: the rows for the board, and their contents by digest. */
export interface FirmwareRead {
  readonly firmware: readonly BoardFirmware[];
  readonly contents: readonly Content[];
}

/** Reads and checks a board's firmware files: there, not empty, of the declared digest. What is wrong is said in words. */
export function readFirmware(declared: readonly DeclaredFirmware[]): FirmwareRead {
  const read = declared.map((each) => ({ name: each.file, content: contentOf(each) }));
  return {
    firmware: read.map(({ name, content }) => {
      if (!content.ok) return { name, artefact: undefined, missing: content.error };
      const { sha256, octets } = content.value;
      return { name, artefact: { name, sha256, octets }, missing: undefined };
    }),
    contents: read.flatMap(({ content }) => (content.ok ? [content.value] : [])),
  };
}

function contentOf({ path, file, sha256, source }: DeclaredFirmware): Result<Content> {
  const octets = octetsOf(path);
  if (!octets) return err(`the firmware file ${file} is not there; take it from ${source}`);
  if (octets.length === 0) return err(`the firmware file ${file} is empty; take it from ${source}`);
  const found: Sha256 = digestOf(octets);
  if (sha256 !== undefined && sha256 !== found)
    return err(`the firmware file ${file} has sha256 ${found}, but ${sha256} is declared`);
  return ok(contentInMemory(found, octets));
}

function octetsOf(path: string): Uint8Array | undefined {
  try {
    const stat = statSync(path);
    return stat.isFile() && stat.size <= FIRMWARE_OCTETS_MAX ? readFileSync(path) : undefined;
  } catch {
    return undefined;
  }
}
