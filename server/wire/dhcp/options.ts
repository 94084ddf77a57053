import { ipv4, type Ipv4 } from '../../core/address.ts';

/** The options Farrier speaks, by the names of RFC 2132, 3046, 4578, 5859 and the IANA registry. */
export const OPT = {
  pad: 0,
  subnetMask: 1,
  router: 3,
  dnsServer: 6,
  hostName: 12,
  broadcastAddress: 28,
  vendorSpecific: 43,
  requestedAddress: 50,
  leaseTime: 51,
  overload: 52,
  messageType: 53,
  serverId: 54,
  parameterRequestList: 55,
  message: 56,
  maxMessageSize: 57,
  renewalTime: 58,
  rebindingTime: 59,
  vendorClass: 60,
  clientId: 61,
  tftpServerName: 66,
  bootFileName: 67,
  userClass: 77,
  relayAgentInformation: 82,
  clientArch: 93,
  clientNdi: 94,
  clientUuid: 97,
  tftpServerAddress: 150,
  ipxeEncapsulated: 175,
  end: 255,
} as const;

/** Options whose value may be longer than 255 octets and is then sent in parts (RFC 3396 §5). */
export const CONCATENATED: ReadonlySet<number> = new Set([
  OPT.vendorSpecific,
  OPT.clientId,
  OPT.bootFileName,
  OPT.relayAgentInformation,
]);

/** Values by option code; parts of one option are joined already (RFC 3396 §7). */
export type DhcpOptions = ReadonlyMap<number, Uint8Array>;

/** The number in a four-octet option; nothing when it is absent or has another length (RFC 2132 §9). */
export function u32Option(options: DhcpOptions, code: number): number | undefined {
  const value = options.get(code);
  if (value?.length !== 4) return undefined;
  const [a = 0, b = 0, c = 0, d = 0] = value;
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
}

/** The number in a two-octet option; nothing when it is absent or has another length. */
export function u16Option(options: DhcpOptions, code: number): number | undefined {
  const value = options.get(code);
  if (value?.length !== 2) return undefined;
  return ((value[0] ?? 0) << 8) | (value[1] ?? 0);
}

/** The address in a four-octet option; nothing when it is absent or has another length. */
export function ipv4Option(options: DhcpOptions, code: number): Ipv4 | undefined {
  const value = u32Option(options, code);
  return value === undefined ? undefined : ipv4(value);
}

/** The addresses of a list; nothing when it is absent, empty or not a multiple of four octets (RFC 2132 §3). */
export function ipv4ListOption(options: DhcpOptions, code: number): readonly Ipv4[] | undefined {
  const value = options.get(code);
  if (!value || value.length === 0 || value.length % 4 !== 0) return undefined;
  const view = new DataView(value.buffer, value.byteOffset, value.length);
  return Array.from({ length: value.length / 4 }, (_, index) => ipv4(view.getUint32(index * 4)));
}

/** Text without the NULs some clients end it with (RFC 2132 §2); octets above 127 are kept as Latin-1. */
export function textOption(options: DhcpOptions, code: number): string | undefined {
  const value = options.get(code);
  return value === undefined ? undefined : textOf(value);
}

/** Octets up to the first NUL, as Latin-1. */
export function textOf(octets: Uint8Array): string {
  let text = '';
  for (const octet of octets) {
    if (octet === 0) break;
    text += String.fromCharCode(octet);
  }
  return text;
}

/** Latin-1 octets of a text, without a trailing NUL; characters beyond become `?`. */
export function octetsOfText(text: string): Uint8Array {
  const octets = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    octets[at] = code > 255 ? 63 : code;
  }
  return octets;
}

/** Four octets, big-endian. */
export function octetsOfU32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

/** Addresses one after another. */
export function octetsOfIpv4s(addresses: readonly Ipv4[]): Uint8Array {
  const octets = new Uint8Array(addresses.length * 4);
  addresses.forEach((address, index) => {
    octets.set(octetsOfU32(address), index * 4);
  });
  return octets;
}
