import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Apt } from '../../agent/apt.ts';
import { tarOf, writeDeb } from './archives.ts';

/** An apt with packages of which each file holds its own path. */
export async function aptWith(folder: string, packages: Readonly<Record<string, readonly string[]>>): Promise<Apt> {
  for (const [name, paths] of Object.entries(packages)) {
    const root = join(folder, name);
    await mkdir(root, { recursive: true });
    for (const path of paths) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), path);
    }
    await writeDeb(`${root}.deb`, '', await tarOf(root));
  }
  return {
    find: (name) => Promise.resolve({ name, version: '1.0', depends: [], sha256: '', octets: 1 }),
    fetch: ({ name }) => Promise.resolve(join(folder, `${name}.deb`)),
  };
}
