import { ipv4, NO_ADDRESS, type Ipv4 } from '../../core/address.ts';
import { BROADCAST_FLAG, type DhcpMessage, type MessageType } from './message.ts';

/** UDP ports (RFC 2131 §4.1). */
export const SERVER_PORT = 67;
export const CLIENT_PORT = 68;
/** All hosts on the link. */
export const LIMITED_BROADCAST = ipv4(0xffffffff);

/** Where a reply goes. */
export interface ReplyTo {
  readonly address: Ipv4;
  readonly port: number;
}

/**
 * The destination of a reply (RFC 2131 §4.1): the relay when there is one; a NAK to everybody; `ciaddr` when the client
 * has an address; else to everybody, whatever the broadcast flag says. Unicast to an address the client has not set up
 * yet needs an ARP entry by force, and all firmware measured takes a broadcast.
 */
export function replyTo(request: Pick<DhcpMessage, 'giaddr' | 'ciaddr'>, sent: MessageType): ReplyTo {
  if (request.giaddr !== NO_ADDRESS) return { address: request.giaddr, port: SERVER_PORT };
  if (sent !== 'NAK' && request.ciaddr !== NO_ADDRESS) return { address: request.ciaddr, port: CLIENT_PORT };
  return { address: LIMITED_BROADCAST, port: CLIENT_PORT };
}

/** `flags` of a reply: the request's; a NAK through a relay asks it to broadcast (RFC 2131 §4.3.2). */
export function replyFlags(request: Pick<DhcpMessage, 'giaddr' | 'flags'>, sent: MessageType): number {
  return sent === 'NAK' && request.giaddr !== NO_ADDRESS ? request.flags | BROADCAST_FLAG : request.flags;
}
