import { contains, formatIpv4, isGroupMac, NO_ADDRESS, type Ipv4, type Mac } from '../core/address.ts';
import type { Loader } from '../core/arch.ts';
import type { Network } from '../core/lease.ts';
import type { DhcpAdvisor } from '../ports/dhcp-advisor.ts';
import { encodeMessage } from '../wire/dhcp/encode.ts';
import { BROADCAST_FLAG, numberOfType, type DhcpMessage } from '../wire/dhcp/message.ts';
import type { OptionToSend } from '../wire/dhcp/option-field.ts';
import { ipv4Option, octetsOfU32, OPT } from '../wire/dhcp/options.ts';
import { replyTo, type ReplyTo } from '../wire/dhcp/reply-to.ts';
import { addBootOptions, bootAskOf, fileField, type BootAsk } from './dhcp-boot.ts';
import { isEthernet, layoutFor, replyHeader, silent, type Incoming, type Outcome } from './dhcp-exchange.ts';

/** The UDP port a proxy is asked on once the client has its address (PXE 2.1). */
export const PROXY_PORT = 4011;

/** What proxy mode needs besides the message. */
export interface ProxyEdges {
  readonly advisor: DhcpAdvisor;
  /** Whether a server identifier is one of our addresses. */
  readonly isOurs: (serverId: Ipv4) => boolean;
  /** A client takes an address, as far as it says. */
  readonly claimed: (mac: Mac, address: Ipv4) => void;
  /** A client speaks to the server that gives the addresses. */
  readonly foreignServer: (serverId: Ipv4, incoming: Incoming) => void;
}

/**
 * Answers one message on port 67 of a network where another server gives the addresses: boot clients hear in an OFFER
 * without an address where their first file lies (PXE 2.1). Nothing else is answered, and no address is ever given.
 */
export async function proxyExchange(incoming: Incoming, edges: ProxyEdges): Promise<Outcome> {
  switch (incoming.type) {
    case 'DISCOVER':
      return offer(incoming, edges);
    case 'REQUEST':
      return overhear(incoming, edges);
    case 'INFORM':
    case 'DECLINE':
    case 'RELEASE':
      return silent(`a ${incoming.type} is for the server that gives the addresses`);
    case 'OFFER':
    case 'ACK':
    case 'NAK':
      return silent(`a client does not send ${incoming.type}`);
  }
}

/**
 * Answers one message on port 4011: a client that has its address asks the proxy for its file. UEFI always does, other
 * firmware when the OFFER was not enough for it. The answer goes back to where the question came from.
 */
export async function proxyService(incoming: Incoming, edges: ProxyEdges): Promise<Outcome> {
  const { message, type, from, mac, network } = incoming;
  if (type !== 'REQUEST' && type !== 'INFORM') return silent(`a ${type} on port ${PROXY_PORT}`);
  if (message.ciaddr !== NO_ADDRESS && message.ciaddr !== from.address)
    return silent(`it says that it is ${formatIpv4(message.ciaddr)}, but ${formatIpv4(from.address)} sent it`);
  const serverId = ipv4Option(message.options, OPT.serverId);
  if (serverId !== undefined && !edges.isOurs(serverId)) return silent(`it asks the proxy ${formatIpv4(serverId)}`);
  const asked = await ask(incoming, edges);
  if (typeof asked === 'string') return silent(asked);
  edges.claimed(mac, from.address);
  return answer(incoming, asked, 'ACK', { address: from.address, port: from.port }, message.flags, network);
}

async function offer(incoming: Incoming, edges: ProxyEdges): Promise<Outcome> {
  const { message, network } = incoming;
  const asked = await ask(incoming, edges);
  if (typeof asked === 'string') return silent(asked);
  const isRelayed = message.giaddr !== NO_ADDRESS;
  const to = replyTo({ giaddr: message.giaddr, ciaddr: NO_ADDRESS }, 'OFFER');
  // A relay could not tell by yiaddr 0 whom to send it to.
  const flags = isRelayed ? message.flags | BROADCAST_FLAG : message.flags;
  return answer(incoming, asked, 'OFFER', to, flags, network);
}

/** The broadcast in which a client takes the other server's offer tells who gets which address. */
function overhear(incoming: Incoming, edges: ProxyEdges): Outcome {
  const { message, network, mac } = incoming;
  const { options, ciaddr } = message;
  const serverId = ipv4Option(options, OPT.serverId);
  if (serverId !== undefined && edges.isOurs(serverId)) return silent('a proxy has no address to give');
  if (serverId !== undefined) edges.foreignServer(serverId, incoming);
  const address = ciaddr === NO_ADDRESS ? ipv4Option(options, OPT.requestedAddress) : ciaddr;
  if (address === undefined || !contains(network.subnet, address) || !isEthernet(message) || isGroupMac(mac))
    return silent('it asks for no address of this network');
  edges.claimed(mac, address);
  const because = 'the other DHCP server gives its address';
  const quiet = { is: 'silent', done: true, address, because } as const;
  return serverId === undefined ? quiet : { ...quiet, takesFrom: serverId };
}

interface Asked {
  readonly boot: BootAsk;
  readonly file: string;
  readonly because: string;
}

/** Asks the boot decision; a text is the reason to stay silent. */
async function ask(incoming: Incoming, edges: ProxyEdges): Promise<Asked | string> {
  const { message, network, mac } = incoming;
  if (!isEthernet(message) || isGroupMac(mac)) return `${mac} is no board's hardware address`;
  const boot = bootAskOf(message);
  if (!boot.isBootClient) return 'it does not ask to boot; the other DHCP server serves it';
  const { answer: isAnswered, file, because } = await edges.advisor.advise(boot.request, network, true);
  if (!isAnswered || file === undefined) return because;
  return takesProxyOffers(boot) ? { boot, file, because } : NO_PROXY;
}

/** u-boot takes the first offer for a whole one, and would then ask us for an address. */
export const NO_PROXY =
  'its loader takes no boot data beside another DHCP server; have that server name us as its TFTP server (next-server)';

const TAKERS: readonly (Loader | undefined)[] = ['pxe-bios', 'uefi', 'uefi-http', 'ipxe', 'rpi'];

/** Whether a client is one that takes its address from one server and its boot data from another. */
export function takesProxyOffers({ request, client }: BootAsk): boolean {
  return (client.isPxe || client.isHttp || client.isIpxe) && TAKERS.includes(request.loader);
}

function answer(
  incoming: Incoming,
  asked: Asked,
  sent: 'OFFER' | 'ACK',
  to: ReplyTo,
  flags: number,
  network: Network,
): Outcome {
  const { message } = incoming;
  const { boot, file, because } = asked;
  const header = replyHeader(message, sent, {
    ciaddr: sent === 'ACK' ? message.ciaddr : NO_ADDRESS,
    yiaddr: NO_ADDRESS,
    siaddr: network.address,
    sname: '',
    file: fileField(file),
  });
  const reply = encodeMessage(
    { ...header, flags },
    proxyOptions(message, boot, network, sent, file),
    layoutFor(message, true),
  );
  const address = sent === 'ACK' ? to.address : undefined;
  return { is: 'answered', sent, reply, to, address, file, because };
}

/**
 * The options of a proxy's OFFER or ACK: who we are, the boot options, what the client echoes; nothing that belongs to
 * an address. EDK2 (seen in 2022.11) throws away proxy offers that hold PXE discovery options, and asks port 4011 when
 * there are none; a BIOS's PXE ROM loads the named file at once when they say so, and iPXE does in any case.
 */
export function proxyOptions(
  message: DhcpMessage,
  boot: BootAsk,
  network: Network,
  sent: 'OFFER' | 'ACK',
  file: string,
): readonly OptionToSend[] {
  const has = new Map<number, Uint8Array>();
  addBootOptions(has, message, boot, network, file);
  if (boot.request.loader === 'uefi') has.delete(OPT.vendorSpecific);
  has.set(OPT.messageType, Uint8Array.of(numberOfType(sent)));
  has.set(OPT.serverId, octetsOfU32(network.address));
  for (const code of ECHOED) {
    const value = message.options.get(code);
    if (value !== undefined) has.set(code, value);
  }
  const mustName = boot.client.isHttp || fileField(file) === '';
  const wanted = message.options.get(OPT.parameterRequestList) ?? [];
  const order = [...FIRST, ...(mustName ? [OPT.bootFileName] : []), ...wanted, ...ECHOED];
  return [...new Set(order)].flatMap((code) => {
    const value = has.get(code);
    return value === undefined ? [] : [[code, value] as const];
  });
}

const FIRST = [OPT.messageType, OPT.serverId, OPT.vendorClass, OPT.vendorSpecific, OPT.clientUuid];
const ECHOED = [OPT.clientId, OPT.relayAgentInformation];
