import { joined } from '../../core/octets.ts';
import { err, ok, type Result } from '../../core/result.ts';
import type { IpmiCrypto } from './crypto.ts';
import { octetAt, readU32le, u32le } from './octets.ts';
import type { CipherSuite } from './suite.ts';

/** What both sides know once RAKP 2 has arrived; every code is an HMAC over parts of it. */
export interface Handshake {
  readonly suite: CipherSuite;
  readonly consoleId: number;
  readonly bmcId: number;
  readonly consoleRandom: Uint8Array;
  readonly bmcRandom: Uint8Array;
  readonly bmcGuid: Uint8Array;
  /** The whole octet as sent in RAKP 1: privilege level and the name-only look-up bit. */
  readonly role: number;
  readonly user: Uint8Array;
}

/** The keys of one session (IPMI 2.0 §13.31, §13.32). */
export interface SessionKeys {
  readonly sik: Uint8Array;
  /** For the AuthCode of each packet. */
  readonly integrity: Uint8Array;
  /** AES-128: the first 16 octets of K2. */
  readonly confidentiality: Uint8Array;
}

/** Bit 4 of the role: find the user by name alone, not by name and privilege (§13.20). */
export const NAME_ONLY = 0x10;
const USER_OCTETS = 16;

/** The handshake as BMCs see it that forget the name-only bit in their HMACs. */
export function privilegeOnly(handshake: Handshake): Handshake {
  return { ...handshake, role: handshake.role & ~NAME_ONLY };
}

function identity(handshake: Handshake): Uint8Array {
  return joined([handshake.role, handshake.user.length], handshake.user);
}

/** The BMC's proof in RAKP 2 that it knows the password (§13.31). `password` has up to 20 octets. */
export function rakp2Code(crypto: IpmiCrypto, handshake: Handshake, password: Uint8Array): Uint8Array {
  const { consoleId, bmcId, consoleRandom, bmcRandom, bmcGuid } = handshake;
  const octets = joined(u32le(consoleId), u32le(bmcId), consoleRandom, bmcRandom, bmcGuid, identity(handshake));
  return crypto.hmac(handshake.suite.hash, password, octets);
}

/** The console's proof in RAKP 3 (§13.31). */
export function rakp3Code(crypto: IpmiCrypto, handshake: Handshake, password: Uint8Array): Uint8Array {
  const octets = joined(handshake.bmcRandom, u32le(handshake.consoleId), identity(handshake));
  return crypto.hmac(handshake.suite.hash, password, octets);
}

/** Session keys. `kg` is the BMC's key K_G; where it has none, the password takes its place. */
export function sessionKeys(crypto: IpmiCrypto, handshake: Handshake, kg: Uint8Array): SessionKeys {
  const { hash } = handshake.suite;
  const octets = joined(handshake.consoleRandom, handshake.bmcRandom, identity(handshake));
  const sik = crypto.hmac(hash, kg, octets);
  const constant = (value: number): Uint8Array => new Uint8Array(20).fill(value);
  return {
    sik,
    integrity: crypto.hmac(hash, sik, constant(1)),
    confidentiality: crypto.hmac(hash, sik, constant(2)).subarray(0, 16),
  };
}

/** The integrity check value of RAKP 4: the BMC holds the same session key (§13.31). */
export function rakp4Code(crypto: IpmiCrypto, handshake: Handshake, sik: Uint8Array): Uint8Array {
  const octets = joined(handshake.consoleRandom, u32le(handshake.bmcId), handshake.bmcGuid);
  return crypto.hmac(handshake.suite.hash, sik, octets).subarray(0, handshake.suite.integrityOctets);
}

/** RAKP Message 1 (§13.20). */
export interface Rakp1 {
  readonly tag: number;
  readonly bmcId: number;
  readonly consoleRandom: Uint8Array;
  readonly role: number;
  readonly user: Uint8Array;
}

/** RAKP Messages 2, 3 and 4 share this beginning; `rest` is empty in a refusal. */
export interface RakpReply {
  readonly tag: number;
  readonly status: number;
  /** The session id of the side it goes to. */
  readonly sessionId: number;
  readonly rest: Uint8Array;
}

/** What RAKP Message 2 brings (§13.21). */
export interface Rakp2Rest {
  readonly bmcRandom: Uint8Array;
  readonly bmcGuid: Uint8Array;
  readonly code: Uint8Array;
}

/** Writes RAKP 1; `isPadded` gives the user name its full 16 octets. */
export function encodeRakp1(message: Rakp1, isPadded = false): Uint8Array {
  const { tag, bmcId, consoleRandom, role, user } = message;
  const pad = new Uint8Array(isPadded ? USER_OCTETS - user.length : 0);
  return joined([tag, 0, 0, 0], u32le(bmcId), consoleRandom, [role, 0, 0, user.length], user, pad);
}

/** Reads RAKP 1, at the BMC. */
export function decodeRakp1(octets: Uint8Array): Result<Rakp1> {
  if (octets.length < 28) return err(`short RAKP 1: ${octets.length} octets`);
  const length = octetAt(octets, 27);
  if (length > USER_OCTETS) return err(`user name of ${length} octets; 16 are the most`);
  if (octets.length < 28 + length) return err(`user name of ${length} octets, ${octets.length - 28} there`);
  return ok({
    tag: octetAt(octets, 0),
    bmcId: readU32le(octets, 4),
    consoleRandom: octets.subarray(8, 24),
    role: octetAt(octets, 24),
    user: octets.subarray(28, 28 + length),
  });
}

/** RAKP 2, 3 or 4: `rest` is what that message carries behind the session id. */
export function encodeRakpReply(reply: RakpReply): Uint8Array {
  return joined([reply.tag, reply.status, 0, 0], u32le(reply.sessionId), reply.rest);
}

/** Reads the shared beginning of RAKP 2, 3 and 4. */
export function decodeRakpReply(octets: Uint8Array): Result<RakpReply> {
  if (octets.length < 8) return err(`short RAKP message: ${octets.length} octets`);
  return ok({
    tag: octetAt(octets, 0),
    status: octetAt(octets, 1),
    sessionId: readU32le(octets, 4),
    rest: octets.subarray(8),
  });
}

/** Writes what a good RAKP 2 brings. */
export function encodeRakp2Rest(rest: Rakp2Rest): Uint8Array {
  return joined(rest.bmcRandom, rest.bmcGuid, rest.code);
}

/** Reads what a good RAKP 2 brings. */
export function decodeRakp2Rest(rest: Uint8Array, suite: CipherSuite): Result<Rakp2Rest> {
  if (rest.length < 32 + suite.codeOctets) return err(`short RAKP 2: ${rest.length + 8} octets`);
  return ok({
    bmcRandom: rest.subarray(0, 16),
    bmcGuid: rest.subarray(16, 32),
    code: rest.subarray(32, 32 + suite.codeOctets),
  });
}
