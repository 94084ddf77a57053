import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { listArMembers, type ArMember } from './ar.ts';
import { BuildError } from './build-error.ts';
import { readTar, type TarReader } from './tar.ts';

const PROGRAMS: Readonly<Record<string, string>> = { xz: 'xz', zst: 'zstd' };

/**
 * Reads the files a Debian package would install (deb(5)): `data.tar` plain, gzip, xz or zstd. Maintainer scripts are
 * not even looked at, and nothing of the package is run.
 * @throws BuildError `bad-package`, or `tool-missing` when xz or zstd is not installed.
 */
export async function readDeb(path: string, reader: TarReader): Promise<void> {
  const members = await listArMembers(path);
  if (members[0]?.name !== 'debian-binary')
    throw new BuildError('bad-package', `${path} is an ar archive but not a Debian package`);
  const member = members.find((each) => each.name === 'data.tar' || each.name.startsWith('data.tar.'));
  if (!member) throw new BuildError('bad-package', `${path} has no data.tar; delete it and build again`);
  await readMember(path, member, reader);
}

async function readMember(path: string, member: ArMember, reader: TarReader): Promise<void> {
  const packed = createReadStream(path, { start: member.at, end: member.at + member.octets - 1 });
  const suffix = member.name.slice('data.tar'.length + 1);
  if (suffix === '') return readTar(packed, reader);
  if (suffix === 'gz')
    return pipeline(packed, createGunzip(), (stream: AsyncIterable<Uint8Array>) => readTar(stream, reader));
  const program = PROGRAMS[suffix];
  if (program === undefined) throw new BuildError('bad-package', `${path} is packed with "${suffix}", not known here`);
  return unpackWith(program, path, packed, reader);
}

async function unpackWith(
  program: string,
  path: string,
  packed: NodeJS.ReadableStream,
  reader: TarReader,
): Promise<void> {
  const child = spawn(program, ['-dc'], { stdio: ['pipe', 'pipe', 'pipe'] });
  let words = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (words = (words + text).slice(0, 500)));
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', (cause) => {
      reject(
        new BuildError('tool-missing', `cannot run ${program}; install it (Debian: ${program}-utils or ${program})`, {
          cause,
        }),
      );
    });
    child.once('close', (code) => {
      if (code === 0) resolve();
      else reject(new BuildError('bad-package', `${program} could not unpack ${path}: ${words.trim()}`));
    });
  });
  // A broken pipe here only says that the other end failed first; the exit code and the tar reader say why.
  const fed = pipeline(packed, child.stdin).catch(() => undefined);
  const read = readTar(child.stdout, reader).catch((failure: unknown) => {
    child.kill();
    throw failure;
  });
  const [end, tar] = await Promise.allSettled([ended, read, fed]);
  if (tar.status === 'rejected' && tar.reason instanceof BuildError && end.status === 'fulfilled') throw tar.reason;
  if (end.status === 'rejected') throw end.reason;
  if (tar.status === 'rejected') throw tar.reason;
}
