import { err, ok, type Result } from '../../core/result.ts';
import { NET_FN, type IpmiRequest } from './message.ts';
import { octetAt, readU16le } from './octets.ts';

/** Commands that only ask (IPMI 2.0 appendix G). */
const [DEVICE_ID, SYSTEM_GUID, LAN_CONFIG, SOL_CONFIG] = [0x01, 0x37, 0x02, 0x22];
const THIS_CHANNEL = 0x0e;
const NOTHING = new Uint8Array(0);

/** LAN configuration parameters that are asked for (§23.2, table 23-4). */
export const LAN_PARAMETER = { address: 3, source: 4, mac: 5, mask: 6, gateway: 12, vlan: 20 } as const;
/** SOL configuration parameters that are asked for (§26.3, table 26-5). */
export const SOL_PARAMETER = { enabled: 1, bitRate: 6 } as const;

/** What a controller is (Get Device ID, §20.1). */
export interface DeviceId {
  /** Such as `9.08`. */
  readonly firmware: string;
  readonly ipmiVersion: string;
  /** IANA private enterprise number. */
  readonly manufacturer: number;
  readonly product: number;
}

/** The chassis beyond its power (Get Chassis Status, §28.2). */
export interface ChassisDetail {
  readonly on: boolean;
  readonly restorePolicy: string;
  /** Why it was last switched or fell; nothing where the BMC has not seen it. */
  readonly lastEvents: readonly string[];
  readonly faults: readonly string[];
  readonly isIntruded: boolean;
}

/** Get Device ID. */
export function deviceIdRequest(): IpmiRequest {
  return { netFn: NET_FN.app, command: DEVICE_ID, data: NOTHING };
}

/** Reads its answer. */
export function readDeviceId(data: Uint8Array): Result<DeviceId> {
  if (data.length < 11) return err(`short device id: ${data.length} octets`);
  const [major, minor, version] = [octetAt(data, 2) & 0x7f, octetAt(data, 3), octetAt(data, 4)];
  return ok({
    firmware: `${major}.${bcd(minor)}`,
    ipmiVersion: `${version & 15}.${version >> 4}`,
    manufacturer: (readU16le(data, 6) | (octetAt(data, 8) << 16)) & 0xfffff,
    product: readU16le(data, 9),
  });
}

/** Minor versions are decimal digits, but some BMCs count on in hexadecimal. */
function bcd(octet: number): string {
  return octet.toString(16).padStart(2, '0');
}

/** Get System GUID (§22.14). */
export function systemGuidRequest(): IpmiRequest {
  return { netFn: NET_FN.app, command: SYSTEM_GUID, data: NOTHING };
}

/** Its 16 octets as hexadecimal digits, in the order they are sent: makers disagree about any other. */
export function readSystemGuid(data: Uint8Array): Result<string> {
  if (data.length < 16) return err(`short GUID: ${data.length} octets`);
  return ok(Array.from(data.subarray(0, 16), (octet) => octet.toString(16).padStart(2, '0')).join(''));
}

/** Get LAN Configuration Parameters (§23.2) of the channel it is asked on. */
export function lanRequest(parameter: number): IpmiRequest {
  return { netFn: NET_FN.transport, command: LAN_CONFIG, data: Uint8Array.of(THIS_CHANNEL, parameter, 0, 0) };
}

/** Get SOL Configuration Parameters (§26.3) of the channel it is asked on. */
export function solConfigRequest(parameter: number): IpmiRequest {
  return { netFn: NET_FN.transport, command: SOL_CONFIG, data: Uint8Array.of(THIS_CHANNEL, parameter, 0, 0) };
}

/** The value behind the parameter revision in the answer to either; `octets` is how many it must have. */
export function readParameter(data: Uint8Array, octets: number): Result<Uint8Array> {
  if (data.length < 1 + octets) return err(`short parameter: ${data.length} octets`);
  return ok(data.subarray(1, 1 + octets));
}

/** Bits per second of a SOL bit rate (§26.3, table 26-5, parameter 6); nothing for "as the serial port has it". */
export function solBitRate(value: number): number | undefined {
  return { 6: 9600, 7: 19_200, 8: 38_400, 9: 57_600, 10: 115_200 }[value & 15];
}

const POLICIES = ['stays off', 'as it was before', 'powers on', 'unknown'] as const;
const EVENTS = [
  [0x01, 'the mains failed'],
  [0x02, 'a power overload'],
  [0x04, 'an interlock was opened'],
  [0x08, 'a power fault'],
  [0x10, 'switched on by IPMI'],
] as const;
/** By octet of the answer: current power state, and miscellaneous chassis state. */
const FAULTS = [
  [0, 0x02, 'power overload'],
  [0, 0x08, 'power fault'],
  [0, 0x10, 'power control fault'],
  [2, 0x04, 'drive fault'],
  [2, 0x08, 'fan fault'],
] as const;

/** Reads the whole of a Get Chassis Status answer. */
export function readChassisDetail(data: Uint8Array): Result<ChassisDetail> {
  if (data.length < 3) return err(`short chassis status: ${data.length} octets`);
  const power = octetAt(data, 0);
  return ok({
    on: (power & 1) !== 0,
    restorePolicy: POLICIES[(power >> 5) & 3] ?? 'unknown',
    lastEvents: EVENTS.filter(([bit]) => (octetAt(data, 1) & bit) !== 0).map(([, words]) => words),
    faults: FAULTS.filter(([at, bit]) => (octetAt(data, at) & bit) !== 0).map(([, , words]) => words),
    isIntruded: (octetAt(data, 2) & 1) !== 0,
  });
}
