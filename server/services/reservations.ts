import { broadcastOf, contains, inRange, ipv4, netmaskOf, type Ipv4, type Mac } from '../core/address.ts';
import type { Network } from '../core/lease.ts';
import type { Machine } from '../core/machine.ts';

/** Addresses kept for accepted machines, in memory, so that DHCP can ask for each packet. */
export interface Reservations {
  of(network: string): ReadonlyMap<Mac, Ipv4>;
  /** Takes the machines as they are now. */
  refresh(machines: readonly Machine[]): void;
}

const NONE: ReadonlyMap<Mac, Ipv4> = new Map();

/** Starts empty; the composition root refreshes it at start and after each change of a machine. */
export function createReservations(): Reservations {
  let byNetwork = new Map<string, Map<Mac, Ipv4>>();
  return {
    of: (network) => byNetwork.get(network) ?? NONE,
    refresh: (machines) => {
      const fresh = new Map<string, Map<Mac, Ipv4>>();
      for (const machine of machines) {
        const [boots] = machine.macs;
        if (machine.reserved === undefined || boots === undefined) continue;
        const network = fresh.get(machine.network) ?? new Map<Mac, Ipv4>();
        fresh.set(machine.network, network.set(boots, machine.reserved));
      }
      byNetwork = fresh;
    },
  };
}

/** The networks' addresses that are spoken for otherwise: ours, the router's, the DNS servers'. */
function isOurs(network: Network, address: Ipv4): boolean {
  return address === network.address || address === network.router || network.dns.includes(address);
}

/** Why an address cannot be kept for a machine on a network; nothing when it can. */
export function whyNotReservable(network: Network, address: Ipv4): string | undefined {
  if (network.dhcp === 'proxy') return `another DHCP server gives the addresses of ${network.name}; keep it there`;
  if (!contains(network.subnet, address)) return `it lies outside of network ${network.name}`;
  if (address === network.subnet.network || address === broadcastOf(network.subnet))
    return 'it names the network itself, not a host';
  return isOurs(network, address) ? 'it is the address of this server, the router or a DNS server' : undefined;
}

/**
 * The lowest free address of a network outside its pools: strangers that drain a pool then cannot touch accepted
 * machines. Nothing when the pools leave no room; the machine then keeps the address it leased.
 */
export function pickReservation(network: Network, taken: ReadonlySet<Ipv4>): Ipv4 | undefined {
  const last = broadcastOf(network.subnet);
  const size = ipv4(~netmaskOf(network.subnet));
  for (let step = 1; step < Math.min(size, 65_536); step += 1) {
    const address = ipv4(network.subnet.network + step);
    const pool = network.pools.find((range) => inRange(range, address));
    if (pool) step += pool.last - address;
    else if (address < last && !taken.has(address) && !isOurs(network, address)) return address;
  }
  return undefined;
}
