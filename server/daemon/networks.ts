import { contains, formatIpv4, formatSubnet, type Ipv4 } from '../core/address.ts';
import type { Network } from '../core/lease.ts';
import type { ConfiguredNetwork } from '../config/config.ts';
import type { HostInterface } from '../net/interfaces.ts';
import type { TftpAddress } from '../net/tftp-listener.ts';

/** A network cannot be served as configured; the message ends in the remedy. */
export class NetworkRefused extends Error {
  override readonly name = 'NetworkRefused';
}

/**
 * Gives each network our own address on it: the configured one, else what its interface has now. A relayed network is
 * answered from the address of the first network that is served directly, unless one is configured.
 * @throws NetworkRefused
 */
export function resolveNetworks(
  configured: readonly ConfiguredNetwork[],
  interfaces: ReadonlyMap<string, HostInterface>,
): readonly Network[] {
  const direct = configured
    .filter((network) => network.giaddr === undefined)
    .map((network) => ({ ...network, address: network.address ?? addressOn(network, interfaces) }));
  const first = direct[0]?.address;
  const relayed = configured
    .filter((network) => network.giaddr !== undefined)
    .map((network) => ({ ...network, address: network.address ?? first ?? refuseRelayed(network) }));
  return [...direct, ...relayed];
}

function addressOn(network: ConfiguredNetwork, interfaces: ReadonlyMap<string, HostInterface>): Ipv4 {
  const device = network.interface ?? '';
  const found = interfaces.get(device)?.addresses.find((address) => contains(network.subnet, address));
  if (found !== undefined) return found;
  throw new NetworkRefused(
    `network ${network.name}: interface ${device} has no address in ${formatSubnet(network.subnet)} now; ` +
      `give it one (ip addr add … dev ${device}), or write "address:" in the configuration so that it may come later`,
  );
}

function refuseRelayed(network: ConfiguredNetwork): never {
  throw new NetworkRefused(
    `network ${network.name} lies behind a relay: write "address:", the address of this host that its machines reach`,
  );
}

/** Where TFTP is served: our address of each network, for the networks that are reached through it. */
export function tftpAddresses(networks: readonly Network[]): readonly TftpAddress[] {
  const addresses = [...new Set(networks.map((network) => network.address))];
  return addresses.map((address) => ({
    address,
    subnets: networks.filter((network) => network.address === address).map((network) => network.subnet),
  }));
}

/** `rack1 (10.77.0.0/24 on eth1, DHCP full)`. */
export function describeNetwork(network: Network): string {
  const where = network.interface ?? `relay ${network.giaddr === undefined ? '?' : formatIpv4(network.giaddr)}`;
  return `${network.name} (${formatSubnet(network.subnet)} on ${where}, DHCP ${network.dhcp})`;
}
