import { broadcastOf, formatIpv4, macOf, netmaskOf } from '../core/address.ts';
import { CLIENT_ARCH, parseArch, type Arch, type Loader } from '../core/arch.ts';
import type { BootRequest } from '../core/boot-plan.ts';
import type { Network } from '../core/lease.ts';
import { isUuidOption, readBootClient, type BootClient } from '../wire/dhcp/boot-client.ts';
import { numberOfType, type DhcpMessage, type MessageType } from '../wire/dhcp/message.ts';
import type { OptionToSend } from '../wire/dhcp/option-field.ts';
import { octetsOfIpv4s, octetsOfText, octetsOfU32, OPT, u16Option } from '../wire/dhcp/options.ts';
import { pxeBootDirect } from '../wire/dhcp/sub-options.ts';

/** Longer names travel in option 67 only: the header's field ends with a NUL. */
const FILE_FIELD_OCTETS_MAX = 127;
/** Client architectures u-boot's EFI step claims. */
const EFI_ARM_TYPES: readonly number[] = [10, 11];

/** Who asks, in the boot decision's words. */
export interface BootAsk {
  readonly request: BootRequest;
  /** Option 93, a boot vendor class, iPXE's marks or a wanted `file` was seen. */
  readonly isBootClient: boolean;
  readonly client: BootClient;
}

/** Reads a message as a boot request. Classified by option 93, never by the digits in option 60 (u-boot writes hex). */
export function bootAskOf(message: DhcpMessage): BootAsk {
  const client = readBootClient(message.options);
  const clientArch = client.archTypes.find((type) => CLIENT_ARCH[type] !== undefined) ?? client.archTypes[0];
  const known = clientArch === undefined ? undefined : CLIENT_ARCH[clientArch];
  const request: BootRequest = {
    mac: macOf(message.chaddr),
    clientArch,
    vendorClass: client.vendorClass,
    userClass: client.userClass ?? (client.isIpxe ? 'iPXE' : undefined),
    systemUuid: client.systemUuid,
    loader: loaderOf(message, client, clientArch, known?.loader),
    arch: known?.arch ?? archOfUBoot(client),
    format: undefined,
  };
  const showsItself = client.isPxe || client.isHttp || client.isIpxe || client.isUBoot;
  return { request, isBootClient: clientArch !== undefined || showsItself || message.file !== '', client };
}

function loaderOf(
  message: DhcpMessage,
  client: BootClient,
  clientArch: number | undefined,
  known: Loader | undefined,
): Loader | undefined {
  if (client.isIpxe) return 'ipxe';
  if (client.isUBoot || isUBootsEfiStep(message, client, clientArch)) return 'u-boot';
  return known;
}

/** An EFI architecture without a UUID, and with the smallest message size, is u-boot 2023.01 to 2025.01, not UEFI. */
function isUBootsEfiStep(message: DhcpMessage, client: BootClient, clientArch: number | undefined): boolean {
  const isArm = clientArch !== undefined && EFI_ARM_TYPES.includes(clientArch);
  return isArm && client.systemUuid === undefined && u16Option(message.options, OPT.maxMessageSize) === 576;
}

function archOfUBoot(client: BootClient): Arch | undefined {
  const words = client.isUBoot ? parseArch(client.vendorClass?.split('.')[1] ?? '') : undefined;
  return words?.ok ? words.value : undefined;
}

/** What an OFFER or ACK gives. */
export interface Grant {
  readonly type: 'OFFER' | 'ACK';
  readonly network: Network;
  /** Nothing in the answer to an INFORM. */
  readonly leaseS: number | undefined;
  readonly file: string | undefined;
  /** The machine's name, for clients that ask for one. */
  readonly hostname: string | undefined;
}

/** `file` of the header: the name where it fits with its NUL, else empty (option 67 has it). */
export function fileField(file: string | undefined): string {
  return file !== undefined && file.length <= FILE_FIELD_OCTETS_MAX ? file : '';
}

/** `sname` of the header: our address, for clients that ask for a server name. */
export function snameField(message: DhcpMessage, grant: Grant): string {
  return grant.file !== undefined && requested(message).includes(OPT.tftpServerName)
    ? formatIpv4(grant.network.address)
    : '';
}

/**
 * The options of an OFFER or ACK in order of importance: what RFC 2131 table 3 demands, the boot options, then what the
 * client asked for in its own order (RFC 2132 §9.8). Option 61 and 82 come back as they came (RFC 6842, RFC 3046).
 */
export function grantOptions(message: DhcpMessage, ask: BootAsk, grant: Grant): readonly OptionToSend[] {
  const wanted = requested(message);
  const has = availableOptions(message, ask, grant);
  const always = alwaysSent(message, ask, grant).filter((code) => has.has(code));
  const codes = new Set([...always, ...beforeRouter(wanted), OPT.clientId, OPT.relayAgentInformation]);
  return [...codes].flatMap((code) => {
    const value = has.get(code);
    return value ? [[code, value] as const] : [];
  });
}

/** The options of a NAK (RFC 2131 table 3; RFC 6842 §3; RFC 3046 §2.2). */
export function nakOptions(message: DhcpMessage, network: Network, because: string): readonly OptionToSend[] {
  return [
    typeOption('NAK'),
    [OPT.serverId, octetsOfU32(network.address)],
    [OPT.message, octetsOfText(because).subarray(0, 255)],
    ...echoed(message),
  ];
}

function typeOption(type: MessageType): OptionToSend {
  return [OPT.messageType, Uint8Array.of(numberOfType(type))];
}

function echoed(message: DhcpMessage): readonly OptionToSend[] {
  return [OPT.clientId, OPT.relayAgentInformation].flatMap((code) => {
    const value = message.options.get(code);
    return value ? [[code, value] as const] : [];
  });
}

function requested(message: DhcpMessage): readonly number[] {
  return [...(message.options.get(OPT.parameterRequestList) ?? [])];
}

/** The netmask goes before the router (RFC 2132 §3.3), however the client lists them. */
function beforeRouter(wanted: readonly number[]): readonly number[] {
  return wanted.includes(OPT.router) ? [OPT.subnetMask, ...wanted] : wanted;
}

function alwaysSent(message: DhcpMessage, ask: BootAsk, grant: Grant): readonly number[] {
  const isLong = grant.file !== undefined && fileField(grant.file) === '';
  const base = [OPT.messageType, OPT.serverId, OPT.leaseTime, OPT.renewalTime, OPT.rebindingTime];
  const boot = [OPT.vendorClass, OPT.vendorSpecific, OPT.clientUuid];
  const asksNothing = !message.options.has(OPT.parameterRequestList);
  const network = asksNothing ? [OPT.subnetMask, OPT.router, OPT.dnsServer] : [OPT.subnetMask];
  return [...base, ...(isLong || ask.client.isHttp ? [OPT.bootFileName] : []), ...network, ...boot];
}

function availableOptions(message: DhcpMessage, ask: BootAsk, grant: Grant): ReadonlyMap<number, Uint8Array> {
  return new Map<number, Uint8Array>([
    typeOption(grant.type),
    [OPT.serverId, octetsOfU32(grant.network.address)],
    ...times(grant.leaseS),
    ...networkOptions(grant.network),
    ...(grant.hostname === undefined ? [] : [[OPT.hostName, octetsOfText(grant.hostname)] as const]),
    ...bootOptions(message, ask, grant),
    ...echoed(message),
  ]);
}

/** Lease, T1 and T2 (RFC 2131 §4.4.5: 0.5 and 0.875); an endless lease needs no renewal. */
function times(leaseS: number | undefined): readonly OptionToSend[] {
  if (leaseS === undefined) return [];
  const lease: OptionToSend = [OPT.leaseTime, octetsOfU32(leaseS)];
  const [t1, t2] = [Math.floor(leaseS * 0.5), Math.floor(leaseS * 0.875)];
  if (leaseS === 0xffffffff || t1 === 0 || t2 <= t1 || t2 >= leaseS) return [lease];
  return [lease, [OPT.renewalTime, octetsOfU32(t1)], [OPT.rebindingTime, octetsOfU32(t2)]];
}

function networkOptions(network: Network): readonly OptionToSend[] {
  const { subnet, router, dns } = network;
  return [
    [OPT.subnetMask, octetsOfU32(netmaskOf(subnet))],
    [OPT.broadcastAddress, octetsOfU32(broadcastOf(subnet))],
    ...(router === undefined ? [] : [[OPT.router, octetsOfU32(router)] as const]),
    ...(dns.length === 0 ? [] : [[OPT.dnsServer, octetsOfIpv4s(dns)] as const]),
  ];
}

/** Options of clients that boot. UEFI ignores an offer that does not return its own kind in option 60. */
function bootOptions(message: DhcpMessage, ask: BootAsk, grant: Grant): readonly OptionToSend[] {
  const { client } = ask;
  const { file } = grant;
  if (file === undefined) return [];
  const server = grant.network.address;
  const vendorClass = client.isPxe ? 'PXEClient' : client.isHttp ? 'HTTPClient' : undefined;
  const uuid = message.options.get(OPT.clientUuid);
  return [
    [OPT.bootFileName, octetsOfText(file)],
    [OPT.tftpServerName, octetsOfText(formatIpv4(server))],
    [OPT.tftpServerAddress, octetsOfIpv4s([server])],
    ...(vendorClass === undefined ? [] : [[OPT.vendorClass, octetsOfText(vendorClass)] as const]),
    ...(client.isPxe ? [[OPT.vendorSpecific, pxeBootDirect()] as const] : []),
    ...(isUuidOption(uuid) ? [[OPT.clientUuid, uuid] as const] : []),
  ];
}

/** Printable ASCII of a client's host name, at most 63 characters, for the lease list; nothing when none is left. */
export function cleanHostname(text: string | undefined): string | undefined {
  const clean = text?.replace(/[^A-Za-z0-9._-]/g, '').slice(0, 63);
  return clean === undefined || clean === '' ? undefined : clean;
}
