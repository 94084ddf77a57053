import { strict as assert } from 'node:assert';
import { ipv4, NO_ADDRESS, octetsOfMac, type Ipv4 } from '../../server/core/address.ts';
import { BindError } from '../../server/net/bind-error.ts';
import type { Neighbour } from '../../server/net/neighbours.ts';
import type { Rival } from '../../server/net/rival.ts';
import { openRivalDesk, type RivalDesk, type ServerNews } from '../../server/net/rival-desk.ts';
import { decodeMessage } from '../../server/wire/dhcp/message.ts';
import { OPT } from '../../server/wire/dhcp/options.ts';
import { clientMessage, countingRng, ip, macNo, u32 } from '../support/dhcp-lab.ts';
import { createFakeClock, settle, type FakeClock } from '../support/fake-clock.ts';
import { FakeHost } from '../support/fake-wire.ts';
import { createQuietLog, type QuietLog } from '../support/quiet-log.ts';

const OURS = ip('10.77.0.1');
const THEIRS = ip('10.77.0.9');

interface Scene {
  readonly host: FakeHost;
  readonly clock: FakeClock;
  readonly log: QuietLog;
  readonly told: ServerNews[];
  readonly neighbours: Map<Ipv4, Neighbour>;
  readonly desk: RivalDesk;
}

function scene(): Scene {
  const [host, clock, log] = [new FakeHost(), createFakeClock(), createQuietLog()];
  const told: ServerNews[] = [];
  const neighbours = new Map<Ipv4, Neighbour>();
  const desk = openRivalDesk({
    ...{ clock, log, rng: countingRng(), report: (news: ServerNews) => void told.push(news) },
    open: (device, port, events) => host.open(device, port, events),
    neighbours: () => Promise.resolve(neighbours),
    knock: () => Promise.resolve(false),
  });
  return { host, clock, log, told, neighbours, desk };
}

/** A server's answer to the last DISCOVER probe, or to a board of its own. */
async function answer(it: Scene, server = THEIRS, toProbe = true): Promise<void> {
  const probe = it.host.sent.at(-1);
  const asked = probe && decodeMessage(probe.octets);
  assert.ok(asked?.ok);
  const octets = clientMessage('OFFER', { op: 2, yiaddr: ip('10.77.0.50') }, [u32(OPT.serverId, server)]);
  octets.set(toProbe ? asked.value.chaddr : octetsOfMac(macNo(5)), 28);
  it.host.sockets.get('eth1:68')?.datagram(octets, { address: server, port: 67 });
  await settle();
}
const heard = (serverId: Ipv4): Rival => ({
  ...{ interface: 'eth1', serverId, source: undefined, mac: undefined, seen: 'a board took its offer' },
  ...{ toProbe: false, isProxy: false },
});
const kinds = (it: Scene): readonly string[] => it.told.map((news) => news.is);

describe('net/rival-desk', () => {
  it('9 a server that appears is named within a minute, with its MAC, and once', async () => {
    const it = scene();
    it.neighbours.set(THEIRS, { mac: macNo(9), isReachable: true });
    const watch = await it.desk.watch('eth1', OURS, false);
    assert.equal(it.host.sent.length, 2, 'INFORM and DISCOVER at once');
    it.clock.advance(45_000);
    assert.equal(it.host.sent.length, 4, 'and again before a minute is over');
    await answer(it);
    await answer(it);
    assert.deepEqual(kinds(it), ['seen']);
    const [news] = it.told;
    assert.ok(news?.is === 'seen');
    assert.deepEqual([news.rival.serverId, news.rival.mac, news.rival.toProbe], [THEIRS, macNo(9), true]);
    assert.match(
      it.log.lines.join(),
      /another DHCP server: 10\.77\.0\.9 \(52:54:00:00:00:09\) on eth1: OFFER to our probe/,
    );
    await watch.close();
    it.clock.advance(180_000);
    assert.equal(it.host.sent.length, 4, 'no probes after the end');
  });

  it('9 one that stops answering is gone after three probes, and is told of again when it comes back', async () => {
    const it = scene();
    const watch = await it.desk.watch('eth1', OURS, false);
    await answer(it);
    for (let probes = 0; probes < 3; probes += 1) {
      await it.clock.pass(45_000);
      assert.deepEqual(kinds(it), ['seen']);
      assert.equal(it.desk.now().present.length, 1);
    }
    await it.clock.pass(45_000);
    assert.deepEqual(kinds(it), ['seen', 'gone']);
    assert.deepEqual(it.desk.now().present, []);
    await answer(it);
    assert.deepEqual(kinds(it), ['seen', 'gone', 'seen']);
    await watch.close();
  });

  it('one that answers only its own boards stays for ten minutes', async () => {
    const it = scene();
    const watch = await it.desk.watch('eth1', OURS, false);
    await answer(it, THEIRS, false);
    await it.clock.pass(540_000);
    assert.deepEqual(kinds(it), ['seen']);
    await it.clock.pass(90_000);
    assert.deepEqual(kinds(it), ['seen', 'gone']);
    await watch.close();
  });

  it('one known from a board alone gets its MAC when it is heard itself, and is not told of twice', async () => {
    const it = scene();
    const watch = await it.desk.watch('eth1', OURS, false);
    const before = it.host.sent.length;
    it.desk.heard(heard(THEIRS));
    assert.equal(it.host.sent.length, before + 2, 'it is asked at once');
    it.neighbours.set(THEIRS, { mac: macNo(9), isReachable: true });
    await answer(it);
    await it.clock.pass(2000);
    assert.deepEqual([it.desk.now().present[0]?.mac, kinds(it)], [macNo(9), ['seen']]);
    it.desk.heard(heard(ip('10.77.0.8')));
    await it.clock.pass(2000);
    assert.deepEqual([it.desk.now().present[1]?.mac, kinds(it)], [undefined, ['seen', 'seen']], 'one that stays dumb');
    await watch.close();
  });

  it('a flood of invented servers does not grow', async () => {
    const it = scene();
    for (let n = 0; n < 500; n += 1) it.desk.heard(heard(ipv4(0x0a4d0100 + n)));
    await it.clock.pass(2000);
    assert.deepEqual([it.told.length, it.desk.now().present.length], [64, 64]);
  });

  it('where a server is expected, none is a warning after ten seconds, and one that comes ends it', async () => {
    const it = scene();
    const watch = await it.desk.watch('eth1', OURS, true);
    await it.clock.pass(9_000);
    assert.deepEqual([kinds(it), it.desk.now().lacking], [[], []]);
    await it.clock.pass(1_000);
    assert.deepEqual([kinds(it), it.desk.now().lacking], [['nobody'], ['eth1']]);
    assert.match(it.log.lines.join(), /nobody gives addresses on eth1/);
    await it.clock.pass(90_000);
    assert.deepEqual(kinds(it), ['nobody'], 'told once');
    await answer(it);
    assert.deepEqual([kinds(it), it.desk.now().lacking], [['nobody', 'seen'], []]);
    assert.ok(!it.log.lines.some((line) => line.includes('another DHCP server')));
    await it.clock.pass(225_000);
    assert.deepEqual(kinds(it), ['nobody', 'seen', 'gone', 'nobody']);
    await watch.close();
    assert.deepEqual(it.desk.now().lacking, []);
  });

  it('a proxy beside ours gives no addresses, so that nobody does', async () => {
    const it = scene();
    const watch = await it.desk.watch('eth1', OURS, true);
    it.desk.heard({ ...heard(THEIRS), isProxy: true });
    await it.clock.pass(10_000);
    assert.deepEqual(kinds(it), ['seen', 'nobody']);
    await watch.close();
  });

  it('an interface that was away does not make its server gone', async () => {
    const it = scene();
    const first = await it.desk.watch('eth1', OURS, false);
    await answer(it);
    await first.close();
    await it.clock.pass(1_000_000);
    const second = await it.desk.watch('eth1', OURS, false);
    await it.clock.pass(45_000);
    assert.deepEqual(kinds(it), ['seen']);
    await second.close();
  });

  it('where port 68 is taken it does without, says so, and expects nobody it could not hear', async () => {
    const it = scene();
    it.host.failure = () => new BindError('port-taken', 'UDP port 68 on eth1 is held by dhclient (pid 9)');
    const watch = await it.desk.watch('eth1', OURS, true);
    assert.match(it.log.lines.join(), /no watch for other DHCP servers on eth1: .*dhclient/);
    await it.clock.pass(100_000);
    assert.deepEqual(kinds(it), []);
    await watch.close();
    it.host.failure = () => new Error('our own mistake');
    await assert.rejects(it.desk.watch('eth1', OURS, false), /our own mistake/);
  });

  it('loopback has nobody to watch', async () => {
    const it = scene();
    await (await it.desk.watch('lo', NO_ADDRESS, true)).close();
    assert.equal(it.host.opened, 0);
  });
});
