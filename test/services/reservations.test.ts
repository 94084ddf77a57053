import { strict as assert } from 'node:assert';
import { formatIpv4, parseIpv4, parseRange, parseSubnet, type Ipv4 } from '../../server/core/address.ts';
import type { Network } from '../../server/core/lease.ts';
import { pickReservation, whyNotReservable } from '../../server/services/reservations.ts';

const ip = (text: string): Ipv4 => {
  const parsed = parseIpv4(text);
  assert.ok(parsed.ok);
  return parsed.value;
};

function networkOf(subnet: string, pools: readonly string[]): Network {
  const parsed = parseSubnet(subnet);
  assert.ok(parsed.ok);
  return {
    name: 'rack1',
    interface: 'eth1',
    giaddr: undefined,
    subnet: parsed.value,
    address: ip('10.77.0.1'),
    dhcp: 'full',
    authoritative: true,
    pools: pools.flatMap((text) => {
      const range = parseRange(text);
      return range.ok ? [range.value] : [];
    }),
    router: ip('10.77.0.2'),
    dns: [ip('10.77.0.3')],
    leaseS: 3600,
    probe: 'none',
    unknown: 'enlist',
  };
}

describe('reservations', () => {
  const table: readonly (readonly [string, string, readonly string[], readonly string[], string | undefined])[] = [
    ['the lowest that is nobody’s', '10.77.0.0/24', ['10.77.0.100-10.77.0.199'], [], '10.77.0.4'],
    ['not one that is taken', '10.77.0.0/24', [], ['10.77.0.4', '10.77.0.5'], '10.77.0.6'],
    ['beyond a pool that begins at once', '10.77.0.0/24', ['10.77.0.4-10.77.0.199'], [], '10.77.0.200'],
    ['none when the pools fill the subnet', '10.77.0.0/24', ['10.77.0.4-10.77.0.254'], [], undefined],
    ['none in a subnet without hosts', '10.77.0.0/32', [], [], undefined],
  ];
  for (const [title, subnet, pools, taken, want] of table)
    it(title, () => {
      const picked = pickReservation(networkOf(subnet, pools), new Set(taken.map(ip)));
      assert.equal(picked && formatIpv4(picked), want);
    });

  for (const address of ['10.78.0.1', '10.77.0.0', '10.77.0.255', '10.77.0.1', '10.77.0.2', '10.77.0.3'])
    it(`${address} cannot be kept for a machine`, () => {
      assert.ok(whyNotReservable(networkOf('10.77.0.0/24', []), ip(address)));
    });

  it('an address in a pool may be named by an operator', () => {
    assert.equal(
      whyNotReservable(networkOf('10.77.0.0/24', ['10.77.0.100-10.77.0.199']), ip('10.77.0.150')),
      undefined,
    );
  });

  it('where another server gives the addresses they are kept there', () => {
    const proxied: Network = { ...networkOf('10.77.0.0/24', []), dhcp: 'proxy' };
    assert.match(
      whyNotReservable(proxied, ip('10.77.0.50')) ?? '',
      /another DHCP server gives the addresses of rack1; keep it there/,
    );
  });
});
