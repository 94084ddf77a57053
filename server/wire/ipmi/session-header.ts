import { joined } from '../../core/octets.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { octetAt, readU16le, readU32le, u16le, u32le } from './octets.ts';

/** Payload types of RMCP+ (IPMI 2.0 §13.27.3, tables 13-16 and following). */
export const PAYLOAD = {
  ipmi: 0x00,
  sol: 0x01,
  openRequest: 0x10,
  openResponse: 0x11,
  rakp1: 0x12,
  rakp2: 0x13,
  rakp3: 0x14,
  rakp4: 0x15,
} as const;

const AUTH_NONE = 0x00;
const RMCP_PLUS = 0x06;

/** An RMCP+ packet with its security still on (§13.6). */
export interface SessionPacket {
  readonly payloadType: number;
  readonly encrypted: boolean;
  readonly authenticated: boolean;
  readonly sessionId: number;
  readonly sequence: number;
  readonly payload: Uint8Array;
  /** What the AuthCode is computed over, from the format octet through the next header. */
  readonly covered: Uint8Array;
  readonly authCode: Uint8Array;
}

/** Wraps a message in an IPMI 1.5 header without session: all that is said before RMCP+ begins (§13.6, left column). */
export function encodeV15(message: Uint8Array): Uint8Array {
  return joined([AUTH_NONE, 0, 0, 0, 0, 0, 0, 0, 0, message.length], message);
}

/** The message inside an IPMI 1.5 packet outside of any session. */
export function decodeV15(body: Uint8Array): Result<Uint8Array> {
  if (body.length < 10) return err(`short IPMI 1.5 packet: ${body.length} octets`);
  if (octetAt(body, 0) !== AUTH_NONE) return err(`authentication type ${octetAt(body, 0)}, not none`);
  if (readU32le(body, 5) !== 0) return err('an IPMI 1.5 session');
  const length = octetAt(body, 9);
  // Some BMCs pad the packet by one octet against a bug of old Ethernet chips (§13.6, "legacy PAD").
  if (body.length < 10 + length) return err(`${length} octets announced, ${body.length - 10} there`);
  return ok(body.subarray(10, 10 + length));
}

/** Whether a body carries the RMCP+ format. */
export function isRmcpPlus(body: Uint8Array): boolean {
  return body[0] === RMCP_PLUS;
}

/** The header up to the payload. */
export function encodeHead(packet: Omit<SessionPacket, 'covered' | 'authCode'>): Uint8Array {
  const flags = (packet.encrypted ? 0x80 : 0) | (packet.authenticated ? 0x40 : 0);
  return joined(
    [RMCP_PLUS, flags | packet.payloadType],
    u32le(packet.sessionId),
    u32le(packet.sequence),
    u16le(packet.payload.length),
    packet.payload,
  );
}

/** The trailer before the AuthCode: pad of 0xff to a multiple of four, its length, and the next header 7 (§13.28.4). */
export function trailerOf(headOctets: number): Uint8Array {
  const pad = (4 - ((headOctets + 2) % 4)) % 4;
  return joined(new Uint8Array(pad).fill(0xff), [pad, 0x07]);
}

/** Reads the RMCP+ format; `integrityOctets` says how long an AuthCode is where there is one. */
export function decodeSessionPacket(body: Uint8Array, integrityOctets: number): Result<SessionPacket> {
  if (body.length < 12) return err(`short RMCP+ packet: ${body.length} octets`);
  if (!isRmcpPlus(body)) return err(`format ${octetAt(body, 0)}, not RMCP+`);
  const type = octetAt(body, 1);
  const end = 12 + readU16le(body, 10);
  if (body.length < end) return err(`${end - 12} octets of payload announced, ${body.length - 12} there`);
  const fields = {
    payloadType: type & 63,
    encrypted: (type & 0x80) !== 0,
    authenticated: (type & 0x40) !== 0,
    sessionId: readU32le(body, 2),
    sequence: readU32le(body, 6),
    payload: body.subarray(12, end),
  };
  if (!fields.authenticated) return ok({ ...fields, covered: body.subarray(0, end), authCode: body.subarray(0, 0) });
  // Padding is checked by the AuthCode, which covers it; only the lengths must fit here.
  const split = body.length - integrityOctets;
  if (split < end + 2) return err(`no room for a trailer: ${body.length - end} octets behind the payload`);
  return ok({ ...fields, covered: body.subarray(0, split), authCode: body.subarray(split) });
}
