import { fetchAgentPackages, AGENT_KERNELS, type AgentArch } from '../../agent/build.ts';
import { fetchLoaders } from '../../agent/loaders.ts';
import { TEST_CACHE } from './agent-boot.ts';
import { inTempFolder } from './archives.ts';

// Fills the cache the lab and end-to-end tests build agents from: inside their network namespace there is no network.
for (const arch of Object.keys(AGENT_KERNELS) as AgentArch[]) {
  const packages = await fetchAgentPackages({
    arch,
    cacheDir: TEST_CACHE,
    say: (words) => {
      console.error(`farrier: ${words}`);
    },
  });
  await inTempFolder((outDir) => fetchLoaders({ arch, cacheDir: TEST_CACHE, outDir }));
  console.error(`farrier: ${arch}: ${packages.kernelName} ${packages.kernelVersion} is in ${TEST_CACHE}`);
}
