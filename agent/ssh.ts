import type { Apt, AptOrder, DebPackage } from './apt.ts';
import { BuildError } from './build-error.ts';
import type { CpioEntry } from './cpio.ts';
import { readDeb } from '../server/files/archive/deb.ts';

/** A file of a package: the name of the one it has, by its end, and where the agent has it. */
interface Piece {
  readonly package: string;
  /** Matched against the whole path within the package. */
  readonly from: RegExp;
  readonly to: string;
}

/** Where each architecture's programs look for what loads their libraries (the psABIs). */
const LOADER_OF: Readonly<Record<AptOrder['arch'], string>> = {
  amd64: 'lib64/ld-linux-x86-64.so.2',
  arm64: 'lib/ld-linux-aarch64.so.1',
  armhf: 'lib/ld-linux-armhf.so.3',
};

/** The library's file carries its whole version; programs ask for the part up to the first number. */
const library = (from: string, name: string): Piece => ({
  package: from,
  from: new RegExp(`^(usr/)?lib/[^/]+/${name.replaceAll('.', '\\.')}(\\.[0-9.]+)?$`),
  to: `lib/${name}`,
});

function piecesOf(arch: AptOrder['arch']): readonly Piece[] {
  const loader = LOADER_OF[arch];
  const name = loader.slice(loader.lastIndexOf('/') + 1).replaceAll('.', '\\.');
  return [
    { package: 'dropbear-bin', from: /^usr\/sbin\/dropbear$/, to: 'usr/sbin/dropbear' },
    { package: 'dropbear-bin', from: /^usr\/bin\/dropbearkey$/, to: 'usr/bin/dropbearkey' },
    { package: 'libc6', from: new RegExp(`^(usr/)?lib/[^/]+/${name}$`), to: loader },
    library('libc6', 'libc.so.6'),
    library('libcrypt1', 'libcrypt.so.1'),
    library('libtomcrypt1', 'libtomcrypt.so.1'),
    library('libtommath1', 'libtommath.so.1'),
    library('libgmp10', 'libgmp.so.10'),
    library('zlib1g', 'libz.so.1'),
  ];
}

/** What an agent with ssh has besides: dropbear, what it needs to run, and an account for it. */
export interface SshFiles {
  readonly entries: readonly CpioEntry[];
  /** Which packages they are of, in words. */
  readonly source: string;
}

/** The package files of ssh, downloaded unless they are there. @throws BuildError */
export async function fetchSshPackages(
  apt: Apt,
  arch: AptOrder['arch'],
): Promise<ReadonlyMap<string, { readonly deb: DebPackage; readonly file: string }>> {
  const names = [...new Set(piecesOf(arch).map((piece) => piece.package))];
  const found = new Map<string, { readonly deb: DebPackage; readonly file: string }>();
  for (const name of names) {
    const deb = await apt.find(name);
    found.set(name, { deb, file: await apt.fetch(deb) });
  }
  return found;
}

/** Takes dropbear and its libraries out of Debian's packages; nothing of them is run. @throws BuildError */
export async function readSshFiles(apt: Apt, arch: AptOrder['arch']): Promise<SshFiles> {
  const packages = await fetchSshPackages(apt, arch);
  const files: CpioEntry[] = [];
  for (const piece of piecesOf(arch)) {
    const { file } = packages.get(piece.package) ?? { file: '' };
    files.push({ kind: 'file', path: piece.to, mode: 0o755, content: await pieceOf(file, piece) });
  }
  const text = (path: string, words: string): CpioEntry => ({
    ...({ kind: 'file', path, mode: 0o644 } as const),
    content: Buffer.from(words),
  });
  const account = [text('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\n'), text('etc/group', 'root:x:0:\n')];
  const folder = (path: string, mode = 0o755): CpioEntry => ({ kind: 'folder', path, mode });
  const folders = [
    folder('root', 0o700),
    folder('etc/dropbear', 0o700),
    ...(arch === 'amd64' ? [folder('lib64')] : []),
  ];
  const { version = '' } = packages.get('dropbear-bin')?.deb ?? {};
  return { entries: [...folders, ...account, ...files], source: `dropbear-bin ${version}` };
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
