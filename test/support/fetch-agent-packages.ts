import { join } from 'node:path';
import { fetchAgentPackages, AGENT_KERNELS, type AgentArch } from '../../agent/build.ts';
import { EXTRA_NAMES, fetchExtra } from '../../agent/extras.ts';
import { fetchLoaders } from '../../agent/loaders.ts';
import { TEST_CACHE } from './agent-boot.ts';

// Fills the cache the lab and end-to-end tests build agents from: inside their network namespace there is no network.
const say = (words: string): void => {
  console.error(`farrier: ${words}`);
};
for (const arch of Object.keys(AGENT_KERNELS) as AgentArch[]) {
  const order = { arch, cacheDir: TEST_CACHE, say };
  const packages = await fetchAgentPackages(order);
  for (const extra of EXTRA_NAMES) await fetchExtra(extra, packages.apt, arch);
  const loaders = await fetchLoaders({ ...order, outDir: join(TEST_CACHE, 'agents') });
  say(`${arch}: ${packages.kernelName} ${packages.kernelVersion} and ${loaders.length} loaders are in ${TEST_CACHE}`);
}
