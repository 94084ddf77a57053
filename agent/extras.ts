import type { Apt, AptOrder } from './apt.ts';
import type { CpioEntry } from './cpio.ts';
import {
  baseFolders,
  basePieces,
  fetchPackages,
  libraryPiece,
  programPiece,
  readPieces,
  type AgentExtra,
  type FetchedPackage,
  type Piece,
} from './programs.ts';

/** What an agent may have besides; what it is good for is the commands' to say. */
export interface AgentExtras {
  /** With dropbear, so that the parameter debug.ssh has an effect; 2 MB more. */
  readonly ssh?: boolean;
  /** With ipmitool, so that it can ask the machine's BMC; 5 MB more. */
  readonly ipmi?: boolean;
}

/** What one of them is made of, besides what every program needs. */
interface Recipe {
  readonly programs: readonly Piece[];
  readonly libraries: readonly Piece[];
  /** Folders and files that are in no package. */
  readonly own: readonly CpioEntry[];
}

const RECIPES: Readonly<Record<keyof AgentExtras, Recipe>> = {
  ssh: {
    programs: [programPiece('dropbear-bin', 'usr/sbin/dropbear'), programPiece('dropbear-bin', 'usr/bin/dropbearkey')],
    libraries: [
      libraryPiece('libcrypt1', 'libcrypt.so.1'),
      libraryPiece('libtomcrypt1', 'libtomcrypt.so.1'),
      libraryPiece('libtommath1', 'libtommath.so.1'),
      libraryPiece('libgmp10', 'libgmp.so.10'),
      libraryPiece('zlib1g', 'libz.so.1'),
    ],
    own: [
      folder('root'),
      folder('etc/dropbear'),
      text('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\n'),
      text('etc/group', 'root:x:0:\n'),
    ],
  },
  ipmi: {
    programs: [programPiece('ipmitool', 'usr/bin/ipmitool')],
    libraries: [
      libraryPiece('libc6', 'libm.so.6'),
      libraryPiece('libfreeipmi17', 'libfreeipmi.so.17'),
      libraryPiece('libreadline8', 'libreadline.so.8'),
      libraryPiece('libtinfo6', 'libtinfo.so.6'),
      libraryPiece('libssl3', 'libcrypto.so.3'),
      libraryPiece('libgcrypt20', 'libgcrypt.so.20'),
      libraryPiece('libgpg-error0', 'libgpg-error.so.0'),
    ],
    own: [],
  },
};

/** The names of what an agent may have besides, in the order in which it gets them. */
export const EXTRA_NAMES = ['ssh', 'ipmi'] as const satisfies readonly (keyof AgentExtras)[];
export type ExtraName = (typeof EXTRA_NAMES)[number];

/** The package files of one of them, downloaded unless they are there. @throws BuildError */
export function fetchExtra(
  name: ExtraName,
  apt: Apt,
  arch: AptOrder['arch'],
): Promise<ReadonlyMap<string, FetchedPackage>> {
  return fetchPackages(apt, piecesOf(name, arch));
}

/** Takes one of them, with the libraries it needs, out of Debian's packages. @throws BuildError */
export async function readExtra(name: ExtraName, apt: Apt, arch: AptOrder['arch']): Promise<AgentExtra> {
  const packages = await fetchExtra(name, apt, arch);
  const files = await readPieces(packages, piecesOf(name, arch));
  const { programs, own } = RECIPES[name];
  const from = programs[0]?.package ?? '';
  const { version = '' } = packages.get(from)?.deb ?? {};
  const folders = [...own.filter(({ kind }) => kind === 'folder'), ...baseFolders(arch)];
  const texts = own.filter(({ kind }) => kind !== 'folder');
  return { entries: [...folders, ...texts, ...files], source: `${from} ${version}` };
}

function piecesOf(name: ExtraName, arch: AptOrder['arch']): readonly Piece[] {
  const { programs, libraries } = RECIPES[name];
  return [...programs, ...basePieces(arch), ...libraries];
}

function folder(path: string): CpioEntry {
  return { kind: 'folder', path, mode: 0o700 };
}

function text(path: string, words: string): CpioEntry {
  return { kind: 'file', path, mode: 0o644, content: Buffer.from(words) };
}
