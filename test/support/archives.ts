import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A folder of its own for one job, gone afterwards. */
export async function inTempFolder<T>(job: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'farrier-'));
  try {
    return await job(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Runs Debian's tool; the judge of what was written here, or the writer of what is read here. */
export async function judge(command: string, args: readonly string[], cwd?: string): Promise<string> {
  return (await run(command, [...args], { cwd, maxBuffer: 64 << 20 })).stdout;
}

/** One ar member with its header and padding (deb(5)). */
export function arMember(name: string, content: Uint8Array): Buffer {
  const header = `${name.padEnd(16)}${'0'.padEnd(12)}${'0'.padEnd(6)}${'0'.padEnd(6)}${'100644'.padEnd(8)}`;
  const size = `${String(content.length).padEnd(10)}\`\n`;
  return Buffer.concat([Buffer.from(header + size, 'latin1'), content, Buffer.alloc(content.length % 2, '\n')]);
}

/** An ar archive of members. */
export function arArchive(members: readonly (readonly [string, Uint8Array])[]): Buffer {
  return Buffer.concat([Buffer.from('!<arch>\n'), ...members.map(([name, content]) => arMember(name, content))]);
}

/** A tar archive made by GNU tar of a folder's content. */
export async function tarOf(folder: string, format: 'gnu' | 'pax' | 'ustar' = 'gnu'): Promise<Buffer> {
  return inTempFolder(async (aside) => {
    const file = join(aside, 'x.tar');
    await judge('tar', ['--format', format, '--sort=name', '-C', folder, '-cf', file, '.']);
    return readFile(file);
  });
}

/** A Debian package around a tar archive, packed as its suffix says. */
export async function writeDeb(path: string, suffix: string, packed: Uint8Array): Promise<void> {
  const members = [
    ['debian-binary', Buffer.from('2.0\n')],
    ['control.tar', Buffer.alloc(1024)],
    [`data.tar${suffix}`, packed],
  ] as const;
  await writeFile(path, arArchive(members));
}

/** A stream of chunks of `step` octets. */
export async function* inSteps(whole: Uint8Array, step: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < whole.length; at += step) yield Promise.resolve(whole.subarray(at, at + step));
}
