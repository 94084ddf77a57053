import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { isModulePath, moduleName } from '../server/core/module-name.ts';
import { openApt, type AptOrder } from './apt.ts';
import { BuildError } from './build-error.ts';
import { readDeb } from '../server/files/archive/deb.ts';
import { writeWhole } from './write-whole.ts';

/** Files and words of a bundle that is ready to be uploaded. */
export interface BundleSource {
  readonly name: string;
  readonly version: string;
  readonly arch: string;
  readonly role: 'system';
  /** Paths on this host. */
  readonly kernelFile: string;
  readonly initrdFile: string | undefined;
  readonly kernelArgs: readonly string[];
  /** The text of a kernel configuration, and the names of modules, that lie beside the kernel. */
  readonly config?: string | undefined;
  readonly modules?: readonly string[] | undefined;
  /** Where it came from, in words. */
  readonly source: string;
}

/** Where in a folder the parts of a bundle lie; names that are left out are looked for. */
export interface FolderOrder {
  readonly folder: string;
  readonly name: string;
  readonly arch: string;
  /** Default: the beginning of the digest of both files. */
  readonly version?: string;
  /** Relative to the folder. */
  readonly kernel?: string;
  readonly initrd?: string;
  readonly args?: readonly string[];
}

const KERNEL_NAMES = /^(linux|vmlinuz|vmlinux|Image|zImage|uImage|bzImage)([-.].*)?$/;
const CONFIG_NAMES = /^config([-.].*)?$/;
const CONFIG_OCTETS_MAX = 512 * 1024;
const MODULES_MAX = 20_000;
const INITRD_NAMES = /^(initrd|initramfs|uInitrd)([-.].*)?$/;

/**
 * A bundle out of a folder: `vmlinuz-6.1.0`, `Image`, `initrd.gz` and the like are found by their names when there is
 * one of each, and `config-…` and `lib/modules` beside them tell what is in it. Its arguments come from the order, else from a file `args` in the folder (words, `#` begins a note).
 * @throws BuildError `bad-package` when a file is missing or there are several.
 */
export async function bundleFromFolder(order: FolderOrder): Promise<BundleSource> {
  const folder = resolve(order.folder);
  const names = await readdir(folder).catch((cause: unknown) => {
    throw new BuildError('bad-package', `cannot read the folder ${folder}`, { cause });
  });
  const kernelFile = join(folder, order.kernel ?? onlyOne(names, KERNEL_NAMES, folder, 'kernel'));
  const initrd =
    order.initrd ??
    (names.some((name) => INITRD_NAMES.test(name)) ? onlyOne(names, INITRD_NAMES, folder, 'initrd') : undefined);
  const initrdFile = initrd === undefined ? undefined : join(folder, initrd);
  const files = initrdFile === undefined ? [kernelFile] : [kernelFile, initrdFile];
  for (const file of files) await needFile(file);
  return {
    name: order.name,
    version: order.version ?? (await digestOf(files)).slice(0, 12),
    arch: order.arch,
    role: 'system',
    kernelFile,
    initrdFile,
    kernelArgs: order.args ?? (await argsFile(join(folder, 'args'))),
    config: await configFile(folder, names),
    modules: await modulesBelow(join(folder, 'lib', 'modules')),
    source: `folder ${folder}`,
  };
}

/**
 * Debian's installer for a network boot, out of the package `debian-installer-12-netboot-<arch>`, whose files are the
 * same on every host. Without arguments of ours: it asks its questions on the board's console.
 * @throws BuildError
 */
export async function bundleFromDebianNetboot(order: AptOrder & { readonly outDir: string }): Promise<BundleSource> {
  const apt = await openApt(order);
  const found = await apt.find(`debian-installer-12-netboot-${order.arch}`);
  const deb = await apt.fetch(found);
  const parts = new Map<string, Buffer>();
  await readDeb(deb, {
    wants: (entry) => netbootPart(entry.path, order.arch) !== undefined,
    take: (entry, octets) => parts.set(netbootPart(entry.path, order.arch) ?? '', Buffer.from(octets)),
  });
  const [kernel, initrd] = [parts.get('linux'), parts.get('initrd.gz')];
  if (!kernel || !initrd) throw new BuildError('bad-package', `${deb} holds no installer for ${order.arch}`);
  const folder = join(order.outDir, `debian-12-netboot-${order.arch}`);
  return {
    name: `debian-12-installer-${order.arch}`,
    version: found.version.replace(/[^A-Za-z0-9.+~-]/g, '-'),
    arch: order.arch,
    role: 'system',
    kernelFile: await put(join(folder, 'linux'), kernel),
    initrdFile: await put(join(folder, 'initrd.gz'), initrd),
    kernelArgs: [],
    source: `Debian's ${found.name} ${found.version}`,
  };
}

/** The kernel is `linux` on amd64 and arm64 and `vmlinuz` on armhf. The graphical installer (`gtk/`) stays out. */
function netbootPart(path: string, arch: string): 'linux' | 'initrd.gz' | undefined {
  const folder = `usr/lib/debian-installer/images/12/${arch}/text/debian-installer/${arch}/`;
  if (!path.startsWith(folder)) return undefined;
  const name = path.slice(folder.length);
  if (name === 'initrd.gz') return name;
  return name === 'linux' || name === 'vmlinuz' ? 'linux' : undefined;
}

function onlyOne(names: readonly string[], pattern: RegExp, folder: string, what: string): string {
  const found = names.filter((name) => pattern.test(name)).sort();
  const [only, ...more] = found;
  if (only !== undefined && more.length === 0) return only;
  const why = only === undefined ? `there is none in ${folder}` : `${folder} has ${found.join(', ')}`;
  throw new BuildError('bad-package', `which file is the ${what}? ${why}; name it with --${what}`);
}

async function needFile(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile() !== true || found.size === 0)
    throw new BuildError('bad-package', `${path} is not there, not a file, or empty`);
}

async function argsFile(path: string): Promise<readonly string[]> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text
    .split('\n')
    .filter((line) => !line.trimStart().startsWith('#'))
    .flatMap((line) => line.split(/\s+/))
    .filter(Boolean);
}

async function configFile(folder: string, names: readonly string[]): Promise<string | undefined> {
  const [name, ...more] = names.filter((each) => CONFIG_NAMES.test(each));
  if (name === undefined || more.length > 0) return undefined;
  const found = await stat(join(folder, name));
  return found.isFile() && found.size <= CONFIG_OCTETS_MAX ? readFile(join(folder, name), 'latin1') : undefined;
}

/** The modules below `lib/modules`, as `make modules_install` lays them; nothing when there is no such folder. */
async function modulesBelow(folder: string): Promise<readonly string[] | undefined> {
  const names = await readdir(folder, { recursive: true }).catch(() => undefined);
  return names && [...new Set(names.filter(isModulePath).map(moduleName))].sort().slice(0, MODULES_MAX);
}

async function digestOf(files: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const file of files) await pipeline(createReadStream(file), hash, { end: false });
  return hash.digest('hex');
}

async function put(path: string, octets: Uint8Array): Promise<string> {
  await writeWhole(path, octets);
  return path;
}
