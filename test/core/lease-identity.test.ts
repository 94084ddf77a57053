import { strict as assert } from 'node:assert';
import { NO_ADDRESS, type Mac } from '../../server/core/address.ts';
import {
  holderOf,
  isPromisedAway,
  judgeRequest,
  leaseFor,
  mayRelease,
  rememberedAddress,
  type LeaseClient,
  type LeaseView,
  type Standing,
} from '../../server/core/lease-rule.ts';
import { ip, macNo, network } from '../support/dhcp-lab.ts';

const [OURS, THEIRS] = [macNo(1), macNo(2)];
const A = ip('10.77.0.110');
const DUID = 'id:ff0001';
const stranger: LeaseClient = { key: DUID, mac: OURS, isKnown: false, reserved: undefined };
const known: LeaseClient = { key: `mac:${OURS}`, mac: OURS, isKnown: true, reserved: undefined };
const lease = (key: string, is: Standing['is'] = 'bound', mac: Mac = OURS): Standing => ({ address: A, key, mac, is });

/** One lease, and perhaps an offer of the same address. */
function view(stands: Standing | undefined, offer?: Standing): LeaseView {
  return {
    network: network(),
    at: (address) => (address === A ? (offer ?? stands) : undefined),
    leaseAt: (address) => (address === A ? stands : undefined),
    offerOf: (key) => (offer?.key === key ? offer : undefined),
    leaseOf: (key) => (stands?.key === key ? stands : undefined),
    leaseOfMac: (mac) => (stands?.mac === mac ? stands : undefined),
    reservedFor: () => undefined,
  };
}
const renewing = { namesUs: false, requested: undefined, ciaddr: A };
const rebooting = { namesUs: false, requested: A, ciaddr: NO_ADDRESS };

describe('core/lease-rule: one board, several identities', () => {
  it('C4 a known machine finds what its MAC got under a DUID; a stranger only what its identity got', () => {
    assert.equal(leaseFor(view(lease(DUID)), known)?.address, A);
    assert.equal(rememberedAddress(view(lease(DUID)), known, undefined), A);
    assert.equal(leaseFor(view(lease(`mac:${OURS}`)), stranger), undefined);
    assert.equal(leaseFor(view(lease(DUID, 'bound', THEIRS)), known), undefined);
  });

  it('C4 a known machine may come back to what it got under a DUID', () => {
    assert.equal(judgeRequest(view(lease(DUID)), known, rebooting).is, 'ack');
    assert.equal(judgeRequest(view(lease(DUID)), known, renewing).is, 'ack');
  });

  for (const [title, stands, want] of [
    ['what its MAC got while it was known', lease(`mac:${OURS}`), 'ack'],
    ['what another DUID on its MAC got', lease('id:ff0009'), 'nak'],
    ['what another MAC got', lease(`mac:${THEIRS}`, 'bound', THEIRS), 'nak'],
    ['what its MAC declined', lease(`declined:${OURS}`, 'declined'), 'nak'],
  ] as const)
    it(`D12 a forgotten machine renews under its DUID: ${title}: ${want}`, () => {
      assert.equal(judgeRequest(view(stands), stranger, renewing).is, want);
    });

  it('holderOf changes nobody but the holder', () => {
    assert.deepEqual(holderOf(stranger, lease(`mac:${OURS}`)), { ...stranger, key: `mac:${OURS}` });
    assert.equal(holderOf(stranger, lease(`mac:${THEIRS}`, 'bound', THEIRS)), stranger);
    assert.equal(holderOf(stranger, undefined), stranger);
  });
});

describe('core/lease-rule: an address that is being given away', () => {
  const theirs = { address: A, key: `mac:${THEIRS}`, mac: THEIRS, is: 'offered' } as const;
  const mine = { ...theirs, key: known.key, mac: OURS };

  it('I1 its old holder can neither release nor extend it', () => {
    const seen = view(lease(known.key), theirs);
    assert.equal(isPromisedAway(seen, [known.key], A), true);
    assert.equal(mayRelease(seen, [known.key], A), false);
    const verdict = judgeRequest(seen, known, renewing);
    assert.equal(verdict.is === 'ack' && verdict.extend, false);
  });

  it('D17 an offer to the holder itself takes nothing away', () => {
    const seen = view(lease(known.key), mine);
    assert.equal(isPromisedAway(seen, [known.key], A), false);
    assert.equal(mayRelease(seen, [known.key], A), true);
    assert.equal(isPromisedAway(view(lease(known.key)), [known.key], A), false);
  });
});
