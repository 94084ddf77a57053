import { strict as assert } from 'node:assert';
import { formatIpv4, ipv4 } from '../../server/core/address.ts';
import { describeNetwork, resolveNetworks, tftpAddresses } from '../../server/daemon/networks.ts';
import type { ConfiguredNetwork } from '../../server/config/config.ts';
import type { HostInterface } from '../../server/net/interfaces.ts';
import { rack1 } from '../services/boot-bench.ts';

const direct: ConfiguredNetwork = { ...rack1, address: undefined };
const relayed: ConfiguredNetwork = {
  ...rack1,
  name: 'rack2',
  interface: undefined,
  giaddr: ipv4(0x0a4e0001),
  subnet: { network: ipv4(0x0a4e0000), prefix: 24 },
  address: undefined,
};
const eth1 = (...addresses: readonly number[]): ReadonlyMap<string, HostInterface> =>
  new Map([['eth1', { name: 'eth1', index: 2, addresses: addresses.map(ipv4) }]]);

describe('networks', () => {
  it('our address is what the interface has in the subnet', () => {
    const [network] = resolveNetworks([direct], eth1(0x0a000001, 0x0a4d0009));
    assert.equal(network && formatIpv4(network.address), '10.77.0.9');
  });

  it('a configured address wins, also while the interface is not there', () => {
    const [network] = resolveNetworks([{ ...direct, address: ipv4(0x0a4d0001) }], new Map());
    assert.equal(network && formatIpv4(network.address), '10.77.0.1');
  });

  for (const [title, interfaces] of [
    ['an interface that is not there', new Map<string, HostInterface>()],
    ['an interface without an address in the subnet', eth1(0x0a000001)],
  ] as const)
    it(`${title} is refused with both remedies`, () => {
      assert.throws(() => resolveNetworks([direct], interfaces), /rack1.*eth1.*ip addr add.*address:/s);
    });

  it('a network behind a relay is answered from our first address', () => {
    const networks = resolveNetworks([direct, relayed], eth1(0x0a4d0001));
    assert.equal(networks[1] && formatIpv4(networks[1].address), '10.77.0.1');
    assert.deepEqual(
      tftpAddresses(networks).map((each) => [formatIpv4(each.address), each.subnets.length]),
      [['10.77.0.1', 2]],
    );
  });

  it('only relayed networks and no address: refused', () => {
    assert.throws(() => resolveNetworks([relayed], new Map()), /rack2.*address:/);
  });

  it('is told in one line', () => {
    const [first, second] = resolveNetworks([direct, relayed], eth1(0x0a4d0001)).map(describeNetwork);
    assert.equal(first, 'rack1 (10.77.0.0/24 on eth1, DHCP full)');
    assert.equal(second, 'rack2 (10.78.0.0/24 on relay 10.78.0.1, DHCP full)');
  });
});
