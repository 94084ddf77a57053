import { joined } from '../../core/octets.ts';
import { err, ok, type Result } from '../../core/result.ts';
import type { IpmiCrypto } from './crypto.ts';
import { octetAt } from './octets.ts';
import type { SessionKeys } from './rakp.ts';
import { encodeRmcp, RMCP_CLASS } from './rmcp.ts';
import { encodeHead, PAYLOAD, trailerOf, type SessionPacket } from './session-header.ts';
import type { CipherSuite } from './suite.ts';

const BLOCK = 16;

/** One direction of a session that is up. */
export interface Channel {
  readonly crypto: IpmiCrypto;
  readonly suite: CipherSuite;
  readonly keys: SessionKeys;
}

/** Confidentiality pad 1, 2, 3 … and its length, so that whole AES blocks come out (IPMI 2.0 §13.29). */
function padded(message: Uint8Array): Uint8Array {
  const pad = (BLOCK - ((message.length + 1) % BLOCK)) % BLOCK;
  return joined(
    message,
    Uint8Array.from({ length: pad }, (_, at) => at + 1),
    [pad],
  );
}

function unpadded(plain: Uint8Array): Result<Uint8Array> {
  const pad = octetAt(plain, plain.length - 1);
  const end = plain.length - 1 - pad;
  if (pad >= BLOCK || end < 0) return err(`confidentiality pad of ${pad} octets`);
  const good = plain.subarray(end, -1).every((octet, at) => octet === at + 1);
  return good ? ok(plain.subarray(0, end)) : err('confidentiality pad does not count 1, 2, 3');
}

/** A whole datagram: the payload encrypted, then the packet authenticated (§13.28, §13.29). */
export function sealPayload(
  channel: Channel,
  payloadType: number,
  packet: { readonly sessionId: number; readonly sequence: number; readonly payload: Uint8Array },
): Uint8Array {
  const { crypto, suite, keys } = channel;
  const iv = crypto.random(BLOCK);
  const payload = joined(iv, crypto.encrypt(keys.confidentiality, iv, padded(packet.payload)));
  const head = encodeHead({ ...packet, payloadType, encrypted: true, authenticated: true, payload });
  const covered = joined(head, trailerOf(head.length));
  const code = crypto.hmac(suite.hash, keys.integrity, covered).subarray(0, suite.integrityOctets);
  return encodeRmcp(RMCP_CLASS.ipmi, joined(covered, code));
}

/** A whole datagram with an IPMI message in it. */
export function sealMessage(channel: Channel, sessionId: number, sequence: number, message: Uint8Array): Uint8Array {
  return sealPayload(channel, PAYLOAD.ipmi, { sessionId, sequence, payload: message });
}

/** A whole datagram before the session is up: neither encrypted nor authenticated. */
export function plainDatagram(payloadType: number, payload: Uint8Array): Uint8Array {
  const head = encodeHead({ payloadType, encrypted: false, authenticated: false, sessionId: 0, sequence: 0, payload });
  return encodeRmcp(RMCP_CLASS.ipmi, head);
}

/** The IPMI message inside a session packet; other payloads are refused. */
export function openMessage(channel: Channel, packet: SessionPacket): Result<Uint8Array> {
  const payload = openPayload(channel, packet);
  if (payload.ok && packet.payloadType !== PAYLOAD.ipmi) return err(`payload type ${packet.payloadType}`);
  return payload;
}

/** The payload inside a session packet. Packets that lack either protection are refused: we agreed on both. */
export function openPayload(channel: Channel, packet: SessionPacket): Result<Uint8Array> {
  const { crypto, suite, keys } = channel;
  if (!packet.authenticated || !packet.encrypted) return err('a packet without integrity or confidentiality');
  const code = crypto.hmac(suite.hash, keys.integrity, packet.covered).subarray(0, suite.integrityOctets);
  if (!crypto.equal(code, packet.authCode)) return err('AuthCode does not match');
  const { payload } = packet;
  if (payload.length < 2 * BLOCK || payload.length % BLOCK !== 0)
    return err(`${payload.length} octets are no AES blocks`);
  return unpadded(crypto.decrypt(keys.confidentiality, payload.subarray(0, BLOCK), payload.subarray(BLOCK)));
}
