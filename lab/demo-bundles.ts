import { readFile } from 'node:fs/promises';
import type { SocketApi } from './socket-api.ts';

/** How large the pretended files are. */
export interface DemoSizes {
  readonly kernelOctets: number;
  readonly initrdOctets: number;
  readonly loaderOctets: number;
}

const DEMO_SIZES: DemoSizes = { kernelOctets: 600_000, initrdOctets: 900_000, loaderOctets: 120_000 };

/** The loader programs each architecture's firmware asks for; u-boot needs none. */
const LOADERS = {
  amd64: ['shimx64.efi', 'grubx64.efi', 'ipxe-amd64.efi'],
  arm64: ['shimaa64.efi', 'grubaa64.efi', 'ipxe-arm64.efi'],
  armhf: [],
} as const;
type DemoArch = keyof typeof LOADERS;

/**
 * Gives Farrier something to boot for virtual boards, as an operator would: an agent and a system for each
 * architecture. The files are pretended (they say so themselves) and no real machine could start them.
 */
export async function importDemoBundles(api: SocketApi, sizes: DemoSizes = DEMO_SIZES): Promise<void> {
  for (const arch of ['amd64', 'arm64', 'armhf'] as const) {
    await importBundle(api, sizes, { name: 'demo-agent', arch, role: 'agent', kernelArgs: [] });
    await importBundle(api, sizes, { name: 'demo-system', arch, role: 'system', kernelArgs: ['quiet'] });
  }
}

async function importBundle(
  api: SocketApi,
  sizes: DemoSizes,
  order: {
    readonly name: string;
    readonly arch: DemoArch;
    readonly role: 'agent' | 'system';
    readonly kernelArgs: readonly string[];
  },
): Promise<void> {
  const { name, arch } = order;
  const file = async (what: string, octets: number): Promise<{ name: string; sha256: string }> => ({
    name: what,
    sha256: await api.upload(what, pretended(`${name} ${arch} ${what}`, octets)),
  });
  const loaders = [];
  for (const loader of LOADERS[arch]) loaders.push(await file(loader, sizes.loaderOctets));
  await api.must('POST', '/api/v1/bundles', {
    ...order,
    name: `${name}-${arch}`,
    version: '1',
    loaders,
    kernel: await file('linux', sizes.kernelOctets),
    initrd: await file('initrd.gz', sizes.initrdOctets),
    source: 'made by the rack in a box; for its virtual boards only',
  });
}

/** An agent that was built, by the paths of its files. */
export interface DemoFiles {
  readonly version: string;
  readonly arch: string;
  readonly kernelFile: string;
  readonly initrdFile: string | undefined;
  readonly kernelArgs: readonly string[];
  readonly loaders: readonly { readonly name: string; readonly file: string }[];
  readonly source: string;
}

/** A real agent, and as a system to boot the same kernel again: seen apart by the word it puts on the command line. */
export async function importDemoFiles(api: SocketApi, files: DemoFiles): Promise<void> {
  const file = async (name: string, path: string): Promise<{ name: string; sha256: string }> => ({
    name,
    sha256: await api.upload(name, await readFile(path)),
  });
  const loaders = [];
  for (const each of files.loaders) loaders.push(await file(each.name, each.file));
  const { arch, version, kernelArgs, source } = files;
  const kernel = await file('linux', files.kernelFile);
  const initrd = files.initrdFile === undefined ? {} : { initrd: await file('initrd.gz', files.initrdFile) };
  const common = { arch, version, loaders, kernel, ...initrd, source };
  await api.must('POST', '/api/v1/bundles', { ...common, name: `agent-${arch}`, role: 'agent', kernelArgs });
  const system = { ...common, name: `demo-system-${arch}`, role: 'system', kernelArgs: ['demo.system=1'] };
  await api.must('POST', '/api/v1/bundles', system);
}

function pretended(what: string, octets: number): Uint8Array {
  return Buffer.alloc(octets, `This is a pretended ${what} of Farrier's rack in a box. `);
}
