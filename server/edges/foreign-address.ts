import { BlockList, isIPv4 } from 'node:net';

/**
 * Addresses that are not the open Internet's: the controller's own network position must lend nobody a way to them.
 * IANA's special-purpose registries (RFC 6890 and its updates), multicast, and the IPv6 prefixes that wrap an IPv4 address.
 */
const NEAR: readonly (readonly [string, number, 'ipv4' | 'ipv6'])[] = [
  ['0.0.0.0', 8, 'ipv4'],
  ['10.0.0.0', 8, 'ipv4'],
  ['100.64.0.0', 10, 'ipv4'],
  ['127.0.0.0', 8, 'ipv4'],
  ['169.254.0.0', 16, 'ipv4'],
  ['172.16.0.0', 12, 'ipv4'],
  ['192.0.0.0', 24, 'ipv4'],
  ['192.0.2.0', 24, 'ipv4'],
  ['192.88.99.0', 24, 'ipv4'],
  ['192.168.0.0', 16, 'ipv4'],
  ['198.18.0.0', 15, 'ipv4'],
  ['198.51.100.0', 24, 'ipv4'],
  ['203.0.113.0', 24, 'ipv4'],
  ['224.0.0.0', 3, 'ipv4'],
  ['::', 96, 'ipv6'],
  ['64:ff9b::', 96, 'ipv6'],
  ['64:ff9b:1::', 48, 'ipv6'],
  ['100::', 64, 'ipv6'],
  ['2001::', 23, 'ipv6'],
  ['2001:db8::', 32, 'ipv6'],
  ['2002::', 16, 'ipv6'],
  ['3fff::', 20, 'ipv6'],
  ['5f00::', 16, 'ipv6'],
  ['fc00::', 7, 'ipv6'],
  ['fe80::', 9, 'ipv6'],
  ['ff00::', 8, 'ipv6'],
];

const near = new BlockList();
for (const [network, prefix, family] of NEAR) near.addSubnet(network, prefix, family);

/** Whether an IPv4 or IPv6 address is one of the open Internet; IPv4 in IPv6 clothes is judged as IPv4. */
export function isOpenInternet(address: string): boolean {
  return !near.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');
}
