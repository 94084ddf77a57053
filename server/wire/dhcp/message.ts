import type { Ipv4 } from '../../core/address.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { Cursor } from '../cursor.ts';
import { readField } from './option-field.ts';
import { OPT, textOf, type DhcpOptions } from './options.ts';

/** Values of `op` (RFC 2131 §2). */
export const BOOTREQUEST = 1;
export const BOOTREPLY = 2;
/** 99.130.83.99 before the options (RFC 2131 §3). */
export const MAGIC_COOKIE = 0x63825363;
/** `htype` of Ethernet. */
export const ETHERNET = 1;
/** The only bit of `flags` that means something (RFC 2131 §2, figure 2). */
export const BROADCAST_FLAG = 0x8000;
/** Octets before the options: the fixed part and the cookie. */
export const HEADER_OCTETS = 240;
/** Where the text fields lie, and their sizes. */
export const SNAME_OCTETS = 64;
export const FILE_OCTETS = 128;

/** Message types (RFC 2132 §9.6), in the order of their numbers. */
const MESSAGE_TYPES = ['DISCOVER', 'OFFER', 'REQUEST', 'DECLINE', 'ACK', 'NAK', 'RELEASE', 'INFORM'] as const;
export type MessageType = (typeof MESSAGE_TYPES)[number];

/** A DHCP message; field names are those of RFC 2131 §2. */
export interface DhcpMessage {
  readonly op: number;
  readonly htype: number;
  readonly hlen: number;
  readonly hops: number;
  readonly xid: number;
  readonly secs: number;
  readonly flags: number;
  readonly ciaddr: Ipv4;
  readonly yiaddr: Ipv4;
  readonly siaddr: Ipv4;
  readonly giaddr: Ipv4;
  /** All 16 octets; the first `hlen` count. */
  readonly chaddr: Uint8Array;
  /** Empty when the field held options (RFC 2132 §9.3). */
  readonly sname: string;
  readonly file: string;
  readonly options: DhcpOptions;
}

/** The number of a message type, as option 53 carries it. */
export function numberOfType(type: MessageType): number {
  return MESSAGE_TYPES.indexOf(type) + 1;
}

/** What option 53 says; nothing for BOOTP (no option 53), a wrong length or an unknown number. */
export function messageType(options: DhcpOptions): MessageType | undefined {
  const value = options.get(OPT.messageType);
  return value?.length === 1 ? MESSAGE_TYPES[(value[0] ?? 0) - 1] : undefined;
}

/**
 * Reads a message (RFC 2131 §2, §4.1). Hostile octets give a reason, never an exception. An option that runs past its
 * field ends that field; the options before it count. Values are views into the datagram, not copies.
 */
export function decodeMessage(datagram: Uint8Array): Result<DhcpMessage> {
  const c = new Cursor(datagram);
  const [op, htype, hlen, hops] = [c.u8(), c.u8(), c.u8(), c.u8()];
  const xid = c.u32();
  const [secs, flags] = [c.u16(), c.u16()];
  const [ciaddr, yiaddr, siaddr, giaddr] = [c.ipv4(), c.ipv4(), c.ipv4(), c.ipv4()];
  const chaddr = c.bytes(16);
  const snameField = c.bytes(SNAME_OCTETS);
  const fileField = c.bytes(FILE_OCTETS);
  const cookie = c.u32();
  if (c.failed) return err(`short message: ${datagram.length} octets`);
  if (hlen > 16) return err(`hlen ${hlen} is more than chaddr holds`);
  if (cookie !== MAGIC_COOKIE) return err('no DHCP magic cookie');
  const options = new Map<number, Uint8Array>();
  readField(c.rest(), options);
  const { file, sname } = readOverload(options, fileField, snameField);
  return ok({ op, htype, hlen, hops, xid, secs, flags, ciaddr, yiaddr, siaddr, giaddr, chaddr, sname, file, options });
}

/** Options first, then `file`, then `sname` (RFC 2131 §4.1); a 52 inside those changes nothing, so there is no loop. */
function readOverload(
  options: Map<number, Uint8Array>,
  fileField: Uint8Array,
  snameField: Uint8Array,
): { file: string; sname: string } {
  const overload = options.get(OPT.overload);
  const bits = overload?.length === 1 ? (overload[0] ?? 0) & 3 : 0;
  if (bits & 1) readField(fileField, options);
  if (bits & 2) readField(snameField, options);
  if (bits !== 0 && overload) options.set(OPT.overload, overload);
  return { file: bits & 1 ? '' : textOf(fileField), sname: bits & 2 ? '' : textOf(snameField) };
}
