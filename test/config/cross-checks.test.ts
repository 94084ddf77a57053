import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { broadcastOf, contains, inRange, ipv4, type IpRange, type Subnet } from '../../server/core/address.ts';
import type { ConfiguredNetwork } from '../../server/config/config.ts';
import { checkNetworks } from '../../server/config/cross-checks.ts';

const SUBNET: Subnet = { network: ipv4(0x0a4d0000), prefix: 28 };

function network(change: Partial<ConfiguredNetwork>): ConfiguredNetwork {
  return {
    name: 'rack1',
    interface: 'eth1',
    giaddr: undefined,
    subnet: SUBNET,
    address: undefined,
    dhcp: 'full',
    authoritative: true,
    pools: [],
    router: undefined,
    dns: [],
    leaseS: 3600,
    probe: 'arp',
    unknown: 'ignore',
    ...change,
  };
}

const words = (...networks: readonly ConfiguredNetwork[]): readonly string[] =>
  checkNetworks(networks.map((each, index) => ({ path: ['networks', index], network: each }))).map(
    (finding) => finding.words,
  );

/** Addresses of 10.76.255.252 to 10.77.0.19: the subnet of 16 and a little on both sides. */
const near = fc.integer({ min: -4, max: 19 }).map((offset) => ipv4(SUBNET.network + offset));
const range: fc.Arbitrary<IpRange> = fc
  .tuple(near, near)
  .map(([a, b]) => ({ first: ipv4(Math.min(a, b)), last: ipv4(Math.max(a, b)) }));

describe('config: values against each other', () => {
  it('what passes has only hosts in its pools, each once, and none of ours', () => {
    let passed = 0;
    fc.assert(
      fc.property(fc.array(range, { maxLength: 3 }), near, near, (pools, address, router) => {
        if (words(network({ pools, address, router })).length > 0) return;
        passed += 1;
        for (const [index, pool] of pools.entries()) {
          assert.ok(contains(SUBNET, pool.first) && contains(SUBNET, pool.last));
          assert.ok(pool.first > SUBNET.network && pool.last < broadcastOf(SUBNET));
          assert.ok(!inRange(pool, address) && !inRange(pool, router));
          assert.ok(pools.every((other, n) => n === index || pool.last < other.first || other.last < pool.first));
        }
      }),
      { numRuns: 2000 },
    );
    assert.ok(passed > 10, 'some do pass');
  });

  it('of two networks that pass no address is in both', () => {
    const subnet = fc
      .tuple(fc.integer({ min: 24, max: 30 }), fc.nat(255))
      .map(([prefix, host]) => ({ network: ipv4((0x0a4d0000 + host) & (0xffffffff << (32 - prefix))), prefix }));
    fc.assert(
      fc.property(subnet, subnet, fc.nat(255), (one, two, host) => {
        const address = ipv4(0x0a4d0000 + host);
        const both = [network({ subnet: one }), network({ name: 'b', interface: 'eth2', subnet: two })] as const;
        const found = words(...both);
        if (contains(one, address) && contains(two, address)) assert.match(found.join('\n'), /overlaps/);
      }),
    );
  });

  it('only strangers need pools', () => {
    for (const unknown of ['enlist', 'local-disk'] as const) {
      assert.match(words(network({ unknown })).join(), /strangers need addresses/);
      assert.deepEqual(words(network({ unknown, dhcp: 'proxy' })), []);
      assert.deepEqual(words(network({ unknown, dhcp: 'off' })), []);
    }
    assert.deepEqual(words(network({ unknown: 'ignore' })), []);
  });

  it('two relayed networks share no interface, having none', () => {
    const relayed = (name: string, offset: number): ConfiguredNetwork =>
      network({ name, interface: undefined, subnet: { network: ipv4(SUBNET.network + offset), prefix: 28 } });
    assert.deepEqual(words(relayed('a', 0), relayed('b', 16)), []);
  });
});
