import { lstat, realpath } from 'node:fs/promises';
import { dirname, extname } from 'node:path';
import type { Stats } from 'node:fs';
import { err, ok, type Result } from '../server/core/result.ts';

const MODULES = ['.js', '.mjs', '.ts', '.mts'];
/** What the names of pretend devices end in. */
const PRETEND = '.pretend';
const GROUP_OR_WORLD_WRITES = 0o022;
const STICKY = 0o1000;

/** A file in a driver folder that nobody but root and this process's user can have put there. */
export interface TrustedFile {
  readonly path: string;
  /** Changes whenever the file does. */
  readonly stamp: string;
  /** Executable: it is spoken to as a program, whatever its name ends in. */
  readonly isProgram: boolean;
  /** A program or a module; a README beside them is neither, nor is a pretend device, which is a program all the same. */
  readonly isDriver: boolean;
}

function isOurs(stat: Stats): boolean {
  return stat.uid === 0 || stat.uid === process.getuid?.();
}

function faultOf(path: string, stat: Stats): string | undefined {
  if (!isOurs(stat)) return `${path} belongs to user ${stat.uid}; it must belong to root or to the service's user`;
  if ((stat.mode & GROUP_OR_WORLD_WRITES) !== 0)
    return `${path} is writable by group or world; run: chmod go-w ${path}`;
  return undefined;
}

/**
 * The real path of a driver folder, when nobody else can change what is in it: neither the folder nor any folder
 * above it may be writable by others (a sticky one above, such as /tmp, lets nobody rename what is not theirs).
 */
export async function vouchForFolder(folder: string): Promise<Result<string>> {
  try {
    const path = await realpath(folder);
    const stat = await lstat(path);
    if (!stat.isDirectory()) return err(`${path} is not a folder`);
    const fault = faultOf(path, stat) ?? (await faultAbove(path));
    return fault === undefined ? ok(path) : err(fault);
  } catch (cause) {
    return err(`driver folder ${folder} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}

async function faultAbove(path: string): Promise<string | undefined> {
  for (let above = dirname(path); ; above = dirname(above)) {
    const { mode } = await lstat(above);
    if ((mode & GROUP_OR_WORLD_WRITES) !== 0 && (mode & STICKY) === 0)
      return `${above}, above ${path}, is writable by group or world; run: chmod go-w ${above}`;
    if (above === dirname(above)) return undefined;
  }
}

/** Where the pretend device of a driver lies: beside it, `my-pdu.pretend` for `my-pdu` and for `my-pdu.mjs`. */
export function pretendBeside(file: string): string {
  const ending = extname(file);
  return `${MODULES.includes(ending) ? file.slice(0, -ending.length) : file}${PRETEND}`;
}

/** Looks at one entry of a trusted folder. Links are refused: what they point at may change hands. */
export async function vouchForFile(path: string): Promise<Result<TrustedFile>> {
  try {
    const stat = await lstat(path);
    if (stat.isDirectory()) return ok({ path, stamp: 'folder', isProgram: false, isDriver: false });
    if (!stat.isFile()) return err(`${path} is not a plain file`);
    const isProgram = (stat.mode & 0o111) !== 0;
    const isPretend = extname(path) === PRETEND;
    const isDriver = !isPretend && (isProgram || MODULES.includes(extname(path)));
    const fault = isDriver || isPretend ? faultOf(path, stat) : undefined;
    const stamp = [stat.ino, stat.size, stat.mtimeMs, stat.mode].join('-');
    return fault === undefined ? ok({ path, stamp, isProgram, isDriver }) : err(fault);
  } catch (cause) {
    return err(`${path} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}
