import { ArchiveError } from './archive-error.ts';
import { listArMembers, type ArMember } from './ar.ts';
import { piecesOf, withFile, type ArchiveSource } from './archive-source.ts';
import { readTar, type TarReader } from './tar.ts';
import { unpack, type Packing } from './unpack.ts';

const PACKINGS: ReadonlyMap<string, Packing> = new Map([
  ['', 'plain'],
  ['.gz', 'gzip'],
  ['.xz', 'xz'],
  ['.zst', 'zstd'],
  ['.bz2', 'bzip2'],
  ['.lzma', 'lzma'],
]);
/** A kernel package of Debian unpacks to half a GiB. */
const UNPACKED_OCTETS_MAX = 8 * 1024 ** 3;
const CONTROL_OCTETS_MAX = 16 * 1024 ** 2;

/**
 * Reads the files a Debian package on this host would install (deb(5)): `data.tar` plain, gzip, xz or zstd. Maintainer
 * scripts are not even looked at, and nothing of the package is run.
 * @throws ArchiveError `bad-package`, or `tool-missing` when the program that unpacks it is not installed.
 */
export async function readDeb(path: string, reader: TarReader): Promise<void> {
  await withFile(path, (source) => readDebData(source, reader));
}

/** The same of a package that lies anywhere. @throws ArchiveError */
export async function readDebData(source: ArchiveSource, reader: TarReader): Promise<void> {
  await readMember(source, 'data.tar', UNPACKED_OCTETS_MAX, reader);
}

/** The fields of a package's control file, such as `Package`, `Version`, `Architecture`. @throws ArchiveError */
export async function readDebControl(source: ArchiveSource): Promise<ReadonlyMap<string, string>> {
  let text = '';
  await readMember(source, 'control.tar', CONTROL_OCTETS_MAX, {
    wants: (entry) => entry.path === 'control' && entry.octets < 65_536,
    take: (_entry, octets) => (text = octets.toString('utf8')),
  });
  const lines = text.split('\n').map((line) => /^([A-Za-z][A-Za-z-]*):\s*(.*)$/.exec(line));
  return new Map(lines.flatMap((match) => (match ? [[match[1] ?? '', (match[2] ?? '').trim()] as const] : [])));
}

async function readMember(
  source: ArchiveSource,
  stem: string,
  unpackedOctetsMax: number,
  reader: TarReader,
): Promise<void> {
  const members = await listArMembers(source);
  if (members[0]?.name !== 'debian-binary')
    throw new ArchiveError('bad-package', `${source.name} is an ar archive but not a Debian package`);
  const member = members.find((each) => each.name === stem || each.name.startsWith(`${stem}.`));
  if (!member) throw new ArchiveError('bad-package', `${source.name} has no ${stem}; fetch it again`);
  const packing = packingOfMember(source, member, stem);
  const octets = piecesOf(source, member.at, member.octets);
  await unpack({ name: source.name, packing, octets, unpackedOctetsMax }, (plain) => readTar(plain, reader));
}

function packingOfMember(source: ArchiveSource, member: ArMember, stem: string): Packing {
  const suffix = member.name.slice(stem.length);
  const packing = PACKINGS.get(suffix);
  if (packing) return packing;
  throw new ArchiveError('bad-package', `${source.name} is packed with "${suffix.slice(1)}", not known here`);
}
