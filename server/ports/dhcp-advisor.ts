import type { Ipv4, Mac } from '../core/address.ts';
import type { BootRequest } from '../core/boot-plan.ts';
import type { Network } from '../core/lease.ts';

/** RFC 2132 §9.6. */
export type DhcpMessageType = 'DISCOVER' | 'OFFER' | 'REQUEST' | 'DECLINE' | 'ACK' | 'NAK' | 'RELEASE' | 'INFORM';

/** What the boot decision says to DHCP. */
export interface DhcpAdvice {
  /** False: stay silent (a stranger where strangers are ignored). */
  readonly answer: boolean;
  /** The known machine behind the MAC, candidates included: its lease is keyed by MAC whatever its client identifier. */
  readonly machine: { readonly name: string } | undefined;
  /** For `file` and option 67; nothing: an address only (local disk, refusal, or not a boot client). */
  readonly file: string | undefined;
  /** Why, in words. */
  readonly because: string;
}

/** One message of a DHCP exchange, for the timeline. */
export interface DhcpRecord {
  readonly mac: Mac;
  readonly network: string;
  readonly received: DhcpMessageType;
  /** What was answered; nothing when silent, and `because` says why. */
  readonly sent: DhcpMessageType | undefined;
  readonly address: Ipv4 | undefined;
  readonly file: string | undefined;
  readonly because: string | undefined;
  /** Proxy mode: the other server whose offer of `address` the client takes. */
  readonly takesFrom?: Ipv4 | undefined;
  /** The switch port, as the relay's option 82 says it; nothing without a relay. */
  readonly relayPort: string | undefined;
  readonly durationMs: number;
}

/** The boot decision as DHCP sees it. */
export interface DhcpAdvisor {
  /** `isBootClient`: option 93, a known boot vendor class, iPXE's user class or a wanted `file` was seen. */
  advise(request: BootRequest, network: Network, isBootClient: boolean): Promise<DhcpAdvice>;
  /** Addresses kept for accepted machines on a network; never given to anybody else. In memory, cheap. */
  reservations(network: string): ReadonlyMap<Mac, Ipv4>;
  /** Which machine was told which address last, so that TFTP and HTTP requests find their machine. */
  record(record: DhcpRecord): void;
}

/** Who has an address now: according to the leases, or as far as can be seen where another server gives them. */
export type MacOfAddress = (address: Ipv4) => Mac | undefined | Promise<Mac | undefined>;
