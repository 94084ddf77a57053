import { strict as assert } from 'node:assert';
import type { Ipv4 } from '../../server/core/address.ts';
import type { Neighbour } from '../../server/net/neighbours.ts';
import { probeAddress, type ProbeMeans } from '../../server/net/probe-address.ts';
import { ip, macNo, network, relayedNetwork } from '../support/dhcp-lab.ts';
import { createQuietLog } from '../support/quiet-log.ts';

const A = ip('10.77.0.100');
const OTHER: Neighbour = { mac: macNo(9), isReachable: true };

/** Means that answer as told; neighbours are read before and after the knock. */
function means(
  before: Neighbour | undefined,
  after: Neighbour | undefined,
  more: Partial<ProbeMeans> = {},
): ProbeMeans {
  let reads = 0;
  const table = (one: Neighbour | undefined): ReadonlyMap<Ipv4, Neighbour> => new Map(one ? [[A, one]] : []);
  return {
    knock: () => Promise.resolve(false),
    ping: () => Promise.resolve(false),
    neighbours: () => Promise.resolve(table((reads += 1) === 1 ? before : after)),
    ...more,
  };
}
const arp = network({ probe: 'arp' });
const ask = (with_: ProbeMeans, net = arp): Promise<boolean> =>
  probeAddress(with_, createQuietLog())(net, A, macNo(1), 1000);

describe('net/probe-address', () => {
  const stale = { ...OTHER, isReachable: false };
  const cases: readonly (readonly [string, Neighbour | undefined, Neighbour | undefined, boolean])[] = [
    ['nobody answered', undefined, undefined, false],
    ['a host appeared', undefined, OTHER, true],
    ['a remembered host was confirmed', stale, OTHER, true],
    ['a remembered host said nothing', stale, stale, false],
    ['what was known before proves nothing', OTHER, OTHER, false],
    ['another host than before', OTHER, { mac: macNo(8), isReachable: false }, true],
    ['the client itself', undefined, { mac: macNo(1), isReachable: true }, false],
  ];
  for (const [title, before, after, want] of cases)
    it(`D3 by ARP: ${title}`, async () => {
      assert.equal(await ask(means(before, after)), want);
    });

  it('D3 a host that answers "port unreachable" is there, unless it is the client', async () => {
    const knock = (): Promise<boolean> => Promise.resolve(true);
    assert.equal(await ask(means(OTHER, OTHER, { knock })), true);
    assert.equal(await ask(means(undefined, { mac: macNo(1), isReachable: true }, { knock })), false);
  });

  it('D3 waits 300 ms for ARP, less when less is left', async () => {
    const waits: number[] = [];
    const knock = (_address: Ipv4, waitMs: number): Promise<boolean> => (waits.push(waitMs), Promise.resolve(false));
    const probe = probeAddress(means(undefined, undefined, { knock }), createQuietLog());
    await probe(arp, A, macNo(1), 1000);
    await probe(arp, A, macNo(1), 120);
    assert.deepEqual(waits, [300, 120]);
  });

  it('D3 by echo; either answer counts', async () => {
    const echo = network({ probe: 'ping' });
    assert.equal(await ask(means(undefined, undefined, { ping: () => Promise.resolve(true) }), echo), true);
    assert.equal(await ask(means(undefined, undefined, { knock: () => Promise.resolve(true) }), echo), true);
    assert.equal(await ask(means(undefined, undefined), echo), false);
  });

  it('D3 the operator can turn it off; behind a relay ARP says nothing', async () => {
    const yes = means(undefined, OTHER, { knock: () => Promise.resolve(true) });
    assert.equal(await ask(yes, network({ probe: 'none' })), false);
    assert.equal(await ask(yes, relayedNetwork({ probe: 'arp' })), false);
  });

  it('a probe that cannot be run counts as free, and the log says so', async () => {
    const log = createQuietLog();
    const broken = means(undefined, OTHER, { neighbours: () => Promise.reject(new Error('no ip')) });
    assert.equal(await probeAddress(broken, log)(arp, A, macNo(1), 1000), false);
    assert.match(log.lines.join(), /10\.77\.0\.100 is offered unprobed: no ip/);
  });

  it('beyond 64 at once addresses are offered unprobed rather than late', async () => {
    let knocks = 0;
    let open = (): void => undefined;
    const gate = new Promise<boolean>((resolve) => {
      open = () => {
        resolve(false);
      };
    });
    const probe = probeAddress(means(undefined, undefined, { knock: () => ((knocks += 1), gate) }), createQuietLog());
    const probes = [...Array(100).keys()].map(() => probe(arp, A, macNo(1), 1000));
    while (knocks < 64) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(await probes[99], false);
    open();
    await Promise.all(probes);
    assert.equal(knocks, 64);
  });
});
