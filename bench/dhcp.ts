// DHCP handshakes a second with durable leases, against Kea's memfile, in one run. See bench/README.md.
//   node scripts/lab.cjs node --import tsx bench/dhcp.ts [ROUNDS] [HANDSHAKES]
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { layLan, type LabHost } from '../lab/netns.ts';
import { parseIpv4, parseRange, parseSubnet } from '../server/core/address.ts';
import type { Network } from '../server/core/lease.ts';
import type { Result } from '../server/core/result.ts';
import { startDhcpListener } from '../server/net/dhcp-listener.ts';
import type { DhcpAdvisor } from '../server/ports/dhcp-advisor.ts';
import type { Log } from '../server/ports/log.ts';
import { openStore } from '../server/store/sqlite/open.ts';
import { realClock } from '../server/edges/real-clock.ts';
import { realRng } from '../server/edges/real-rng.ts';
import { runLoad, type LoadResult } from './dhcp-load.ts';

const SELF = fileURLToPath(import.meta.url);
const SERVER = '10.77.0.1';
const POOL = ['10.77.1.0', '10.77.254.255'] as const;
const OUTSTANDING = 64;

function must<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.error);
  return result.value;
}

/** Our server: the daemon's listener over its SQLite store, strangers answered without a boot decision. */
async function serve(file: string): Promise<void> {
  const log: Log = { debug: () => undefined, info: () => undefined, warn: console.error, error: console.error };
  const store = await openStore({ file, clock: realClock, log });
  const advice = { answer: true, machine: undefined, file: undefined, because: 'bench' };
  const advisor: DhcpAdvisor = {
    advise: () => Promise.resolve(advice),
    reservations: () => new Map(),
    record: () => undefined,
  };
  const network: Network = {
    name: 'bench',
    interface: 'eth0',
    giaddr: undefined,
    subnet: must(parseSubnet('10.77.0.0/16')),
    address: must(parseIpv4(SERVER)),
    ...{
      dhcp: 'full',
      authoritative: true,
      router: undefined,
      dns: [],
      leaseS: 3600,
      probe: 'none',
      unknown: 'enlist',
    },
    pools: [must(parseRange(POOL.join('-')))],
  };
  const { leases } = store;
  const edges = { networks: [network], advisor, leases, clock: realClock, rng: realRng, log, onRival: () => undefined };
  await startDhcpListener(edges);
  setInterval(() => undefined, 60_000);
  console.log('ready');
}

function keaConfig(folder: string): string {
  const Dhcp4 = {
    'interfaces-config': { interfaces: ['eth0'], 'dhcp-socket-type': 'raw' },
    'lease-database': { type: 'memfile', persist: true, name: join(folder, 'kea.csv'), 'lfc-interval': 0 },
    'valid-lifetime': 3600,
    subnet4: [{ id: 1, subnet: '10.77.0.0/16', pools: [{ pool: POOL.join(' - ') }] }],
    loggers: [{ name: 'kea-dhcp4', severity: 'ERROR', output_options: [{ output: 'stderr' }] }],
  };
  const file = join(folder, 'kea.json');
  writeFileSync(file, JSON.stringify({ Dhcp4 }));
  return file;
}

/** A CPU for the server, another for the load. */
const onCpu = (cpu: number, ...command: readonly string[]): readonly [string, readonly string[]] => [
  'taskset',
  ['-c', String(cpu), ...command],
];

async function started(child: ChildProcess, isReady: (said: string) => boolean): Promise<void> {
  let said = '';
  await new Promise<void>((resolve, reject) => {
    child.stdout?.on('data', (text: Buffer) => {
      said += text.toString();
      if (isReady(said)) resolve();
    });
    child.stderr?.on('data', (text: Buffer) => {
      process.stderr.write(text);
    });
    child.on('exit', (code) => {
      reject(new Error(`the server ended with ${code ?? 'a signal'}: ${said}`));
    });
  });
}

interface Measured extends LoadResult {
  /** Of the server process, from its start to the last ACK. */
  readonly cpuMs: number;
}

/** CPU time a process has used, in clock ticks of 10 ms (proc(5): utime and stime). */
function cpuMsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

function startServer(kind: 'farrier' | 'kea', server: LabHost, folder: string): ChildProcess {
  const farrier = onCpu(0, process.execPath, '--import', 'tsx', SELF, 'serve', join(folder, 'farrier.db'));
  const kea = onCpu(0, 'kea-dhcp4', '-c', keaConfig(folder));
  const env = { ...process.env, KEA_PIDFILE_DIR: folder, KEA_LOCKFILE_DIR: 'none' };
  return server.spawn(...(kind === 'farrier' ? farrier : kea), { env });
}

async function measure(kind: 'farrier' | 'kea', round: number, handshakes: number): Promise<Measured> {
  const folder = mkdtempSync(join(tmpdir(), `bench-dhcp-${kind}-`));
  const lan = await layLan('benchbr0', '10.76.0.1/24');
  const server = await lan.addHost(`srv${round}${kind}`, { address: `${SERVER}/16` });
  const client = await lan.addHost(`cli${round}${kind}`);
  const child = startServer(kind, server, folder);
  try {
    if (kind === 'farrier') await started(child, (said) => said.includes('ready'));
    else await new Promise((resolve) => setTimeout(resolve, 2000));
    const args = ['--import', 'tsx', SELF, 'load', String(1000 + round * 1_000_000), String(handshakes)];
    const { stdout } = await client.exec(...onCpu(1, process.execPath, ...args));
    const result = JSON.parse(stdout) as LoadResult;
    return { ...result, cpuMs: cpuMsOf(child.pid ?? 0) };
  } finally {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
    await lan.remove();
    rmSync(folder, { recursive: true, force: true });
  }
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;

async function compare(rounds: number, handshakes: number): Promise<void> {
  console.log('round\tserver\tper s\tmedian ms\tp99 ms\tsent again\tNAKs\tserver CPU ms');
  const rates = { farrier: [] as number[], kea: [] as number[] };
  for (let round = 0; round < rounds; round += 1)
    for (const kind of ['kea', 'farrier'] as const) {
      const result = await measure(kind, round, handshakes);
      if (result.addresses !== handshakes) throw new Error(`${kind} gave an address twice`);
      rates[kind].push(result.perSecond);
      const { perSecond, medianMs, p99Ms, retransmissions, naks, cpuMs } = result;
      const figures = [perSecond.toFixed(0), medianMs.toFixed(1), p99Ms.toFixed(1), retransmissions, naks, cpuMs];
      console.log([round + 1, kind.padEnd(7), ...figures].join('\t'));
    }
  const ratio = median(rates.farrier) / median(rates.kea);
  console.log(`median handshakes/s: farrier ${median(rates.farrier).toFixed(0)}, kea ${median(rates.kea).toFixed(0)}`);
  console.log(`ratio farrier / kea: ${ratio.toFixed(2)} (target at least 0.80)`);
}

const [mode = '', first = '', second = ''] = process.argv.slice(2);
if (mode === 'serve') await serve(first);
else if (mode === 'load')
  console.log(JSON.stringify(await runLoad('eth0', Number(first), Number(second), OUTSTANDING)));
else await compare(Number(mode || 5), Number(first || 4000));
