import { join } from 'node:path';
import { fetchAgentPackages, AGENT_KERNELS, type AgentArch } from '../../agent/build.ts';
import { fetchLoaders } from '../../agent/loaders.ts';
import { fetchIpmiPackages } from '../../agent/ipmi.ts';
import { fetchSshPackages } from '../../agent/ssh.ts';
import { TEST_CACHE } from './agent-boot.ts';

// Fills the cache the lab and end-to-end tests build agents from: inside their network namespace there is no network.
const say = (words: string): void => {
  console.error(`farrier: ${words}`);
};
for (const arch of Object.keys(AGENT_KERNELS) as AgentArch[]) {
  const order = { arch, cacheDir: TEST_CACHE, say };
  const packages = await fetchAgentPackages(order);
  await fetchSshPackages(packages.apt, arch);
  await fetchIpmiPackages(packages.apt, arch);
  const loaders = await fetchLoaders({ ...order, outDir: join(TEST_CACHE, 'agents') });
  say(`${arch}: ${packages.kernelName} ${packages.kernelVersion} and ${loaders.length} loaders are in ${TEST_CACHE}`);
}
