import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { NO_ADDRESS, type Ipv4, type Mac } from '../../server/core/address.ts';
import {
  grantedLeaseS,
  INFINITE_LEASE_S,
  isAssignable,
  judgeRequest,
  leaseKey,
  mayDecline,
  mayRelease,
  owns,
  poolSize,
  quarantineMax,
  rememberedAddress,
  whyNot,
  type LeaseClient,
  type LeaseView,
  type RequestAsk,
  type RequestVerdict,
  type Standing,
} from '../../server/core/lease-rule.ts';
import type { Network } from '../../server/core/lease.ts';
import { ip, macNo, network } from '../support/dhcp-lab.ts';

const OURS = macNo(1);
const THEIRS = macNo(2);
const me: LeaseClient = { key: `mac:${OURS}`, mac: OURS, isKnown: false, reserved: undefined };
const them = { key: `mac:${THEIRS}`, mac: THEIRS };

const standing = (address: string, is: Standing['is'], who: { key: string; mac: Mac } = me): Standing => ({
  address: ip(address),
  key: who.key,
  mac: who.mac,
  is,
});

/** A view of exactly these leases, offers and reservations. */
function view(
  leases: readonly Standing[] = [],
  more: { offers?: readonly Standing[]; reserved?: ReadonlyMap<Ipv4, Mac>; network?: Network } = {},
): LeaseView {
  const { offers = [], reserved = new Map<Ipv4, Mac>() } = more;
  const find = (list: readonly Standing[], address: Ipv4): Standing | undefined =>
    list.find((each) => each.address === address);
  return {
    network: more.network ?? network(),
    at: (address) => find(offers, address) ?? find(leases, address),
    leaseAt: (address) => find(leases, address),
    offerOf: (key) => offers.find((each) => each.key === key),
    leaseOf: (key) => leases.find((each) => each.key === key),
    leaseOfMac: (mac) => leases.find((each) => each.mac === mac && each.is !== 'declined'),
    reservedFor: (address) => reserved.get(address),
  };
}

describe('core/lease-rule: keys', () => {
  const chaddr = Uint8Array.of(0x52, 0x54, 0, 0, 0, 1);
  const duid = Uint8Array.of(255, 0, 1, 0, 1, 9, 9);
  const cases: readonly (readonly [string, Uint8Array | undefined, boolean, string])[] = [
    ['C1 without option 61 the hardware address is the key', undefined, false, 'mac:52:54:00:00:00:01'],
    ['C1 with option 61 its octets are', duid, false, 'id:ff000100010909'],
    ['C2 a DUID in option 61 gets no special reading', Uint8Array.of(255, 1), false, 'id:ff01'],
    ['C4 a known machine is keyed by MAC whatever option 61 says', duid, true, 'mac:52:54:00:00:00:01'],
    ['an identifier that is 01 and the MAC is the MAC', Uint8Array.of(1, ...chaddr), false, 'mac:52:54:00:00:00:01'],
    ['01 and another MAC is not', Uint8Array.of(1, 0x52, 0x54, 0, 0, 0, 2), false, 'id:01525400000002'],
    ['C6 one octet is no identifier', Uint8Array.of(9), false, 'mac:52:54:00:00:00:01'],
    ['C6 none is none', new Uint8Array(0), false, 'mac:52:54:00:00:00:01'],
    ['two octets are one', Uint8Array.of(0, 9), false, 'id:0009'],
  ];
  for (const [title, clientId, isKnown, want] of cases)
    it(title, () => {
      assert.equal(leaseKey({ htype: 1, chaddr, clientId }, isKnown), want);
    });

  it('hardware that is not Ethernet has a key of its own, never a MAC', () => {
    assert.equal(leaseKey({ htype: 6, chaddr, clientId: undefined }, true), 'hw:6:52:54:00:00:00:01');
    assert.equal(leaseKey({ htype: 32, chaddr: new Uint8Array(0), clientId: duid }, true), 'id:ff000100010909');
  });

  it('A9 hlen 0 without a client identifier keys nothing', () => {
    assert.equal(leaseKey({ htype: 1, chaddr: new Uint8Array(0), clientId: undefined }, false), undefined);
  });

  it('C4 a known machine owns what any of its identities got, a stranger only what its key got', () => {
    const lease = { key: 'id:ff01', mac: OURS };
    assert.equal(owns({ ...me, isKnown: true }, lease), true);
    assert.equal(owns(me, lease), false);
    assert.equal(owns({ ...me, key: 'id:ff01', mac: THEIRS }, lease), true);
  });
});

describe('core/lease-rule: amounts', () => {
  it('B15 the time asked for is clamped to the policy and never 0', () => {
    const net = { leaseS: 3600 };
    for (const [asked, given] of [
      [undefined, 3600],
      [0, 60],
      [59, 60],
      [600, 600],
      [3600, 3600],
      [3601, 3600],
      [INFINITE_LEASE_S, 3600],
    ] as const)
      assert.equal(grantedLeaseS(asked, net), given);
    assert.equal(grantedLeaseS(0, { leaseS: 20 }), 20);
    assert.equal(grantedLeaseS(undefined, { leaseS: INFINITE_LEASE_S }), INFINITE_LEASE_S);
  });

  it('D16 quarantine is bounded to a quarter of the pool', () => {
    const two = network({}, ['10.77.0.100-10.77.0.109', '10.77.0.200-10.77.0.209']);
    assert.deepEqual([poolSize(two), quarantineMax(two)], [20, 5]);
    assert.equal(quarantineMax(network({}, ['10.77.0.100-10.77.0.102'])), 0);
  });

  it('addresses of the network itself are nobody’s', () => {
    const net = network();
    for (const taken of ['10.77.0.0', '10.77.0.255', '10.77.0.1', '10.77.0.254', '10.77.0.53', '10.78.0.9'])
      assert.equal(isAssignable(net, ip(taken)), false, taken);
    assert.equal(isAssignable(net, ip('10.77.0.9')), true);
  });
});

describe('core/lease-rule: DISCOVER', () => {
  const A = '10.77.0.110';
  const B = '10.77.0.120';
  const R = '10.77.0.20';
  const reserved = new Map([[ip(R), OURS]]);
  const known: LeaseClient = { ...me, isKnown: true, reserved: ip(R) };
  const cases: readonly (readonly [string, LeaseView, LeaseClient, string | undefined, string | undefined])[] = [
    ['D1 its binding comes before what it asks for', view([standing(A, 'bound')]), me, B, A],
    ['D1 an earlier binding that is free', view([standing(A, 'expired')]), me, B, A],
    ['D17 a released one is remembered for it', view([standing(A, 'released')]), me, undefined, A],
    ['D1 what it asks for, if free', view(), me, B, B],
    ['D1 not what somebody else has', view([standing(B, 'bound', them)]), me, B, undefined],
    ['what somebody else had is free', view([standing(B, 'expired', them)]), me, B, B],
    ['D2 not what is offered to another', view([], { offers: [standing(B, 'offered', them)] }), me, B, undefined],
    ['F12 a second DISCOVER gets the same offer', view([], { offers: [standing(B, 'offered')] }), me, undefined, B],
    ['a reservation wins over everything', view([standing(A, 'bound')], { reserved }), known, B, R],
    ['a reserved address is never offered to another', view([], { reserved }), { ...me, mac: THEIRS }, R, undefined],
    ['D15 not what was declined, not even its own', view([standing(A, 'declined')]), me, A, undefined],
    [
      'a reservation in quarantine: its old address',
      view([standing(R, 'declined', { key: 'declined', mac: OURS }), standing(A, 'bound')], { reserved }),
      known,
      B,
      A,
    ],
    ['D22 nothing of another subnet', view([standing('10.99.0.5', 'bound')]), me, '10.99.0.5', undefined],
    ['an address outside the pools is not for the asking', view(), me, '10.77.0.30', undefined],
  ];
  for (const [title, seen, client, requested, want] of cases)
    it(title, () => {
      const asked = requested === undefined ? undefined : ip(requested);
      assert.equal(rememberedAddress(seen, client, asked), want === undefined ? undefined : ip(want));
    });
});

describe('core/lease-rule: REQUEST', () => {
  const A = '10.77.0.110';
  const B = '10.77.0.120';
  const R = '10.77.0.20';
  const foreign = network({ authoritative: false });
  const selecting = (address: string): RequestAsk => ({ namesUs: true, requested: ip(address), ciaddr: NO_ADDRESS });
  const reboot = (address: string): RequestAsk => ({ namesUs: false, requested: ip(address), ciaddr: NO_ADDRESS });
  const renew = (address: string): RequestAsk => ({ namesUs: false, requested: undefined, ciaddr: ip(address) });
  const known: LeaseClient = { ...me, isKnown: true, reserved: ip(R) };
  const reserved = new Map([[ip(R), OURS]]);
  const short = (verdict: RequestVerdict): string =>
    verdict.is === 'ack' ? (verdict.extend ? 'ack' : 'ack for the rest') : verdict.is;
  const cases: readonly (readonly [string, LeaseView, LeaseClient, RequestAsk, string])[] = [
    ['SELECTING what was offered', view([], { offers: [standing(A, 'offered')] }), me, selecting(A), 'ack'],
    ['SELECTING after the offer lapsed, still free', view(), me, selecting(A), 'ack'],
    ['D7 SELECTING what another got meanwhile', view([standing(A, 'bound', them)]), me, selecting(A), 'nak'],
    [
      'D7 SELECTING what is offered to another',
      view([], { offers: [standing(A, 'offered', them)] }),
      me,
      selecting(A),
      'nak',
    ],
    ['D7 SELECTING an address of another network', view(), me, selecting('10.99.0.5'), 'nak'],
    ['SELECTING our own address', view(), me, selecting('10.77.0.1'), 'nak'],
    ['D15 SELECTING a declined address', view([standing(A, 'declined')]), me, selecting(A), 'nak'],
    ['D9 INIT-REBOOT in the wrong network', view(), me, reboot('10.99.0.5'), 'nak'],
    ['D9 the same where we are not the only server', view([], { network: foreign }), me, reboot('10.99.0.5'), 'silent'],
    ['D10 INIT-REBOOT, our record says another address', view([standing(A, 'bound')]), me, reboot(B), 'nak'],
    [
      'D10 even where we are not the only server',
      view([standing(A, 'bound')], { network: foreign }),
      me,
      reboot(B),
      'nak',
    ],
    ['D11 INIT-REBOOT without a record: silent', view([], { network: foreign }), me, reboot(A), 'silent'],
    ['D11 without a record, authoritative: NAK, never ACK', view(), me, reboot(A), 'nak'],
    ['INIT-REBOOT with its record', view([standing(A, 'bound')]), me, reboot(A), 'ack'],
    ['INIT-REBOOT after its lease expired', view([standing(A, 'expired')]), me, reboot(A), 'ack'],
    ['INIT-REBOOT for its reservation, never seen before', view([], { reserved }), known, reboot(R), 'ack'],
    [
      'INIT-REBOOT for its old address once it has a reservation',
      view([standing(A, 'bound')], { reserved }),
      known,
      reboot(A),
      'nak',
    ],
    [
      'C4 INIT-REBOOT of a machine under its other identity',
      view([standing(A, 'bound', { key: 'id:ff01', mac: OURS })]),
      { ...me, isKnown: true },
      reboot(A),
      'ack',
    ],
    ['D12 RENEWING its own', view([standing(A, 'bound')]), me, renew(A), 'ack'],
    ['D12 RENEWING what is another’s', view([standing(A, 'bound', them)]), me, renew(A), 'nak'],
    ['D12 RENEWING what is another’s, expired', view([standing(A, 'expired', them)]), me, renew(A), 'nak'],
    ['RENEWING what is on no record', view(), me, renew(A), 'nak'],
    ['D13 the same where we are not the only server', view([], { network: foreign }), me, renew(A), 'silent'],
    ['D13 REBINDING from another subnet', view([], { network: foreign }), me, renew('10.99.0.5'), 'silent'],
    [
      'D14 RENEWING when it must move: the time that is left',
      view([standing(A, 'bound')], { reserved }),
      known,
      renew(A),
      'ack for the rest',
    ],
    [
      'D14 RENEWING an address that left the pools',
      view([standing('10.77.0.30', 'bound')]),
      me,
      renew('10.77.0.30'),
      'ack for the rest',
    ],
    [
      'D14 RENEWING what is kept for another now',
      view([standing(A, 'bound')], { reserved: new Map([[ip(A), THEIRS]]) }),
      me,
      renew(A),
      'ack for the rest',
    ],
    ['RENEWING a declined address', view([standing(A, 'declined')]), me, renew(A), 'nak'],
    [
      'a REQUEST that names no address',
      view(),
      me,
      { namesUs: false, requested: undefined, ciaddr: NO_ADDRESS },
      'silent',
    ],
    [
      'a REQUEST for us that names no address',
      view(),
      me,
      { namesUs: true, requested: undefined, ciaddr: NO_ADDRESS },
      'silent',
    ],
  ];
  for (const [title, seen, client, ask, want] of cases)
    it(title, () => {
      assert.equal(short(judgeRequest(seen, client, ask)), want);
    });

  it('I1 never acknowledges what is bound or offered to another, for any view and request', () => {
    const states = fc.constantFrom<Standing['is']>('offered', 'bound', 'expired', 'released', 'declined');
    const hosts = fc.integer({ min: 95, max: 125 }).map((n) => `10.77.0.${n}`);
    const entries = fc.uniqueArray(fc.tuple(hosts, states, fc.boolean()), {
      selector: ([host]) => host,
      maxLength: 12,
    });
    const asks = fc.tuple(hosts, fc.constantFrom(selecting, reboot, renew));
    fc.assert(
      fc.property(entries, asks, ([...list], [host, make]) => {
        const all = list.map(([address, is, mine]) => standing(address, is, mine ? me : them));
        const offers = all.filter((each) => each.is === 'offered');
        const seen = view(
          all.filter((each) => each.is !== 'offered'),
          { offers },
        );
        const verdict = judgeRequest(seen, me, make(host));
        if (verdict.is !== 'ack') return;
        const there = seen.at(verdict.address);
        assert.ok(!there || there.key === me.key || there.is === 'expired' || there.is === 'released');
        assert.equal(verdict.extend ? whyNot(seen, me, verdict.address) : undefined, undefined);
      }),
    );
  });
});

describe('core/lease-rule: DECLINE and RELEASE', () => {
  const A = ip('10.77.0.110');
  const keys = [me.key];
  it('D15 counts from whom it was offered or leased to', () => {
    assert.equal(mayDecline(view([], { offers: [standing('10.77.0.110', 'offered')] }), keys, A), true);
    assert.equal(mayDecline(view([standing('10.77.0.110', 'bound')]), keys, A), true);
  });
  it('D18 and from nobody else', () => {
    assert.equal(mayDecline(view(), keys, A), false);
    assert.equal(mayDecline(view([standing('10.77.0.110', 'bound', them)]), keys, A), false);
    assert.equal(mayDecline(view([standing('10.77.0.110', 'expired')]), keys, A), false);
    assert.equal(mayRelease(view([standing('10.77.0.110', 'bound', them)]), keys, A), false);
    assert.equal(mayRelease(view([], { offers: [standing('10.77.0.110', 'offered')] }), keys, A), false);
  });
  it('D17 a RELEASE counts when identity and address match', () => {
    assert.equal(mayRelease(view([standing('10.77.0.110', 'bound')]), keys, A), true);
  });
});

describe('core/lease-rule: for any view', () => {
  const hosts = fc.integer({ min: 0, max: 255 }).map((n) => `10.77.0.${n}`);
  const states = fc.constantFrom<Standing['is']>('offered', 'bound', 'expired', 'released', 'declined');
  const entries = fc.uniqueArray(fc.tuple(hosts, states, fc.boolean()), { selector: ([host]) => host, maxLength: 20 });
  const scene = fc.tuple(entries, hosts, fc.option(hosts, { nil: undefined }), fc.option(hosts, { nil: undefined }));

  function sceneOf(
    list: readonly (readonly [string, Standing['is'], boolean])[],
    mine?: string,
    theirs?: string,
  ): LeaseView {
    const all = list.map(([address, is, isMine]) => standing(address, is, isMine ? me : them));
    const reserved = new Map<Ipv4, Mac>();
    if (theirs !== undefined) reserved.set(ip(theirs), THEIRS);
    if (mine !== undefined) reserved.set(ip(mine), OURS);
    const isOffer = (each: Standing): boolean => each.is === 'offered';
    return view(
      all.filter((each) => !isOffer(each)),
      { offers: all.filter(isOffer), reserved },
    );
  }

  it('D1 what a DISCOVER is told is always something the client may have', () => {
    fc.assert(
      fc.property(scene, ([list, requested, mine, theirs]) => {
        const seen = sceneOf(list, mine, theirs);
        const client = { ...me, reserved: mine === undefined ? undefined : ip(mine) };
        const address = rememberedAddress(seen, client, ip(requested));
        if (address !== undefined) assert.equal(whyNot(seen, client, address), undefined);
      }),
    );
  });

  it('a reserved address is for its machine alone, whatever is on record', () => {
    fc.assert(
      fc.property(scene, ([list, requested, , theirs]) => {
        const address = rememberedAddress(sceneOf(list, undefined, theirs), me, ip(requested));
        assert.ok(address === undefined || theirs === undefined || address !== ip(theirs));
      }),
    );
  });

  it('a lease is never shorter than asked for without a reason, never longer than the policy', () => {
    fc.assert(
      fc.property(fc.nat(0xffffffff), fc.integer({ min: 1, max: 0xffffffff }), (askedS, leaseS) => {
        const givenS = grantedLeaseS(askedS, { leaseS });
        assert.ok(givenS >= 1 && givenS <= leaseS);
        assert.ok(givenS >= Math.min(askedS, leaseS));
      }),
    );
  });
});
