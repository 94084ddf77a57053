import type { Ipv4, Mac, Subnet } from '../../server/core/address.ts';
import type { BoardKind } from '../board-kinds.ts';
import type { DhcpIdentity } from './dhcp-identity.ts';

/** What a virtual board is. */
export interface VirtualBoardSpec {
  readonly name: string;
  readonly kind: BoardKind;
  readonly mac: Mac;
  readonly uuid: string;
  /** u-boot boards: Debian's stock environment (boot script first) or a saved one that goes for pxelinux.cfg. */
  readonly uboot: 'stock' | 'pxe';
  /** Milliseconds of pretended work (power-on self test, unpacking) at each stage; 0: as fast as it goes. */
  readonly paceMs: number;
}

/** What an ACK gave a board. */
export interface BoardLease {
  readonly address: Ipv4;
  readonly subnet: Subnet;
  readonly router: Ipv4 | undefined;
  readonly serverId: Ipv4;
  /** Where TFTP is asked: `siaddr`. */
  readonly siaddr: Ipv4;
  /** `file`, else option 67; empty when neither was there. */
  readonly file: string;
  readonly leaseS: number;
  /** Option 43; nothing when it was not there. */
  readonly vendorSpecific: Uint8Array | undefined;
}

/** How one firmware phrases its TFTP requests. */
export interface TftpHabit {
  /** Options in the order sent, as text. */
  readonly options: Readonly<Record<string, string>>;
}

/** One thing a board did or heard, for its log. */
export interface BoardLogEntry {
  readonly atMs: number;
  readonly what: 'power' | 'dhcp' | 'tftp' | 'http' | 'agent' | 'boot' | 'system';
  readonly words: string;
  readonly octets: number | undefined;
  readonly sha256: string | undefined;
}

/** An HTTP request of a board. */
export interface HttpOrder {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | undefined;
}

/** What the server answered, whatever its status. */
export interface HttpAnswer {
  readonly status: number;
  readonly body: Uint8Array;
}

/** The boot ended in the firmware: what its console would have said. */
export class BootFailed extends Error {
  override readonly name = 'BootFailed';
}

/** What pretended firmware has at hand. Every call ends at once, by throwing, when the power goes. */
export interface Hands {
  readonly spec: VirtualBoardSpec;
  /** A whole handshake; throws BootFailed when nobody answers. */
  lease(identity: DhcpIdentity): Promise<BoardLease>;
  /** A file over TFTP from the lease's `siaddr`; nothing when the server said ERROR. */
  tftp(path: string, habit: TftpHabit): Promise<Uint8Array | undefined>;
  /** Asks and breaks off with ERROR 8 as soon as the server has answered. */
  tftpProbe(path: string, habit: TftpHabit): Promise<void>;
  http(order: HttpOrder): Promise<HttpAnswer>;
  say(what: BoardLogEntry['what'], words: string): void;
  pause(ms: number): Promise<void>;
  /** One pace of pretended work. */
  work(): Promise<void>;
}

/** What came to be in the board's memory, and with which words it was started. */
export interface Started {
  readonly kernel: Uint8Array;
  readonly initrd: Uint8Array | undefined;
  readonly dtb: Uint8Array | undefined;
  readonly args: string;
}

/** How a firmware's work ended: with a system, or with the board's own disk. */
export type Handover = { readonly to: 'system'; readonly started: Started } | { readonly to: 'local-disk' };
