import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { DriverDraft } from '../cli/deps.ts';
import { projectRoot } from '../edges/project-root.ts';

/** The example each language begins with, and how its file is called and may be used. */
const BEGINNINGS = {
  shell: { example: 'file-relay', ending: '', mode: 0o755 },
  js: { example: 'web-relay.mjs', ending: '.mjs', mode: 0o644 },
} as const;

/**
 * Writes a working driver of that name into a folder, from the example that comes with Farrier. Throws when the name is
 * not one, or a file of that name is there.
 */
export async function newDriver({ name, folder, language }: DriverDraft): Promise<string> {
  if (!/^[a-z][a-z0-9-]{0,31}$/.test(name))
    throw new Error(`"${name}" is no name of a driver: use 1 to 32 small letters, digits and dashes`);
  const { example, ending, mode } = BEGINNINGS[language];
  const text = await readFile(join(projectRoot(), 'power-drivers', 'examples', example), 'utf8');
  const file = join(resolve(folder), `${name}${ending}`);
  try {
    if (language === 'shell') await mkdir(join(resolve(folder), 'relays'), { recursive: true });
    await writeFile(file, text.replaceAll(example.replace('.mjs', ''), name), { mode, flag: 'wx' });
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    if (code === 'EEXIST') throw new Error(`${file} is there already; choose another name`, { cause });
    throw new Error(`${file} cannot be written (${code})`, { cause });
  }
  return file;
}
