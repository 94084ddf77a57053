// How long 256 boards wait for a small file by TFTP, with and without loss, Farrier beside dnsmasq. See bench/README.md.
//   node scripts/lab.cjs node --import tsx bench/small-files.ts [ROUNDS]
import { createSocket } from 'node:dgram';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { layLan, tool } from '../lab/netns.ts';
import { endServer, quantile, startServer, takeLoadCore, until } from './processes.ts';

const [ADDRESS, CLIENTS, FILE_OCTETS, BLKSIZE] = ['10.99.0.1', 256, 32 * 1024, 1468];
const ROUNDS = Number(process.argv[2] ?? 5);
/** What u-boot waits before it asks again; UEFI waits as long. */
const PATIENCE_MS = 1000;
const GIVE_UP_MS = 30_000;

const folder = await mkdtemp(join(tmpdir(), 'farrier-bench-small-'));
const servers: Readonly<Record<'farrier' | 'dnsmasq', readonly string[]>> = {
  farrier: [
    process.execPath,
    '--import',
    'tsx',
    'bench/tftp-server.ts',
    ADDRESS,
    '10.99.0.0/16',
    join(folder, 'file'),
    'segmenting',
  ],
  dnsmasq: [
    ...[
      'dnsmasq',
      '--keep-in-foreground',
      '--conf-file=/dev/null',
      '--port=0',
      '--enable-tftp',
      `--tftp-root=${folder}`,
    ],
    ...['--user=root', '--tftp-max=600', '--log-facility=/dev/null', `--pid-file=${folder}/dnsmasq.pid`],
  ],
};

/** A datagram of the wire that is lost in so many of a hundred, either way; the choice is the same for both servers. */
function lossy(percent: number, seed: number): () => boolean {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32 < percent / 100;
  };
}

/** A board has an address of its own: a server limits what one may ask at a time. */
const BOARDS = Array.from({ length: CLIENTS }, (_, index) => `10.99.1.${index}`);

const request = Buffer.from(`\0\x01file\0octet\0blksize\0${BLKSIZE}\0`, 'latin1');

/** One board: asks, acknowledges, asks again after a second of silence. Milliseconds, or nothing when it gave up. */
function fetchOnce(from: string, isLost: () => boolean): Promise<number | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket({
      type: 'udp4',
      lookup: (name, _options, done) => {
        done(null, name, 4);
      },
    });
    const startMs = performance.now();
    let [last, port, octets, block] = [request, 69, 0, 0];
    let timer: NodeJS.Timeout | undefined;
    const end = (took: number | undefined): void => {
      clearTimeout(timer);
      socket.close();
      resolve(took);
    };
    const say = (): void => {
      if (!isLost()) socket.send(last, port, ADDRESS);
      clearTimeout(timer);
      timer = setTimeout(
        performance.now() - startMs > GIVE_UP_MS
          ? () => {
              end(undefined);
            }
          : say,
        PATIENCE_MS,
      );
    };
    socket.on('message', (datagram, server) => {
      if (isLost()) return;
      const number = datagram.readUInt16BE(2);
      const isOack = datagram[1] === 6;
      if (!isOack && datagram[1] !== 3) return;
      if (!isOack && number !== block + 1) return;
      if (isOack && block > 0) return;
      port = server.port;
      if (!isOack) {
        block = number;
        octets += datagram.length - 4;
      }
      last = Buffer.from([0, 4, block >> 8, block & 0xff]);
      if (!isOack && datagram.length - 4 < BLKSIZE) {
        socket.send(last, port, ADDRESS, () => {
          end(octets === FILE_OCTETS ? performance.now() - startMs : undefined);
        });
      } else say();
    });
    socket.bind(0, from, say);
  });
}

interface Round {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly failed: number;
}

async function storm(percent: number, seed: number): Promise<Round> {
  const isLost = lossy(percent, seed);
  const took = await Promise.all(BOARDS.map((address) => fetchOnce(address, isLost)));
  const good = took.filter((each) => each !== undefined);
  return { p50Ms: quantile(good, 0.5), p99Ms: quantile(good, 0.99), failed: took.length - good.length };
}

const lan = await layLan('small0', '10.99.0.2/16');
takeLoadCore();
for (const address of BOARDS) await tool('ip', ['addr', 'add', `${address}/16`, 'dev', lan.bridge]);
try {
  await writeFile(join(folder, 'file'), randomBytes(FILE_OCTETS), { mode: 0o644 });
  for (const percent of [0, 1]) {
    const p99 = { farrier: [] as number[], dnsmasq: [] as number[] };
    for (const name of ['farrier', 'dnsmasq'] as const) {
      const host = await lan.addHost(`small0-${name}`, { address: `${ADDRESS}/16` });
      const child = startServer(host, servers[name]);
      await until(async () => (await host.exec('cat', ['/proc/net/udp'])).stdout.includes(':0045 00000000:0000'));
      await storm(0, 1);
      for (let round = 1; round <= ROUNDS; round += 1) {
        const { p50Ms, p99Ms, failed } = await storm(percent, round);
        p99[name].push(p99Ms);
        console.log(
          `${percent} % loss, ${name}: median ${p50Ms.toFixed(0)} ms, p99 ${p99Ms.toFixed(0)} ms, ${failed} failed`,
        );
      }
      await endServer(child);
      await host.remove();
    }
    const [ours, theirs] = [quantile(p99.farrier, 0.5), quantile(p99.dnsmasq, 0.5)];
    console.log(
      `${percent} % loss: p99 ${ours.toFixed(0)} ms, ${(ours / theirs).toFixed(2)} x dnsmasq (${theirs.toFixed(0)} ms)`,
    );
  }
} finally {
  await lan.remove();
  await rm(folder, { recursive: true });
}
