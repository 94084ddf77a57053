import type { Ipv4, IpRange, Mac, Subnet } from './address.ts';
import type { UnknownPolicy } from './boot-plan.ts';

/** One network Farrier serves, directly or behind a relay, as configured. */
export interface Network {
  readonly name: string;
  /** The interface it is served on; nothing when it lies behind a relay. */
  readonly interface: string | undefined;
  /** The relay's address in that subnet (RFC 2131 §4.3.1), for relayed networks. */
  readonly giaddr: Ipv4 | undefined;
  readonly subnet: Subnet;
  /** Our own address as clients on it see us: server identifier, siaddr, HTTP host. */
  readonly address: Ipv4;
  readonly dhcp: 'full' | 'proxy' | 'off';
  readonly authoritative: boolean;
  readonly pools: readonly IpRange[];
  readonly router: Ipv4 | undefined;
  readonly dns: readonly Ipv4[];
  readonly leaseS: number;
  readonly probe: 'arp' | 'ping' | 'none';
  readonly unknown: UnknownPolicy;
}

/** `declined`: quarantined until it expires. `released`: free, but remembered for the same client. */
export type LeaseState = 'bound' | 'released' | 'declined';

/** One address and who has it. */
export interface Lease {
  readonly network: string;
  readonly address: Ipv4;
  /** `mac:52:54:…` or `id:` and the client identifier in hexadecimal (RFC 2131 §2.1, §4.2). */
  readonly key: string;
  readonly mac: Mac;
  readonly state: LeaseState;
  /** Epoch ms; a quarantine's end for `declined`. */
  readonly expiresMs: number;
  readonly hostname: string | undefined;
  /** Option 82 sub-options 1 and 2, hexadecimal (RFC 3046). */
  readonly circuitId: string | undefined;
  readonly remoteId: string | undefined;
}
