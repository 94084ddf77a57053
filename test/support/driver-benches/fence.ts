import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createFenceDriver } from '../../../power-drivers/fence.ts';
import { vouchForFile } from '../../../power-drivers/trust.ts';
import type { DriverBench } from '../driver-bench.ts';
import { createDriverFolder } from '../driver-folder.ts';
import { shellAgent, STATEFUL } from '../fence-agent.ts';

/** An agent that can misbehave; Debian's own agents are judged in test/lab/fence.test.ts. */
export async function startBench(): Promise<DriverBench> {
  const folder = await createDriverFolder();
  const file = (name: string): string => join(folder.path, name);
  await folder.drop('fence_bench', shellAgent(STATEFUL));
  await writeFile(file('power'), 'off\n');
  return {
    driver: createFenceDriver((agent) => vouchForFile(file(agent))),
    parameters: { agent: 'fence_bench', host: '127.0.0.1', port: 4001, password: 'canary-fence-1', plug: '3' },
    secretField: 'password',
    truth: async () => ((await readFile(file('power'), 'utf8')).trim() === 'on' ? 'on' : 'off'),
    misbehave: (how) => writeFile(file('mode'), how),
    seen: () => [],
    close: () => folder.remove(),
  };
}
