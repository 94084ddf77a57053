import { readDeb } from '../server/files/archive/deb.ts';
import type { Apt, AptOrder, DebPackage } from './apt.ts';
import { BuildError } from './build-error.ts';
import type { CpioEntry } from './cpio.ts';

/** A file of a package: the name of the one it has, by its end, and where the agent has it. */
export interface Piece {
  readonly package: string;
  /** Matched against the whole path within the package. */
  readonly from: RegExp;
  readonly to: string;
}

/** A package and its file in the cache. */
export interface FetchedPackage {
  readonly deb: DebPackage;
  readonly file: string;
}

/** What an agent has besides: programs with what they need to run. */
export interface AgentExtra {
  readonly entries: readonly CpioEntry[];
  /** Which packages they are of, in words. */
  readonly source: string;
}

/** Where each architecture's programs look for what loads their libraries (the psABIs). */
const LOADER_OF: Readonly<Record<AptOrder['arch'], string>> = {
  amd64: 'lib64/ld-linux-x86-64.so.2',
  arm64: 'lib/ld-linux-aarch64.so.1',
  armhf: 'lib/ld-linux-armhf.so.3',
};

/** A program, where its package has it. */
export function programPiece(from: string, path: string): Piece {
  return { package: from, from: new RegExp(`^${path.replaceAll('.', '\\.')}$`), to: path };
}

/** A library. Its file carries its whole version; programs ask for the part up to the first number. */
export function libraryPiece(from: string, name: string): Piece {
  return {
    package: from,
    from: new RegExp(`^(usr/)?lib/[^/]+/${name.replaceAll('.', '\\.')}(\\.[0-9.]+)?$`),
    to: `lib/${name}`,
  };
}

/** What every program that is not static needs: the loader of libraries, and the C library. */
export function basePieces(arch: AptOrder['arch']): readonly Piece[] {
  const loader = LOADER_OF[arch];
  const name = loader.slice(loader.lastIndexOf('/') + 1).replaceAll('.', '\\.');
  return [
    { package: 'libc6', from: new RegExp(`^(usr/)?lib/[^/]+/${name}$`), to: loader },
    libraryPiece('libc6', 'libc.so.6'),
  ];
}

/** The folders those pieces lie in that an agent does not have anyway. */
export function baseFolders(arch: AptOrder['arch']): readonly CpioEntry[] {
  return arch === 'amd64' ? [{ kind: 'folder', path: 'lib64', mode: 0o755 }] : [];
}

/** The packages of these pieces by name, downloaded unless they are there. @throws BuildError */
export async function fetchPackages(apt: Apt, pieces: readonly Piece[]): Promise<ReadonlyMap<string, FetchedPackage>> {
  const names = [...new Set(pieces.map((piece) => piece.package))];
  const found = new Map<string, FetchedPackage>();
  for (const name of names) {
    const deb = await apt.find(name);
    found.set(name, { deb, file: await apt.fetch(deb) });
  }
  return found;
}

/** Takes the pieces out of their packages; nothing of them is run. @throws BuildError */
export async function readPieces(
  packages: ReadonlyMap<string, FetchedPackage>,
  pieces: readonly Piece[],
): Promise<readonly CpioEntry[]> {
  const files: CpioEntry[] = [];
  for (const piece of pieces) {
    const { file } = packages.get(piece.package) ?? { file: '' };
    files.push({ kind: 'file', path: piece.to, mode: 0o755, content: await pieceOf(file, piece) });
  }
  return files;
}

async function pieceOf(deb: string, { from, package: name }: Piece): Promise<Uint8Array> {
  const found: { octets?: Uint8Array } = {};
  await readDeb(deb, {
    wants: (entry) => entry.kind === 'file' && from.test(entry.path),
    take: (_entry, octets) => (found.octets = Uint8Array.from(octets)),
  });
  if (!found.octets) throw new BuildError('bad-package', `Debian's ${name} (${deb}) holds no file ${from.source}`);
  return found.octets;
}
