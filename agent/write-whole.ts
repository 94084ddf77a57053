import { mkdir, mkdtemp, rename, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/**
 * Writes a file that others may be reading or writing at the same time: they see the old one whole or the new one
 * whole. Its folder is made when absent.
 */
export async function writeWhole(path: string, content: Uint8Array | string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  // A name of its own each time: two who build into one cache must not write the same half.
  const landing = await mkdtemp(`${path}.`);
  const half = join(landing, 'half');
  await writeFile(half, content);
  await rename(half, path);
  await rmdir(landing);
}
