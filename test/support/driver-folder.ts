import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A driver folder as a site would have it: its own, writable by nobody else. */
export interface DriverFolder {
  readonly path: string;
  /** Drops a file in; the answer is its path. */
  drop(name: string, text: string, mode?: number): Promise<string>;
  remove(): Promise<void>;
}

/** An empty folder. */
export async function createDriverFolder(): Promise<DriverFolder> {
  const path = await mkdtemp(join(tmpdir(), 'farrier-drivers-'));
  await chmod(path, 0o755);
  return {
    path,
    drop: async (name, text, mode = 0o755) => {
      const file = join(path, name);
      await writeFile(file, text);
      await chmod(file, mode);
      return file;
    },
    remove: () => rm(path, { recursive: true, force: true }),
  };
}

/** A driver program that describes itself as `name` and has these shell lines for everything else. */
export function shellDriver(name: string, lines: string, callTimeoutMs = 5000): string {
  const fields = {
    host: { kind: 'host', label: 'Host', scope: 'controller', required: true },
    password: { kind: 'secret', label: 'Password', scope: 'controller', required: true },
    outlet: { kind: 'text', label: 'Outlet', scope: 'machine', required: false },
  };
  const summary = 'a test driver';
  const abilities = ['on', 'off', 'status', 'reset', 'bootdev', 'identify'];
  const declaration = JSON.stringify({ name, summary, abilities, fields, callTimeoutMs });
  return `#!/bin/sh\nif [ "$1" = describe ]; then echo '${declaration}'; exit 0; fi\n${lines}\n`;
}
