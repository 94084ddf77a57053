import { err, ok, type Result } from '../../core/result.ts';
import { NET_FN, type IpmiRequest } from './message.ts';
import { octetAt, u32le } from './octets.ts';

/** Command numbers (IPMI 2.0 appendix G). */
export const COMMAND = {
  authCapabilities: 0x38,
  setPrivilege: 0x3b,
  closeSession: 0x3c,
  chassisStatus: 0x01,
  chassisControl: 0x02,
  chassisIdentify: 0x04,
  setBootOptions: 0x08,
  getBootOptions: 0x09,
} as const;

/** Chassis Control's actions (§28.3). `cycle` is not used: the engine sees each half with its own eyes. */
export const CHASSIS_CONTROL = { off: 0, on: 1, cycle: 2, reset: 3, diagnostic: 4, softOff: 5 } as const;
export type ChassisControl = keyof typeof CHASSIS_CONTROL;

/** Boot flag device selectors (§28.13, table 28-14, parameter 5). */
export const BOOT_SELECTOR = { none: 0, pxe: 1, disk: 2 } as const;
export type BootSelector = keyof typeof BOOT_SELECTOR;

/** What a BMC says of itself before any session (§22.13). */
export interface AuthCapabilities {
  readonly speaksV2: boolean;
  /** A K_G other than null is set: sessions need it. */
  readonly needsKg: boolean;
}

/** Boot flags (parameter 5). */
export interface BootFlags {
  readonly valid: boolean;
  readonly persistent: boolean;
  readonly efi: boolean;
  readonly selector: number;
}

const THIS_CHANNEL = 0x0e;
const V2_DATA = 0x80;

/** Get Channel Authentication Capabilities for the channel it is asked on. */
export function authCapabilitiesRequest(privilege: number): IpmiRequest {
  const data = Uint8Array.of(THIS_CHANNEL | V2_DATA, privilege);
  return { netFn: NET_FN.app, command: COMMAND.authCapabilities, data };
}

/** Reads its answer. */
export function readAuthCapabilities(data: Uint8Array): Result<AuthCapabilities> {
  if (data.length < 8) return err(`short authentication capabilities: ${data.length} octets`);
  const extended = (octetAt(data, 1) & 0x80) !== 0;
  const speaksV2 = extended && (octetAt(data, 3) & 2) !== 0;
  return ok({ speaksV2, needsKg: speaksV2 && (octetAt(data, 2) & 0x20) !== 0 });
}

/** The BMC's side: IPMI 2.0 only, user names set, no K_G unless told. */
export function writeAuthCapabilities(needsKg: boolean): Uint8Array {
  return Uint8Array.of(1, 0x80, needsKg ? 0x24 : 0x04, 2, 0, 0, 0, 0);
}

/** Set Session Privilege Level (§22.18); a session begins as User. */
export function setPrivilegeRequest(privilege: number): IpmiRequest {
  return { netFn: NET_FN.app, command: COMMAND.setPrivilege, data: Uint8Array.of(privilege) };
}

/** Close Session (§22.19). */
export function closeSessionRequest(bmcId: number): IpmiRequest {
  return { netFn: NET_FN.app, command: COMMAND.closeSession, data: Uint8Array.from(u32le(bmcId)) };
}

/** Get Chassis Status (§28.2). */
export function chassisStatusRequest(): IpmiRequest {
  return { netFn: NET_FN.chassis, command: COMMAND.chassisStatus, data: new Uint8Array(0) };
}

/** Whether the chassis is powered, and whether its power supply reports a fault. */
export function readChassisStatus(data: Uint8Array): Result<{ readonly on: boolean; readonly fault: boolean }> {
  if (data.length < 3) return err(`short chassis status: ${data.length} octets`);
  const power = octetAt(data, 0);
  return ok({ on: (power & 1) !== 0, fault: (power & 0x18) !== 0 });
}

/** Chassis Control. */
export function chassisControlRequest(action: ChassisControl): IpmiRequest {
  const data = Uint8Array.of(CHASSIS_CONTROL[action]);
  return { netFn: NET_FN.chassis, command: COMMAND.chassisControl, data };
}

/** Chassis Identify (§28.5): the light blinks for `forS` seconds, up to 255; 0 puts it out. */
export function chassisIdentifyRequest(forS: number): IpmiRequest {
  return { netFn: NET_FN.chassis, command: COMMAND.chassisIdentify, data: Uint8Array.of(forS) };
}

/**
 * Set System Boot Options, parameter 3: keep the boot flags even when no Chassis Control comes within 60 s. Without
 * it a BMC forgets the wish during a long rest between off and on (§28.13, table 28-14).
 */
export function keepBootFlagsRequest(): IpmiRequest {
  return { netFn: NET_FN.chassis, command: COMMAND.setBootOptions, data: Uint8Array.of(3, 0x08) };
}

/** Set System Boot Options, parameter 5: the device of the next boot only. `none` clears the wish. */
export function bootFlagsRequest(selector: BootSelector, efi: boolean): IpmiRequest {
  const flags = selector === 'none' ? 0 : 0x80 | (efi ? 0x20 : 0);
  const data = Uint8Array.of(5, flags, BOOT_SELECTOR[selector] << 2, 0, 0, 0);
  return { netFn: NET_FN.chassis, command: COMMAND.setBootOptions, data };
}

/** Get System Boot Options, parameter 5. */
export function getBootFlagsRequest(): IpmiRequest {
  return { netFn: NET_FN.chassis, command: COMMAND.getBootOptions, data: Uint8Array.of(5, 0, 0) };
}

/** Reads its answer. */
export function readBootFlags(data: Uint8Array): Result<BootFlags> {
  if (data.length < 4) return err(`short boot flags: ${data.length} octets`);
  if ((octetAt(data, 1) & 0x7f) !== 5) return err(`boot option ${octetAt(data, 1) & 0x7f}, not 5`);
  const flags = octetAt(data, 2);
  return ok({
    valid: (flags & 0x80) !== 0,
    persistent: (flags & 0x40) !== 0,
    efi: (flags & 0x20) !== 0,
    selector: (octetAt(data, 3) >> 2) & 15,
  });
}
