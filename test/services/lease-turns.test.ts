import { strict as assert } from 'node:assert';
import { formatIpv4, NO_ADDRESS, type Ipv4, type Mac } from '../../server/core/address.ts';
import type { Network } from '../../server/core/lease.ts';
import {
  openLeaseDesk,
  type LeaseAsk,
  type LeaseDesk,
  type RequestOutcome,
} from '../../server/services/grant-lease.ts';
import { ip, macNo, network, relayedNetwork } from '../support/dhcp-lab.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';
import { MemoryLeaseStore } from '../support/memory-lease-store.ts';
import { createQuietLog } from '../support/quiet-log.ts';

interface Bench {
  readonly desk: LeaseDesk;
  readonly store: MemoryLeaseStore;
  readonly clock: FakeClock;
  readonly reserved: Map<Mac, Ipv4>;
}

async function bench(net: Network, old?: Pick<Bench, 'store' | 'clock'>): Promise<Bench> {
  const { store, clock } = old ?? { store: new MemoryLeaseStore(), clock: createFakeClock(1_700_000_000_000) };
  const reserved = new Map<Mac, Ipv4>();
  const desk = await openLeaseDesk([net], {
    store,
    clock,
    log: createQuietLog(),
    soon: (call) => void setImmediate(call),
    reservations: () => reserved,
    probe: () => Promise.resolve(false),
  });
  return { desk, store, clock, reserved };
}

const NET = network();
const ask = (n: number, change: Partial<LeaseAsk> = {}): LeaseAsk => ({
  network: NET,
  client: { key: `mac:${macNo(n)}`, mac: macNo(n), isKnown: false },
  askedLeaseS: undefined,
  hostname: undefined,
  circuitId: undefined,
  remoteId: undefined,
  ...change,
});
/** The same board under a DUID. */
const byDuid = (n: number, isKnown = false): LeaseAsk['client'] => ({ key: `id:ff00${n}`, mac: macNo(n), isKnown });
const selecting = (address: string): Parameters<LeaseDesk['request']>[1] => ({
  namesUs: true,
  requested: ip(address),
  ciaddr: NO_ADDRESS,
});
const renewing = (address: string): Parameters<LeaseDesk['request']>[1] => ({
  namesUs: false,
  requested: undefined,
  ciaddr: ip(address),
});
const given = (outcome: RequestOutcome): string => (outcome.is === 'ack' ? formatIpv4(outcome.address) : outcome.is);
const offered = async (desk: LeaseDesk, asks: LeaseAsk): Promise<string> => {
  const offer = await desk.offer(asks, undefined);
  return offer.is === 'offer' ? formatIpv4(offer.address) : offer.because;
};

describe('services/grant-lease: while a lease is being written', () => {
  it('D21 the client is offered what is being written for it, and given nothing else', async () => {
    const { desk } = await bench(NET);
    const first = desk.request(ask(1), selecting('10.77.0.110'));
    assert.equal(given(await desk.request(ask(1), selecting('10.77.0.120'))), 'silent');
    assert.equal(await offered(desk, ask(1)), '10.77.0.110');
    assert.equal(given(await first), '10.77.0.110');
    assert.equal(given(await desk.request(ask(1), selecting('10.77.0.120'))), '10.77.0.120', 'afterwards it may move');
  });

  it('I1 a REQUEST that would be refused, or one for another server, does not free the address', async () => {
    const tiny = network({}, ['10.77.0.100-10.77.0.100']);
    const { desk } = await bench(tiny);
    const first = desk.request(ask(1, { network: tiny }), selecting('10.77.0.100'));
    await desk.request(ask(1, { network: tiny }), selecting('10.99.0.1'));
    desk.dropOffers(tiny, [`mac:${macNo(1)}`]);
    assert.match(await offered(desk, ask(2, { network: tiny })), /no free address/);
    assert.equal(given(await first), '10.77.0.100');
  });

  it('D15 a DECLINE that comes meanwhile wins: no ACK, and the address rests', async () => {
    const { desk, store } = await bench(NET);
    await desk.request(ask(1), selecting('10.77.0.110'));
    const again = desk.request(ask(1), selecting('10.77.0.110'));
    assert.equal(await desk.decline(NET, [`mac:${macNo(1)}`], ip('10.77.0.110')), undefined);
    assert.equal(given(await again), 'silent');
    assert.deepEqual([desk.leases()[0]?.state, [...store.rows.values()][0]?.state], ['declined', 'declined']);
  });

  it('I1 the old holder of an expired address cannot release it while another gets it', async () => {
    const tiny = network({}, ['10.77.0.100-10.77.0.100']);
    const old = await bench(tiny);
    await old.desk.request(ask(1, { network: tiny }), selecting('10.77.0.100'));
    old.clock.advance(3_600_001);
    const { desk, store } = await bench(tiny, old);
    await desk.offer(ask(2, { network: tiny }), undefined);
    const second = desk.request(ask(2, { network: tiny }), selecting('10.77.0.100'));
    assert.match((await desk.release(tiny, [`mac:${macNo(1)}`], ip('10.77.0.100'))) ?? '', /not this client's/);
    assert.equal(given(await second), '10.77.0.100');
    assert.deepEqual(
      [...store.rows.values()].map((lease) => [lease.mac, lease.state]),
      [[macNo(2), 'bound']],
    );
  });
});

describe('services/grant-lease: one board under several identities', () => {
  it('C4 a board that becomes known keeps the address it got under a DUID, and only that', async () => {
    const { desk } = await bench(NET);
    await desk.request(ask(9), selecting('10.77.0.100'));
    assert.equal(given(await desk.request(ask(1, { client: byDuid(1) }), selecting('10.77.0.110'))), '10.77.0.110');
    const known = ask(1, { client: { key: `mac:${macNo(1)}`, mac: macNo(1), isKnown: true } });
    assert.equal(await offered(desk, known), '10.77.0.110');
    assert.equal(given(await desk.request(known, selecting('10.77.0.110'))), '10.77.0.110');
    assert.deepEqual(
      desk.leases().map((lease) => [formatIpv4(lease.address), lease.key]),
      [
        ['10.77.0.100', `mac:${macNo(9)}`],
        ['10.77.0.110', `mac:${macNo(1)}`],
      ],
    );
  });

  it('C4 when it moves to its reserved address, what it had under a DUID is free', async () => {
    const { desk, reserved } = await bench(NET);
    await desk.request(ask(1, { client: byDuid(1) }), selecting('10.77.0.110'));
    reserved.set(macNo(1), ip('10.77.0.20'));
    const known = ask(1, { client: { key: `mac:${macNo(1)}`, mac: macNo(1), isKnown: true } });
    assert.equal(await offered(desk, known), '10.77.0.20');
    assert.equal(given(await desk.request(known, selecting('10.77.0.20'))), '10.77.0.20');
    assert.equal(desk.leases().find((lease) => lease.address === ip('10.77.0.110'))?.state, 'released');
  });

  it('D12 a machine that was forgotten while its system runs goes on renewing, under its DUID from then on', async () => {
    const { desk } = await bench(NET);
    const known = ask(1, { client: { key: `mac:${macNo(1)}`, mac: macNo(1), isKnown: true } });
    await desk.request(known, selecting('10.77.0.110'));
    assert.equal(given(await desk.request(ask(1, { client: byDuid(1) }), renewing('10.77.0.110'))), '10.77.0.110');
    assert.equal(desk.leases()[0]?.key, 'id:ff001');
    assert.equal(given(await desk.request(ask(2, { client: byDuid(2) }), renewing('10.77.0.110'))), 'nak');
  });
});

describe('services/grant-lease: relay ports', () => {
  const behind = relayedNetwork();
  const at = (n: number, circuitId: string | undefined): LeaseAsk => ask(n, { network: behind, circuitId });

  it('E6 a REQUEST without a DISCOVER does not get round the limit of a port', async () => {
    const { desk } = await bench(behind);
    const given50 = await Promise.all(
      [...Array(50).keys()].map((n) => desk.request(at(n, '0a'), selecting(`10.78.0.${50 + n}`))),
    );
    assert.equal(given50.filter((each) => each.is === 'ack').length, 37);
    assert.equal(given(await desk.request(at(1, '0a'), selecting('10.78.0.51'))), '10.78.0.51', 'its own is renewed');
    assert.equal(given(await desk.request(at(60, '0b'), selecting('10.78.0.99'))), '10.78.0.99');
  });

  it('E5 E7 a renewal by unicast, without option 82, forgets neither the port nor that it counts', async () => {
    const { desk } = await bench(behind);
    for (let n = 0; n < 37; n += 1) await desk.request(at(n, '0a'), selecting(`10.78.0.${50 + n}`));
    for (let n = 0; n < 37; n += 1)
      assert.equal(given(await desk.request(at(n, undefined), renewing(`10.78.0.${50 + n}`))), `10.78.0.${50 + n}`);
    assert.equal(desk.leases()[0]?.circuitId, '0a');
    assert.match(await offered(desk, at(40, '0a')), /relay port/);
  });

  it('E6 the limit of a port survives a restart', async () => {
    const old = await bench(behind);
    for (let n = 0; n < 37; n += 1) await old.desk.request(at(n, '0a'), selecting(`10.78.0.${50 + n}`));
    const { desk } = await bench(behind, old);
    assert.match(await offered(desk, at(40, '0a')), /relay port/);
  });
});

describe('services/grant-lease: leases that were promised for longer', () => {
  it('I1 D27 a lease is kept for what it was promised when leases are shorter after a restart', async () => {
    const tiny = (leaseS: number): Network => network({ leaseS }, ['10.77.0.100-10.77.0.100']);
    const old = await bench(tiny(86_400));
    await old.desk.request(ask(1, { network: tiny(86_400) }), selecting('10.77.0.100'));
    const { desk, clock } = await bench(tiny(600), old);
    clock.advance(86_000_000);
    assert.match(await offered(desk, ask(2, { network: tiny(600) })), /no free address/);
    clock.advance(401_000);
    assert.equal(await offered(desk, ask(2, { network: tiny(600) })), '10.77.0.100');
  });

  it('B15 an endless lease stays endless', async () => {
    const tiny = (leaseS: number): Network => network({ leaseS }, ['10.77.0.100-10.77.0.100']);
    const endless = tiny(0xffffffff);
    const old = await bench(endless);
    await old.desk.request(ask(1, { network: endless }), selecting('10.77.0.100'));
    const { desk, clock } = await bench(tiny(600), old);
    clock.advance(4_000_000_000_000);
    assert.match(await offered(desk, ask(2, { network: tiny(600) })), /no free address/);
  });

  it('D27 an end further away than any lease comes from a wrong clock, and is not believed for ever', async () => {
    const tiny = network({}, ['10.77.0.100-10.77.0.100']);
    const old = await bench(tiny);
    old.clock.jump(3_000_000_000_000);
    await old.desk.request(ask(1, { network: tiny }), selecting('10.77.0.100'));
    old.clock.jump(-3_000_000_000_000);
    const { desk, clock } = await bench(tiny, old);
    clock.advance(31_536_000_001);
    assert.equal(await offered(desk, ask(2, { network: tiny })), '10.77.0.100');
  });
});
