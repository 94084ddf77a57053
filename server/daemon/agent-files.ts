import { buildAgent } from '../../agent/build.ts';
import type { AgentExtras } from '../../agent/extras.ts';
import { fetchLoaders, type LoaderFile } from '../../agent/loaders.ts';
import type { BundleFiles, PackagedArch, Say } from '../cli/deps.ts';
import { sha256Of } from '../edges/digest.ts';

/** The agent of an architecture with the loaders it wants, built from Debian's packages, ready to be uploaded. */
export async function agentFiles(
  arch: PackagedArch,
  say: Say,
  folders: { readonly cacheDir: string; readonly outDir: string; readonly extras?: AgentExtras },
): Promise<BundleFiles> {
  const built = await buildAgent({ ...folders, arch, say });
  const loaders = await fetchLoaders({ ...folders, arch, say });
  return {
    name: `agent-${arch}`,
    version: versionWith(built.version, loaders),
    arch,
    role: 'agent',
    kernelFile: built.kernel,
    initrdFile: built.initrd,
    kernelArgs: built.kernelArgs,
    loaders,
    source: [built.source, ...loaders.map((each) => `${each.name} from ${each.source}`)].join('; ').slice(0, 500),
  };
}

/** A new shim or GRUB makes a new version, though kernel and initramfs stay the same. */
function versionWith(version: string, loaders: readonly LoaderFile[]): string {
  if (loaders.length === 0) return version;
  return `${version}.${sha256Of(loaders.map((each) => each.source).join('\n')).slice(0, 6)}`;
}
