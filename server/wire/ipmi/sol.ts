import { joined } from '../../core/octets.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { NET_FN, type IpmiRequest } from './message.ts';
import { octetAt, readU16le, readU32le } from './octets.ts';
import type { IpmiTrouble } from './words.ts';

/** Commands that switch payloads on and off (IPMI 2.0 appendix G, table G-1). */
export const PAYLOAD_COMMAND = { activate: 0x48, deactivate: 0x49, instanceInfo: 0x4b } as const;

/** Operation bits from the console to the BMC (§15.9, table 15-2). */
export const SOL_OPERATION = { nack: 0x40, sendBreak: 0x10 } as const;
/** Status bits from the BMC to the console (§15.9, table 15-2). */
export const SOL_STATUS = { nack: 0x40, unavailable: 0x20, deactivated: 0x10, overrun: 0x08, breakSeen: 0x04 } as const;

const SOL_TYPE = 1;
const INSTANCE = 1;
/**
 * Every SOL packet is to be encrypted and authenticated, and serial alerts wait meanwhile (§24.1). By default they fail,
 * which Intel, Quanta and Wiwynn "Windmill" boards answer with lost characters; ipmitool always defers.
 */
const AUXILIARY = 0xc0 | 0x04;
/** What a SOL payload begins with. */
export const SOL_HEAD_OCTETS = 4;

/** A SOL payload (§15.9). Octets that are 0 mean "none": no data to be acknowledged, nothing acknowledged. */
export interface SolPacket {
  /** 1 to 15, or 0 for a packet that only acknowledges. */
  readonly sequence: number;
  readonly ackSequence: number;
  /** How many characters of the acknowledged packet were taken. */
  readonly accepted: number;
  /** `SOL_OPERATION` or `SOL_STATUS`, by direction. */
  readonly flags: number;
  readonly octets: Uint8Array;
}

/** What a BMC grants with Activate Payload (§24.1). */
export interface SolActivation {
  /** Largest payload the BMC takes, header included. */
  readonly toBmcOctets: number;
  readonly port: number;
}

/** Writes a SOL payload. */
export function encodeSol(packet: SolPacket): Uint8Array {
  const head = [packet.sequence & 15, packet.ackSequence & 15, packet.accepted & 255, packet.flags & 255];
  return joined(head, packet.octets);
}

/** Reads a SOL payload. */
export function decodeSol(payload: Uint8Array): Result<SolPacket> {
  if (payload.length < SOL_HEAD_OCTETS) return err(`short SOL payload: ${payload.length} octets`);
  return ok({
    sequence: octetAt(payload, 0) & 15,
    ackSequence: octetAt(payload, 1) & 15,
    accepted: octetAt(payload, 2),
    flags: octetAt(payload, 3),
    octets: payload.subarray(SOL_HEAD_OCTETS),
  });
}

/** The packet that acknowledges another and carries nothing. */
export function solAck(ackSequence: number, accepted: number, flags = 0): SolPacket {
  return { sequence: 0, ackSequence, accepted, flags, octets: new Uint8Array(0) };
}

/** The number after this one: 1 to 15, 0 is none. */
export function nextSolSequence(sequence: number): number {
  return (sequence % 15) + 1;
}

/** Activate Payload for SOL (§24.1). */
export function activateSolRequest(): IpmiRequest {
  const data = Uint8Array.of(SOL_TYPE, INSTANCE, AUXILIARY, 0, 0, 0);
  return { netFn: NET_FN.app, command: PAYLOAD_COMMAND.activate, data };
}

/** Deactivate Payload for SOL (§24.2), in whichever session it is active. */
export function deactivateSolRequest(): IpmiRequest {
  const data = Uint8Array.of(SOL_TYPE, INSTANCE, 0, 0, 0, 0);
  return { netFn: NET_FN.app, command: PAYLOAD_COMMAND.deactivate, data };
}

/** Get Payload Instance Info (§24.4): in which session is SOL active? */
export function solOwnerRequest(): IpmiRequest {
  const data = Uint8Array.of(SOL_TYPE, INSTANCE);
  return { netFn: NET_FN.app, command: PAYLOAD_COMMAND.instanceInfo, data };
}

/** Reads its answer: the BMC's id of the session that has SOL, 0 when none has. */
export function readSolOwner(data: Uint8Array): Result<number> {
  if (data.length < 4) return err(`short payload instance info: ${data.length} octets`);
  return ok(readU32le(data, 0));
}

/** Reads the answer to Activate Payload. */
export function readSolActivation(data: Uint8Array): Result<SolActivation> {
  if (data.length < 10) return err(`short payload activation: ${data.length} octets`);
  return ok({ toBmcOctets: readU16le(data, 4), port: readU16le(data, 8) });
}

/** What the completion codes of Activate Payload mean (§24.1, table 24-2). */
export const ACTIVATION_WORDS: Readonly<Record<number, IpmiTrouble>> = {
  0x80: {
    code: 'busy',
    because:
      'serial over LAN is in use by another session; end it there, or set "solInUse" to "take", or run ipmitool … sol deactivate',
  },
  0x81: {
    code: 'refused',
    because: 'serial over LAN is disabled on the BMC; ipmitool … sol set enabled true 1 enables it',
  },
  0x82: { code: 'busy', because: 'the BMC has no free serial over LAN session' },
  0x83: { code: 'refused', because: 'the BMC has no encrypted serial over LAN, and plain text is not accepted' },
  0x84: { code: 'refused', because: 'the BMC refuses encrypted serial over LAN; set "force payload encryption" there' },
  0xd4: {
    code: 'auth',
    because: 'the user may not use serial over LAN; ipmitool … sol payload enable 1 USERID allows it',
  },
};

/** Whether that word is a port for this session: its own, 623, none, or one of them with its octets swapped. */
export function isOurPort(said: number, ours: number): boolean {
  const swapped = ((said & 255) << 8) | (said >>> 8);
  // FreeIPMI's "solport" workaround: Asus P5MT-R and Supermicro X8DTH-iF name ports that are none.
  return said === 0 || [said, swapped].some((port) => port === ours || port === 623);
}
