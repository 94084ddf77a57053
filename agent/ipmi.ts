import type { Apt, AptOrder } from './apt.ts';
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
    { package: 'ipmitool', from: /^usr\/bin\/ipmitool$/, to: 'usr/bin/ipmitool' },
    ...basePieces(arch),
    libraryPiece('libc6', 'libm.so.6'),
    libraryPiece('libfreeipmi17', 'libfreeipmi.so.17'),
    libraryPiece('libreadline8', 'libreadline.so.8'),
    libraryPiece('libtinfo6', 'libtinfo.so.6'),
    libraryPiece('libssl3', 'libcrypto.so.3'),
    libraryPiece('libgcrypt20', 'libgcrypt.so.20'),
    libraryPiece('libgpg-error0', 'libgpg-error.so.0'),
  ];
}

/** The package files of ipmitool, downloaded unless they are there. @throws BuildError */
export function fetchIpmiPackages(apt: Apt, arch: AptOrder['arch']): Promise<ReadonlyMap<string, FetchedPackage>> {
  return fetchPackages(apt, piecesOf(arch));
}

/** Takes ipmitool and its libraries out of Debian's packages. @throws BuildError */
export async function readIpmiFiles(apt: Apt, arch: AptOrder['arch']): Promise<AgentExtra> {
  const packages = await fetchIpmiPackages(apt, arch);
  const files = await readPieces(packages, piecesOf(arch));
  const { version = '' } = packages.get('ipmitool')?.deb ?? {};
  return { entries: [...baseFolders(arch), ...files], source: `ipmitool ${version}` };
}
