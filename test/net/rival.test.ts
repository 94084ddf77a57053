import { strict as assert } from 'node:assert';
import { NO_ADDRESS, type Ipv4 } from '../../server/core/address.ts';
import type { Neighbour } from '../../server/net/neighbours.ts';
import { describeRival, findRivals, type RivalEdges } from '../../server/net/rival.ts';
import { decodeMessage, messageType } from '../../server/wire/dhcp/message.ts';
import { OPT } from '../../server/wire/dhcp/options.ts';
import { clientMessage, countingRng, ip, macNo, u32 } from '../support/dhcp-lab.ts';
import { FakeHost } from '../support/fake-wire.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';

const OURS = ip('10.77.0.1');
const THEIRS = ip('10.77.0.9');

interface Scene extends RivalEdges {
  readonly host: FakeHost;
  readonly clock: FakeClock;
}

function scene(neighbours: ReadonlyMap<Ipv4, Neighbour> = new Map()): Scene {
  const [host, clock] = [new FakeHost(), createFakeClock()];
  return {
    host,
    clock,
    rng: countingRng(),
    open: (device, port, events) => host.open(device, port, events),
    neighbours: () => Promise.resolve(neighbours),
    knock: () => Promise.resolve(false),
  };
}

const rest = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};
const hear = (host: FakeHost, octets: Uint8Array, from = THEIRS): void => {
  host.sockets.get('eth1:68')?.datagram(octets, { address: from, port: 67 });
};
const offer = (server?: Ipv4, op = 2): Uint8Array =>
  clientMessage('OFFER', { op, mac: macNo(5) }, server === undefined ? [] : [u32(OPT.serverId, server)]);

describe('net/rival', () => {
  it('7 asks as a client would: INFORM and DISCOVER, broadcast from port 68', async () => {
    const it = scene();
    const found = findRivals('eth1', OURS, it);
    await rest();
    const messages = it.host.sent.map((sent) => {
      assert.deepEqual([sent.port, sent.to], [68, { address: 0xffffffff, port: 67 }]);
      const decoded = decodeMessage(sent.octets);
      assert.ok(decoded.ok);
      return decoded.value;
    });
    assert.deepEqual(
      messages.map((message) => messageType(message.options)),
      ['INFORM', 'DISCOVER'],
    );
    assert.deepEqual(
      messages.map((message) => message.ciaddr),
      [OURS, NO_ADDRESS],
    );
    assert.deepEqual(
      messages.map((message) => (message.chaddr[0] ?? 0) & 3),
      [2, 2],
      'locally administered',
    );
    await it.clock.pass(1500);
    assert.deepEqual(await found, []);
    assert.equal(it.host.sockets.size, 0, 'port 68 is given back');
  });

  it('7 a server that answers is named by server identifier and MAC, once', async () => {
    const it = scene(new Map([[THEIRS, { mac: macNo(9), isReachable: true }]]));
    const found = findRivals('eth1', OURS, it);
    await rest();
    hear(it.host, offer(THEIRS));
    hear(it.host, offer(THEIRS));
    await it.clock.pass(1500);
    const [rival, ...others] = await found;
    assert.ok(rival);
    assert.equal(others.length, 0);
    assert.equal(describeRival(rival), `10.77.0.9 (${macNo(9)}) on eth1: OFFER to ${macNo(5)}`);
  });

  it('what came in time counts although it is read late', async () => {
    const it = scene();
    const found = findRivals('eth1', OURS, it);
    await rest();
    it.clock.advance(1250);
    await rest();
    hear(it.host, offer(THEIRS));
    await it.clock.pass(10);
    assert.deepEqual(
      (await found).map(({ serverId }) => serverId),
      [THEIRS],
    );
  });

  it('our own answers, requests, and rubbish are no rivals', async () => {
    const it = scene();
    const found = findRivals('eth1', OURS, it);
    await rest();
    hear(it.host, offer(OURS), OURS);
    hear(it.host, offer(OURS), THEIRS);
    hear(it.host, offer(THEIRS, 1));
    hear(it.host, new Uint8Array(300));
    await it.clock.pass(1500);
    assert.deepEqual(await found, []);
  });

  it('without option 54 a server is where its answer came from', async () => {
    const it = scene();
    const found = findRivals('eth1', OURS, it);
    await rest();
    hear(it.host, offer());
    await it.clock.pass(1500);
    assert.deepEqual(
      (await found).map((rival) => [rival.serverId, rival.source]),
      [[THEIRS, THEIRS]],
    );
  });

  it('9 a server that only broadcasts is made to answer ARP, so that its MAC can be named', async () => {
    const neighbours = new Map<Ipv4, Neighbour>();
    const knocked: Ipv4[] = [];
    const it = scene(neighbours);
    const knock = (address: Ipv4): Promise<boolean> => {
      knocked.push(address);
      neighbours.set(address, { mac: macNo(9), isReachable: true });
      return Promise.resolve(true);
    };
    const found = findRivals('eth1', OURS, { ...it, knock });
    await rest();
    hear(it.host, offer(THEIRS));
    await it.clock.pass(1500);
    assert.deepEqual([(await found)[0]?.mac, knocked], [macNo(9), [THEIRS]]);
  });

  it('an OFFER without an address is that of another proxy, an answer to our INFORM is not', async () => {
    const it = scene();
    const found = findRivals('eth1', OURS, it);
    await rest();
    hear(it.host, offer(THEIRS));
    hear(
      it.host,
      clientMessage('ACK', { op: 2, mac: macNo(5) }, [u32(OPT.serverId, ip('10.77.0.8'))]),
      ip('10.77.0.8'),
    );
    await it.clock.pass(1500);
    assert.deepEqual(
      (await found).map((rival) => [rival.isProxy, rival.toProbe]),
      [
        [true, false],
        [false, false],
      ],
    );
  });
});
