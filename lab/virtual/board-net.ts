import type { Ipv4, Subnet } from '../../server/core/address.ts';
import type { DhcpWire } from './dhcp-client.ts';
import type { HttpAnswer, HttpOrder, TftpHabit } from './hands.ts';

/** Whom a TFTP or HTTP request is sent from, and until when. */
export interface Sender {
  readonly from: Ipv4;
  readonly signal: AbortSignal;
}

/** A file asked for over TFTP: its octets, or the server's ERROR. */
export type TftpAnswer =
  { readonly is: 'file'; readonly octets: Uint8Array } | { readonly is: 'error'; readonly words: string };

/** The network a virtual board is plugged into. */
export interface BoardNet {
  readonly dhcp: DhcpWire;
  /** Puts the address on the board's interface, so that it can be sent from. */
  claim(address: Ipv4, subnet: Subnet): Promise<void>;
  unclaim(address: Ipv4, subnet: Subnet): Promise<void>;
  /** Throws when nobody answers. */
  tftp(server: Ipv4, path: string, habit: TftpHabit, sender: Sender): Promise<TftpAnswer>;
  /** Sends ERROR 8 as soon as the server has answered. */
  tftpProbe(server: Ipv4, path: string, habit: TftpHabit, sender: Sender): Promise<void>;
  /** Throws when the server cannot be reached or breaks off. */
  http(order: HttpOrder, sender: Sender): Promise<HttpAnswer>;
}
