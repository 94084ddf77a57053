import { contains, macOf, NO_ADDRESS, type Ipv4 } from '../core/address.ts';
import type { Network } from '../core/lease.ts';
import { BOOTREQUEST, decodeMessage, messageType, type DhcpMessage } from '../wire/dhcp/message.ts';
import type { Incoming } from './dhcp-exchange.ts';
import { LOOPBACK } from './interfaces.ts';
import type { Peer } from './udp-on-device.ts';

/** What is known of the wire when a datagram comes in. */
export interface Wire {
  readonly networks: readonly Network[];
  /** Whether an address is one of this host's. */
  readonly isOurs: (address: Ipv4) => boolean;
}

/** The counter a message that is dropped counts under. */
export type DropReason = 'malformed' | 'notRequests' | 'bootp' | 'looped' | 'unknownNetwork';

/**
 * Decodes a datagram and finds its network, or says under which counter it is dropped: not for a DHCP server
 * (RFC 2131 §2), from ourselves, or for a network that is not served (§4.3.1).
 */
export function routeDatagram(octets: Uint8Array, from: Peer, device: string, wire: Wire): Incoming | DropReason {
  const decoded = decodeMessage(octets);
  if (!decoded.ok) return 'malformed';
  const message = decoded.value;
  if (message.op !== BOOTREQUEST) return 'notRequests';
  // On loopback whoever sends is this host; there a relay alone could make a loop.
  const isOwn = device !== LOOPBACK && wire.isOurs(from.address);
  const isLooped = isOwn || (message.giaddr !== NO_ADDRESS && wire.isOurs(message.giaddr));
  if (isLooped) return 'looped';
  const type = messageType(message.options);
  if (type === undefined) return 'bootp';
  const network = networkOf(message, from.address, device, wire.networks);
  return network ? { network, type, message, mac: macOf(message.chaddr), from } : 'unknownNetwork';
}

/**
 * The same for what came to the proxy's own port 4011 (PXE 2.1): only from addresses of networks in proxy mode, so that
 * nobody else can be made a target of the answers.
 */
export function routeProxyDatagram(octets: Uint8Array, from: Peer, device: string, wire: Wire): Incoming | DropReason {
  const decoded = decodeMessage(octets);
  if (!decoded.ok) return 'malformed';
  const message = decoded.value;
  if (message.op !== BOOTREQUEST) return 'notRequests';
  if (device !== LOOPBACK && wire.isOurs(from.address)) return 'looped';
  const type = messageType(message.options);
  if (type === undefined) return 'bootp';
  const network = wire.networks.find(
    (each) =>
      each.dhcp === 'proxy' &&
      contains(each.subnet, from.address) &&
      (each.interface === undefined || each.interface === device),
  );
  return network ? { network, type, message, mac: macOf(message.chaddr), from } : 'unknownNetwork';
}

/**
 * By relay when there is one; else the interface's. A client behind a relay renews by unicast without it, from the
 * address it has (RFC 2131 §4.3.6), so then the network is that of the address.
 */
function networkOf(
  message: DhcpMessage,
  source: Ipv4,
  device: string,
  networks: readonly Network[],
): Network | undefined {
  const { giaddr, ciaddr } = message;
  const served = networks.filter((each) => each.dhcp !== 'off');
  if (giaddr !== NO_ADDRESS) return served.find((each) => each.giaddr === giaddr);
  const isRouted = ciaddr !== NO_ADDRESS && ciaddr === source;
  const relayed = isRouted
    ? served.find((each) => each.giaddr !== undefined && contains(each.subnet, ciaddr))
    : undefined;
  return relayed ?? served.find((each) => each.interface === device);
}
