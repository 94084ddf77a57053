import { octetsOfMac, type Mac } from '../core/address.ts';
import { err, ok, type Result } from '../core/result.ts';

const SYNC_OCTETS = 6;
const REPEATS = 16;

/**
 * The payload that wakes a machine: six octets of 0xFF, its MAC sixteen times, then the SecureOn password where its card
 * has one (AMD, Magic Packet Technology white paper 20213).
 */
export function magicPacket(mac: Mac, password: Uint8Array = new Uint8Array(0)): Uint8Array {
  const address = octetsOfMac(mac);
  const packet = new Uint8Array(SYNC_OCTETS + REPEATS * address.length + password.length);
  packet.fill(0xff, 0, SYNC_OCTETS);
  for (let repeat = 0; repeat < REPEATS; repeat += 1) packet.set(address, SYNC_OCTETS + repeat * address.length);
  packet.set(password, SYNC_OCTETS + REPEATS * address.length);
  return packet;
}

/** Reads a SecureOn password: six octets written as a MAC, or four as dotted decimal. The error never holds it. */
export function readSecureOn(text: string): Result<Uint8Array> {
  const hex = text.split(/[:-]/);
  if (hex.length === 6 && hex.every((part) => /^[0-9a-fA-F]{1,2}$/.test(part)))
    return ok(Uint8Array.from(hex, (part) => Number.parseInt(part, 16)));
  const decimal = text.split('.');
  if (decimal.length === 4 && decimal.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255))
    return ok(Uint8Array.from(decimal, Number));
  return err('must be six octets such as 00:11:22:aa:bb:cc, or four such as 192.168.1.1');
}
