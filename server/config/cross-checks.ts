import {
  broadcastOf,
  contains,
  formatIpv4,
  formatSubnet,
  inRange,
  type Ipv4,
  type IpRange,
  type Subnet,
} from '../core/address.ts';
import type { ConfiguredNetwork } from './config.ts';
import type { Path } from './document.ts';

/** Something that only shows when several values are looked at together. */
export interface Finding {
  readonly path: Path;
  readonly words: string;
}

/** A network and where it stands in the file. */
export interface PlacedNetwork {
  readonly path: Path;
  readonly network: ConfiguredNetwork;
}

const isHost = (subnet: Subnet, address: Ipv4): boolean =>
  contains(subnet, address) && address !== subnet.network && address !== broadcastOf(subnet);

const formatRange = (range: IpRange): string => `${formatIpv4(range.first)}-${formatIpv4(range.last)}`;

/** The single addresses a network speaks of, by key. */
function addressesOf(network: ConfiguredNetwork): readonly (readonly [string, Ipv4, string])[] {
  const { address, router, giaddr } = network;
  const named: readonly (readonly [string, Ipv4 | undefined, string])[] = [
    ['address', address, 'our own address'],
    ['router', router, 'the router'],
    ['giaddr', giaddr, "the relay's address"],
  ];
  return named.flatMap(([key, value, words]) => (value === undefined ? [] : [[key, value, words] as const]));
}

function checkAddresses({ path, network }: PlacedNetwork): readonly Finding[] {
  return addressesOf(network)
    .filter(([, value]) => !isHost(network.subnet, value))
    .map(([key, value, words]) => ({
      path: [...path, key],
      words: `${words} ${formatIpv4(value)} is not a host of ${formatSubnet(network.subnet)}; change one of the two`,
    }));
}

function checkPool(network: ConfiguredNetwork, pool: IpRange, path: Path): readonly Finding[] {
  const range = formatRange(pool);
  if (!isHost(network.subnet, pool.first) || !isHost(network.subnet, pool.last))
    return [
      { path, words: `the pool ${range} reaches outside the hosts of ${formatSubnet(network.subnet)}; shorten it` },
    ];
  return addressesOf(network)
    .filter(([, value]) => inRange(pool, value))
    .map(([, value, words]) => ({
      path,
      words: `the pool ${range} holds ${words} ${formatIpv4(value)}; leave it out of the pool`,
    }));
}

function checkPools({ path, network }: PlacedNetwork): readonly Finding[] {
  const at = (index: number): Path => [...path, 'pools', index];
  const single = network.pools.flatMap((pool, index) => checkPool(network, pool, at(index)));
  const overlaps = network.pools.flatMap((pool, index) =>
    network.pools
      .slice(0, index)
      .filter((other) => pool.first <= other.last && other.first <= pool.last)
      .map((other) => ({
        path: at(index),
        words: `the pool ${formatRange(pool)} overlaps ${formatRange(other)}; join them`,
      })),
  );
  return [...single, ...overlaps];
}

function checkUse({ path, network }: PlacedNetwork): readonly Finding[] {
  const { dhcp, pools, unknown } = network;
  if (dhcp === 'full' && pools.length === 0 && unknown !== 'ignore')
    return [{ path, words: `strangers need addresses; give "pools", or set "unknown: ignore"` }];
  if (dhcp !== 'full' && pools.length > 0)
    return [
      { path: [...path, 'pools'], words: `"dhcp: ${dhcp}" gives no addresses; remove "pools", or set "dhcp: full"` },
    ];
  return [];
}

function checkPair(one: PlacedNetwork, earlier: PlacedNetwork): readonly Finding[] {
  const [a, b] = [one.network, earlier.network];
  const overlap = contains(a.subnet, b.subnet.network) || contains(b.subnet, a.subnet.network);
  const findings: readonly (readonly [boolean, string, string])[] = [
    [a.name === b.name, 'name', `the name "${a.name}" is used twice; choose another`],
    [
      a.interface !== undefined && a.interface === b.interface,
      'interface',
      `the interface "${a.interface ?? ''}" serves "${b.name}" already; one network an interface`,
    ],
    [
      overlap,
      'subnet',
      `${formatSubnet(a.subnet)} overlaps ${formatSubnet(b.subnet)} of "${b.name}"; change one of the two`,
    ],
  ];
  return findings.filter(([wrong]) => wrong).map(([, key, words]) => ({ path: [...one.path, key], words }));
}

/** What is wrong between the values of the networks. */
export function checkNetworks(networks: readonly PlacedNetwork[]): readonly Finding[] {
  return networks.flatMap((one, index) => [
    ...checkAddresses(one),
    ...checkPools(one),
    ...checkUse(one),
    ...networks.slice(0, index).flatMap((earlier) => checkPair(one, earlier)),
  ]);
}
