import type { Apt, AptOrder } from './apt.ts';
import type { CpioEntry } from './cpio.ts';
import {
  baseFolders,
  basePieces,
  fetchPackages,
  libraryPiece,
  readPieces,
  type AgentExtra,
  type FetchedPackage,
  type Piece,
} from './programs.ts';

function piecesOf(arch: AptOrder['arch']): readonly Piece[] {
  return [
    { package: 'dropbear-bin', from: /^usr\/sbin\/dropbear$/, to: 'usr/sbin/dropbear' },
    { package: 'dropbear-bin', from: /^usr\/bin\/dropbearkey$/, to: 'usr/bin/dropbearkey' },
    ...basePieces(arch),
    libraryPiece('libcrypt1', 'libcrypt.so.1'),
    libraryPiece('libtomcrypt1', 'libtomcrypt.so.1'),
    libraryPiece('libtommath1', 'libtommath.so.1'),
    libraryPiece('libgmp10', 'libgmp.so.10'),
    libraryPiece('zlib1g', 'libz.so.1'),
  ];
}

/** The package files of ssh, downloaded unless they are there. @throws BuildError */
export function fetchSshPackages(apt: Apt, arch: AptOrder['arch']): Promise<ReadonlyMap<string, FetchedPackage>> {
  return fetchPackages(apt, piecesOf(arch));
}

/** Takes dropbear and its libraries out of Debian's packages, with an account for it. @throws BuildError */
export async function readSshFiles(apt: Apt, arch: AptOrder['arch']): Promise<AgentExtra> {
  const packages = await fetchSshPackages(apt, arch);
  const files = await readPieces(packages, piecesOf(arch));
  const text = (path: string, words: string): CpioEntry => ({
    ...({ kind: 'file', path, mode: 0o644 } as const),
    content: Buffer.from(words),
  });
  const account = [text('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\n'), text('etc/group', 'root:x:0:\n')];
  const folder = (path: string): CpioEntry => ({ kind: 'folder', path, mode: 0o700 });
  const folders = [folder('root'), folder('etc/dropbear'), ...baseFolders(arch)];
  const { version = '' } = packages.get('dropbear-bin')?.deb ?? {};
  return { entries: [...folders, ...account, ...files], source: `dropbear-bin ${version}` };
}
