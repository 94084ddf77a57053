// A rack that is switched on: DHCP, one file by TFTP, one by HTTP, Farrier beside dnsmasq + nginx. See bench/README.md.
//   node scripts/lab.cjs node --import tsx bench/storm.ts [BOARDS, 200] [MiB by HTTP, 31] [ROUNDS, 3] [only]
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ended } from '../lab/child-process.ts';
import { layLan, tool, type LabHost, type Lan } from '../lab/netns.ts';
import { socketApi } from '../lab/socket-api.ts';
import { formatIpv4, ipv4 } from '../server/core/address.ts';
import { openLoad } from '../test/support/dhcp-load.ts';
import { cpuSecondsOf, endServer, LOAD_CPU, quantile, startServer, takeLoadCore, until } from './processes.ts';

const [BOARDS, HTTP_OCTETS, ROUNDS] = [
  Number(process.argv[2] ?? 200),
  Number(process.argv[3] ?? 31) << 20,
  Number(process.argv[4] ?? 3),
];
const WITH_PEER = process.argv[5] !== 'only';
const TFTP_OCTETS = 1 << 20;
const [SERVER, POOL] = ['10.94.0.1', ['10.94.1.0', '10.94.5.255']];
/** As long as a board waits for a page of its firmware's patience. */
const FETCH_S = '120';
const PAGE_EVERY_MS = 1000;

/** Servers that are up, and where they keep the two files. */
interface Rack {
  readonly lan: Lan;
  readonly processes: readonly ChildProcess[];
  readonly tftpUrl: string;
  readonly httpUrl: string;
  /** The socket of Farrier's page, where there is one. */
  readonly page: string | undefined;
}

interface Storm {
  readonly cpuS: number;
  readonly dhcpP99Ms: number;
  readonly pageP99Ms: number;
  readonly tookS: number;
  readonly failed: number;
}

const folder = mkdtempSync(join(tmpdir(), 'bench-storm-'));
const kernel = randomBytes(HTTP_OCTETS);
const initrd = randomBytes(TFTP_OCTETS);

async function farrierRack(lan: Lan, host: LabHost): Promise<Rack> {
  const dataDir = join(folder, 'data');
  const network = { name: 'storm', interface: 'eth0', subnet: '10.94.0.0/16', pools: [POOL.join('-')], probe: 'none' };
  const config = join(folder, 'farrier.yaml');
  writeFileSync(config, JSON.stringify({ dataDir, networks: [network] }));
  const env = { ...process.env, FARRIER_LOG: 'warn' };
  const child = startServer(host, [process.execPath, 'bin/farrier.js', 'serve', '-c', config], { env });
  const page = join(dataDir, 'farrier.sock');
  const api = socketApi(page);
  await until(() =>
    api.call('GET', '/readyz').then(
      ({ status }) => status < 300,
      () => false,
    ),
  );
  const path = async (name: string, octets: Uint8Array): Promise<string> =>
    `boot/${(await api.upload(name, octets)).slice(0, 16)}/${name}`;
  return {
    lan,
    processes: [child],
    tftpUrl: `tftp://${SERVER}/${await path('initrd', initrd)}`,
    httpUrl: `http://${SERVER}:5240/${await path('linux', kernel)}`,
    page,
  };
}

async function peerRack(lan: Lan, host: LabHost): Promise<Rack> {
  const root = join(folder, 'root');
  mkdirSync(root);
  writeFileSync(join(root, 'linux'), kernel);
  writeFileSync(join(root, 'initrd'), initrd);
  const conf = join(folder, 'nginx.conf');
  writeFileSync(
    conf,
    `daemon off; worker_processes 1; pid ${folder}/nginx.pid; user root; events { worker_connections 4096; }
    http { access_log off; sendfile on; tcp_nopush on; server { listen ${SERVER}:5240; root ${root}; } }`,
  );
  const dnsmasq = [
    ...['dnsmasq', '--keep-in-foreground', '--conf-file=/dev/null', '--port=0', '--user=root', '--no-ping'],
    ...[`--dhcp-range=${POOL.join(',')},255.255.0.0,1h`, '--dhcp-authoritative', '--dhcp-sequential-ip'],
    ...['--dhcp-lease-max=2000', '--enable-tftp', `--tftp-root=${root}`, '--tftp-max=2000', '--log-facility=/dev/null'],
    ...[`--pid-file=${folder}/dnsmasq.pid`, `--dhcp-leasefile=${folder}/leases`],
  ];
  const processes = [startServer(host, dnsmasq), startServer(host, ['nginx', '-c', conf, '-e', 'stderr'])];
  await until(async () => (await host.exec('cat', ['/proc/net/tcp'])).stdout.includes(':1478 00000000:0000'));
  return {
    lan,
    processes,
    tftpUrl: `tftp://${SERVER}/initrd`,
    httpUrl: `http://${SERVER}:5240/linux`,
    page: undefined,
  };
}

/** One board's two files, by a client written in C. */
async function fetchBoth(rack: Rack, address: string): Promise<boolean> {
  const tftp = ['--tftp-blksize', '1468', '-o', '/dev/null', rack.tftpUrl];
  const args = [
    '-c',
    LOAD_CPU,
    'curl',
    '-sf',
    '--interface',
    address,
    '-m',
    FETCH_S,
    ...tftp,
    '-o',
    '/dev/null',
    rack.httpUrl,
  ];
  const child = spawn('taskset', args, { stdio: 'ignore' });
  await ended(child);
  return child.exitCode === 0;
}

function pageMs(socketPath: string): Promise<number> {
  const startMs = performance.now();
  return new Promise((resolve, reject) => {
    request({ socketPath, path: '/', agent: false }, (answer) => {
      answer.resume().on('end', () => {
        resolve(performance.now() - startMs);
      });
    })
      .on('error', reject)
      .end();
  });
}

/** Asks for the page again and again until it is told to stop; gives the times. */
function watchPage(socketPath: string | undefined): () => Promise<readonly number[]> {
  const over = new AbortController();
  const times: number[] = [];
  const watching = (async () => {
    while (socketPath !== undefined && !over.signal.aborted) {
      times.push(await pageMs(socketPath));
      await new Promise((resolve) => setTimeout(resolve, PAGE_EVERY_MS));
    }
  })();
  return async () => {
    over.abort();
    await watching;
    return times;
  };
}

async function storm(rack: Rack, round: number): Promise<Storm> {
  const load = await openLoad(rack.lan.bridge);
  const cpu = (): number => rack.processes.reduce((sum, child) => sum + cpuSecondsOf(child.pid ?? 0), 0);
  const [before, startMs, stopWatching] = [cpu(), performance.now(), watchPage(rack.page)];
  const fetches: Promise<boolean>[] = [];
  const { p99Ms } = await load.run({
    firstMac: round * 10_000,
    clients: BOARDS,
    handshakes: BOARDS,
    outstanding: BOARDS,
    isFirmware: true,
    onAck: (_mac, address) => {
      fetches.push(fetchBoth(rack, formatIpv4(ipv4(address))));
    },
  });
  const done = await Promise.all(fetches);
  const tookS = (performance.now() - startMs) / 1000;
  const times = await stopWatching();
  const cpuS = cpu() - before;
  await load.close();
  return {
    cpuS,
    dhcpP99Ms: p99Ms,
    pageP99Ms: quantile(times, 0.99),
    tookS,
    failed: done.filter((good) => !good).length,
  };
}

async function measure(name: 'farrier' | 'dnsmasq + nginx'): Promise<readonly Storm[]> {
  const bridge = name === 'farrier' ? 'storm-f' : 'storm-p';
  const lan = await layLan(bridge, '10.94.0.2/16');
  const host = await lan.addHost(`${bridge}-server`, { address: `${SERVER}/16` });
  const addresses = Array.from(
    { length: 1280 },
    (_, n) => `addr add 10.94.${1 + (n >> 8)}.${n & 255}/16 dev ${bridge}`,
  );
  const batch = join(folder, 'addresses');
  writeFileSync(batch, addresses.join('\n'));
  await tool('ip', ['-batch', batch]);
  const rack = await (name === 'farrier' ? farrierRack : peerRack)(lan, host);
  try {
    const storms: Storm[] = [];
    for (let round = 0; round <= ROUNDS; round += 1) {
      const result = await storm(rack, round);
      // The first only warms it: a daemon has been up for days when the rack is switched on.
      if (round > 0 || ROUNDS === 0) storms.push(result);
      const { cpuS, dhcpP99Ms, pageP99Ms, tookS, failed } = result;
      const figures = `CPU ${cpuS.toFixed(2)} s, DHCP p99 ${dhcpP99Ms.toFixed(0)} ms, page p99 ${pageP99Ms.toFixed(0)} ms`;
      console.log(`${name}, ${BOARDS} boards: ${figures}, ${tookS.toFixed(1)} s in all, ${failed} failed`);
    }
    return storms;
  } finally {
    for (const child of rack.processes) await endServer(child);
    await lan.remove();
  }
}

takeLoadCore();
execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], { stdio: 'inherit' });
try {
  const ours = await measure('farrier');
  if (WITH_PEER) {
    const theirs = await measure('dnsmasq + nginx');
    const cpuOf = (storms: readonly Storm[]): number =>
      quantile(
        storms.map((each) => each.cpuS),
        0.5,
      );
    console.log(`CPU: ${(cpuOf(ours) / cpuOf(theirs)).toFixed(2)} x dnsmasq + nginx; goal 1.3`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
