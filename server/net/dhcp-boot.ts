import { broadcastOf, formatIpv4, macOf, netmaskOf } from '../core/address.ts';
import { CLIENT_ARCH, parseArch, type Arch, type Loader } from '../core/arch.ts';
import type { BootRequest } from '../core/boot-plan.ts';
import type { Network } from '../core/lease.ts';
import { isRaspberryPi } from '../core/rpi.ts';
import { isUuidOption, readBootClient, type BootClient } from '../wire/dhcp/boot-client.ts';
import { numberOfType, type DhcpMessage } from '../wire/dhcp/message.ts';
import type { OptionToSend } from '../wire/dhcp/option-field.ts';
import { octetsOfIpv4s, octetsOfText, octetsOfU32, OPT, u16Option } from '../wire/dhcp/options.ts';
import { pxeBootDirect, rpiBootMenu } from '../wire/dhcp/sub-options.ts';

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
  const signs = {
    mac: macOf(message.chaddr),
    clientArch,
    vendorClass: client.vendorClass,
    userClass: client.userClass ?? (client.isIpxe ? 'iPXE' : undefined),
    systemUuid: client.systemUuid,
  };
  const isRpi = isRaspberryPi(signs);
  const request: BootRequest = {
    ...signs,
    loader: isRpi ? 'rpi' : loaderOf(message, client, clientArch, known?.loader),
    loaderVersion: client.ipxeVersion,
    arch: isRpi ? undefined : (known?.arch ?? archOfUBoot(client)),
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
  return grant.file !== undefined &&
    message.options.get(OPT.parameterRequestList)?.includes(OPT.tftpServerName) === true
    ? formatIpv4(grant.network.address)
    : '';
}

/**
 * The options of an OFFER or ACK in order of importance: what RFC 2131 table 3 demands, the boot options, then what the
 * client asked for in its own order (RFC 2132 §9.8). Option 61 and 82 come back as they came (RFC 6842, RFC 3046).
 */
export function grantOptions(message: DhcpMessage, ask: BootAsk, grant: Grant): readonly OptionToSend[] {
  const has = availableOptions(message, ask, grant);
  const options: OptionToSend[] = [];
  const take = (code: number): void => {
    const value = has.get(code);
    if (value === undefined) return;
    has.delete(code);
    options.push([code, value]);
  };
  ALWAYS.forEach(take);
  take(OPT.clientId);
  if (ask.client.isHttp || (grant.file !== undefined && fileField(grant.file) === '')) take(OPT.bootFileName);
  const wanted = message.options.get(OPT.parameterRequestList);
  if (wanted === undefined) UNASKED.forEach(take);
  BOOT.forEach(take);
  wanted?.forEach(take);
  ECHOED.forEach(take);
  return options;
}

/** The netmask is always there, and so before the router (RFC 2132 §3.3). */
const ALWAYS = [OPT.messageType, OPT.serverId, OPT.leaseTime, OPT.renewalTime, OPT.rebindingTime, OPT.subnetMask];
/** For clients that list no wishes. */
const UNASKED = [OPT.router, OPT.dnsServer];
const BOOT = [OPT.vendorClass, OPT.vendorSpecific, OPT.clientUuid];
const ECHOED = [OPT.clientId, OPT.relayAgentInformation];

/** The options of a NAK (RFC 2131 table 3; RFC 6842 §3; RFC 3046 §2.2). */
export function nakOptions(message: DhcpMessage, network: Network, because: string): readonly OptionToSend[] {
  return [
    [OPT.messageType, Uint8Array.of(numberOfType('NAK'))],
    [OPT.serverId, octetsOfU32(network.address)],
    [OPT.message, octetsOfText(because).subarray(0, 255)],
    ...echoed(message),
  ];
}

function echoed(message: DhcpMessage): readonly OptionToSend[] {
  return ECHOED.flatMap((code) => {
    const value = message.options.get(code);
    return value ? [[code, value] as const] : [];
  });
}

function availableOptions(message: DhcpMessage, ask: BootAsk, grant: Grant): Map<number, Uint8Array> {
  const has = new Map(networkOptions(grant.network));
  has.set(OPT.messageType, Uint8Array.of(numberOfType(grant.type)));
  if (grant.leaseS !== undefined) addTimes(has, grant.leaseS);
  if (grant.hostname !== undefined) has.set(OPT.hostName, octetsOfText(grant.hostname));
  if (grant.file !== undefined) addBootOptions(has, message, ask, grant.network, grant.file);
  for (const code of ECHOED) {
    const value = message.options.get(code);
    if (value !== undefined) has.set(code, value);
  }
  return has;
}

/** Lease, T1 and T2 (RFC 2131 §4.4.5: 0.5 and 0.875); an endless lease needs no renewal. */
function addTimes(has: Map<number, Uint8Array>, leaseS: number): void {
  has.set(OPT.leaseTime, octetsOfU32(leaseS));
  const [t1, t2] = [Math.floor(leaseS * 0.5), Math.floor(leaseS * 0.875)];
  if (leaseS === 0xffffffff || t1 === 0 || t2 <= t1 || t2 >= leaseS) return;
  has.set(OPT.renewalTime, octetsOfU32(t1));
  has.set(OPT.rebindingTime, octetsOfU32(t2));
}

/** Made once per network: they are the same in every answer. */
const madeFor = new WeakMap<Network, ReadonlyMap<number, Uint8Array>>();

function networkOptions(network: Network): ReadonlyMap<number, Uint8Array> {
  const known = madeFor.get(network);
  if (known) return known;
  const { subnet, router, dns, address } = network;
  const made = new Map<number, Uint8Array>([
    [OPT.serverId, octetsOfU32(address)],
    [OPT.subnetMask, octetsOfU32(netmaskOf(subnet))],
    [OPT.broadcastAddress, octetsOfU32(broadcastOf(subnet))],
  ]);
  if (router !== undefined) made.set(OPT.router, octetsOfU32(router));
  if (dns.length > 0) made.set(OPT.dnsServer, octetsOfIpv4s(dns));
  madeFor.set(network, made);
  return made;
}

/** Options of clients that boot. UEFI ignores an offer that does not return its own kind in option 60. */
export function addBootOptions(
  has: Map<number, Uint8Array>,
  message: DhcpMessage,
  { client, request }: BootAsk,
  network: Network,
  file: string,
): void {
  has.set(OPT.bootFileName, octetsOfText(file));
  has.set(OPT.tftpServerName, octetsOfText(formatIpv4(network.address)));
  has.set(OPT.tftpServerAddress, octetsOfIpv4s([network.address]));
  const isRpi = request.loader === 'rpi';
  if (isRpi) has.set(OPT.vendorSpecific, rpiBootMenu());
  else if (client.isPxe) has.set(OPT.vendorSpecific, pxeBootDirect());
  const vendorClass = client.isPxe || isRpi ? 'PXEClient' : client.isHttp ? 'HTTPClient' : undefined;
  if (vendorClass !== undefined) has.set(OPT.vendorClass, octetsOfText(vendorClass));
  const uuid = message.options.get(OPT.clientUuid);
  if (isUuidOption(uuid)) has.set(OPT.clientUuid, uuid);
}

/** Printable ASCII of a client's host name, at most 63 characters, for the lease list; nothing when none is left. */
export function cleanHostname(text: string | undefined): string | undefined {
  const clean = text?.replace(/[^A-Za-z0-9._-]/g, '').slice(0, 63);
  return clean === undefined || clean === '' ? undefined : clean;
}
