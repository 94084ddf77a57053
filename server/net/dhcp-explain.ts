import { formatIpv4, ipv4, NO_ADDRESS, octetsOfMac, type Ipv4 } from '../core/address.ts';
import type { BootRequest } from '../core/boot-plan.ts';
import type { Network } from '../core/lease.ts';
import { isRaspberryPi } from '../core/rpi.ts';
import { BOOTREQUEST, ETHERNET, numberOfType, type DhcpMessage } from '../wire/dhcp/message.ts';
import type { OptionToSend } from '../wire/dhcp/option-field.ts';
import { OPT } from '../wire/dhcp/options.ts';
import { bootAskOf, fileField, grantOptions, snameField, type Grant } from './dhcp-boot.ts';
import { NO_PROXY, proxyOptions, takesProxyOffers } from './dhcp-proxy.ts';

/** What would be asked and given. */
export interface AnswerToExplain {
  readonly request: BootRequest;
  readonly network: Network;
  /** Nothing: the pool decides when it asks. */
  readonly address: Ipv4 | undefined;
  readonly file: string | undefined;
  readonly hostname: string | undefined;
}

const VENDOR_OPTIONS = [128, 129, 130, 131, 132, 133, 134, 135];
/** Option 55 of each kind of firmware, as captured from Debian 12's builds. */
const WISHES = {
  uboot: [1, 3, 6, 12, 17],
  /** As printed in Raspberry Pi's documentation of network boot. */
  rpi: [1, 3, 43, 60, 66, 67, ...VENDOR_OPTIONS],
  ipxe: [1, 3, 6, 7, 12, 15, 17, 26, 43, 60, 66, 67, 119, ...VENDOR_OPTIONS, 175, 203],
  uefi: [
    ...[1, 2, 3, 4, 5, 6, 12, 13, 15, 17, 18, 22, 23, 28, 40, 41, 42, 43, 50, 51, 54, 58, 59, 60, 66, 67, 97],
    ...VENDOR_OPTIONS,
  ],
  http: [1, 2, 3, 4, 5, 6, 12, 13, 15, 17, 18, 22, 23, 28, 40, 41, 42, 43, 50, 51, 54, 58, 59, 60, 67, 97],
} as const;

/** Option 60 of firmware that has not been heard yet. */
const VENDOR_CLASSES: Readonly<Record<keyof typeof WISHES, string>> = {
  uboot: 'U-Boot',
  rpi: 'PXEClient',
  ipxe: 'PXEClient',
  uefi: 'PXEClient',
  http: 'HTTPClient',
};

/**
 * The ACK a board would get, field by field and option by option in the order of the wire: made by the very code that
 * answers, out of the request its kind of firmware sends. One line each, for people.
 */
export function explainAnswer(about: AnswerToExplain): readonly string[] {
  const message = pretendRequest(about.request);
  const { network, file, hostname } = about;
  if (network.dhcp === 'proxy') return explainProxy(message, network, file);
  const grant: Grant = { type: 'ACK', network, leaseS: network.leaseS, file, hostname };
  const [sname, named] = [snameField(message, grant), fileField(file)];
  return [
    `yiaddr ${about.address === undefined ? 'the next free address of the pool' : formatIpv4(about.address)}`,
    `siaddr ${formatIpv4(network.address)}`,
    ...(sname === '' ? [] : [`sname "${sname}"`]),
    ...(named === '' ? [] : [`file "${named}"`]),
    ...grantOptions(message, bootAskOf(message), grant).map(optionLine),
  ];
}

/** The OFFER of a proxy, made by the code that answers. */
function explainProxy(message: DhcpMessage, network: Network, file: string | undefined): readonly string[] {
  const boot = bootAskOf(message);
  const noAddress = 'yiaddr none: another DHCP server gives the address (dhcp: proxy)';
  if (file === undefined) return [noAddress, 'no answer'];
  if (!takesProxyOffers(boot)) return [noAddress, `no answer: ${NO_PROXY}`];
  const named = fileField(file);
  return [
    noAddress,
    `siaddr ${formatIpv4(network.address)}`,
    ...(named === '' ? [] : [`file "${named}"`]),
    ...proxyOptions(message, boot, network, 'OFFER', file).map(optionLine),
  ];
}

/** The REQUEST of a board, as far as the answer depends on it. */
function pretendRequest(request: BootRequest): DhcpMessage {
  const chaddr = new Uint8Array(16);
  chaddr.set(octetsOfMac(request.mac));
  return {
    op: BOOTREQUEST,
    htype: ETHERNET,
    hlen: 6,
    hops: 0,
    xid: 0,
    secs: 0,
    flags: 0,
    ciaddr: NO_ADDRESS,
    yiaddr: NO_ADDRESS,
    siaddr: NO_ADDRESS,
    giaddr: NO_ADDRESS,
    chaddr,
    sname: '',
    file: '',
    options: new Map([[OPT.messageType, Uint8Array.of(numberOfType('REQUEST'))], ...signs(request)]),
  };
}

function signs(request: BootRequest): readonly (readonly [number, Uint8Array])[] {
  const { clientArch, vendorClass, userClass, systemUuid, mac, loader } = request;
  const isIpxe = loader === 'ipxe';
  const isUboot = loader === 'u-boot';
  const kind = kindOf(request);
  const all: readonly (readonly [number, Uint8Array | undefined])[] = [
    [OPT.clientArch, clientArch === undefined ? undefined : Uint8Array.of(clientArch >> 8, clientArch & 255)],
    [OPT.vendorClass, text(vendorClass ?? VENDOR_CLASSES[kind])],
    [OPT.userClass, userClass === undefined ? undefined : text(userClass)],
    [OPT.parameterRequestList, Uint8Array.from(WISHES[kind])],
    [OPT.clientUuid, isUboot || systemUuid === undefined ? undefined : uuidOctets(systemUuid)],
    [OPT.clientId, isIpxe ? Uint8Array.of(ETHERNET, ...octetsOfMac(mac)) : undefined],
  ];
  return all.flatMap(([code, value]) => (value ? [[code, value] as const] : []));
}

function kindOf(request: BootRequest): keyof typeof WISHES {
  const loader = isRaspberryPi(request) ? 'rpi' : request.loader;
  switch (loader) {
    case 'u-boot':
      return 'uboot';
    case 'uefi-http':
      return 'http';
    case 'ipxe':
    case 'rpi':
      return loader;
    case 'pxe-bios':
    case 'uefi':
    case 'grub':
    case undefined:
      return 'uefi';
  }
}

const text = (words: string): Uint8Array => new TextEncoder().encode(words);

/** Option 97: type 0 and the SMBIOS form, whose first three fields are little-endian (RFC 4578 §2.3). */
function uuidOctets(uuid: string): Uint8Array {
  const octets = (uuid.replaceAll('-', '').match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16));
  return Uint8Array.from([0, 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15], (at, nth) =>
    nth === 0 ? 0 : (octets[at] ?? 0),
  );
}

const NAMES: ReadonlyMap<number, readonly [string, 'address' | 'seconds' | 'text' | 'octets']> = new Map([
  [OPT.subnetMask, ['subnet mask', 'address']],
  [OPT.router, ['router', 'address']],
  [OPT.dnsServer, ['DNS servers', 'address']],
  [OPT.hostName, ['host name', 'text']],
  [OPT.broadcastAddress, ['broadcast address', 'address']],
  [OPT.vendorSpecific, ['PXE vendor options', 'octets']],
  [OPT.leaseTime, ['lease time', 'seconds']],
  [OPT.messageType, ['message type', 'octets']],
  [OPT.serverId, ['server identifier', 'address']],
  [OPT.renewalTime, ['renewal time T1', 'seconds']],
  [OPT.rebindingTime, ['rebinding time T2', 'seconds']],
  [OPT.vendorClass, ['vendor class', 'text']],
  [OPT.clientId, ['client identifier', 'octets']],
  [OPT.tftpServerName, ['TFTP server name', 'text']],
  [OPT.bootFileName, ['boot file name', 'text']],
  [OPT.clientUuid, ['client UUID', 'octets']],
  [OPT.tftpServerAddress, ['TFTP servers', 'address']],
]);

/** `option 51 lease time 3600 s`. */
export function optionLine([code, value]: OptionToSend): string {
  const [name, kind] = NAMES.get(code) ?? ['', 'octets'];
  return ['option', String(code), name, valueText(kind, value)].filter((part) => part !== '').join(' ');
}

function valueText(kind: 'address' | 'seconds' | 'text' | 'octets', value: Uint8Array): string {
  const words = Array.from({ length: Math.floor(value.length / 4) }, (_, nth) =>
    new DataView(value.buffer, value.byteOffset, value.byteLength).getUint32(nth * 4),
  );
  switch (kind) {
    case 'address':
      return words.map((word) => formatIpv4(ipv4(word))).join(', ');
    case 'seconds':
      return `${String(words[0] ?? 0)} s`;
    case 'text':
      return `"${new TextDecoder().decode(value)}"`;
    case 'octets':
      return Array.from(value, (octet) => octet.toString(16).padStart(2, '0')).join(' ');
  }
}
