import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pretendBeside } from '../../power-drivers/trust.ts';
import type { DriverDraft } from '../cli/deps.ts';
import { projectRoot } from '../edges/project-root.ts';

/** The example each language begins with, and how its file is called and may be used. */
const BEGINNINGS = {
  shell: { example: 'line-pdu', ending: '', mode: 0o755 },
  js: { example: 'web-relay', ending: '.mjs', mode: 0o644 },
} as const;

/**
 * Writes a working driver of that name into a folder with its pretend device beside it, from the example that comes with
 * Farrier; the value is the driver's file. Throws when the name is not one, or a file of that name is there.
 */
export async function newDriver({ name, folder, language }: DriverDraft): Promise<string> {
  if (!/^[a-z][a-z0-9-]{0,31}$/.test(name))
    throw new Error(`"${name}" is no name of a driver: use 1 to 32 small letters, digits and dashes`);
  const { example, ending, mode } = BEGINNINGS[language];
  const from = join(projectRoot(), 'power-drivers', 'examples', `${example}${ending}`);
  const file = join(resolve(folder), `${name}${ending}`);
  const copy = async (source: string, target: string, mode: number): Promise<void> => {
    const text = await readFile(source, 'utf8');
    await writeNew(target, text.replaceAll(example, name), mode);
  };
  const pretend = pretendBeside(file);
  // The device first: the driver is loaded as soon as it is there.
  await copy(pretendBeside(from), pretend, 0o755);
  try {
    await copy(from, file, mode);
  } catch (cause) {
    await rm(pretend);
    throw cause;
  }
  return file;
}

async function writeNew(file: string, text: string, mode: number): Promise<void> {
  try {
    await writeFile(file, text, { mode: 0o644, flag: 'wx' });
    // A program that is still being written cannot be run (ETXTBSY), and a daemon that watches the folder would try.
    await chmod(file, mode);
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    if (code === 'EEXIST') throw new Error(`${file} is there already; choose another name`, { cause });
    throw new Error(`${file} cannot be written (${code})`, { cause });
  }
}
