import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { formatIpv4, NO_ADDRESS, type Ipv4, type Mac } from '../../server/core/address.ts';
import type { Lease, Network } from '../../server/core/lease.ts';
import { quarantineMax } from '../../server/core/lease-rule.ts';
import {
  openLeaseDesk,
  type LeaseAsk,
  type LeaseDesk,
  type LeaseEdges,
  type OfferOutcome,
  type RequestOutcome,
} from '../../server/services/grant-lease.ts';
import { ip, macNo, network } from '../support/dhcp-lab.ts';
import { MemoryLeaseStore } from '../support/memory-lease-store.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';
import { createQuietLog, type QuietLog } from '../support/quiet-log.ts';

interface Bench {
  readonly desk: LeaseDesk;
  readonly store: MemoryLeaseStore;
  readonly clock: FakeClock;
  readonly log: QuietLog;
  readonly reserved: Map<Mac, Ipv4>;
  readonly taken: Set<Ipv4>;
}

interface Setup {
  readonly networks?: readonly Network[];
  readonly stored?: readonly Lease[];
  readonly clock?: FakeClock;
  readonly store?: MemoryLeaseStore;
  readonly probe?: LeaseEdges['probe'];
}

async function bench(setup: Setup = {}): Promise<Bench> {
  const { networks = [NET], stored = [], clock = createFakeClock(), store = new MemoryLeaseStore(stored) } = setup;
  const [log, reserved, taken] = [createQuietLog(), new Map<Mac, Ipv4>(), new Set<Ipv4>()];
  const desk = await openLeaseDesk(networks, {
    store,
    clock,
    log,
    soon: (call) => void setImmediate(call),
    reservations: () => reserved,
    probe: setup.probe ?? ((_network, address) => Promise.resolve(taken.has(address))),
  });
  return { desk, store, clock, log, reserved, taken };
}

const NET = network();
const who = (n: number, change: Partial<LeaseAsk> = {}): LeaseAsk => ({
  network: NET,
  client: { key: `mac:${macNo(n)}`, mac: macNo(n), isKnown: false },
  askedLeaseS: undefined,
  hostname: undefined,
  circuitId: undefined,
  remoteId: undefined,
  ...change,
});
const offered = (outcome: OfferOutcome): string =>
  outcome.is === 'offer' ? formatIpv4(outcome.address) : outcome.because;
const given = (outcome: RequestOutcome): string => (outcome.is === 'ack' ? formatIpv4(outcome.address) : outcome.is);

async function take(desk: LeaseDesk, ask: LeaseAsk): Promise<string> {
  const offer = await desk.offer(ask, undefined);
  if (offer.is !== 'offer') return offer.is;
  return given(await desk.request(ask, { namesUs: true, requested: offer.address, ciaddr: NO_ADDRESS }));
}

describe('services/grant-lease: offers', () => {
  it('clients in flight at once get different addresses, consecutive and scattered MACs alike', async () => {
    const { desk } = await bench();
    const asks = [...Array(50).keys()].map((n) => who(n < 25 ? n : n * 65537));
    const offers = await Promise.all(asks.map((ask) => desk.offer(ask, undefined)));
    assert.equal(new Set(offers.map(offered)).size, 50);
  });

  it('F12 a retransmission gets the same offer', async () => {
    const { desk } = await bench();
    assert.equal(offered(await desk.offer(who(1), undefined)), offered(await desk.offer(who(1), undefined)));
  });

  it('D2 an offer nobody takes lapses after 30 s, not before', async () => {
    const small = network({}, ['10.77.0.100-10.77.0.100']);
    const { desk, clock } = await bench({ networks: [small] });
    await desk.offer(who(1, { network: small }), undefined);
    clock.advance(29_999);
    assert.match(offered(await desk.offer(who(2, { network: small }), undefined)), /no free address/);
    clock.advance(501);
    assert.equal(offered(await desk.offer(who(2, { network: small }), undefined)), '10.77.0.100');
  });

  it('D6 a client that takes another server’s offer frees ours', async () => {
    const small = network({}, ['10.77.0.100-10.77.0.100']);
    const { desk } = await bench({ networks: [small] });
    await desk.offer(who(1, { network: small }), undefined);
    desk.dropOffers(small, [`mac:${macNo(1)}`]);
    assert.equal(offered(await desk.offer(who(2, { network: small }), undefined)), '10.77.0.100');
  });

  it('8 a flood of strangers takes the pool, and machines with reservations are served all the same', async () => {
    const { desk, reserved } = await bench();
    for (let n = 0; n < 10_000; n += 1) await desk.offer(who(1000 + n), undefined);
    reserved.set(macNo(1), ip('10.77.0.20'));
    assert.equal(await take(desk, who(1)), '10.77.0.20');
    assert.match(offered(await desk.offer(who(5), undefined)), /no free address/);
  });

  it('a reserved address inside the pool is never offered to another', async () => {
    const { desk, reserved } = await bench();
    reserved.set(macNo(1), ip('10.77.0.100'));
    assert.equal(await take(desk, who(2)), '10.77.0.101');
    assert.equal(offered(await desk.offer(who(3), ip('10.77.0.100'))), '10.77.0.102');
    assert.equal(await take(desk, who(1)), '10.77.0.100');
  });

  it('a reservation made while the lease runs moves the machine, and its old address is free', async () => {
    const { desk, reserved } = await bench();
    assert.equal(await take(desk, who(1)), '10.77.0.100');
    reserved.set(macNo(1), ip('10.77.0.20'));
    assert.equal(await take(desk, who(1)), '10.77.0.20');
    const states = desk.leases().map((lease) => [formatIpv4(lease.address), lease.state]);
    assert.deepEqual(states.sort(), [
      ['10.77.0.100', 'released'],
      ['10.77.0.20', 'bound'],
    ]);
  });

  it('E6 strangers behind one relay port may hold three quarters of the pool', async () => {
    const small = network({}, ['10.77.0.100-10.77.0.107']);
    const { desk } = await bench({ networks: [small] });
    const at = (n: number, port: string): Promise<OfferOutcome> =>
      desk.offer(who(n, { network: small, circuitId: port }), undefined);
    for (let n = 0; n < 6; n += 1) assert.equal((await at(n, 'a')).is, 'offer');
    assert.match(offered(await at(7, 'a')), /relay port/);
    assert.equal((await at(3, 'a')).is, 'offer', 'who has an offer keeps it');
    assert.equal((await at(8, 'b')).is, 'offer');
  });

  it('D17 a freed address rests: new clients get addresses nobody had', async () => {
    const { desk } = await bench();
    assert.equal(await take(desk, who(1)), '10.77.0.100');
    assert.equal(await desk.release(NET, [`mac:${macNo(1)}`], ip('10.77.0.100')), undefined);
    assert.equal(await take(desk, who(2)), '10.77.0.101');
    assert.equal(await take(desk, who(1)), '10.77.0.100');
  });
});

describe('services/grant-lease: probes', () => {
  const probing = network({ probe: 'arp' });
  const ask = (n: number): LeaseAsk => who(n, { network: probing });

  it('D3 an address that answers is passed over and quarantined', async () => {
    const { desk, taken, log } = await bench({ networks: [probing] });
    taken.add(ip('10.77.0.100')).add(ip('10.77.0.101'));
    assert.equal(offered(await desk.offer(ask(1), undefined)), '10.77.0.102');
    assert.equal(desk.leases().filter((lease) => lease.state === 'declined').length, 2);
    assert.ok(log.lines.some((line) => line.includes('somebody answers on it')));
  });

  it('D3 one slow probe neither blocks other clients nor is run twice for one client', async () => {
    let free: (isTaken: boolean) => void = () => undefined;
    let probes = 0;
    const probe = (_network: Network, address: Ipv4): Promise<boolean> => {
      probes += 1;
      return address === ip('10.77.0.100') ? new Promise((resolve) => (free = resolve)) : Promise.resolve(false);
    };
    const { desk } = await bench({ networks: [probing], probe });
    const [slow, again] = [desk.offer(ask(1), undefined), desk.offer(ask(1), undefined)];
    assert.equal(offered(await desk.offer(ask(2), undefined)), '10.77.0.101');
    free(false);
    assert.deepEqual([offered(await slow), offered(await again), probes], ['10.77.0.100', '10.77.0.100', 2]);
  });

  it('D3 all probes of one offer share a second; then it is offered as it is', async () => {
    const clock = createFakeClock();
    const budgets: number[] = [];
    const probe = (_n: Network, _a: Ipv4, _m: Mac, budgetMs: number): Promise<boolean> => {
      budgets.push(budgetMs);
      clock.advance(600);
      return Promise.resolve(true);
    };
    const { desk } = await bench({ networks: [probing], probe, clock });
    assert.equal((await desk.offer(ask(1), undefined)).is, 'offer');
    assert.deepEqual(budgets, [1000, 400]);
  });

  it('D4 neither a REQUEST nor a second DISCOVER is probed again', async () => {
    let probes = 0;
    const { desk } = await bench({ networks: [probing], probe: () => Promise.resolve(((probes += 1), false)) });
    await take(desk, ask(1));
    await take(desk, ask(1));
    assert.equal(probes, 1);
  });
});

describe('services/grant-lease: the ACK', () => {
  const request = { namesUs: true, requested: ip('10.77.0.100'), ciaddr: NO_ADDRESS };

  it('D5 leaves only after the lease is committed', async () => {
    const { desk, store } = await bench();
    let open = (): void => undefined;
    store.gate = new Promise((resolve) => (open = resolve));
    await desk.offer(who(1), undefined);
    let isAnswered = false;
    const answer = desk.request(who(1), request).then(() => (isAnswered = true));
    for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(isAnswered, false);
    assert.equal(given(await desk.request(who(2), request)), 'nak', 'meanwhile the address is taken');
    open();
    await answer;
    assert.equal(store.commits.length, 1);
  });

  it('64 that wait together share one commit', async () => {
    const { desk, store } = await bench();
    const answers = await Promise.all([...Array(64).keys()].map((n) => take(desk, who(n))));
    assert.equal(new Set(answers).size, 64);
    assert.equal(store.commits.length, 1);
    assert.equal(store.rows.size, 64);
  });

  it('a store that fails means no ACK, no lease, and the next try works', async () => {
    const { desk, store } = await bench();
    await desk.offer(who(1), undefined);
    store.failure = new Error('disk full');
    await assert.rejects(desk.request(who(1), request), /disk full/);
    assert.deepEqual(desk.leases(), []);
    store.failure = undefined;
    assert.equal(given(await desk.request(who(1), request)), '10.77.0.100');
  });

  it('D21 a retransmitted REQUEST gets the same ACK', async () => {
    const { desk } = await bench();
    await desk.offer(who(1), undefined);
    const answers = await Promise.all([desk.request(who(1), request), desk.request(who(1), request)]);
    assert.deepEqual(answers[0], answers[1]);
    assert.equal(desk.leases().length, 1);
  });

  it('D8 the ACK grants the time the OFFER promised', async () => {
    const { desk } = await bench();
    await desk.offer(who(1, { askedLeaseS: 600 }), undefined);
    const ack = await desk.request(who(1), request);
    assert.equal(ack.is === 'ack' ? ack.leaseS : undefined, 600);
  });

  it('D14 a lease that may not be extended is confirmed for the time it has left', async () => {
    const { desk, clock, reserved } = await bench();
    await take(desk, who(1));
    clock.advance(600_000);
    reserved.set(macNo(1), ip('10.77.0.20'));
    const renewal = { namesUs: false, requested: undefined, ciaddr: ip('10.77.0.100') };
    const ack = await desk.request(who(1), renewal);
    assert.equal(ack.is === 'ack' ? ack.leaseS : undefined, 3000);
    clock.advance(3_000_000);
    assert.equal((await desk.request(who(1), renewal)).is, 'nak');
  });

  it('an endless lease never expires', async () => {
    const endless = network({ leaseS: 0xffffffff }, ['10.77.0.100-10.77.0.100']);
    const { desk, clock, store } = await bench({ networks: [endless] });
    await take(desk, who(1, { network: endless }));
    clock.advance(10 * 365 * 86_400_000);
    assert.match(offered(await desk.offer(who(2, { network: endless }), undefined)), /no free address/);
    assert.equal([...store.rows.values()][0]?.expiresMs, Number.MAX_SAFE_INTEGER);
  });
});

describe('services/grant-lease: giving back', () => {
  it('D15 a declined address is out of service for ten minutes, also after a restart', async () => {
    const { desk, clock, store } = await bench();
    await take(desk, who(1));
    assert.equal(await desk.decline(NET, [`mac:${macNo(1)}`], ip('10.77.0.100')), undefined);
    assert.equal(await take(desk, who(1)), '10.77.0.101');
    const again = await bench({ store, clock });
    assert.match(offered(await again.desk.offer(who(9), ip('10.77.0.100'))), /10\.77\.0\.102/);
    clock.advance(600_001);
    assert.equal(offered(await again.desk.offer(who(10), ip('10.77.0.100'))), '10.77.0.100');
  });

  it('D16 a stranger that declines all it gets: never more than a quarter is out of service, the oldest come back', async () => {
    const { desk, store } = await bench();
    for (let n = 0; n < 150; n += 1) {
      const offer = await desk.offer(who(n), undefined);
      assert.equal(offer.is, 'offer', `round ${n}`);
      await desk.decline(NET, [`mac:${macNo(n)}`], offer.address);
    }
    assert.equal(desk.leases().filter((lease) => lease.state === 'declined').length, quarantineMax(NET));
    assert.equal(store.rows.size, quarantineMax(NET));
    assert.notEqual(await take(desk, who(999)), 'silent');
  });

  it('D18 who does not hold an address can neither decline nor release it', async () => {
    const { desk } = await bench();
    await take(desk, who(1));
    assert.match((await desk.decline(NET, [`mac:${macNo(2)}`], ip('10.77.0.100'))) ?? '', /not this client's/);
    assert.match((await desk.release(NET, [`mac:${macNo(2)}`], ip('10.77.0.100'))) ?? '', /not this client's/);
    assert.equal(desk.leases()[0]?.state, 'bound');
  });

  it('D17 a released address is free for others when there is no other', async () => {
    const small = network({}, ['10.77.0.100-10.77.0.100']);
    const { desk, store } = await bench({ networks: [small] });
    await take(desk, who(1, { network: small }));
    assert.match(offered(await desk.offer(who(2, { network: small }), undefined)), /no free/);
    await desk.release(small, [`mac:${macNo(1)}`], ip('10.77.0.100'));
    assert.equal([...store.rows.values()][0]?.state, 'released');
    assert.equal(await take(desk, who(2, { network: small })), '10.77.0.100');
  });
});

describe('services/grant-lease: time and restarts', () => {
  const small = network({}, ['10.77.0.100-10.77.0.101']);
  const ask = (n: number): LeaseAsk => who(n, { network: small });

  for (const [title, jumpMs] of [
    ['forward by an hour', 3_600_000],
    ['forward by ten years', 315_000_000_000],
    ['back by a day', -86_400_000],
  ] as const)
    it(`D27 I1 a clock that jumps ${title} frees no lease`, async () => {
      const { desk, clock } = await bench({ networks: [small] });
      await take(desk, ask(1));
      await take(desk, ask(2));
      clock.jump(jumpMs);
      assert.match(offered(await desk.offer(ask(3), undefined)), /no free address/);
      clock.advance(3_600_000);
      assert.equal((await desk.offer(ask(3), undefined)).is, 'offer', 'but it ends after its time');
    });

  it('I2 after a restart every ACKed lease is there, and strangers that come first do not get it', async () => {
    const { desk, store, clock } = await bench();
    for (let n = 0; n < 40; n += 1) await take(desk, who(n));
    const again = await bench({ store, clock });
    const strangers = await Promise.all([...Array(40).keys()].map((n) => take(again.desk, who(100 + n))));
    assert.equal(new Set([...strangers]).size, 40);
    for (let n = 0; n < 40; n += 1) assert.equal(await take(again.desk, who(n)), `10.77.0.${100 + n}`);
  });

  it('D27 after a restart an expired lease is left alone for a lease time while there is another', async () => {
    const { desk, store, clock } = await bench({ networks: [small] });
    await take(desk, ask(1));
    clock.advance(86_400_000);
    const again = await bench({ networks: [small], store, clock });
    assert.equal(await take(again.desk, ask(2)), '10.77.0.101');
    assert.equal(await take(again.desk, ask(3)), '10.77.0.100', 'better than no address');
  });

  it('an expired lease is free, and comes back to its client while nobody else has it', async () => {
    const { desk, clock } = await bench({ networks: [small] });
    await take(desk, ask(1));
    clock.advance(3_600_001);
    assert.equal(await take(desk, ask(2)), '10.77.0.101');
    assert.equal(await take(desk, ask(1)), '10.77.0.100');
    clock.advance(3_600_001);
    assert.equal((await desk.offer(ask(3), undefined)).is, 'offer');
  });

  it('the lease list tells ends on today’s clock', async () => {
    const { desk, clock } = await bench();
    await take(desk, who(1));
    clock.jump(86_400_000);
    assert.equal(desk.leases()[0]?.expiresMs, clock.now() + 3_600_000);
  });

  it('I1 whatever clients do in whatever order, no address has two owners', async () => {
    const steps = fc.array(
      fc.tuple(
        fc.nat(7),
        fc.constantFrom('discover', 'request', 'renew', 'release', 'decline', 'wait', 'jump'),
        fc.nat(4),
      ),
      { maxLength: 60 },
    );
    await fc.assert(
      fc.asyncProperty(steps, async (list) => {
        const tiny = network({}, ['10.77.0.100-10.77.0.103']);
        const { desk, clock } = await bench({ networks: [tiny] });
        const until = new Map<Ipv4, { n: number; endMs: number }>();
        for (const [n, verb, where] of list) {
          const address = ip(`10.77.0.${100 + where}`);
          const client = who(n, { network: tiny });
          const keys = [client.client.key];
          const owns = until.get(address);
          if (verb === 'wait') clock.advance(700_000);
          if (verb === 'jump') clock.jump(5_000_000);
          if (verb === 'discover') await desk.offer(client, address);
          if (verb === 'release' && (await desk.release(tiny, keys, address)) === undefined) until.delete(address);
          if (verb === 'decline' && (await desk.decline(tiny, keys, address)) === undefined) until.delete(address);
          if (verb !== 'request' && verb !== 'renew') continue;
          const isRenewal = verb === 'renew';
          const shape = isRenewal
            ? { requested: undefined, ciaddr: address }
            : { requested: address, ciaddr: NO_ADDRESS };
          const outcome = await desk.request(client, { namesUs: !isRenewal, ...shape });
          if (outcome.is !== 'ack') continue;
          assert.ok(!owns || owns.n === n || owns.endMs <= clock.monotonicMs(), 'two owners');
          for (const [other, lease] of until) if (lease.n === n) until.delete(other);
          until.set(outcome.address, { n, endMs: clock.monotonicMs() + outcome.leaseS * 1000 });
        }
      }),
      { numRuns: 150 },
    );
  });
});
