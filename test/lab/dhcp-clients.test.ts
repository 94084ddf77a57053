import { strict as assert } from 'node:assert';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { layLan, tool, type LabHost, type Lan } from '../../lab/netns.ts';
import { formatIpv4 } from '../../server/core/address.ts';
import type { Network } from '../../server/core/lease.ts';
import { BindError } from '../../server/net/bind-error.ts';
import { startDhcpListener, type DhcpListener } from '../../server/net/dhcp-listener.ts';
import { FakeAdvisor, ip, mac, network } from '../support/dhcp-lab.ts';
import { MemoryLeaseStore } from '../support/memory-lease-store.ts';
import { realClock } from '../../server/edges/real-clock.ts';
import { realRng } from '../../server/edges/real-rng.ts';
import { createQuietLog, type QuietLog } from '../support/quiet-log.ts';
import { until } from '../support/until.ts';

const SOON_MS = 30_000;
const MAC_A = '52:54:00:77:00:01';
const MAC_B = '52:54:00:77:00:02';

interface Running {
  readonly listener: DhcpListener;
  readonly advisor: FakeAdvisor;
  readonly store: MemoryLeaseStore;
  readonly log: QuietLog;
}

async function start(networks: readonly Network[], advisor = new FakeAdvisor()): Promise<Running> {
  const [store, log] = [new MemoryLeaseStore(), createQuietLog()];
  const listener = await startDhcpListener({
    networks,
    advisor,
    leases: store,
    clock: realClock,
    rng: realRng,
    log,
    onServer: () => undefined,
  });
  return { listener, advisor, store, log };
}

/** A message as the npm package `dhcp` read it. */
interface Heard {
  readonly yiaddr: string;
  readonly siaddr: string;
  readonly options: Readonly<Record<number, unknown>>;
}

/** Sets up what udhcpc was given. */
const SET_UP =
  '#!/bin/sh\n[ "$1" = bound ] || [ "$1" = renew ] || exit 0\nip addr flush dev $interface\n' +
  'ip addr add $ip/$mask dev $interface\nenv | sort > "$OUT"\n';

/** A udhcpc that takes an address, sets it up, and leaves. */
async function udhcpc(host: LabHost, folder: string, ...more: readonly string[]): Promise<string> {
  const script = join(folder, `udhcpc-${host.netns}.sh`);
  writeFileSync(script, SET_UP, { mode: 0o755 });
  const out = join(folder, `udhcpc-${host.netns}`);
  const env = [
    'env',
    '-i',
    'PATH=/usr/sbin:/usr/bin:/sbin:/bin',
    `OUT=${out}`,
    'udhcpc',
    '-i',
    'eth0',
    '-f',
    '-q',
    '-n',
    '-t',
    '20',
    '-T',
    '1',
    '-s',
    script,
  ];
  await host.exec(env[0] ?? '', [...env.slice(1), ...more]);
  return readFileSync(out, 'utf8');
}

async function dhclient(host: LabHost, folder: string): Promise<string> {
  const leases = join(folder, `dhclient-${host.netns}`);
  const script = join(folder, 'dhclient-script');
  writeFileSync(script, '#!/bin/sh\nexit 0\n', { mode: 0o755 });
  writeFileSync(leases, '');
  const args = ['-4', '-1', '-v', '-lf', leases, '-pf', `${leases}.pid`, '-sf', script, '-cf', '/dev/null', 'eth0'];
  await host.exec('dhclient', args);
  const text = readFileSync(leases, 'utf8');
  const pid = (): number => Number(existsSync(`${leases}.pid`) ? readFileSync(`${leases}.pid`, 'utf8') : 0);
  await until('dhclient, gone to the background, says who it is', () => pid() > 0, SOON_MS); // it may do so after it returned
  process.kill(pid(), 'SIGKILL');
  return text;
}

describe('DHCP in a lab', function () {
  this.timeout(180_000);
  let lan: Lan;
  let folder: string;
  let running: Running | undefined;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'dhcp-clients-'));
    lan = await layLan('dhcpbr0', '10.77.0.1/24');
  });
  afterEach(async () => {
    await running?.listener.close();
    running = undefined;
  });
  after(async () => {
    await lan.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  const rack = (change: Partial<Network> = {}): Network => network({ interface: 'dhcpbr0', ...change });

  it('busybox udhcpc gets an address, its options and a renewal; the lease is in the store', async () => {
    running = await start([rack()]);
    const host = await lan.addHost('dhcp-udhcpc', { mac: MAC_A });
    const seen = await udhcpc(host, folder);
    assert.match(seen, /^ip=10\.77\.0\.100$/m);
    assert.match(seen, /^router=10\.77\.0\.254$/m);
    assert.match(seen, /^dns=10\.77\.0\.53$/m);
    assert.match(seen, /^lease=3600$/m);
    assert.match(seen, /^siaddr=10\.77\.0\.1$/m);
    assert.match(seen, /^serverid=10\.77\.0\.1$/m);
    const rows = await running.store.list();
    assert.deepEqual(
      rows.map((row) => [formatIpv4(row.address), row.key, row.state]),
      [['10.77.0.100', `mac:${MAC_A}`, 'bound']],
    );
    const again = await udhcpc(host, folder);
    assert.match(again, /^ip=10\.77\.0\.100$/m);
    await host.remove();
  });

  it('C4 a known machine keeps its reserved address whatever client identifier it shows', async () => {
    const advisor = new FakeAdvisor();
    advisor.known.set(mac(MAC_B), 'mustang-03');
    advisor.reserve('rack1', mac(MAC_B), ip('10.77.0.33'));
    running = await start([rack()], advisor);
    const host = await lan.addHost('dhcp-known', { mac: MAC_B });
    assert.match(await udhcpc(host, folder, '-x', '0x3d:ff00000001000100012345'), /^ip=10\.77\.0\.33$/m);
    assert.match(await udhcpc(host, folder), /^ip=10\.77\.0\.33$/m);
    await host.remove();
  });

  it('ISC dhclient gets an address', async () => {
    running = await start([rack()]);
    const host = await lan.addHost('dhcp-isc', { mac: MAC_A });
    const lease = await dhclient(host, folder);
    assert.match(lease, /fixed-address 10\.77\.0\.100;/);
    assert.match(lease, /option dhcp-server-identifier 10\.77\.0\.1;/);
    assert.match(lease, /option subnet-mask 255\.255\.255\.0;/);
    await host.remove();
  });

  it('the client of the npm package dhcp gets an address, and reads the options as they were meant', async () => {
    running = await start([rack()]);
    const host = await lan.addHost('dhcp-npm', { mac: MAC_A });
    await host.exec('ip', ['route', 'add', 'default', 'dev', 'eth0']); // it broadcasts without naming an interface
    const program = ['--import', 'tsx', 'test/support/npm-dhcp-client.ts', MAC_A];
    const { stdout } = await host.exec('timeout', ['60', process.execPath, ...program]);
    const [offer, ack, ...more] = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Heard);
    assert.deepEqual([offer?.options[53], ack?.options[53], more.length], [2, 5, 0]);
    assert.deepEqual([ack?.yiaddr, ack?.siaddr], ['10.77.0.100', '10.77.0.1']);
    const read = [1, 3, 6, 28, 51, 54, 58, 59].map((code) => ack?.options[code]);
    const [mask, router, dns, broadcast] = ['255.255.255.0', ['10.77.0.254'], ['10.77.0.53'], '10.77.0.255'];
    assert.deepEqual(read, [mask, router, dns, broadcast, 3600, '10.77.0.1', 1800, 3150]);
    const [row] = await running.store.list();
    assert.deepEqual([row?.state, row?.mac], ['bound', MAC_A]);
    await host.remove();
  });

  it('D3 an address somebody uses already is not offered (probe: arp)', async () => {
    running = await start([rack({ probe: 'arp' })]);
    const squatter = await lan.addHost('dhcp-squat', { address: '10.77.0.100/24' });
    const host = await lan.addHost('dhcp-probed', { mac: MAC_A });
    assert.match(await udhcpc(host, folder), /^ip=10\.77\.0\.101$/m);
    assert.ok(running.log.lines.some((line) => /10\.77\.0\.100 is taken out of service/.test(line)));
    await squatter.remove();
    await host.remove();
  });

  it('D3 the same by ICMP echo (probe: ping)', async () => {
    running = await start([network({ interface: 'dhcpbr0', probe: 'ping' }, ['10.77.0.130-10.77.0.139'])]);
    const squatter = await lan.addHost('dhcp-squat2', { address: '10.77.0.130/24' });
    const host = await lan.addHost('dhcp-probed2', { mac: MAC_A });
    assert.match(await udhcpc(host, folder), /^ip=10\.77\.0\.131$/m);
    await squatter.remove();
    await host.remove();
  });

  it('two networks on two interfaces: each client gets an address of its own network', async () => {
    const other = await layLan('dhcpbr1', '10.79.0.1/24');
    const subnet = { network: ip('10.79.0.0'), prefix: 24 };
    const second = network(
      { name: 'rack9', interface: 'dhcpbr1', subnet, address: ip('10.79.0.1'), router: undefined, dns: [] },
      ['10.79.0.10-10.79.0.20'],
    );
    running = await start([rack(), second]);
    const hosts = await Promise.all([lan.addHost('dhcp-two-a'), other.addHost('dhcp-two-b')]);
    const [a = '', b = ''] = await Promise.all(hosts.map((host) => udhcpc(host, folder)));
    assert.match(a, /^ip=10\.77\.0\.100$/m);
    assert.match(b, /^ip=10\.79\.0\.10$/m);
    await other.remove();
    for (const host of hosts) await host.remove().catch(() => undefined);
  });

  it('D24 an interface that is not configured gets no answer', async () => {
    const other = await layLan('dhcpbr2', '10.80.0.1/24');
    running = await start([rack()]);
    const host = await other.addHost('dhcp-silent');
    await assert.rejects(
      host.exec('udhcpc', ['-i', 'eth0', '-f', '-q', '-n', '-t', '2', '-T', '1', '-s', '/bin/true']),
    );
    const { received, looped, sent } = running.listener.counters;
    assert.deepEqual([received - looped, sent], [0, 0], 'only our own probe for other servers was heard');
    await other.remove();
  });

  it('an interface that is deleted and made anew is served again; so is one that appears late', async () => {
    const late = network(
      { interface: 'dhcpbr3', subnet: { network: ip('10.81.0.0'), prefix: 24 }, address: ip('10.81.0.1') },
      ['10.81.0.10-10.81.0.20'],
    );
    running = await start([late]);
    const { listener } = running;
    assert.deepEqual(listener.serving(), []);
    for (const round of ['late', 'anew']) {
      const other = await layLan('dhcpbr3', '10.81.0.1/24');
      await until(`${round}: served`, () => listener.serving().length === 1, SOON_MS);
      const host = await other.addHost(`dhcp-${round}`, { mac: MAC_A });
      assert.match(await udhcpc(host, folder), /^ip=10\.81\.0\.10$/m);
      await host.remove();
      await tool('ip', ['link', 'del', 'dhcpbr3']);
      if (round === 'late') continue;
      await until('gone', () => listener.serving().length === 0, SOON_MS);
    }
  });

  it('a port that is taken is an error that names the holder', async () => {
    const host = await lan.addHost('dhcp-holder');
    const holder = await start([rack()]);
    await assert.rejects(start([rack()]), (error) => {
      assert.ok(error instanceof BindError);
      assert.equal(error.code, 'port-taken');
      assert.match(error.message, /UDP port 67 on dhcpbr0 is held by .*\(pid \d+\)/);
      return true;
    });
    await holder.listener.close();
    await host.remove();
  });
});
