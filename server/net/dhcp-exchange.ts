import { contains, formatIpv4, isGroupMac, NO_ADDRESS, type Ipv4, type Mac } from '../core/address.ts';
import { leaseKey, type ClientIdentity } from '../core/lease-rule.ts';
import type { Network } from '../core/lease.ts';
import type { DhcpAdvice, DhcpAdvisor } from '../ports/dhcp-advisor.ts';
import type { LeaseAsk, LeaseDesk } from '../services/grant-lease.ts';
import {
  datagramOctetsMax,
  encodeMessage,
  type Encoded,
  type Layout,
  type MessageToSend,
} from '../wire/dhcp/encode.ts';
import { BOOTREPLY, ETHERNET, type DhcpMessage, type MessageType } from '../wire/dhcp/message.ts';
import { ipv4Option, OPT, textOption, u16Option, u32Option } from '../wire/dhcp/options.ts';
import { replyFlags, replyTo, type ReplyTo } from '../wire/dhcp/reply-to.ts';
import { relayPort, type RelayPort } from '../wire/dhcp/sub-options.ts';
import {
  bootAskOf,
  cleanHostname,
  fileField,
  grantOptions,
  nakOptions,
  snameField,
  type BootAsk,
} from './dhcp-boot.ts';
import type { Peer } from './udp-on-device.ts';

/** A request that was decoded and belongs to a network of ours. */
export interface Incoming {
  readonly network: Network;
  readonly type: MessageType;
  readonly message: DhcpMessage;
  readonly mac: Mac;
  readonly from: Peer;
}

/** What became of a message. */
export type Outcome =
  | {
      readonly is: 'answered';
      readonly sent: 'OFFER' | 'ACK' | 'NAK';
      readonly reply: Encoded;
      readonly to: ReplyTo;
      readonly address: Ipv4 | undefined;
      readonly file: string | undefined;
      readonly because: string | undefined;
    }
  /** `done`: a DECLINE or RELEASE that counted; it is never answered. */
  | {
      readonly is: 'silent';
      readonly done: boolean;
      readonly address: Ipv4 | undefined;
      readonly because: string;
      /** Proxy mode: the other server, whose offer of `address` the client takes. */
      readonly takesFrom?: Ipv4;
    };

/** What an exchange needs besides the message. */
export interface ExchangeEdges {
  readonly desk: LeaseDesk;
  readonly advisor: DhcpAdvisor;
  /** Whether a server identifier is one of our addresses (RFC 2131 §4.1). */
  readonly isOurs: (serverId: Ipv4) => boolean;
  /** A client speaks to a server that is not us. */
  readonly foreignServer: (serverId: Ipv4, incoming: Incoming) => void;
}

/** Answers one message (RFC 2131 §4.3). @throws what the store throws; then nothing may be sent. */
export async function exchange(incoming: Incoming, edges: ExchangeEdges): Promise<Outcome> {
  switch (incoming.type) {
    case 'DISCOVER':
      return discover(incoming, edges);
    case 'REQUEST':
      return request(incoming, edges);
    case 'INFORM':
      return inform(incoming, edges);
    case 'DECLINE':
      return decline(incoming, edges);
    case 'RELEASE':
      return release(incoming, edges);
    case 'OFFER':
    case 'ACK':
    case 'NAK':
      return silent(`a client does not send ${incoming.type}`);
  }
}

async function discover(incoming: Incoming, edges: ExchangeEdges): Promise<Outcome> {
  const asked = await ask(incoming, edges);
  if (typeof asked === 'string') return silent(asked);
  const requested = ipv4Option(incoming.message.options, OPT.requestedAddress);
  const offer = await edges.desk.offer(asked.lease, requested);
  if (offer.is === 'silent') return silent(offer.because);
  return grant(incoming, asked, 'OFFER', offer.address, offer.leaseS);
}

async function request(incoming: Incoming, edges: ExchangeEdges): Promise<Outcome> {
  const { message, network } = incoming;
  const serverId = ipv4Option(message.options, OPT.serverId);
  if (serverId !== undefined && !edges.isOurs(serverId)) {
    edges.desk.dropOffers(network, keysOf(incoming));
    edges.foreignServer(serverId, incoming);
    return silent(`it took the offer of ${formatIpv4(serverId)}`);
  }
  const asked = await ask(incoming, edges);
  if (typeof asked === 'string') return silent(asked);
  const requested = ipv4Option(message.options, OPT.requestedAddress);
  const namesUs = serverId !== undefined;
  const verdict = await edges.desk.request(asked.lease, { namesUs, requested, ciaddr: message.ciaddr });
  switch (verdict.is) {
    case 'ack':
      return grant(incoming, asked, 'ACK', verdict.address, verdict.leaseS);
    case 'nak':
      return nak(incoming, verdict.because);
    case 'silent':
      return silent(verdict.because);
  }
}

/** Only the addresses of served networks are answered: we are no reflector (RFC 2131 §4.3.5). */
async function inform(incoming: Incoming, edges: ExchangeEdges): Promise<Outcome> {
  const { ciaddr } = incoming.message;
  if (ciaddr === NO_ADDRESS || !contains(incoming.network.subnet, ciaddr))
    return silent(`an INFORM from ${formatIpv4(ciaddr)}, which is not of ${incoming.network.name}`);
  const asked = await ask(incoming, edges);
  return typeof asked === 'string' ? silent(asked) : grant(incoming, asked, 'ACK', NO_ADDRESS, undefined);
}

async function decline(incoming: Incoming, edges: ExchangeEdges): Promise<Outcome> {
  const { options } = incoming.message;
  const address = ipv4Option(options, OPT.requestedAddress);
  if (address === undefined || !namesUs(incoming, edges)) return silent('a DECLINE that is not for us');
  const ignored = await edges.desk.decline(incoming.network, keysOf(incoming), address);
  return { is: 'silent', done: ignored === undefined, address, because: ignored ?? 'declined: somebody else uses it' };
}

async function release(incoming: Incoming, edges: ExchangeEdges): Promise<Outcome> {
  const { ciaddr } = incoming.message;
  if (!namesUs(incoming, edges)) return silent('a RELEASE that is not for us');
  const ignored = await edges.desk.release(incoming.network, keysOf(incoming), ciaddr);
  return { is: 'silent', done: ignored === undefined, address: ciaddr, because: ignored ?? 'released' };
}

function namesUs(incoming: Incoming, edges: ExchangeEdges): boolean {
  const serverId = ipv4Option(incoming.message.options, OPT.serverId);
  return serverId !== undefined && edges.isOurs(serverId);
}

interface Asked {
  readonly lease: LeaseAsk;
  readonly boot: BootAsk;
  readonly advice: DhcpAdvice;
}

/** Asks the boot decision who this is; a text is the reason to stay silent. */
async function ask(incoming: Incoming, edges: ExchangeEdges): Promise<Asked | string> {
  const { message, network, mac } = incoming;
  if (isEthernet(message) && isGroupMac(mac)) return `${mac} is a group address`;
  const boot = bootAskOf(message);
  const advice = await edges.advisor.advise(boot.request, network, boot.isBootClient);
  if (!advice.answer) return advice.because;
  const isKnown = advice.machine !== undefined && isEthernet(message);
  const key = leaseKey(identityOf(message), isKnown);
  if (key === undefined) return 'neither a hardware address nor a client identifier';
  return { boot, advice, lease: leaseAsk(incoming, { key, mac, isKnown }) };
}

function leaseAsk(incoming: Incoming, client: LeaseAsk['client']): LeaseAsk {
  const { message, network } = incoming;
  return {
    network,
    client,
    askedLeaseS: u32Option(message.options, OPT.leaseTime),
    hostname: cleanHostname(textOption(message.options, OPT.hostName)),
    ...portSeen(message),
  };
}

/** The switch port, if a relay says it; option 82 from a client itself means nothing. */
export function portSeen(message: DhcpMessage): RelayPort {
  return message.giaddr === NO_ADDRESS ? { circuitId: undefined, remoteId: undefined } : relayPort(message.options);
}

/** Whether `chaddr` is a MAC. */
export function isEthernet(message: DhcpMessage): boolean {
  return message.htype === ETHERNET && message.hlen === 6;
}

function identityOf(message: DhcpMessage): ClientIdentity {
  const { htype, hlen, chaddr, options } = message;
  return { htype, chaddr: chaddr.subarray(0, hlen), clientId: options.get(OPT.clientId) };
}

/** The keys a client may be known by, whether or not the operator knows it. */
function keysOf(incoming: Incoming): readonly string[] {
  const identity = identityOf(incoming.message);
  const keys = [leaseKey(identity, true), leaseKey(identity, false)];
  return [...new Set(keys.filter((key) => key !== undefined))];
}

/** No answer, and why. */
export function silent(because: string): Outcome {
  return { is: 'silent', done: false, address: undefined, because };
}

function grant(
  incoming: Incoming,
  asked: Asked,
  sent: 'OFFER' | 'ACK',
  address: Ipv4,
  leaseS: number | undefined,
): Outcome {
  const { message, network } = incoming;
  const { file, machine } = asked.advice;
  const given = { type: sent, network, leaseS, file, hostname: machine?.name };
  const header = replyHeader(message, sent, {
    ciaddr: sent === 'ACK' ? message.ciaddr : NO_ADDRESS,
    yiaddr: address,
    siaddr: network.address,
    sname: snameField(message, given),
    file: fileField(file),
  });
  const reply = encodeMessage(header, grantOptions(message, asked.boot, given), layoutFor(message, true));
  const known = address === NO_ADDRESS ? message.ciaddr : address;
  const to = replyTo(answerable(incoming), sent);
  return { is: 'answered', sent, reply, to, address: known, file, because: asked.advice.because };
}

function nak(incoming: Incoming, because: string): Outcome {
  const { message, network } = incoming;
  const none = { ciaddr: NO_ADDRESS, yiaddr: NO_ADDRESS, siaddr: NO_ADDRESS, sname: '', file: '' };
  const header = replyHeader(message, 'NAK', none);
  const reply = encodeMessage(header, nakOptions(message, network, because), layoutFor(message, false));
  return {
    is: 'answered',
    sent: 'NAK',
    reply,
    to: replyTo(message, 'NAK'),
    address: undefined,
    file: undefined,
    because,
  };
}

/** The client's limit (option 57). */
export function layoutFor(message: DhcpMessage, mayOverload: boolean): Layout {
  return { datagramOctets: datagramOctetsMax(u16Option(message.options, OPT.maxMessageSize)), mayOverload };
}

/** What a reply takes over from its request; nothing else is ever copied (RFC 2131 §4.3.1, table 3). */
export function replyHeader(
  message: DhcpMessage,
  sent: MessageType,
  ours: Pick<MessageToSend, 'ciaddr' | 'yiaddr' | 'siaddr' | 'sname' | 'file'>,
): MessageToSend {
  return {
    op: BOOTREPLY,
    htype: message.htype,
    hlen: message.hlen,
    hops: 0,
    xid: message.xid,
    secs: 0,
    flags: replyFlags(message, sent),
    ciaddr: ours.ciaddr,
    yiaddr: ours.yiaddr,
    siaddr: ours.siaddr,
    giaddr: message.giaddr,
    chaddr: message.chaddr,
    sname: ours.sname,
    file: ours.file,
  };
}

/**
 * A `ciaddr` outside the network is not believed: the answer is broadcast on the link instead. The answer to an INFORM
 * goes to `ciaddr` past any relay (RFC 2131 §4.3.5), which could not deliver it: `yiaddr` is 0.
 */
function answerable({ message, network, type }: Incoming): Pick<DhcpMessage, 'giaddr' | 'ciaddr'> {
  const { giaddr, ciaddr } = message;
  if (type === 'INFORM') return { giaddr: NO_ADDRESS, ciaddr };
  return { giaddr, ciaddr: contains(network.subnet, ciaddr) ? ciaddr : NO_ADDRESS };
}
