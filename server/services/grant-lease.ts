import { formatIpv4, type Ipv4, type Mac } from '../core/address.ts';
import type { Lease, Network } from '../core/lease.ts';
import {
  grantedLeaseS,
  holderOf,
  INFINITE_LEASE_S,
  isInPool,
  isPromisedAway,
  judgeRequest,
  mayDecline,
  mayRelease,
  owns,
  poolSize,
  quarantineMax,
  rememberedAddress,
  type LeaseClient,
  type RequestAsk,
} from '../core/lease-rule.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import type { LeaseStore } from '../ports/store.ts';
import { groupCommit } from './group-commit.ts';
import { LeaseTable, relayPortText, type Offer } from './lease-table.ts';

/** An offer that nobody takes lapses after this. */
const OFFER_HOLD_MS = 30_000;
/** An address somebody declined, or that answered a probe, rests this long. */
const QUARANTINE_MS = 600_000;
/** All probes for one offer together; a slower answer is not waited for. */
const PROBE_BUDGET_MS = 1000;
/** The share of the pools that strangers behind one relay port may hold (RFC 3046 §4). */
const PORT_SHARE = 0.75;

/** The world, as far as leases touch it. */
export interface LeaseEdges {
  readonly store: LeaseStore;
  readonly clock: Clock;
  readonly log: Log;
  /** Runs a function at the end of this turn of the event loop. */
  readonly soon: (call: () => void) => void;
  /** Addresses kept for machines of a network (`DhcpAdvisor.reservations`). */
  readonly reservations: (network: string) => ReadonlyMap<Mac, Ipv4>;
  /** Whether somebody else than `mac` answers on an address; decides within `budgetMs`. Never throws. */
  readonly probe: (network: Network, address: Ipv4, mac: Mac, budgetMs: number) => Promise<boolean>;
}

/** Who asks, and what it says of itself. */
export interface LeaseAsk {
  readonly network: Network;
  /** Its key, MAC and whether the operator knows it; the reservation is looked up here. */
  readonly client: Omit<LeaseClient, 'reserved'>;
  readonly askedLeaseS: number | undefined;
  readonly hostname: string | undefined;
  readonly circuitId: string | undefined;
  readonly remoteId: string | undefined;
}

/** What a DISCOVER comes to. */
export type OfferOutcome =
  | { readonly is: 'offer'; readonly address: Ipv4; readonly leaseS: number }
  | { readonly is: 'silent'; readonly because: string };

/** What a REQUEST comes to; an `ack` is on disk. */
export type RequestOutcome =
  | { readonly is: 'ack'; readonly address: Ipv4; readonly leaseS: number }
  | { readonly is: 'nak'; readonly because: string }
  | { readonly is: 'silent'; readonly because: string };

/** What a DECLINE or RELEASE came to: nothing when it counted, else why it was ignored. */
type Ignored = string | undefined;

/** Gives addresses to clients and takes them back. Only this writes leases. */
export interface LeaseDesk {
  /** DISCOVER: an address, held for 30 s for this client (RFC 2131 §4.3.1). */
  offer(ask: LeaseAsk, requested: Ipv4 | undefined): Promise<OfferOutcome>;
  /** REQUEST: an `ack` comes only after the lease is on disk (§3.1 step 4). @throws when the store fails: no ACK then. */
  request(ask: LeaseAsk, request: RequestAsk): Promise<RequestOutcome>;
  /** DECLINE from a client known by any of `keys`: the address goes into quarantine. */
  decline(network: Network, keys: readonly string[], address: Ipv4): Promise<Ignored>;
  /** RELEASE: the address is free, and remembered for the client. */
  release(network: Network, keys: readonly string[], address: Ipv4): Promise<Ignored>;
  /** The client took another server's offer. */
  dropOffers(network: Network, keys: readonly string[]): void;
  /** All leases as they stand. */
  leases(): readonly Lease[];
  /** Who was ACKed an address last and has not released it. */
  macOf(address: Ipv4): Mac | undefined;
}

/** Opens the desk with what the store remembers. */
export async function openLeaseDesk(networks: readonly Network[], edges: LeaseEdges): Promise<LeaseDesk> {
  const reservedBy = reservationsByAddress(edges);
  const tables = new Map(
    networks.map((each) => [
      each.name,
      new LeaseTable(each, edges.clock, (address) => reservedBy(each.name).get(address)),
    ]),
  );
  const stored = await edges.store.list();
  for (const [name, table] of tables) table.load(stored.filter((lease) => lease.network === name));
  return new Desk(tables, edges);
}

/** Reservations turned round, at most once a turn of the event loop. */
function reservationsByAddress(edges: LeaseEdges): (network: string) => ReadonlyMap<Ipv4, Mac> {
  const turned = new Map<string, ReadonlyMap<Ipv4, Mac>>();
  return (network) => {
    const known = turned.get(network);
    if (known) return known;
    const made = new Map([...edges.reservations(network)].map(([mac, address]) => [address, mac]));
    if (turned.size === 0)
      edges.soon(() => {
        turned.clear();
      });
    turned.set(network, made);
    return made;
  };
}

class Desk implements LeaseDesk {
  readonly #tables: ReadonlyMap<string, LeaseTable>;
  readonly #edges: LeaseEdges;
  readonly #commit: (leases: readonly Lease[]) => Promise<void>;
  readonly #probes = new Map<string, Promise<OfferOutcome>>();

  constructor(tables: ReadonlyMap<string, LeaseTable>, edges: LeaseEdges) {
    this.#tables = tables;
    this.#edges = edges;
    this.#commit = groupCommit((leases: readonly Lease[]) => edges.store.commit(leases), edges.soon);
  }

  leases(): readonly Lease[] {
    return [...this.#tables.values()].flatMap((table) => table.leases());
  }

  macOf(address: Ipv4): Mac | undefined {
    for (const table of this.#tables.values()) {
      const lease = table.record(address);
      if (lease?.state === 'bound') return lease.mac;
    }
    return undefined;
  }

  async offer(ask: LeaseAsk, requested: Ipv4 | undefined): Promise<OfferOutcome> {
    const table = this.#table(ask.network);
    const client = this.#clientOf(ask);
    const underWay = this.#probes.get(`${ask.network.name} ${client.key}`);
    if (underWay) return underWay;
    const written = beingWritten(table, client);
    if (written) return { is: 'offer', address: written.address, leaseS: written.leaseS };
    const remembered = rememberedAddress(table, client, requested);
    if (remembered !== undefined && this.#isItsAlready(table, client, remembered))
      return this.#hold(table, ask, remembered);
    if (this.#portIsFull(table, ask, client)) return portFull();
    const first = remembered ?? table.nextFree();
    if (first === undefined) return { is: 'silent', because: `no free address on ${ask.network.name}` };
    if (ask.network.probe === 'none') return this.#hold(table, ask, first);
    return this.#offerProbed(table, ask, first);
  }

  async request(ask: LeaseAsk, request: RequestAsk): Promise<RequestOutcome> {
    const table = this.#table(ask.network);
    const client = this.#clientOf(ask);
    const verdict = judgeRequest(table, client, request);
    const written = beingWritten(table, client);
    if (written && !(verdict.is === 'ack' && verdict.address === written.address))
      return { is: 'silent', because: `its REQUEST for ${formatIpv4(written.address)} is still being written` };
    if (verdict.is === 'nak') table.dropOffer(client.key);
    if (verdict.is !== 'ack') return verdict;
    if (!this.#isItsAlready(table, client, verdict.address) && this.#portIsFull(table, ask, client)) return portFull();
    if (!verdict.extend) return confirmed(verdict.address, table.leftMs(verdict.address));
    const offer = table.offerFor(client.key);
    const askedS = ask.askedLeaseS ?? (offer?.address === verdict.address ? offer.leaseS : undefined);
    return this.#bind(table, ask, client, verdict.address, grantedLeaseS(askedS, ask.network));
  }

  async decline(network: Network, keys: readonly string[], address: Ipv4): Promise<Ignored> {
    const table = this.#table(network);
    if (!mayDecline(table, keys, address)) return `${formatIpv4(address)} is not this client's to decline`;
    const mac = table.at(address)?.mac;
    this.dropOffers(network, keys);
    if (mac !== undefined) await this.#quarantine(table, address, mac, 'declined by its client');
    return undefined;
  }

  async release(network: Network, keys: readonly string[], address: Ipv4): Promise<Ignored> {
    const table = this.#table(network);
    const lease = table.record(address);
    if (!lease || !mayRelease(table, keys, address)) return `${formatIpv4(address)} is not this client's to release`;
    const released: Lease = { ...lease, state: 'released', expiresMs: this.#edges.clock.now() };
    await this.#commit([released]);
    if (mayRelease(table, keys, address)) table.put(released);
    return undefined;
  }

  dropOffers(network: Network, keys: readonly string[]): void {
    const table = this.#table(network);
    for (const key of keys) if (table.offerFor(key)?.untilMs !== Infinity) table.dropOffer(key);
  }

  #table(network: Network): LeaseTable {
    const table = this.#tables.get(network.name);
    if (!table) throw new Error(`network ${network.name} was not there when the lease desk opened`);
    return table;
  }

  #clientOf(ask: LeaseAsk): LeaseClient {
    return { ...ask.client, reserved: this.#edges.reservations(ask.network.name).get(ask.client.mac) };
  }

  /** What the client has, had, or is being offered was probed, and counted to its port, when it first got it. */
  #isItsAlready(table: LeaseTable, client: LeaseClient, address: Ipv4): boolean {
    if (client.reserved === address || !isInPool(table.network, address)) return true;
    if (table.offerOf(client.key)?.address === address) return true;
    const lease = table.leaseAt(address);
    return lease !== undefined && owns(holderOf(client, lease), lease);
  }

  #portIsFull(table: LeaseTable, ask: LeaseAsk, client: LeaseClient): boolean {
    const port = relayPortText(ask);
    if (port === undefined || client.isKnown) return false;
    return table.countOfPort(port) >= Math.max(1, Math.floor(poolSize(table.network) * PORT_SHARE));
  }

  #hold(table: LeaseTable, ask: LeaseAsk, address: Ipv4): OfferOutcome {
    const before = table.offerFor(ask.client.key);
    const leaseS = before?.address === address ? before.leaseS : grantedLeaseS(ask.askedLeaseS, ask.network);
    const untilMs = this.#edges.clock.monotonicMs() + OFFER_HOLD_MS;
    table.hold({ address, key: ask.client.key, mac: ask.client.mac, leaseS, untilMs, port: relayPortText(ask) });
    return { is: 'offer', address, leaseS };
  }

  /** Retransmissions while the probe runs wait for the same answer. */
  #offerProbed(table: LeaseTable, ask: LeaseAsk, first: Ipv4): Promise<OfferOutcome> {
    const id = `${ask.network.name} ${ask.client.key}`;
    const underWay = this.#probeUntilFree(table, ask, first).finally(() => this.#probes.delete(id));
    this.#probes.set(id, underWay);
    return underWay;
  }

  async #probeUntilFree(table: LeaseTable, ask: LeaseAsk, first: Ipv4): Promise<OfferOutcome> {
    const { clock, probe } = this.#edges;
    const deadlineMs = clock.monotonicMs() + PROBE_BUDGET_MS;
    let address: Ipv4 | undefined = first;
    while (address !== undefined) {
      const offered = this.#hold(table, ask, address);
      const budgetMs = deadlineMs - clock.monotonicMs();
      if (budgetMs <= 0 || !(await probe(ask.network, address, ask.client.mac, budgetMs))) return offered;
      table.dropOffer(ask.client.key);
      await this.#quarantine(table, address, ask.client.mac, 'somebody answers on it');
      address = table.nextFree();
    }
    return { is: 'silent', because: `no free address on ${ask.network.name}` };
  }

  async #bind(
    table: LeaseTable,
    ask: LeaseAsk,
    client: LeaseClient,
    address: Ipv4,
    leaseS: number,
  ): Promise<RequestOutcome> {
    const { key, mac } = client;
    const lease: Lease = {
      network: ask.network.name,
      address,
      key,
      mac,
      state: 'bound',
      expiresMs: this.#expiresMs(leaseS),
      hostname: ask.hostname,
      ...this.#whereSeen(table, ask, client, address),
    };
    const held: Offer = { address, key, mac, leaseS, untilMs: Infinity, port: relayPortText(lease) };
    table.hold(held);
    const left = this.#leftBehind(table, client, address);
    try {
      await this.#commit([lease, ...left]);
    } catch (cause) {
      if (table.offerFor(key)?.address === address) this.#unhold(table, held);
      throw cause;
    }
    for (const each of left) table.put(each);
    if (table.offerFor(key)?.address === address) table.dropOffer(key);
    if (table.leaseAt(address)?.is === 'declined')
      return { is: 'silent', because: `${formatIpv4(address)} was declined meanwhile` };
    table.put(lease);
    return { is: 'ack', address, leaseS };
  }

  #unhold(table: LeaseTable, held: Offer): void {
    table.hold({ ...held, untilMs: this.#edges.clock.monotonicMs() + OFFER_HOLD_MS });
  }

  /** The switch port; a unicast renewal goes past the relay and says nothing of it (RFC 3046 §2.2). */
  #whereSeen(
    table: LeaseTable,
    ask: LeaseAsk,
    client: LeaseClient,
    address: Ipv4,
  ): Pick<Lease, 'circuitId' | 'remoteId'> {
    const before = table.record(address);
    const isSaid = relayPortText(ask) !== undefined || !before || !owns(client, before);
    const { circuitId, remoteId } = isSaid ? ask : before;
    return { circuitId, remoteId };
  }

  /** The client's earlier addresses, under any identity of a known machine, which it gives up by taking another. */
  #leftBehind(table: LeaseTable, client: LeaseClient, address: Ipv4): readonly Lease[] {
    const own = table.leaseOf(client.key);
    const other = client.isKnown ? table.leaseOfMac(client.mac) : undefined;
    const before = new Set([own, other].flatMap((each) => (each?.is === 'bound' ? [each.address] : [])));
    before.delete(address);
    return [...before].flatMap((each) => {
      const lease = isPromisedAway(table, [client.key], each) ? undefined : table.record(each);
      return lease ? [{ ...lease, state: 'released' as const, expiresMs: this.#edges.clock.now() }] : [];
    });
  }

  /** Takes an address out of service for a while; beyond the bound the oldest quarantine ends early. */
  async #quarantine(table: LeaseTable, address: Ipv4, mac: Mac, why: string): Promise<void> {
    const { network } = table;
    const fields = { network: network.name, address: formatIpv4(address), mac };
    this.#edges.log.warn(`dhcp: ${formatIpv4(address)} is taken out of service: ${why}`, fields);
    const lease: Lease = {
      network: network.name,
      address,
      key: `declined:${mac}`,
      mac,
      state: 'declined',
      expiresMs: this.#edges.clock.now() + QUARANTINE_MS,
      hostname: undefined,
      circuitId: undefined,
      remoteId: undefined,
    };
    table.put(lease);
    const quarantined = table.quarantined();
    const over = quarantined.slice(0, Math.max(0, quarantined.length - quarantineMax(network)));
    for (const each of over) table.remove(each);
    // Forgotten at once: a lease that such an address gets from now on is written later, and stays.
    const forgotten = over.length > 0 ? this.#edges.store.forget(network.name, over) : undefined;
    await Promise.all([forgotten, over.includes(address) ? undefined : this.#commit([lease])]);
  }

  #expiresMs(leaseS: number): number {
    return leaseS === INFINITE_LEASE_S ? Number.MAX_SAFE_INTEGER : this.#edges.clock.now() + leaseS * 1000;
  }
}

/** The address whose lease is on its way to the disk for this client; nothing else may be promised to it meanwhile. */
function beingWritten(table: LeaseTable, client: LeaseClient): Offer | undefined {
  const offer = table.offerFor(client.key);
  return offer?.untilMs === Infinity ? offer : undefined;
}

function portFull(): { readonly is: 'silent'; readonly because: string } {
  return { is: 'silent', because: 'its relay port holds too many addresses' };
}

/** A refused extension: the time that is left, rounded down (RFC 2131 §4.3.2). */
function confirmed(address: Ipv4, leftMs: number): RequestOutcome {
  const leaseS = leftMs === Infinity ? INFINITE_LEASE_S : Math.floor(leftMs / 1000);
  return leaseS > 0
    ? { is: 'ack', address, leaseS }
    : { is: 'nak', because: `the lease of ${formatIpv4(address)} is over` };
}
