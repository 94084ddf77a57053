import type { SocketApi } from './socket-api.ts';

const KERNEL_OCTETS = 600_000;
const INITRD_OCTETS = 900_000;
const LOADER_OCTETS = 120_000;

/** The loader programs each architecture's firmware asks for; u-boot needs none. */
const LOADERS = {
  amd64: ['shimx64.efi', 'grubx64.efi'],
  arm64: ['shimaa64.efi', 'grubaa64.efi'],
  armhf: [],
} as const;
type DemoArch = keyof typeof LOADERS;

/**
 * Gives Farrier something to boot for virtual boards, as an operator would: an agent and a system for each
 * architecture. The files are pretended (they say so themselves) and no real machine could start them.
 */
export async function importDemoBundles(api: SocketApi): Promise<void> {
  for (const arch of ['amd64', 'arm64', 'armhf'] as const) {
    await importBundle(api, 'demo-agent', arch, 'agent', []);
    await importBundle(api, 'demo-system', arch, 'system', ['quiet']);
  }
}

async function importBundle(
  api: SocketApi,
  name: string,
  arch: DemoArch,
  role: 'agent' | 'system',
  kernelArgs: readonly string[],
): Promise<void> {
  const file = async (what: string, octets: number): Promise<{ name: string; sha256: string }> => ({
    name: what,
    sha256: await api.upload(what, pretended(`${name} ${arch} ${what}`, octets)),
  });
  const loaders = [];
  for (const loader of LOADERS[arch]) loaders.push(await file(loader, LOADER_OCTETS));
  await api.must('POST', '/api/v1/bundles', {
    ...{ name: `${name}-${arch}`, version: '1', arch, role, kernelArgs, loaders },
    kernel: await file('linux', KERNEL_OCTETS),
    initrd: await file('initrd.gz', INITRD_OCTETS),
    source: 'made by the rack in a box; for its virtual boards only',
  });
}

function pretended(what: string, octets: number): Uint8Array {
  return Buffer.alloc(octets, `This is a pretended ${what} of Farrier's rack in a box. `);
}
