import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { saidBy } from '../lab/child-process.ts';
import { ipmi } from '../power-drivers/ipmi.ts';
import { BMC_PASSWORD, BMC_USER } from '../test/support/bmc-rack.ts';
import { realEdges } from '../test/support/ipmi-crypto.ts';
import { median } from './median.ts';
import { endServer, LOAD_CPU, SERVER_CPU, takeLoadCore } from './processes.ts';

// The power state of many BMCs, beside freeipmi's ipmipower and 32 ipmitools at a time. See bench/README.md.
const [ROUNDS, BMCS, SUITE] = [Number(process.argv[2] ?? 5), Number(process.argv[3] ?? 200), process.argv[4] ?? '17'];
const addresses = Array.from({ length: BMCS }, (_, at) => `127.0.${1 + Math.floor(at / 200)}.${1 + (at % 200)}`);

/** Runs a program to its end and counts the lines that say "off", which is what every BMC is. */
async function states(command: string, args: readonly string[], input = ''): Promise<number> {
  const child = spawn('taskset', ['-c', LOAD_CPU, command, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, IPMI_PASSWORD: BMC_PASSWORD },
  });
  const said = saidBy(child);
  child.stdin.end(input);
  return (await said.over(300_000)).match(/\boff$/gm)?.length ?? 0;
}

async function farrier(): Promise<number> {
  const login = { user: BMC_USER, password: BMC_PASSWORD, cipherSuite: SUITE };
  const asked = addresses.map((host) => ipmi.open({ host, ...login }, realEdges).query(new AbortController().signal));
  return (await Promise.all(asked)).filter((state) => state === 'off').length;
}

const folder = await mkdtemp(join(tmpdir(), 'farrier-bench-'));
const config = join(folder, 'freeipmi.conf');
await writeFile(config, `username ${BMC_USER}\npassword ${BMC_PASSWORD}\n`, { mode: 0o600 });
const ipmipower = ['--config-file', config, '-D', 'LAN_2_0', '-I', SUITE, '-l', 'USER', '--stat'];
const ipmitool = [
  '-I',
  'lanplus',
  '-C',
  SUITE,
  '-L',
  'USER',
  '-U',
  BMC_USER,
  '-E',
  '-H',
  '{}',
  'chassis',
  'power',
  'status',
];
const contenders: readonly (readonly [string, () => Promise<number>])[] = [
  ['farrier', farrier],
  ['ipmipower', () => states('ipmipower', [...ipmipower, '-h', addresses.join(',')])],
  ['32 ipmitools', () => states('xargs', ['-P32', '-I{}', 'ipmitool', ...ipmitool], addresses.join('\n'))],
];

takeLoadCore();
const command = ['-c', SERVER_CPU, process.execPath, '--import', 'tsx', 'bench/ipmi-bmcs.ts', ...addresses];
const bmcs = spawn('taskset', command, { stdio: ['ignore', 'pipe', 'inherit'] });
const took = new Map<string, number[]>(contenders.map(([name]) => [name, []]));
try {
  await saidBy(bmcs).has('\n', 60_000);
  // The first round warms both sides' code and is not counted.
  for (let round = 0; round <= ROUNDS; round += 1)
    for (const [name, ask] of contenders) {
      const startMs = performance.now();
      const seen = await ask();
      const ms = performance.now() - startMs;
      if (seen !== BMCS) throw new Error(`${name} saw ${String(seen)} of ${String(BMCS)} states`);
      if (round > 0) took.get(name)?.push(ms);
    }
} finally {
  await endServer(bmcs);
  await rm(folder, { recursive: true });
}
const ms = (name: string): number => median(took.get(name) ?? []);
for (const [name] of contenders) console.log(`${name.padEnd(14)} ${ms(name).toFixed(0)} ms`);
console.log(`farrier takes ${(ms('farrier') / ms('ipmipower')).toFixed(2)} x ipmipower (goal: at most 1.5)`);
console.log(`and is ${(ms('32 ipmitools') / ms('farrier')).toFixed(1)} x as fast as 32 ipmitools (goal: at least 15)`);
