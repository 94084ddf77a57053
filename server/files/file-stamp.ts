import { statSync } from 'node:fs';

/** Size, time and inode of a plain file; nothing for whatever else is there, cannot be looked at, or is not there. */
export function stampOf(path: string): string | undefined {
  try {
    const stat = statSync(path);
    return stat.isFile() ? `${stat.size} ${stat.mtimeMs} ${stat.ino}` : undefined;
  } catch {
    return undefined;
  }
}
