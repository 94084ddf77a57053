import { joined } from '../../core/octets.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { octetAt } from './octets.ts';

/** RMCP message classes (IPMI 2.0 §13.1.3, table 13-1). */
export const RMCP_CLASS = { asf: 6, ipmi: 7 } as const;
const VERSION = 6;
/** "No RMCP acknowledge wanted": IPMI messages always carry it. */
const NO_ACK = 0xff;
const ASF_IANA = [0x00, 0x00, 0x11, 0xbe] as const;

/** What came in one RMCP datagram. */
export interface Rmcp {
  readonly messageClass: number;
  readonly body: Uint8Array;
}

/** Wraps a body in the RMCP header. */
export function encodeRmcp(messageClass: number, body: Uint8Array): Uint8Array {
  return joined([VERSION, 0, NO_ACK, messageClass], body);
}

/** Takes the RMCP header off. Acknowledges (class bit 7) are refused: nobody asked for one. */
export function decodeRmcp(datagram: Uint8Array): Result<Rmcp> {
  if (datagram.length < 4) return err(`short RMCP datagram: ${datagram.length} octets`);
  if (octetAt(datagram, 0) !== VERSION) return err(`RMCP version ${octetAt(datagram, 0)}, not ${VERSION}`);
  const messageClass = octetAt(datagram, 3);
  if ((messageClass & 0x80) !== 0) return err('an RMCP acknowledge');
  return ok({ messageClass, body: datagram.subarray(4) });
}

/** An ASF Presence Ping (ASF 2.0 §3.2.4.2): "is there anybody that speaks IPMI?" */
export function encodePing(tag: number): Uint8Array {
  return encodeRmcp(RMCP_CLASS.asf, joined(ASF_IANA, [0x80, tag & 255, 0, 0]));
}

/** The tag of a Presence Ping; nothing when the body is something else. */
export function decodePing(body: Uint8Array): number | undefined {
  const isPing = body.length >= 8 && ASF_IANA.every((octet, at) => body[at] === octet) && body[4] === 0x80;
  return isPing ? octetAt(body, 5) : undefined;
}

/** A Presence Pong (ASF 2.0 §3.2.4.3) that says: IPMI supported, ASF 1.0. */
export function encodePong(tag: number): Uint8Array {
  return encodeRmcp(
    RMCP_CLASS.asf,
    joined(ASF_IANA, [0x40, tag & 255, 0, 16], ASF_IANA, [0, 0, 0, 0], [0x81, 0], [0, 0, 0, 0, 0, 0]),
  );
}

/** Reads a Presence Pong's body. */
export function decodePong(body: Uint8Array): Result<{ readonly tag: number; readonly speaksIpmi: boolean }> {
  if (body.length < 24 || body[4] !== 0x40 || !ASF_IANA.every((octet, at) => body[at] === octet))
    return err('not a Presence Pong');
  return ok({ tag: octetAt(body, 5), speaksIpmi: (octetAt(body, 16) & 0x80) !== 0 });
}
