// HTTP server CPU per GiB from memory, Farrier beside nginx, in one run. See bench/README.md.
//   node scripts/lab.cjs node --import tsx bench/http.ts [MiB per client, 64] [ROUNDS, 5]
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ended } from '../lab/child-process.ts';
import { layLan, type LabHost } from '../lab/netns.ts';
import { cpuSecondsOf, endServer, LOAD_CPU, quantile, startServer, until } from './processes.ts';

const [ADDRESS, CLIENTS] = ['10.99.0.1', 16];
const FILE_OCTETS = Number(process.argv[2] ?? 64) << 20;
const ROUNDS = Number(process.argv[3] ?? 5);

const folder = await mkdtemp(join(tmpdir(), 'farrier-bench-http-'));
const conf = join(folder, 'nginx.conf');
const servers: Readonly<Record<'farrier' | 'nginx', readonly string[]>> = {
  farrier: [process.execPath, '--import', 'tsx', 'bench/http-server.ts', ADDRESS, join(folder, 'boot', 'file')],
  nginx: ['nginx', '-c', conf, '-e', 'stderr'],
};

async function fetchAll(boards: readonly LabHost[]): Promise<void> {
  await Promise.all(
    boards.map(async (board) => {
      const url = `http://${ADDRESS}:8080/boot/file`;
      const child = board.spawn('taskset', ['-c', LOAD_CPU, 'curl', '-sf', '-o', '/dev/null', url], {
        stdio: 'ignore',
      });
      await ended(child);
      if (child.exitCode !== 0) throw new Error('a client failed');
    }),
  );
}

async function cpuPerGib(name: keyof typeof servers, host: LabHost, boards: readonly LabHost[]): Promise<number> {
  const child = startServer(host, servers[name]);
  try {
    await until(async () => (await host.exec('cat', ['/proc/net/tcp'])).stdout.includes(':1F90 00000000:0000'));
    await fetchAll(boards);
    const before = cpuSecondsOf(child.pid ?? 0);
    await fetchAll(boards);
    return (cpuSecondsOf(child.pid ?? 0) - before) / ((CLIENTS * FILE_OCTETS) / 2 ** 30);
  } finally {
    await endServer(child);
  }
}

const lan = await layLan('http0', '10.99.0.2/24');
try {
  await writeFile(
    conf,
    `daemon off; worker_processes 1; pid ${folder}/nginx.pid; user root; events { worker_connections 1024; }
    http { access_log off; sendfile on; tcp_nopush on; client_body_temp_path ${folder}/body; server { listen ${ADDRESS}:8080; root ${folder}; } }`,
  );
  await mkdir(join(folder, 'boot'));
  await writeFile(join(folder, 'boot', 'file'), randomBytes(FILE_OCTETS));
  const host = await lan.addHost('http0-server', { address: `${ADDRESS}/24` });
  const boards: LabHost[] = [];
  for (let i = 0; i < CLIENTS; i += 1)
    boards.push(await lan.addHost(`http0-${i}`, { address: `10.99.0.${10 + i}/24` }));
  const figures = { farrier: [] as number[], nginx: [] as number[] };
  for (let round = 0; round < ROUNDS; round += 1)
    for (const name of ['farrier', 'nginx'] as const) {
      figures[name].push(await cpuPerGib(name, host, boards));
      console.log(`${name}: ${figures[name].at(-1)?.toFixed(3) ?? ''} CPU s/GiB`);
    }
  const [ours, theirs] = [quantile(figures.farrier, 0.5), quantile(figures.nginx, 0.5)];
  console.log(`farrier ${ours.toFixed(3)}, nginx ${theirs.toFixed(3)}: ${(ours / theirs).toFixed(2)} x; goal 1.15`);
} finally {
  await lan.remove();
  await rm(folder, { recursive: true });
}
