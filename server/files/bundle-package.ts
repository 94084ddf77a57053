import { parseKernelConfig } from '../core/bundle-contents.ts';
import { isModulePath, moduleName } from '../core/module-name.ts';
import { packerOf } from '../wire/packer.ts';
import { ArchiveError } from './archive/archive-error.ts';
import { piecesOf, type ArchiveSource } from './archive/archive-source.ts';
import { readDebControl, readDebData } from './archive/deb.ts';
import { readTar, type TarEntry, type TarReader } from './archive/tar.ts';
import { unpack, type Packing } from './archive/unpack.ts';

/** A file of a bundle, taken out of a package. */
export interface PackagedFile {
  readonly path: string;
  readonly octets: Buffer;
}

/** What one package has for a bundle. */
export interface PackageFinds {
  /** The first kernel and initrd that were met; nothing where an earlier package brought one. */
  readonly kernel: PackagedFile | undefined;
  readonly initrd: PackagedFile | undefined;
  /** Where kernels and initrds lie, those that were not taken included. */
  readonly kernelPaths: readonly string[];
  readonly initrdPaths: readonly string[];
  readonly arch: string | undefined;
  readonly version: string | undefined;
  readonly release: string | undefined;
  readonly config: readonly string[] | undefined;
  readonly modules: readonly string[];
  readonly builtIn: readonly string[];
}

const UNPACKED_OCTETS_MAX = 8 * 1024 ** 3;
const TAR_HEADER_OCTETS = 512;
const FILE_OCTETS_MAX = 256 * 1024 ** 2;
const TEXT_OCTETS_MAX = 2 * 1024 ** 2;
const ENTRIES_MAX = 500_000;
const NAMES_MAX = 20_000;
/** NAME_MAX of limits.h: no file system has a longer one. */
const NAME_OCTETS_MAX = 255;
/** A file is taken out whole, so only the first of a kind is; of the others some are named. */
const PATHS_MAX = 10;

/** `boot/vmlinuz-6.1.0-56-arm64`, `…/debian-installer/arm64/linux`, or a kernel at the top of an archive. */
const KERNEL =
  /^boot\/(?:vmlinuz|vmlinux|Image|zImage)-(?<release>[^/]+)$|(?:^|\/)debian-installer\/(?<arch>[a-z0-9]+)\/(?:linux|vmlinuz)$|^(?:[^/]+\/)?(?:linux|vmlinuz|Image|zImage|bzImage)$/;
const INITRD =
  /^boot\/initrd\.img-[^/]+$|(?:^|\/)debian-installer\/[a-z0-9]+\/initrd\.gz$|^(?:[^/]+\/)?(?:initrd|initramfs)(?:\.(?:img|gz|xz|zst))?$/;
const CONFIG = /^boot\/config-[^/]+$/;
const MODULES = /^(?:usr\/)?lib\/modules\/(?<release>[^/]+)\//;
/** The installer with a picture to click on: the same kernel, and an initrd of another purpose. */
const GRAPHICAL = /(?:^|\/)gtk\//;

/**
 * Takes kernel, initrd, configuration and the names of modules out of a Debian package or a tar archive. Device trees are left
 * where they are: they belong to boards. Nothing is written under a name of the archive's.
 * `before` is what the packages read earlier have: a second kernel is not held in memory beside the first.
 * @throws ArchiveError for damage, for entries no package has (devices, paths that climb), and for more than is believable.
 */
export async function readPackage(source: ArchiveSource, before: readonly PackageFinds[]): Promise<PackageFinds> {
  const finds = createFinds(source.name, before);
  const head = Buffer.from(await source.read(0, TAR_HEADER_OCTETS));
  if (head.toString('latin1', 0, 8) === '!<arch>\n') {
    const control = await readDebControl(source);
    await readDebData(source, finds.reader);
    const [found, arch] = [finds.result(), control.get('Architecture')];
    // Debian's installer comes in packages for all architectures; the folder of its kernel says for which one it is.
    return { ...found, arch: arch === 'all' ? found.arch : arch, version: control.get('Version') };
  }
  const packing: Packing = packerOf(head) ?? 'plain';
  if (packing === 'plain' && !isTarHead(head))
    throw hostile(source.name, 'it is neither a Debian package nor a tar archive');
  const octets = piecesOf(source);
  const packed = { name: source.name, packing, octets, unpackedOctetsMax: UNPACKED_OCTETS_MAX };
  await unpack(packed, (plain) => readTar(plain, finds.reader));
  return finds.result();
}

/** Whether a header's sum of its octets is right, its own field counted as blanks. */
function isTarHead(head: Buffer): boolean {
  const sum = head.reduce((total, octet, at) => total + (at >= 148 && at < 156 ? 32 : octet), 0);
  return head.length === TAR_HEADER_OCTETS && Number.parseInt(head.toString('latin1', 148, 156).trim(), 8) === sum;
}

interface Finds {
  readonly reader: TarReader;
  result(): PackageFinds;
}

/** The files of one kind: the first is held, the others are named. */
interface FilesOfKind {
  readonly paths: string[];
  taken: PackagedFile | undefined;
  /** Notes where one lies; whether its octets are wanted. */
  meets(path: string): boolean;
}

function filesOfKind(isHeld: boolean): FilesOfKind {
  const found: FilesOfKind = {
    paths: [],
    taken: undefined,
    meets: (path) => {
      if (found.paths.length < PATHS_MAX) found.paths.push(path);
      return !isHeld && found.paths.length === 1;
    },
  };
  return found;
}

function createFinds(name: string, before: readonly PackageFinds[]): Finds {
  const kernels = filesOfKind(before.some((each) => each.kernel));
  const initrds = filesOfKind(before.some((each) => each.initrd));
  const modules = new Set<string>();
  const found: { arch?: string; release?: string; config?: readonly string[]; builtIn: readonly string[] } = {
    builtIn: [],
  };
  let entries = 0;
  const see = (entry: TarEntry): void => {
    entries += 1;
    refuseHostile(name, entry, entries);
    const groups = MODULES.exec(entry.path)?.groups;
    if (groups === undefined) return;
    found.release ??= groups['release'] ?? '';
    if (entry.kind === 'file' && isModulePath(entry.path)) modules.add(moduleName(entry.path));
    if (modules.size > NAMES_MAX) throw hostile(name, `it has more than ${NAMES_MAX} modules`);
  };
  const take = ({ path }: TarEntry, octets: Buffer): void => {
    if (CONFIG.test(path)) found.config = parseKernelConfig(octets.toString('latin1'));
    else if (MODULES.test(path)) found.builtIn = namesOf(octets);
    else if (INITRD.test(path)) initrds.taken = { path, octets };
    else {
      const groups = KERNEL.exec(path)?.groups ?? {};
      if (groups['arch'] !== undefined) found.arch = groups['arch'];
      if (groups['release'] !== undefined) found.release = groups['release'];
      kernels.taken = { path, octets };
    }
  };
  const wants = ({ path, octets }: TarEntry): boolean => {
    if (GRAPHICAL.test(path)) return false;
    if (isTextWanted(path)) return octets <= TEXT_OCTETS_MAX;
    if (INITRD.test(path)) return initrds.meets(path);
    return KERNEL.test(path) && kernels.meets(path);
  };
  return {
    reader: { see, wants, take },
    result: () => ({
      ...{ kernel: kernels.taken, initrd: initrds.taken, kernelPaths: kernels.paths, initrdPaths: initrds.paths },
      ...{ arch: found.arch, version: undefined, release: found.release },
      ...{ config: found.config, modules: [...modules].sort(), builtIn: found.builtIn },
    }),
  };
}

function isTextWanted(path: string): boolean {
  return CONFIG.test(path) || (MODULES.test(path) && path.endsWith('/modules.builtin'));
}

/** Nothing of an archive is written under its own name; what climbs or is a device is no package all the same. */
function refuseHostile(name: string, { path, kind, octets }: TarEntry, nth: number): void {
  const shown = JSON.stringify(path.slice(0, 80));
  if (nth > ENTRIES_MAX) throw hostile(name, `it has more than ${ENTRIES_MAX} entries`);
  if (path.split('/').includes('..')) throw hostile(name, `its entry ${shown} climbs out of its folder`);
  if (path.split('/').some((part) => part.length > NAME_OCTETS_MAX)) throw tooLong(name);
  if (kind === 'device') throw hostile(name, `its entry ${shown} is a device or a pipe`);
  if (!KERNEL.test(path) && !INITRD.test(path)) return;
  if (kind === 'link') throw hostile(name, `${shown} is a link, where the file itself is needed`);
  if (octets > FILE_OCTETS_MAX) throw hostile(name, `${shown} has ${octets} octets, more than a kernel or initrd`);
}

function namesOf(text: Buffer): readonly string[] {
  const lines = text.toString('latin1').split('\n').filter(isModulePath);
  const names = lines.map(moduleName).filter((name) => name.length <= NAME_OCTETS_MAX);
  return [...new Set(names)].slice(0, NAMES_MAX).sort();
}

const tooLong = (name: string): ArchiveError => hostile(name, `a name in it is longer than ${NAME_OCTETS_MAX} octets`);

function hostile(name: string, why: string): ArchiveError {
  return new ArchiveError('bad-package', `${name} is refused: ${why}; take the package from where it was built`);
}
