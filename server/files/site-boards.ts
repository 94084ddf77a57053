import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { err, ok } from '../core/result.ts';
import type { SiteBoards } from '../ports/boards.ts';

/** The site's boards in a folder; nothing when none is configured, which is then what every write is told. */
export function createSiteBoards(folder: string | undefined): SiteBoards {
  return {
    write: async (name, text) => {
      if (folder === undefined)
        return err(
          'this site has no folder for boards of its own; make one, name it under "boards:" in farrier.yaml and restart',
        );
      const file = join(folder, name, 'board.yaml');
      try {
        await mkdir(join(folder, name), { recursive: true });
        await writeFile(file, text, { flag: 'wx' });
        return ok(file);
      } catch (error) {
        const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
        if (code === 'EEXIST') return err(`${file} is there already and is not written over; choose another name`);
        return err(`${file} cannot be written (${code}); give the service user that folder`);
      }
    },
  };
}
