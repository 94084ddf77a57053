// DHCP handshakes a second with durable leases, against Kea's memfile, in one run. See bench/README.md.
//   node scripts/lab.cjs node --import tsx bench/dhcp.ts [ROUNDS] [HANDSHAKES]
import { execFileSync, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endChild } from '../lab/child-process.ts';
import { layLan, tool, type LabHost, type Lan } from '../lab/netns.ts';
import { openLoad, type LoadResult, type LoadSource } from '../test/support/dhcp-load.ts';
import { median } from './median.ts';

const SERVER = '10.64.0.1';
const POOL = '10.64.1.0-10.79.254.255';
/** Handshakes at a time, and how many times Kea's rate ours shall be. */
const LOADS = [
  { outstanding: 64, goal: 1 },
  { outstanding: 200, goal: 2 },
] as const;
/** Enough for SQLite's log to have come round once, and for the compiler: a daemon runs for days. */
const WARM_HANDSHAKES = 12_000;
/** Fewer than the strangers that are met at once. */
const BOARDS = 256;

const ROUNDS = Number(process.argv[2] ?? 9);
const HANDSHAKES = Number(process.argv[3] ?? 4000);

/** A CPU for the server, another for the load. */
const [SERVER_CPU, LOAD_CPU] = ['0', '1'];

/** Real-time priority, where it is permitted: what else runs on the machine then does not count. */
const FIRST = runs('chrt', '-r', '1', 'true') ? ['chrt', '-r', '1'] : [];

function runs(command: string, ...args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

interface Server {
  readonly name: 'kea' | 'farrier';
  readonly child: ChildProcess;
  readonly lan: Lan;
  readonly load: LoadSource;
}

interface Measured extends LoadResult {
  /** Of the server, for each handshake. */
  readonly cpuUs: number;
}

function keaCommand(folder: string): readonly string[] {
  const Dhcp4 = {
    'interfaces-config': { interfaces: ['eth0'], 'dhcp-socket-type': 'raw' },
    'lease-database': { type: 'memfile', persist: true, name: join(folder, 'kea.csv'), 'lfc-interval': 0 },
    'valid-lifetime': 3600,
    subnet4: [{ id: 1, subnet: '10.64.0.0/12', pools: [{ pool: POOL }] }],
    loggers: [{ name: 'kea-dhcp4', severity: 'ERROR', output_options: [{ output: 'stderr' }] }],
  };
  const file = join(folder, 'kea.json');
  writeFileSync(file, JSON.stringify({ Dhcp4 }));
  return ['kea-dhcp4', '-c', file];
}

/** The whole daemon, compiled, as it is in service: store, boot decision, timeline, page. */
function farrierCommand(folder: string): readonly string[] {
  const network = { name: 'bench', interface: 'eth0', subnet: '10.64.0.0/12', pools: [POOL], probe: 'none' };
  const file = join(folder, 'farrier.yaml');
  writeFileSync(file, JSON.stringify({ dataDir: join(folder, 'data'), networks: [network] }));
  return [process.execPath, 'bin/farrier.js', 'serve', '-c', file];
}

function spawnServer(name: Server['name'], host: LabHost, folder: string): ChildProcess {
  const command = name === 'kea' ? keaCommand(folder) : farrierCommand(folder);
  const env = { ...process.env, KEA_PIDFILE_DIR: folder, KEA_LOCKFILE_DIR: 'none', FARRIER_LOG: 'warn' };
  return host.spawn('taskset', ['-c', SERVER_CPU, ...FIRST, ...command], {
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

/** A server on a LAN of its own that is warm. */
async function start(name: Server['name'], folder: string): Promise<Server> {
  const lan = await layLan(`bench-${name}`, '10.96.0.1/24');
  const host = await lan.addHost(`srv-${name}`, { address: `${SERVER}/12` });
  const child = spawnServer(name, host, folder);
  await tool('ip', ['addr', 'flush', 'dev', lan.bridge]); // who asks for an address has none
  const load = await openLoad(lan.bridge);
  const server = { name, child, lan, load };
  const warm = { clients: WARM_HANDSHAKES, handshakes: WARM_HANDSHAKES };
  await measure(server, { firstMac: 0, ...warm, outstanding: LOADS[0].outstanding, isFirmware: false });
  return server;
}

async function stop({ child, lan, load }: Server): Promise<void> {
  await endChild(child);
  await load.close();
  await lan.remove();
}

/** CPU time a process has used, in clock ticks of 10 ms (proc(5): utime and stime). */
function cpuMsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

async function measure(
  { child, load }: Server,
  asked: { firstMac: number; clients: number; handshakes: number; outstanding: number; isFirmware: boolean },
): Promise<Measured> {
  const beforeMs = cpuMsOf(child.pid ?? 0);
  const result = await load.run(asked);
  return { ...result, cpuUs: ((cpuMsOf(child.pid ?? 0) - beforeMs) * 1000) / asked.handshakes };
}

function print(round: number, what: string, result: Measured): void {
  const { perSecond, medianMs, p99Ms, retransmissions, naks, cpuUs } = result;
  const figures = [perSecond.toFixed(0), medianMs.toFixed(1), p99Ms.toFixed(1), retransmissions, naks];
  console.log([round, what.padEnd(16), ...figures, cpuUs.toFixed(0)].join('\t'));
}

async function compare(
  kea: Server,
  farrier: Server,
  { outstanding, goal }: (typeof LOADS)[number],
  nth: number,
): Promise<void> {
  console.log(`${outstanding} at a time`);
  console.log('round\tserver          \tper s\tmedian ms\tp99 ms\tsent again\tNAKs\tCPU us each');
  const rates = { kea: [] as number[], farrier: [] as number[] };
  for (let round = 1; round <= ROUNDS; round += 1) {
    const firstMac = WARM_HANDSHAKES + (nth * ROUNDS + round) * HANDSHAKES;
    for (const server of [kea, farrier]) {
      const result = await measure(server, {
        firstMac,
        clients: HANDSHAKES,
        handshakes: HANDSHAKES,
        outstanding,
        isFirmware: false,
      });
      rates[server.name].push(result.perSecond);
      print(round, server.name, result);
    }
    const boards = { firstMac: 0x7f000000, clients: BOARDS, handshakes: HANDSHAKES, outstanding, isFirmware: true };
    print(round, 'farrier, firmware', await measure(farrier, boards));
  }
  const ratios = rates.farrier.map((rate, at) => rate / (rates.kea[at] ?? NaN));
  console.log(`median handshakes/s: farrier ${median(rates.farrier).toFixed(0)}, kea ${median(rates.kea).toFixed(0)}`);
  console.log(
    `farrier / kea: ${(median(rates.farrier) / median(rates.kea)).toFixed(2)} of the medians, ` +
      `${median(ratios).toFixed(2)} in the median round, ${Math.max(...ratios).toFixed(2)} in the best (goal: at least ${goal})`,
  );
}

const self = String(process.pid);
runs('taskset', '-a', '-p', '-c', LOAD_CPU, self);
if (FIRST.length === 0) console.log('without real-time priority: what else runs on this machine counts');
else runs('chrt', '-a', '-r', '-p', '1', self);
execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], { stdio: 'inherit' });
const folder = mkdtempSync(join(tmpdir(), 'bench-dhcp-'));
const kea = await start('kea', folder);
const farrier = await start('farrier', folder);
try {
  for (const [nth, load] of LOADS.entries()) await compare(kea, farrier, load, nth);
} finally {
  for (const server of [kea, farrier]) await stop(server);
  rmSync(folder, { recursive: true, force: true });
}
