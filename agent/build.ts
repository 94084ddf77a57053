import { createHash } from 'node:crypto';
import { access, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { moduleName } from '../server/core/module-name.ts';
import { openApt, type Apt, type AptOrder } from './apt.ts';
import { BuildError } from './build-error.ts';
import { writeCpio, type CpioEntry } from './cpio.ts';
import { readDeb } from '../server/files/archive/deb.ts';
import { wantsDriver } from './drivers.ts';
import { EXTRA_NAMES, readExtra, type AgentExtras, type ExtraName } from './extras.ts';
import type { AgentExtra } from './programs.ts';
import { readModInfo } from './modinfo.ts';
import { closeOver, modulesAlias, modulesDep, type KernelModule } from './module-set.ts';
import { writeWhole } from './write-whole.ts';

/** The architectures an agent can be built for, and which of Debian's kernels it runs. */
export const AGENT_KERNELS = {
  amd64: 'linux-image-amd64',
  arm64: 'linux-image-arm64',
  armhf: 'linux-image-armmp',
} as const;
export type AgentArch = keyof typeof AGENT_KERNELS;

/** What to build, where downloads are kept, and where the two files go. */
export interface AgentOrder extends AptOrder {
  readonly arch: AgentArch;
  /** Made when absent. */
  readonly outDir: string;
  readonly extras?: AgentExtras;
}

/** A built agent, ready to be imported as a bundle of role `agent`. */
export interface BuiltAgent {
  readonly arch: AgentArch;
  /** Path of the kernel: bzImage on amd64, raw Image on arm64, zImage on armhf. */
  readonly kernel: string;
  readonly initrd: string;
  readonly kernelArgs: readonly string[];
  /** The kernel package's version and the beginning of the initramfs' digest: the same inputs, the same version. */
  readonly version: string;
  /** Which packages it was made of, in words. */
  readonly source: string;
  readonly kernelOctets: number;
  readonly initrdOctets: number;
  readonly modules: number;
}

/** The package files an agent is made of. */
export interface AgentPackages {
  readonly kernelName: string;
  readonly kernelVersion: string;
  readonly kernel: string;
  readonly busybox: string;
  readonly busyboxVersion: string;
  /** Where further packages of the same architecture come from. */
  readonly apt: Apt;
}

const pack = promisify(gzip);

/**
 * Builds the agent for an architecture, which need not be the host's, from Debian's kernel and busybox-static.
 * Nothing of the packages is run. The same package versions give the same octets.
 * @throws BuildError
 */
export async function buildAgent(order: AgentOrder): Promise<BuiltAgent> {
  const packages = await fetchAgentPackages(order);
  order.say?.(`unpacking ${packages.kernelName}`);
  const { kernel, files } = await readKernelPackage(packages.kernel, order.arch);
  const modules = files.filter((file) => file.path.endsWith('.ko')).length;
  const extras = await readExtras(packages.apt, order);
  const archive = writeCpio([...layout(), ...(await ownFiles(packages.busybox)), ...entriesOf(extras), ...files]);
  order.say?.(`packing ${modules} modules, ${Math.round(archive.length / 1e6)} MB`);
  const initrd = await pack(archive, { level: 6 });
  const digest = createHash('sha256').update(initrd).digest('hex');
  const kernelPath = join(order.outDir, `linux-${order.arch}`);
  const initrdPath = join(order.outDir, `initrd-${order.arch}${extras.map(({ name }) => `-${name}`).join('')}.gz`);
  await writeWhole(kernelPath, kernel);
  await writeWhole(initrdPath, initrd);
  return {
    arch: order.arch,
    kernel: kernelPath,
    initrd: initrdPath,
    kernelArgs: ['panic=60'],
    version: `${packages.kernelVersion.replace(/[^A-Za-z0-9.+~-]/g, '-')}-${digest.slice(0, 8)}`,
    source: [
      `built from Debian's ${packages.kernelName} ${packages.kernelVersion} and busybox-static ${packages.busyboxVersion}`,
      ...extras.map((extra) => `with ${extra.source}`),
    ].join(', '),
    kernelOctets: kernel.length,
    initrdOctets: initrd.length,
    modules,
  };
}

type NamedExtra = AgentExtra & { readonly name: ExtraName };

async function readExtras(apt: Apt, { arch, extras }: AgentOrder): Promise<readonly NamedExtra[]> {
  const wanted = EXTRA_NAMES.filter((name) => extras?.[name] === true);
  const read: NamedExtra[] = [];
  for (const name of wanted) read.push({ name, ...(await readExtra(name, apt, arch)) });
  return read;
}

/** Two extras share the C library: each path once. */
function entriesOf(extras: readonly AgentExtra[]): readonly CpioEntry[] {
  return [...new Map(extras.flatMap(({ entries }) => entries.map((entry) => [entry.path, entry]))).values()];
}

/** Downloads what an agent is made of, unless the cache has it. @throws BuildError */
export async function fetchAgentPackages(order: AptOrder): Promise<AgentPackages> {
  const apt = await openApt(order);
  const image = await findKernel(apt, AGENT_KERNELS[order.arch]);
  const busybox = await apt.find('busybox-static');
  return {
    kernelName: image.name,
    kernelVersion: image.version,
    kernel: await apt.fetch(image),
    busybox: await apt.fetch(busybox),
    busyboxVersion: busybox.version,
    apt,
  };
}

/** `linux-image-amd64` is empty and depends on the newest `linux-image-6.1.0-50-amd64`. */
async function findKernel(apt: Apt, meta: string): ReturnType<Apt['find']> {
  const image = (await apt.find(meta)).depends.find((name) => /^linux-image-\d/.test(name));
  if (image === undefined) throw new BuildError('no-package', `${meta} names no kernel package`);
  return apt.find(image);
}

/** Two passes: the first learns what every module needs, the second takes those that are wanted. */
async function readKernelPackage(
  path: string,
  arch: AgentArch,
): Promise<{ readonly kernel: Buffer; readonly files: readonly CpioEntry[] }> {
  const all = new Map<string, KernelModule>();
  const found: { kernel?: Buffer; release?: string } = {};
  await readDeb(path, {
    wants: (entry) => isKernel(entry.path) || modulePath(entry.path) !== undefined,
    take: (entry, octets) => {
      const within = modulePath(entry.path);
      if (within === undefined) {
        found.kernel = Buffer.from(octets);
        found.release = entry.path.slice('boot/vmlinuz-'.length);
        return;
      }
      const about = readModInfo(octets);
      if (about) all.set(moduleName(within), { name: moduleName(within), path: within, ...about });
    },
  });
  const { kernel, release } = found;
  if (!kernel || release === undefined || all.size === 0)
    throw new BuildError('bad-package', `${path} holds no kernel or no modules; delete it and build again`);
  const chosen = closeOver(all, (module) => wantsDriver(arch, module.path.slice('kernel/'.length), module.name));
  return { kernel, files: await moduleFiles(path, release, chosen) };
}

const isKernel = (path: string): boolean => /^boot\/vmlinuz-[^/]+$/.test(path);

/** A module's path below the folder of its release: `kernel/drivers/…`. */
function modulePath(path: string): string | undefined {
  return /^(?:usr\/)?lib\/modules\/[^/]+\/(kernel\/.+\.ko)$/.exec(path)?.[1];
}

async function moduleFiles(
  path: string,
  release: string,
  chosen: readonly KernelModule[],
): Promise<readonly CpioEntry[]> {
  const wanted = new Set(chosen.map((module) => module.path));
  const content = new Map<string, Buffer>();
  await readDeb(path, {
    wants: (entry) => wanted.has(modulePath(entry.path) ?? ''),
    take: (entry, octets) => content.set(modulePath(entry.path) ?? '', Buffer.from(octets)),
  });
  const root = `lib/modules/${release}`;
  const files = [...content].map(([name, octets]) => file(`${root}/${name}`, octets, 0o644));
  const indexes = [
    file(`${root}/modules.dep`, Buffer.from(modulesDep(chosen)), 0o644),
    file(`${root}/modules.alias`, Buffer.from(modulesAlias(chosen)), 0o644),
  ];
  const sorted = [...files, ...indexes].sort((a, b) => (a.path < b.path ? -1 : 1));
  return [...foldersOf(sorted.map((each) => each.path)), ...sorted];
}

function foldersOf(paths: readonly string[]): readonly CpioEntry[] {
  const all = new Set<string>();
  for (const path of paths)
    for (let folder = dirname(path); folder !== '.' && folder !== 'lib'; folder = dirname(folder)) all.add(folder);
  return [...all].sort().map((path) => ({ kind: 'folder', path, mode: 0o755 }));
}

function layout(): readonly CpioEntry[] {
  const folders = ['bin', 'dev', 'etc', 'lib', 'proc', 'run', 'sbin', 'sys', 'tmp', 'usr', 'usr/bin', 'usr/sbin'];
  return [
    ...folders.map((path) => ({ kind: 'folder', path, mode: 0o755 }) as const),
    // Before devtmpfs is mounted the kernel opens this one for /init.
    { kind: 'device', path: 'dev/console', mode: 0o600, major: 5, minor: 1 },
    { kind: 'device', path: 'dev/null', mode: 0o666, major: 1, minor: 3 },
  ];
}

async function ownFiles(busyboxDeb: string): Promise<readonly CpioEntry[]> {
  const found: { busybox?: Buffer } = {};
  await readDeb(busyboxDeb, {
    wants: (entry) => entry.path === 'bin/busybox' || entry.path === 'usr/bin/busybox',
    take: (_, octets) => (found.busybox = Buffer.from(octets)),
  });
  if (!found.busybox) throw new BuildError('bad-package', `${busyboxDeb} holds no busybox; delete it and build again`);
  return [
    file('bin/busybox', found.busybox, 0o755),
    file('bin/udhcpc-script', await ownText('udhcpc-script'), 0o755),
    file('init', await ownText('init'), 0o755),
  ];
}

/** The scripts lie beside this module in the sources, and two folders up from it once it is compiled. */
async function ownText(name: string): Promise<Buffer> {
  const here = dirname(fileURLToPath(import.meta.url));
  const beside = join(here, name);
  const isBeside = await access(beside).then(
    () => true,
    () => false,
  );
  return readFile(isBeside ? beside : join(here, '..', '..', 'agent', name));
}

function file(path: string, content: Uint8Array, mode: number): Extract<CpioEntry, { kind: 'file' }> {
  return { kind: 'file', path, mode, content };
}
