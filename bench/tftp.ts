/**
 * TFTP server CPU per GiB, Farrier beside dnsmasq (window 1) and atftpd (window 16), in one run. See bench/README.md.
 * Run it as: node scripts/lab.cjs node --import tsx bench/tftp.ts
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { ended } from '../lab/child-process.ts';
import { layLan, type LabHost } from '../lab/netns.ts';
import { median } from './median.ts';
import { endServer, until } from './processes.ts';

const CLIENTS = 16;
const MIB = 1 << 20;
const FILE_OCTETS = Number(process.argv[2] ?? 16) * MIB;
const ROUNDS = Number(process.argv[3] ?? 5);
const TICKS_PER_S = 100;
/** A core each: clients that wake up a sleeping core with every packet would be charged to the server. */
const SERVER_CORE: readonly string[] = ['-c', '0'];
const LOAD_CORE: readonly string[] = ['-c', availableParallelism() > 1 ? '1' : '0'];
const ADDRESS = '10.99.0.1';

interface Server {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
}

interface Sample {
  readonly cpuSPerGib: number;
  readonly mbPerS: number;
}

const folder = await mkdtemp(join(tmpdir(), 'farrier-bench-tftp-'));
const SERVE_ONE = ['--import', 'tsx', 'bench/tftp-server.ts', ADDRESS, '10.99.0.0/24', join(folder, 'file')];
const farrier: Server = { name: 'farrier', command: process.execPath, args: [...SERVE_ONE, 'segmenting'] };
const plain: Server = { name: 'farrier, packet by packet', command: process.execPath, args: SERVE_ONE };
const dnsmasq: Server = {
  name: 'dnsmasq',
  command: 'dnsmasq',
  args: [
    '--keep-in-foreground',
    '--conf-file=/dev/null',
    '--port=0',
    '--enable-tftp',
    `--tftp-root=${folder}`,
    '--user=root',
    '--tftp-max=100',
    '--log-facility=/dev/null',
    `--pid-file=${folder}/dnsmasq.pid`,
  ],
};
const atftpd: Server = {
  name: 'atftpd',
  command: 'atftpd',
  args: ['--daemon', '--no-fork', '--user', 'root', '--group', 'root', '--logfile', '/dev/null', folder],
};

/** One fetch by a client program written in C, so that the load is cheaper than what is measured. */
function fetchWith(host: LabHost, windowsize: number): ChildProcess {
  if (windowsize === 1)
    return host.spawn('taskset', [
      ...LOAD_CORE,
      'curl',
      '-sf',
      '--tftp-blksize',
      '1468',
      '-o',
      '/dev/null',
      `tftp://${ADDRESS}/file`,
    ]);
  const options = ['--option', 'blksize 1468', '--option', `windowsize ${windowsize}`];
  return host.spawn('taskset', [...LOAD_CORE, 'atftp', ...options, '-g', '-r', 'file', '-l', '/dev/null', ADDRESS], {
    stdio: 'ignore',
  });
}

async function fetched(child: ChildProcess): Promise<boolean> {
  await ended(child);
  return child.exitCode === 0;
}

/** Resolves when somebody listens on UDP port 69 here; a client that asks too early waits for seconds. */
function port69(): Promise<void> {
  return until(async () => /:0045 00000000:0000/.test(await readFile('/proc/net/udp', 'utf8')));
}

async function cpuTicks(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

async function measure(server: Server, boards: readonly LabHost[], windowsize: number): Promise<Sample> {
  const child = spawn('taskset', [...SERVER_CORE, server.command, ...server.args], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  try {
    await port69();
    // Warms it: a daemon has been up for days when the rack is switched on.
    await Promise.all(boards.map((board) => fetched(fetchWith(board, windowsize))));
    const [before, startMs] = [await cpuTicks(child.pid ?? 0), performance.now()];
    const all = await Promise.all(boards.map((board) => fetched(fetchWith(board, windowsize))));
    const [after, endMs] = [await cpuTicks(child.pid ?? 0), performance.now()];
    if (all.includes(false)) throw new Error(`${server.name}: a client failed`);
    const octets = CLIENTS * FILE_OCTETS;
    return {
      cpuSPerGib: (after - before) / TICKS_PER_S / (octets / 1024 ** 3),
      mbPerS: octets / 1e6 / ((endMs - startMs) / 1000),
    };
  } finally {
    await endServer(child);
  }
}

interface Goal {
  readonly server: Server;
  /** At most this many times the peer's processor time. */
  readonly ratio: number;
}

async function compare(
  boards: readonly LabHost[],
  peer: Server,
  windowsize: number,
  goals: readonly Goal[],
): Promise<void> {
  const samples = new Map<Server, Sample[]>([...goals.map(({ server }) => server), peer].map((server) => [server, []]));
  for (let round = 0; round < ROUNDS; round += 1)
    for (const [server, list] of samples) {
      const sample = await measure(server, boards, windowsize);
      list.push(sample);
      console.log(`window ${windowsize} ${server.name}: ${sample.cpuSPerGib.toFixed(2)} CPU s/GiB`);
    }
  const cpuOf = (server: Server): number => median((samples.get(server) ?? []).map((each) => each.cpuSPerGib));
  console.table(
    [...samples].map(([server, list]) => ({
      server: server.name,
      windowsize,
      'CPU s/GiB': cpuOf(server).toFixed(2),
      'MB/s': median(list.map((each) => each.mbPerS)).toFixed(0),
      rounds: list.map((each) => each.cpuSPerGib.toFixed(2)).join(' '),
    })),
  );
  for (const { server, ratio: goal } of goals) {
    const ratio = cpuOf(server) / cpuOf(peer);
    const verdict = ratio <= goal ? 'met' : 'missed';
    console.log(`window ${windowsize}, ${server.name}: ${ratio.toFixed(2)} x ${peer.name}; goal ${goal}: ${verdict}`);
  }
}

const lan = await layLan('ben69', `${ADDRESS}/24`);
try {
  await writeFile(join(folder, 'file'), randomBytes(FILE_OCTETS), { mode: 0o644 });
  const boards: LabHost[] = [];
  for (let i = 0; i < CLIENTS; i += 1)
    boards.push(await lan.addHost(`ben69-${i}`, { address: `10.99.0.${10 + i}/24` }));
  await compare(boards, dnsmasq, 1, [
    { server: farrier, ratio: 1.1 },
    { server: plain, ratio: 1.7 },
  ]);
  await compare(boards, atftpd, 16, [
    { server: farrier, ratio: 0.25 },
    { server: plain, ratio: 0.9 },
  ]);
} finally {
  await lan.remove();
  await rm(folder, { recursive: true });
}
