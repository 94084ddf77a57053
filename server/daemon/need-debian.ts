import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { projectRoot } from '../edges/project-root.ts';

/**
 * Installs a list of `scripts/debian-packages.json` when root on Debian, else names what is missing in a line that can
 * be pasted. Throws when something stays missing.
 */
export async function needDebian(list: string, why: string): Promise<void> {
  const script = join(projectRoot(), 'scripts', 'need-debian.cjs');
  const child = spawn(process.execPath, [script, list, why], { stdio: ['ignore', 'inherit', 'inherit'] });
  await once(child, 'exit');
  if (child.exitCode !== 0) throw new Error(`${why} wants the Debian packages named above`);
}
