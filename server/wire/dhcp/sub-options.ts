import { hexOf } from '../../core/address.ts';
import { octetsOnWire, writeOption, type OptionToSend } from './option-field.ts';
import { octetsOfText, OPT, type DhcpOptions } from './options.ts';

/** Discovery control of PXE 2.1: bit 3 means "take the boot file named in this answer, show no menu". */
const PXE_DISCOVERY_CONTROL = 6;
const PXE_BOOT_FILE_DIRECT = 8;
const PXE_BOOT_MENU = 9;
const PXE_MENU_PROMPT = 10;
const RELAY_CIRCUIT_ID = 1;
const RELAY_REMOTE_ID = 2;

/**
 * Sub-options of an encapsulating option by code; of a repeated one the first counts. One that runs past the end is
 * ignored with all that follows (RFC 2132 §8.4). 255 ends, 0 pads, as in PXE; relay information has neither.
 */
export function decodeSubOptions(value: Uint8Array, form: 'pxe' | 'relay'): ReadonlyMap<number, Uint8Array> {
  const found = new Map<number, Uint8Array>();
  let at = 0;
  while (at < value.length) {
    const code = value[at] ?? 0;
    if (form === 'pxe' && code === OPT.end) break;
    if (form === 'pxe' && code === OPT.pad) {
      at += 1;
      continue;
    }
    const length = value[at + 1];
    if (length === undefined || at + 2 + length > value.length) break;
    if (!found.has(code)) found.set(code, value.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return found;
}

/** The value of option 43 that tells a PXE client to load the named file at once (PXE 2.1; ends with 255). */
export function pxeBootDirect(): Uint8Array {
  return encodePxe([[PXE_DISCOVERY_CONTROL, Uint8Array.of(PXE_BOOT_FILE_DIRECT)]]);
}

/**
 * The value of option 43 without which no Raspberry Pi takes an answer: a PXE menu with an entry of this very name. The
 * form is that of the answer printed in its documentation of network boot: discovery control 3, prompt "PXE", one entry.
 * The blanks are for the ROM of the Raspberry Pi 3, which by a mistake may look for them (the same documentation).
 */
export function rpiBootMenu(): Uint8Array {
  const name = octetsOfText('Raspberry Pi Boot   ');
  return encodePxe([
    [PXE_DISCOVERY_CONTROL, Uint8Array.of(3)],
    [PXE_MENU_PROMPT, Uint8Array.of(0, ...octetsOfText('PXE'))],
    [PXE_BOOT_MENU, Uint8Array.of(0, 0, name.length, ...name)],
  ]);
}

/** Encapsulates PXE sub-options, each at most 255 octets, closed by 255 (RFC 2132 §8.4). */
export function encodePxe(subOptions: readonly OptionToSend[]): Uint8Array {
  const octets = subOptions.reduce((sum, option) => sum + (octetsOnWire(option) ?? 0), 1);
  const value = new Uint8Array(octets);
  let at = 0;
  for (const option of subOptions) if (octetsOnWire(option) !== undefined) at = writeOption(value, at, option);
  value[at] = OPT.end;
  return value;
}

/** Which switch port a relay saw the client on; opaque octets (RFC 3046 §3.1, §3.2), in hexadecimal. */
export interface RelayPort {
  readonly circuitId: string | undefined;
  readonly remoteId: string | undefined;
}

/** Circuit and remote id of option 82. */
export function relayPort(options: DhcpOptions): RelayPort {
  const value = options.get(OPT.relayAgentInformation);
  if (!value) return { circuitId: undefined, remoteId: undefined };
  const found = decodeSubOptions(value, 'relay');
  const [circuitId, remoteId] = [found.get(RELAY_CIRCUIT_ID), found.get(RELAY_REMOTE_ID)];
  return { circuitId: circuitId && hexOf(circuitId), remoteId: remoteId && hexOf(remoteId) };
}
