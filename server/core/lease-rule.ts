import { broadcastOf, contains, formatIpv4, hexOf, inRange, NO_ADDRESS, type Ipv4, type Mac } from './address.ts';
import type { Network } from './lease.ts';

/** A lease of this many seconds never ends (RFC 2131 §3.3). */
export const INFINITE_LEASE_S = 0xffffffff;
/** Shorter leases than this are not given, unless the network's own are shorter. */
const LEASE_S_MIN = 60;
/** `htype` and `hlen` of Ethernet. */
const ETHERNET = 1;
const ETHERNET_OCTETS = 6;
/** RFC 2132 §9.14: a shorter client identifier is no identifier. */
const CLIENT_ID_OCTETS_MIN = 2;

/** What identifies the sender of a message. */
export interface ClientIdentity {
  readonly htype: number;
  /** The first `hlen` octets of the field. */
  readonly chaddr: Uint8Array;
  /** Option 61 as it came. */
  readonly clientId: Uint8Array | undefined;
}

/** Who asks for an address. */
export interface LeaseClient {
  /** `leaseKey`. */
  readonly key: string;
  readonly mac: Mac;
  /** The operator knows this MAC: all identities it shows are one client (firmware changes them within one boot). */
  readonly isKnown: boolean;
  /** The address kept for it on this network. */
  readonly reserved: Ipv4 | undefined;
}

/** Who has an address, or had it. `expired` and `released` ones are free for others, but remembered. */
export interface Standing {
  readonly address: Ipv4;
  readonly key: string;
  readonly mac: Mac;
  readonly is: 'offered' | 'bound' | 'expired' | 'released' | 'declined';
}

/** What the rules look at: one network at one moment. */
export interface LeaseView {
  readonly network: Network;
  /** A live offer comes before a lease. */
  at(address: Ipv4): Standing | undefined;
  /** The lease of an address, whatever is offered there. */
  leaseAt(address: Ipv4): Standing | undefined;
  offerOf(key: string): Standing | undefined;
  leaseOf(key: string): Standing | undefined;
  /** What a MAC got last, under whatever identity. */
  leaseOfMac(mac: Mac): Standing | undefined;
  reservedFor(address: Ipv4): Mac | undefined;
}

/** The parts of a REQUEST that tell its state (RFC 2131 §4.3.2). */
export interface RequestAsk {
  /** Whether option 54 names us; requests for other servers never come here. */
  readonly namesUs: boolean;
  readonly requested: Ipv4 | undefined;
  readonly ciaddr: Ipv4;
}

/** What a REQUEST is answered with (RFC 2131 §4.3.2). */
export type RequestVerdict =
  /** `extend` false: the lease is confirmed for the time it has left, no longer (RFC 2131 §4.3.2 RENEWING). */
  | { readonly is: 'ack'; readonly address: Ipv4; readonly extend: boolean }
  | { readonly is: 'nak'; readonly because: string }
  | { readonly is: 'silent'; readonly because: string };

/**
 * The key of a lease within its network (RFC 2131 §2.1, §4.2): the client identifier, exactly as octets, else the
 * hardware address. An identifier that only repeats the MAC is the MAC. Known machines are always keyed by MAC, for one
 * board shows several identities in one boot. Nothing when there is no identity at all.
 */
export function leaseKey(identity: ClientIdentity, isKnown: boolean): string | undefined {
  const { htype, chaddr, clientId } = identity;
  const isEthernet = htype === ETHERNET && chaddr.length === ETHERNET_OCTETS;
  const validId = clientId !== undefined && clientId.length >= CLIENT_ID_OCTETS_MIN ? clientId : undefined;
  if (isEthernet && (isKnown || validId === undefined || isMacAgain(validId, chaddr)))
    return `mac:${hexOf(chaddr, ':')}`;
  if (validId) return `id:${hexOf(validId)}`;
  return chaddr.length === 0 ? undefined : `hw:${htype}:${hexOf(chaddr, ':')}`;
}

function isMacAgain(clientId: Uint8Array, chaddr: Uint8Array): boolean {
  return clientId.length === 7 && clientId[0] === ETHERNET && chaddr.every((octet, at) => clientId[at + 1] === octet);
}

/** Seconds granted for seconds asked (option 51): never 0, never more than the network's (RFC 2131 §3.3). */
export function grantedLeaseS(askedS: number | undefined, network: Pick<Network, 'leaseS'>): number {
  const least = Math.min(LEASE_S_MIN, network.leaseS);
  return Math.max(1, Math.min(Math.max(askedS ?? network.leaseS, least), network.leaseS));
}

/** Addresses in the pools of a network. */
export function poolSize(network: Pick<Network, 'pools'>): number {
  return network.pools.reduce((sum, pool) => sum + pool.last - pool.first + 1, 0);
}

/** How many addresses may be in quarantine at once: a quarter, so that a stranger cannot decline the service away. */
export function quarantineMax(network: Pick<Network, 'pools'>): number {
  return Math.floor(poolSize(network) / 4);
}

/** Whether an address is one of a network's hosts that could be anybody's: not ours, the router's or a broadcast. */
export function isAssignable(network: Network, address: Ipv4): boolean {
  if (!contains(network.subnet, address)) return false;
  const { subnet, router, dns, giaddr } = network;
  const isEdge = subnet.prefix < 31 && (address === subnet.network || address === broadcastOf(subnet));
  return !isEdge && address !== network.address && address !== router && address !== giaddr && !dns.includes(address);
}

/** Whether an address lies in a pool of its network. */
export function isInPool(network: Pick<Network, 'pools'>, address: Ipv4): boolean {
  return network.pools.some((pool) => inRange(pool, address));
}

/** Why a client may not have an address; nothing when it may. */
export function whyNot(view: LeaseView, client: LeaseClient, address: Ipv4): string | undefined {
  const { network } = view;
  const words = formatIpv4(address);
  if (!isAssignable(network, address)) return `${words} is no client address of ${network.name}`;
  const reserved = view.reservedFor(address);
  if (reserved !== undefined && reserved !== client.mac) return `${words} is kept for ${reserved}`;
  if (client.reserved !== address && !isInPool(network, address)) return `${words} is in no pool of ${network.name}`;
  const standing = view.at(address);
  if (standing === undefined || standing.is === 'expired' || standing.is === 'released') return undefined;
  if (standing.is === 'declined') return `${words} was declined and is in quarantine`;
  return owns(client, standing) ? undefined : `${words} is in use by ${standing.mac}`;
}

/** Whether a lease or offer belongs to a client; a known machine owns what any of its identities got. */
export function owns(client: LeaseClient, standing: Pick<Standing, 'key' | 'mac'>): boolean {
  return standing.key === client.key || (client.isKnown && standing.mac === client.mac);
}

/**
 * The lease of a client: what its identity got; of a known machine also what it got under another one, or before it was
 * known, so that one board keeps one address.
 */
export function leaseFor(view: LeaseView, client: LeaseClient): Standing | undefined {
  return view.leaseOf(client.key) ?? (client.isKnown ? view.leaseOfMac(client.mac) : undefined);
}

/**
 * The address for a DISCOVER, short of a new one from the pool (RFC 2131 §4.3.1): what is kept for the client, what it
 * was offered, what it has or had, what it asks for.
 */
export function rememberedAddress(view: LeaseView, client: LeaseClient, requested: Ipv4 | undefined): Ipv4 | undefined {
  const candidates = [client.reserved, view.offerOf(client.key)?.address, leaseFor(view, client)?.address, requested];
  return candidates.find(
    (each) => each !== undefined && each !== NO_ADDRESS && whyNot(view, client, each) === undefined,
  );
}

/** What a REQUEST for us, or for nobody by name, gets (RFC 2131 §4.3.2). */
export function judgeRequest(view: LeaseView, client: LeaseClient, ask: RequestAsk): RequestVerdict {
  if (ask.namesUs) return judgeSelecting(view, client, ask.requested ?? ask.ciaddr);
  if (ask.ciaddr !== NO_ADDRESS) return judgeExtension(view, client, ask.ciaddr);
  if (ask.requested !== undefined) return judgeReboot(view, client, ask.requested);
  return { is: 'silent', because: 'a REQUEST that names no address' };
}

function judgeSelecting(view: LeaseView, client: LeaseClient, address: Ipv4): RequestVerdict {
  if (address === NO_ADDRESS) return { is: 'silent', because: 'a REQUEST that names no address' };
  const because = whyNot(view, client, address);
  return because === undefined ? { is: 'ack', address, extend: true } : { is: 'nak', because };
}

function judgeReboot(view: LeaseView, client: LeaseClient, address: Ipv4): RequestVerdict {
  const { network } = view;
  if (!contains(network.subnet, address)) return unlessForeign(network, `${formatIpv4(address)} is of another network`);
  const ours = client.reserved ?? leaseFor(view, client)?.address ?? ownedAt(view, client, address);
  if (ours === undefined) return unlessForeign(network, `no record of this client on ${network.name}`);
  if (ours !== address) return { is: 'nak', because: `its address is ${formatIpv4(ours)}, not ${formatIpv4(address)}` };
  const because = whyNot(view, client, address);
  return because === undefined ? { is: 'ack', address, extend: true } : { is: 'nak', because };
}

function judgeExtension(view: LeaseView, client: LeaseClient, address: Ipv4): RequestVerdict {
  const { network } = view;
  if (!contains(network.subnet, address)) return unlessForeign(network, `${formatIpv4(address)} is of another network`);
  const standing = view.leaseAt(address);
  if (!standing && client.reserved !== address)
    return unlessForeign(network, `no lease of ${formatIpv4(address)} is on record`);
  const holder = holderOf(client, standing);
  if (standing && !owns(holder, standing) && standing.is !== 'declined')
    return { is: 'nak', because: `${formatIpv4(address)} is in use by ${standing.mac}` };
  const because = whyNot(view, holder, address) ?? movedTo(client, address);
  if (because === undefined) return { is: 'ack', address, extend: true };
  return standing?.is === 'bound' ? { is: 'ack', address, extend: false } : { is: 'nak', because };
}

/**
 * A machine that was forgotten while its operating system runs is keyed by its client identifier from then on; the lease
 * it got by its MAC is its own all the same.
 */
export function holderOf(client: LeaseClient, standing: Standing | undefined): LeaseClient {
  return standing?.key === `mac:${client.mac}` ? { ...client, key: standing.key } : client;
}

function movedTo(client: LeaseClient, address: Ipv4): string | undefined {
  const { reserved } = client;
  return reserved === undefined || reserved === address ? undefined : `its address is ${formatIpv4(reserved)} now`;
}

function ownedAt(view: LeaseView, client: LeaseClient, address: Ipv4): Ipv4 | undefined {
  const standing = view.leaseAt(address);
  return standing && owns(client, standing) ? address : undefined;
}

/** Only the one server of a network may deny what it knows nothing about. */
function unlessForeign(network: Network, because: string): RequestVerdict {
  return network.authoritative ? { is: 'nak', because } : { is: 'silent', because };
}

/** Whether a DECLINE counts: it comes from whom the address was offered or leased to (RFC 2131 §4.3.3). */
export function mayDecline(view: LeaseView, keys: readonly string[], address: Ipv4): boolean {
  return [view.at(address), view.leaseAt(address)].some(
    (each) => each !== undefined && keys.includes(each.key) && (each.is === 'offered' || each.is === 'bound'),
  );
}

/** Whether a lease that looked expired is being given to somebody else just now. */
export function isPromisedAway(view: LeaseView, keys: readonly string[], address: Ipv4): boolean {
  const now = view.at(address);
  return now?.is === 'offered' && !keys.includes(now.key);
}

/** Whether a RELEASE counts: identity and address match a lease (RFC 2131 §4.3.4). */
export function mayRelease(view: LeaseView, keys: readonly string[], address: Ipv4): boolean {
  const lease = view.leaseAt(address);
  return lease?.is === 'bound' && keys.includes(lease.key) && !isPromisedAway(view, keys, address);
}
