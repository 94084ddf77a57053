import { strict as assert } from 'node:assert';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endChild, saidBy } from '../../lab/child-process.ts';
import { layLan, type LabHost, type Lan } from '../../lab/netns.ts';
import { formatIpv4 } from '../../server/core/address.ts';
import { startDhcpListener } from '../../server/net/dhcp-listener.ts';
import { sharedNeighbours } from '../../server/net/neighbours.ts';
import { probeMeans } from '../../server/net/probe-address.ts';
import { findRivals, type Rival } from '../../server/net/rival.ts';
import { udpOnDevice } from '../../server/net/udp-on-device.ts';
import { FakeAdvisor, ip, network } from '../support/dhcp-lab.ts';
import { MemoryLeaseStore } from '../support/memory-lease-store.ts';
import { realClock } from '../../server/edges/real-clock.ts';
import { realRng } from '../../server/edges/real-rng.ts';
import { createQuietLog } from '../support/quiet-log.ts';
import { startForeign, type Foreign, type ForeignServer } from '../support/foreign-dhcp.ts';
import { until } from '../support/until.ts';

const OURS = ip('10.77.0.1');
const { knock } = probeMeans(realClock);
const edges = { clock: realClock, rng: realRng, open: udpOnDevice, neighbours: sharedNeighbours(), knock };
const THEIR_MAC = '52:54:00:77:00:99';
const SOON_MS = 30_000;

describe('DHCP rivals in a lab', function () {
  this.timeout(180_000);
  let lan: Lan;
  let folder: string;
  let host: LabHost;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'dhcp-rivals-'));
    lan = await layLan('rivalbr0', '10.77.0.1/24');
    host = await lan.addHost('rival-host', { mac: THEIR_MAC, address: '10.77.0.9/24' });
  });
  after(async () => {
    await lan.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  /** dnsmasq listens as soon as it says that DHCP is on. */
  async function dnsmasq(...more: readonly string[]): Promise<ChildProcess> {
    const args = [
      '-k',
      '-p0',
      '--conf-file=/dev/null',
      '--pid-file=',
      '--interface=eth0',
      `--dhcp-leasefile=${folder}/dnsmasq`,
    ];
    const child = host.spawn('dnsmasq', [
      ...args,
      '--log-facility=-',
      '--dhcp-range=10.77.0.50,10.77.0.60,1h',
      ...more,
    ]);
    await saidBy(child).has('DHCP, IP range', 30_000);
    return child;
  }

  async function udhcpd(): Promise<ChildProcess> {
    const conf = join(folder, 'udhcpd.conf');
    const lines = [
      'start 10.77.0.70',
      'end 10.77.0.80',
      'interface eth0',
      `lease_file ${folder}/udhcpd`,
      `pidfile ${folder}/pid`,
    ];
    writeFileSync(conf, `${lines.join('\n')}\n`);
    writeFileSync(join(folder, 'udhcpd'), '');
    const child = host.spawn('busybox', ['udhcpd', '-f', conf]);
    // It says "started" before it listens.
    const port67 = async (): Promise<boolean> => (await host.exec('cat', ['/proc/net/udp'])).stdout.includes(':0043 ');
    await until('udhcpd listens', port67, SOON_MS);
    return child;
  }

  const foreign = (which: ForeignServer) => (): Promise<Foreign> =>
    startForeign(which, host, { prefix24: '10.77.0', folder });

  it('7 an empty wire has no rival', async () => {
    assert.deepEqual(await findRivals('rivalbr0', OURS, edges), []);
  });

  for (const [name, start] of [
    ['dnsmasq', () => dnsmasq()],
    ['busybox udhcpd', udhcpd],
    ['Kea', foreign('Kea')],
    ['ISC dhcpd', foreign('ISC dhcpd')],
  ] as const)
    it(`7 ${name} is found by the start's probe and named by address and MAC`, async () => {
      const server = await start();
      try {
        // ISC dhcpd pings for a second before it offers, and a busy host is late: the daemon probes more than once too.
        let rival: Rival | undefined;
        const isFound = async (): Promise<boolean> => {
          [rival] = await findRivals('rivalbr0', OURS, edges);
          return rival?.mac !== undefined;
        };
        await until('a rival and its MAC', isFound, SOON_MS, () => JSON.stringify(rival));
        assert.deepEqual(
          [formatIpv4(rival?.serverId ?? OURS), rival?.mac, rival?.interface],
          ['10.77.0.9', THEIR_MAC, 'rivalbr0'],
        );
      } finally {
        if ('stop' in server) await server.stop();
        else await endChild(server);
      }
    });

  it('9 one that comes up later is reported when it answers a client of the link, and our service does not answer our own probe', async () => {
    const [rivals, log] = [[] as Rival[], createQuietLog()];
    const listener = await startDhcpListener({
      networks: [network({ interface: 'rivalbr0' }, ['10.77.0.200-10.77.0.210'])],
      advisor: new FakeAdvisor(),
      leases: new MemoryLeaseStore(),
      clock: realClock,
      rng: realRng,
      log,
      onServer: (news) => {
        if (news.is === 'seen') rivals.push(news.rival);
      },
    });
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.deepEqual([rivals, listener.leases(), listener.counters.sent], [[], [], 0]);
    const server = await dnsmasq('--no-ping');
    const client = await lan.addHost('rival-client');
    const script = ['-i', 'eth0', '-f', '-q', '-n', '-t', '5', '-T', '1', '-B', '-s', '/bin/true'];
    await client.exec('udhcpc', script).catch(() => undefined);
    await until('a report', () => rivals.length > 0, SOON_MS);
    assert.equal(formatIpv4(rivals[0]?.serverId ?? OURS), '10.77.0.9');
    assert.ok(log.lines.some((line) => line.includes('another DHCP server: 10.77.0.9')));
    await endChild(server);
    await listener.close();
    await client.remove();
  });
});
