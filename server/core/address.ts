import { err, ok, type Result } from './result.ts';

declare const brand: unique symbol;

/** An Ethernet address in lower case with colons: `52:54:00:12:34:56`. */
export type Mac = string & { readonly [brand]: 'Mac' };
/** An IPv4 address as an unsigned 32-bit number in host order. */
export type Ipv4 = number & { readonly [brand]: 'Ipv4' };
/** A SHA-256 digest as 64 lower-case hexadecimal digits. */
export type Sha256 = string & { readonly [brand]: 'Sha256' };

/** An IPv4 subnet; `network` has no host bits. */
export interface Subnet {
  readonly network: Ipv4;
  readonly prefix: number;
}
/** Addresses from `first` to `last`, both included. */
export interface IpRange {
  readonly first: Ipv4;
  readonly last: Ipv4;
}

/** 0.0.0.0, which in DHCP fields means "none". */
export const NO_ADDRESS = ipv4(0);

/** Reads a MAC written with colons, dashes, dots or nothing between the digits, in either case. */
export function parseMac(text: string): Result<Mac> {
  const digits = text.toLowerCase().replace(/[:.-]/g, '');
  if (!/^[0-9a-f]{12}$/.test(digits)) return err(`"${text}" is not a MAC address; write it like 52:54:00:12:34:56`);
  return ok(macOf(Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))));
}

const HEX = Array.from({ length: 256 }, (_, octet) => octet.toString(16).padStart(2, '0'));

/** Octets as two hexadecimal digits each, with `between` between them. */
export function hexOf(octets: Uint8Array, between = ''): string {
  let text = '';
  for (const octet of octets) text += (text === '' ? '' : between) + (HEX[octet] ?? '');
  return text;
}

/** The MAC in the first six octets. */
export function macOf(octets: Uint8Array): Mac {
  return hexOf(octets.subarray(0, 6), ':') as Mac;
}

/** The six octets of a MAC. */
export function octetsOfMac(mac: Mac): Uint8Array {
  return Uint8Array.from(mac.split(':'), (pair) => Number.parseInt(pair, 16));
}

/** Whether a MAC names a group (broadcast, multicast) and so can never be a machine's. */
export function isGroupMac(mac: Mac): boolean {
  return (Number.parseInt(mac.slice(0, 2), 16) & 1) === 1;
}

/** An IPv4 address from a number that is known to fit 32 bits; higher bits are cut. */
export function ipv4(value: number): Ipv4 {
  return (value >>> 0) as Ipv4;
}

/** Reads dotted decimal, four numbers of 0 to 255 without leading zeros. */
export function parseIpv4(text: string): Result<Ipv4> {
  const parts = text.split('.');
  const good = parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255);
  if (!good) return err(`"${text}" is not an IPv4 address; write it like 10.77.0.1`);
  return ok(ipv4(parts.reduce((sum, part) => sum * 256 + Number(part), 0)));
}

/** Dotted decimal. */
export function formatIpv4(address: Ipv4): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');
}

/** The netmask of a prefix length as an address. */
export function netmaskOf(subnet: Subnet): Ipv4 {
  return ipv4(subnet.prefix === 0 ? 0 : 0xffffffff << (32 - subnet.prefix));
}

/** The last address of a subnet, to which all of its hosts listen. */
export function broadcastOf(subnet: Subnet): Ipv4 {
  return ipv4(subnet.network | ~netmaskOf(subnet));
}

/** Whether an address lies in a subnet. */
export function contains(subnet: Subnet, address: Ipv4): boolean {
  return ipv4(address & netmaskOf(subnet)) === subnet.network;
}

/** Whether an address lies in a range. */
export function inRange(range: IpRange, address: Ipv4): boolean {
  return range.first <= address && address <= range.last;
}

/** Reads `10.77.0.0/24`; host bits after the prefix are refused, for they are a slip of the pen. */
export function parseSubnet(text: string): Result<Subnet> {
  const [left = '', right = '', ...rest] = text.split('/');
  const address = parseIpv4(left);
  if (!address.ok || rest.length > 0 || !/^\d{1,2}$/.test(right) || Number(right) > 32)
    return err(`"${text}" is not a subnet; write it like 10.77.0.0/24`);
  const subnet = { network: address.value, prefix: Number(right) };
  const network = ipv4(address.value & netmaskOf(subnet));
  if (network !== address.value)
    return err(`"${text}" has host bits set; the subnet is ${formatIpv4(network)}/${String(subnet.prefix)}`);
  return ok(subnet);
}

/** `10.77.0.0/24`. */
export function formatSubnet(subnet: Subnet): string {
  return `${formatIpv4(subnet.network)}/${String(subnet.prefix)}`;
}

/** Reads `10.77.0.100-10.77.0.199` or one address. */
export function parseRange(text: string): Result<IpRange> {
  const [left = '', right = left, ...rest] = text.split('-').map((part) => part.trim());
  const [first, last] = [parseIpv4(left), parseIpv4(right)];
  if (!first.ok || !last.ok || rest.length > 0)
    return err(`"${text}" is not a range; write it like 10.77.0.100-10.77.0.199`);
  if (first.value > last.value) return err(`"${text}" runs backwards; write the lower address first`);
  return ok({ first: first.value, last: last.value });
}

/** A digest from text that must be 64 hexadecimal digits. */
export function parseSha256(text: string): Result<Sha256> {
  return /^[0-9a-f]{64}$/.test(text) ? ok(text as Sha256) : err(`"${text.slice(0, 80)}" is not a SHA-256 digest`);
}
