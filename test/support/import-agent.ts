import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AgentArch } from '../../agent/build.ts';
import { fetchLoaders } from '../../agent/loaders.ts';
import type { SocketApi } from '../../lab/socket-api.ts';
import { agentFor, TEST_CACHE } from './agent-boot.ts';

/**
 * Gives a daemon the agent of an architecture with its loaders, as `agent-<arch>@1`, and, with `second`, the same kernel
 * and initramfs under those arguments as the system bundle `second-<arch>@1`. `folder` is for what lies in between.
 */
export async function importAgent(
  api: SocketApi,
  arch: AgentArch,
  { folder, second }: { readonly folder: string; readonly second?: readonly string[] },
): Promise<void> {
  const built = await agentFor(arch);
  const file = async (name: string, path: string): Promise<{ name: string; sha256: string }> => ({
    name,
    sha256: await api.upload(name, await readFile(path)),
  });
  const files = { kernel: await file('linux', built.kernel), initrd: await file('initrd.gz', built.initrd) };
  const found = await fetchLoaders({ arch, cacheDir: TEST_CACHE, outDir: join(folder, `loaders-${arch}`) });
  const loaders = [];
  for (const each of found) loaders.push(await file(each.name, each.file));
  const common = { version: '1', arch, loaders, ...files, source: 'built by this test' };
  const { kernelArgs } = built;
  await api.must('POST', '/api/v1/bundles', { ...common, name: `agent-${arch}`, role: 'agent', kernelArgs });
  if (second === undefined) return;
  await api.must('POST', '/api/v1/bundles', { ...common, name: `second-${arch}`, role: 'system', kernelArgs: second });
}
