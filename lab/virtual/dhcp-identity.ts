import { octetsOfMac, type Mac } from '../../server/core/address.ts';
import { OPT } from '../../server/wire/dhcp/options.ts';

/** What one stage of a boot says of itself in DHCP. One board shows several of these in one boot. */
export interface DhcpIdentity {
  readonly stage: string;
  /** Option number to content, in the order sent. */
  readonly options: ReadonlyMap<number, Uint8Array>;
  /** Sets the BROADCAST flag (RFC 2131 §2). */
  readonly broadcastFlag: boolean;
  /** The `file` field of its own DISCOVER and REQUEST, as u-boot fills it. */
  readonly file: string;
  /**
   * How it takes boot data of a proxy beside the DHCP server (PXE 2.1): out of its OFFER, or by asking its port 4011.
   * Nothing: it takes the first offer there is, whole or not.
   */
  readonly proxy?: 'from-offer' | 'ask-4011';
  /** Pauses before each next DISCOVER; after the last one it gives up. */
  readonly retryMs: readonly number[];
}

const UBOOT_WANTED = [1, 3, 6, 12, 17];
const PXE_WANTED = [
  1, 2, 3, 4, 5, 6, 12, 13, 15, 17, 18, 22, 23, 28, 40, 41, 42, 43, 50, 51, 54, 58, 59, 60, 66, 67, 97,
];
const IPXE_WANTED = [1, 3, 6, 7, 12, 15, 17, 26, 43, 60, 66, 67, 119, 128, 129, 130, 131, 132, 133, 134, 135, 175, 203];
const UBOOT_RETRY_MS = [250, 500, 1000, 2000, 4000, 8000];
const PXE_RETRY_MS = [4000, 8000, 16_000];

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);
const number16 = (value: number): Uint8Array => Uint8Array.of(value >> 8, value & 255);

/** u-boot 2023.01: armv8 says 22, armv7 says 21; no client identifier, no UUID. */
export function ubootIdentity(armv: 7 | 8, file: string): DhcpIdentity {
  return {
    stage: 'u-boot',
    options: new Map<number, Uint8Array>([
      [OPT.maxMessageSize, number16(576)],
      [OPT.parameterRequestList, Uint8Array.from(UBOOT_WANTED)],
      [OPT.clientArch, number16(armv === 8 ? 22 : 21)],
      [OPT.clientNdi, Uint8Array.of(1, 0, 0)],
      [OPT.vendorClass, ascii(`U-Boot.armv${String(armv)}`)],
    ]),
    broadcastFlag: false,
    file,
    retryMs: UBOOT_RETRY_MS,
  };
}

/** OVMF and AAVMF 2022.11: PXEClient with the machine's UUID, BROADCAST flag set. */
export function uefiIdentity(clientArch: 7 | 11, uuid: string): DhcpIdentity {
  return {
    stage: 'UEFI PXE',
    options: new Map<number, Uint8Array>([
      [OPT.maxMessageSize, number16(1472)],
      [OPT.parameterRequestList, Uint8Array.from(PXE_WANTED)],
      [OPT.clientUuid, uuidOption(uuid)],
      [OPT.clientNdi, Uint8Array.of(1, 3, 0)],
      [OPT.clientArch, number16(clientArch)],
      [OPT.vendorClass, ascii(`PXEClient:Arch:${String(clientArch).padStart(5, '0')}:UNDI:003000`)],
    ]),
    broadcastFlag: true,
    file: '',
    proxy: 'ask-4011',
    retryMs: PXE_RETRY_MS,
  };
}

/** iPXE 2019 as SeaBIOS loads it from a NIC's ROM, or with the option 93 of the UEFI that started it. */
export function ipxeIdentity(mac: Mac, uuid: string, clientArch: 0 | 7 | 11 = 0): DhcpIdentity {
  return {
    stage: 'iPXE',
    options: new Map<number, Uint8Array>([
      [OPT.maxMessageSize, number16(1472)],
      [OPT.clientArch, number16(clientArch)],
      [OPT.clientNdi, Uint8Array.of(1, 2, 1)],
      [OPT.vendorClass, ascii(`PXEClient:Arch:${String(clientArch).padStart(5, '0')}:UNDI:002001`)],
      [OPT.userClass, ascii('iPXE')],
      [OPT.parameterRequestList, Uint8Array.from(IPXE_WANTED)],
      [OPT.clientId, clientId(mac)],
      [OPT.clientUuid, uuidOption(uuid)],
    ]),
    broadcastFlag: false,
    file: '',
    proxy: 'from-offer',
    retryMs: [1000, 2000, 4000, 8000],
  };
}

const RPI_WANTED = [1, 3, 43, 60, 66, 67, 128, 129, 130, 131, 132, 133, 134, 135];
/** Board revision codes as printed in Raspberry Pi's documentation: a 4B and a 5. */
const RPI_REVISIONS = { 4: 0x00c03111, 5: 0x00d04170 } as const;

/** The serial number of a pretended Raspberry Pi, eight hexadecimal digits, made from its MAC. */
export function rpiSerial(mac: Mac): string {
  return `1${mac.replaceAll(':', '').slice(-7)}`;
}

/** The ROM of a Raspberry Pi 3 (its option 97 is sixteen letters D) or the EEPROM of a 4 or 5: a PC, as they all say. */
export function rpiIdentity(mac: Mac, model: 3 | 4 | 5): DhcpIdentity {
  return {
    stage: `Raspberry Pi ${String(model)}`,
    options: new Map<number, Uint8Array>([
      [OPT.parameterRequestList, Uint8Array.from(RPI_WANTED)],
      [OPT.clientArch, number16(0)],
      [OPT.clientNdi, Uint8Array.of(1, 2, 1)],
      [OPT.clientUuid, Uint8Array.of(0, ...(model === 3 ? Array<number>(16).fill(68) : rpiGuid(mac, model)))],
      [OPT.vendorClass, ascii('PXEClient:Arch:00000:UNDI:002001')],
    ]),
    broadcastFlag: false,
    file: '',
    retryMs: [4000, 4000, 4000],
  };
}

/** "RPi4" or "RPi5", board revision and serial number, each little-endian, with the end of the MAC between. */
function rpiGuid(mac: Mac, model: 4 | 5): Uint8Array {
  const guid = new Uint8Array(16);
  const view = new DataView(guid.buffer);
  view.setUint32(0, model === 4 ? 0x34695052 : 0x35695052, true);
  view.setUint32(4, RPI_REVISIONS[model], true);
  guid.set(octetsOfMac(mac).subarray(2), 8);
  view.setUint32(12, Number.parseInt(rpiSerial(mac), 16), true);
  return guid;
}

/** busybox udhcpc in the system that was booted, with the vendor class it was started with. */
export function linuxIdentity(mac: Mac, vendorClass: string): DhcpIdentity {
  return {
    stage: 'Linux',
    options: new Map<number, Uint8Array>([
      [OPT.clientId, clientId(mac)],
      [OPT.maxMessageSize, number16(576)],
      [OPT.parameterRequestList, Uint8Array.of(1, 3, 6, 12, 15, 28, 42)],
      [OPT.vendorClass, ascii(vendorClass)],
    ]),
    broadcastFlag: false,
    file: '',
    retryMs: [3000, 3000, 6000, 12_000],
  };
}

function clientId(mac: Mac): Uint8Array {
  return Uint8Array.of(1, ...octetsOfMac(mac));
}

/** Type 0, then the UUID in SMBIOS form: the first three fields are little-endian. */
function uuidOption(uuid: string): Uint8Array {
  const octets = (uuid.replaceAll('-', '').match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16));
  const order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
  return Uint8Array.of(0, ...order.map((at) => octets[at] ?? 0));
}
