import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hasEnded } from '../lab/child-process.ts';
import { layLan } from '../lab/netns.ts';
import { median } from './median.ts';
import { cpuSecondsOf, endServer, until } from './processes.ts';
import { socketApi } from '../lab/socket-api.ts';
import { projectRoot } from '../server/edges/project-root.ts';
import { realClock } from '../server/edges/real-clock.ts';
import { openStore } from '../server/store/sqlite/open.ts';
import { createQuietLog } from '../test/support/quiet-log.ts';
import { sampleFacts, sampleMachine } from '../test/support/samples.ts';

// How long `farrier serve` takes from its start to serving, and how much memory it has when idle. See bench/README.md.
const [MACHINES, ROUNDS, IDLE_MS] = [200, Number(process.argv[2] ?? 5), 10_000];
const BRIDGE = 'start0';

interface Sample {
  readonly seconds: number;
  /** Processor time of the whole process until then; a busy machine changes it little. */
  readonly cpuSeconds: number;
  readonly rssMiB: number;
}

async function fill(dataDir: string): Promise<void> {
  const store = await openStore({ file: join(dataDir, 'farrier.db'), clock: realClock, log: createQuietLog() });
  for (let n = 1; n <= MACHINES; n += 1) await store.machines.add(sampleMachine(n, { facts: sampleFacts }), []);
  await store.close();
}

async function rssMiB({ pid = 0 }: ChildProcess): Promise<number> {
  const status = await readFile(`/proc/${String(pid)}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1024;
}

async function measure(config: string, dataDir: string): Promise<Sample> {
  const startMs = performance.now();
  const program = [join(projectRoot(), 'bin', 'farrier.js'), 'serve', '--config', config];
  const daemon = spawn(process.execPath, program, {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, FARRIER_LOG: 'silent' },
  });
  const api = socketApi(join(dataDir, 'farrier.sock'));
  await until(() =>
    api.call('GET', '/readyz').then(
      (answer) => answer.status < 300,
      () => hasEnded(daemon),
    ),
  );
  if (hasEnded(daemon)) throw new Error('the daemon did not come up, see above; is dist/ built?');
  const seconds = (performance.now() - startMs) / 1000;
  const cpuSeconds = cpuSecondsOf(daemon.pid ?? 0);
  await api.must('GET', '/api/v1/machines');
  await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
  const sample = { seconds, cpuSeconds, rssMiB: await rssMiB(daemon) };
  await endServer(daemon);
  return sample;
}

const folder = await mkdtemp(join(tmpdir(), 'farrier-start-'));
const [dataDir, config] = [join(folder, 'data'), join(folder, 'farrier.yaml')];
const lan = await layLan(BRIDGE, '10.95.0.1/24');
try {
  await fill(dataDir);
  const network = { name: 'rack1', interface: BRIDGE, subnet: '10.95.0.0/24', pools: ['10.95.0.100-10.95.0.199'] };
  await writeFile(config, JSON.stringify({ dataDir, http: { listen: '10.95.0.1:5240' }, networks: [network] }));
  const samples: Sample[] = [];
  for (let round = 0; round < ROUNDS; round += 1) samples.push(await measure(config, dataDir));
  console.log(JSON.stringify(samples));
  console.log(`processor time until it serves: ${median(samples.map((each) => each.cpuSeconds)).toFixed(2)} s`);
  console.log(`from start to serving: ${median(samples.map((each) => each.seconds)).toFixed(2)} s (goal: under 2)`);
  console.log(
    `idle memory with ${String(MACHINES)} machines: ${median(samples.map((each) => each.rssMiB)).toFixed(0)} MiB (goal: under 150 MB)`,
  );
} finally {
  await lan.remove();
  await rm(folder, { recursive: true });
}
