import { strict as assert } from 'node:assert';
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endChild, saidBy } from '../../lab/child-process.ts';
import { layLan, tool, type LabHost, type Lan } from '../../lab/netns.ts';
import { formatIpv4 } from '../../server/core/address.ts';
import { startDhcpListener, type DhcpListener } from '../../server/net/dhcp-listener.ts';
import { FakeAdvisor, ip, mac, network, relayedNetwork } from '../support/dhcp-lab.ts';
import { MemoryLeaseStore } from '../support/memory-lease-store.ts';
import { realClock } from '../../server/edges/real-clock.ts';
import { realRng } from '../../server/edges/real-rng.ts';
import { createQuietLog } from '../support/quiet-log.ts';
import { until } from '../support/until.ts';

const SOON_MS = 30_000;
const MAC = '52:54:00:78:00:01';
const RELAY = '10.78.0.1';

/** A router between two LANs, with dnsmasq as a DHCP relay on it; clients are on the far side. */
describe('DHCP through a real relay in a lab', function () {
  this.timeout(180_000);
  let near: Lan;
  let far: Lan;
  let client: LabHost;
  let relay: ChildProcess;
  let listener: DhcpListener;
  let folder: string;
  const store = new MemoryLeaseStore();
  const advisor = new FakeAdvisor();

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'dhcp-relay-'));
    near = await layLan('relaybr0', '10.77.0.1/24');
    far = await layLan('relaybr1', '10.99.0.1/24');
    const router = await near.addHost('relay-router', { address: '10.77.0.2/24' });
    await tool('ip', ['link', 'add', 'v-relay1', 'type', 'veth', 'peer', 'name', 'eth1', 'netns', 'relay-router']);
    await tool('ip', ['link', 'set', 'v-relay1', 'master', 'relaybr1', 'up']);
    await router.exec('ip', ['link', 'set', 'eth1', 'up']);
    await router.exec('ip', ['addr', 'add', `${RELAY}/24`, 'dev', 'eth1']);
    await router.exec('sysctl', ['-qw', 'net.ipv4.ip_forward=1']);
    await tool('ip', ['route', 'add', '10.78.0.0/24', 'via', '10.77.0.2']);
    client = await far.addHost('relay-client', { mac: MAC });
    listener = await startDhcpListener({
      networks: [network({ interface: 'relaybr0' }), relayedNetwork()],
      advisor,
      leases: store,
      clock: realClock,
      rng: realRng,
      log: createQuietLog(),
      onServer: () => undefined,
    });
    relay = router.spawn('dnsmasq', [
      '-k',
      '-p0',
      '--conf-file=/dev/null',
      '--pid-file=',
      '--log-facility=-',
      `--dhcp-relay=${RELAY},10.77.0.1`,
    ]);
    await saidBy(relay).has('DHCP relay from', 30_000);
  });
  after(async () => {
    await endChild(relay);
    await listener.close();
    await far.remove();
    await near.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Arguments of `env` for a udhcpc that sets its address and route up, and leaves what it was told in a file. */
  function udhcpcArgs(...more: readonly string[]): readonly string[] {
    const script = join(folder, 'script.sh');
    const setUp =
      '#!/bin/sh\n[ "$1" = bound ] || exit 0\nip addr flush dev eth0\nip addr add $ip/$mask dev eth0\n' +
      'ip route add default via $router\nenv | sort > "$OUT.new"\nmv "$OUT.new" "$OUT"\n';
    writeFileSync(script, setUp, { mode: 0o755 });
    rmSync(join(folder, 'out'), { force: true });
    const env = ['-i', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin', `OUT=${join(folder, 'out')}`];
    return [...env, 'udhcpc', '-i', 'eth0', '-f', '-n', '-t', '20', '-T', '1', '-s', script, ...more];
  }

  async function udhcpc(): Promise<string> {
    await client.exec('env', udhcpcArgs('-q'));
    return readFileSync(join(folder, 'out'), 'utf8');
  }

  it('E1 A12 a client behind it gets an address of its own subnet, and the lease is there', async () => {
    const seen = await udhcpc();
    assert.match(seen, /^ip=10\.78\.0\.50$/m);
    assert.match(seen, /^router=10\.78\.0\.1$/m);
    assert.match(seen, /^serverid=10\.77\.0\.1$/m);
    const [row] = await store.list();
    assert.ok(row);
    assert.deepEqual([row.network, formatIpv4(row.address), row.state], ['rack2', '10.78.0.50', 'bound']);
  });

  it('E7 D17 its RELEASE comes by unicast past the relay, and counts', async () => {
    const stays = client.spawn('env', udhcpcArgs('-R'));
    await until('the lease', () => existsSync(join(folder, 'out')), SOON_MS);
    await endChild(stays, { by: 'SIGTERM' });
    const isReleased = (): boolean => [...store.rows.values()].some((row) => row.state === 'released');
    await until('the release', isReleased, SOON_MS);
  });

  it('a known machine behind it gets its reserved address', async () => {
    advisor.known.set(mac(MAC), 'merlin-01');
    advisor.reserve('rack2', mac(MAC), ip('10.78.0.20'));
    assert.match(await udhcpc(), /^ip=10\.78\.0\.20$/m);
  });
});
