import { ipv4, type Ipv4, type Mac } from '../core/address.ts';
import type { Lease, Network } from '../core/lease.ts';
import {
  INFINITE_LEASE_S,
  isAssignable,
  isInPool,
  poolSize,
  type LeaseView,
  type Standing,
} from '../core/lease-rule.ts';
import type { Clock } from '../ports/clock.ts';

/** After a search of the whole pool found nothing, the next search waits this long, so that a flood costs little. */
const FULL_POOL_PAUSE_MS = 500;

/** The longest lease a network may give: a stored end further away comes from a wall clock that was wrong. */
const LEASE_MS_MAX = 31_536_000_000;

/** An address held for a client that has not asked for it yet. */
export interface Offer {
  readonly address: Ipv4;
  readonly key: string;
  readonly mac: Mac;
  readonly leaseS: number;
  /** Monotonic ms; Infinity while its lease is being committed. */
  readonly untilMs: number;
  /** `relayPortText`. */
  readonly port: string | undefined;
}

/** The switch port a client was seen on, as one text; nothing where no relay said it (RFC 3046 §3.1, §3.2). */
export function relayPortText(seen: Pick<Lease, 'circuitId' | 'remoteId'>): string | undefined {
  const { circuitId, remoteId } = seen;
  return circuitId === undefined && remoteId === undefined ? undefined : `${circuitId ?? ''}/${remoteId ?? ''}`;
}

interface Held {
  readonly lease: Lease;
  /** Monotonic ms, so that a jump of the wall clock frees nothing. */
  readonly untilMs: number;
  /** Until when an expired lease is still left alone; after a start, whose clock nobody can vouch for. */
  readonly graceUntilMs: number;
  readonly port: string | undefined;
}

/** The addresses of one network in memory: leases, offers, and the search for a free one. */
export class LeaseTable implements LeaseView {
  readonly network: Network;
  readonly reservedFor: (address: Ipv4) => Mac | undefined;
  readonly #clock: Clock;
  readonly #leases = new Map<Ipv4, Held>();
  readonly #addressOf = new Map<string, Ipv4>();
  readonly #addressOfMac = new Map<Mac, Ipv4>();
  readonly #offers = new Map<Ipv4, Offer>();
  readonly #offerOf = new Map<string, Ipv4>();
  readonly #size: number;
  #recordedInPool = 0;
  #cursor = 0;
  #fullUntilMs = -1;

  constructor(network: Network, clock: Clock, reservedFor: (address: Ipv4) => Mac | undefined) {
    this.network = network;
    this.#clock = clock;
    this.reservedFor = reservedFor;
    this.#size = poolSize(network);
  }

  /**
   * Takes in leases from the store. Each bound one is left alone for what it was promised, also where leases are shorter
   * now, and for a whole lease time at least, whatever the clock says.
   */
  load(leases: readonly Lease[]): void {
    const [nowMs, monotonicMs] = [this.#clock.now(), this.#clock.monotonicMs()];
    const leaseMs = leaseMsOf(this.network.leaseS);
    for (const lease of leases) {
      const leftMs = isEndless(lease) ? Infinity : Math.min(lease.expiresMs - nowMs, LEASE_MS_MAX);
      const graceUntilMs = lease.state === 'bound' ? monotonicMs + leaseMs : 0;
      this.#set({ lease, untilMs: monotonicMs + leftMs, graceUntilMs, port: relayPortText(lease) });
    }
  }

  at(address: Ipv4): Standing | undefined {
    const offer = this.#liveOffer(address);
    return offer ? standingOfOffer(offer) : this.leaseAt(address);
  }

  leaseAt(address: Ipv4): Standing | undefined {
    const held = this.#leases.get(address);
    return held && this.#standing(held);
  }

  offerOf(key: string): Standing | undefined {
    const offer = this.offerFor(key);
    return offer && standingOfOffer(offer);
  }

  /** The live offer of a client. */
  offerFor(key: string): Offer | undefined {
    const address = this.#offerOf.get(key);
    const offer = address === undefined ? undefined : this.#liveOffer(address);
    return offer?.key === key ? offer : undefined;
  }

  leaseOf(key: string): Standing | undefined {
    const address = this.#addressOf.get(key);
    return address === undefined ? undefined : this.leaseAt(address);
  }

  leaseOfMac(mac: Mac): Standing | undefined {
    const address = this.#addressOfMac.get(mac);
    return address === undefined ? undefined : this.leaseAt(address);
  }

  /** The lease on record for an address, as it was committed. */
  record(address: Ipv4): Lease | undefined {
    return this.#leases.get(address)?.lease;
  }

  /** Milliseconds a lease has left; Infinity for one that never ends. */
  leftMs(address: Ipv4): number {
    const held = this.#leases.get(address);
    return held ? held.untilMs - this.#clock.monotonicMs() : 0;
  }

  /** Holds an address; a client has one offer at a time. */
  hold(offer: Offer): void {
    this.dropOffer(offer.key);
    this.#offers.set(offer.address, offer);
    this.#offerOf.set(offer.key, offer.address);
  }

  dropOffer(key: string): void {
    const address = this.#offerOf.get(key);
    if (address === undefined) return;
    this.#offerOf.delete(key);
    if (this.#offers.get(address)?.key !== key) return;
    this.#offers.delete(address);
    this.#fullUntilMs = -1;
  }

  /** Takes in a lease that is on disk. */
  put(lease: Lease): void {
    const leftMs = Math.max(0, lease.expiresMs - this.#clock.now());
    const untilMs = isEndless(lease) ? Infinity : this.#clock.monotonicMs() + leftMs;
    this.#set({ lease, untilMs, graceUntilMs: 0, port: relayPortText(lease) });
    if (lease.state !== 'bound') this.#fullUntilMs = -1;
  }

  /** Removes the lease of an address. */
  remove(address: Ipv4): void {
    const held = this.#leases.get(address);
    if (!held) return;
    this.#leases.delete(address);
    this.#unpoint(held.lease);
    if (isInPool(this.network, address)) this.#recordedInPool -= 1;
    this.#fullUntilMs = -1;
  }

  /** The leases as they stand, with their ends on today's wall clock. */
  leases(): readonly Lease[] {
    const offsetMs = this.#clock.now() - this.#clock.monotonicMs();
    return [...this.#leases.values()].map((held) => ({
      ...held.lease,
      expiresMs: held.untilMs === Infinity ? Number.MAX_SAFE_INTEGER : Math.round(held.untilMs + offsetMs),
    }));
  }

  /** Quarantined addresses, the oldest quarantine first. */
  quarantined(): readonly Ipv4[] {
    return [...this.#leases.values()]
      .filter((held) => this.#standing(held).is === 'declined')
      .sort((a, b) => a.untilMs - b.untilMs)
      .map((held) => held.lease.address);
  }

  /** How many addresses of a switch port are leased or offered. */
  countOfPort(port: string): number {
    const nowMs = this.#clock.monotonicMs();
    const leased = [...this.#leases.values()].filter((held) => held.port === port && held.untilMs > nowMs).length;
    return leased + [...this.#offers.values()].filter((offer) => offer.port === port && offer.untilMs > nowMs).length;
  }

  /**
   * A free address of the pools: one that nobody ever had, else one whose time is over. Only when there is no other, one
   * that looks expired but is within its grace, the longest expired first. Goes round, so that a freed address rests.
   */
  nextFree(): Ipv4 | undefined {
    if (this.#clock.monotonicMs() < this.#fullUntilMs) return undefined;
    const fresh = this.#recordedInPool < this.#size ? this.#search((address) => !this.at(address)) : undefined;
    const found = fresh ?? this.#search((address) => this.#isOver(address)) ?? this.#longestExpired();
    if (found === undefined) this.#fullUntilMs = this.#clock.monotonicMs() + FULL_POOL_PAUSE_MS;
    return found;
  }

  #search(isFree: (address: Ipv4) => boolean): Ipv4 | undefined {
    for (let step = 0; step < this.#size; step += 1) {
      const at = (this.#cursor + step) % this.#size;
      const address = this.#poolAt(at);
      if (address === undefined || !isFree(address) || !this.#isForStrangers(address)) continue;
      this.#cursor = at + 1;
      return address;
    }
    return undefined;
  }

  #isForStrangers(address: Ipv4): boolean {
    return isAssignable(this.network, address) && this.reservedFor(address) === undefined;
  }

  #isOver(address: Ipv4): boolean {
    const standing = this.at(address);
    return standing === undefined || standing.is === 'expired' || standing.is === 'released';
  }

  #longestExpired(): Ipv4 | undefined {
    const nowMs = this.#clock.monotonicMs();
    return [...this.#leases.values()]
      .filter((held) => held.lease.state === 'bound' && held.untilMs <= nowMs)
      .filter((held) => isInPool(this.network, held.lease.address) && this.#isForStrangers(held.lease.address))
      .sort((a, b) => a.untilMs - b.untilMs)
      .find((held) => !this.#liveOffer(held.lease.address))?.lease.address;
  }

  #poolAt(index: number): Ipv4 | undefined {
    let left = index;
    for (const pool of this.network.pools) {
      const size = pool.last - pool.first + 1;
      if (left < size) return ipv4(pool.first + left);
      left -= size;
    }
    return undefined;
  }

  #set(held: Held): void {
    const { address, key, mac, state } = held.lease;
    const before = this.#leases.get(address);
    if (!before && isInPool(this.network, address)) this.#recordedInPool += 1;
    if (before) this.#unpoint(before.lease);
    this.#leases.set(address, held);
    if (state === 'declined') return;
    if (this.#isBetter(held, this.#addressOf.get(key))) this.#addressOf.set(key, address);
    if (this.#isBetter(held, this.#addressOfMac.get(mac))) this.#addressOfMac.set(mac, address);
  }

  #unpoint({ address, key, mac }: Lease): void {
    if (this.#addressOf.get(key) === address) this.#addressOf.delete(key);
    if (this.#addressOfMac.get(mac) === address) this.#addressOfMac.delete(mac);
  }

  /** Of several records of one client the one that was bound last is its lease. */
  #isBetter(held: Held, than: Ipv4 | undefined): boolean {
    const other = than === undefined ? undefined : this.#leases.get(than);
    return !other || other === held || held.lease.state === 'bound' || other.lease.state !== 'bound';
  }

  #liveOffer(address: Ipv4): Offer | undefined {
    const offer = this.#offers.get(address);
    if (!offer || offer.untilMs > this.#clock.monotonicMs()) return offer;
    this.#offers.delete(address);
    if (this.#offerOf.get(offer.key) === address) this.#offerOf.delete(offer.key);
    return undefined;
  }

  #standing(held: Held): Standing {
    const { address, key, mac, state } = held.lease;
    const nowMs = this.#clock.monotonicMs();
    if (state === 'released') return { address, key, mac, is: 'released' };
    if (state === 'declined') return { address, key, mac, is: held.untilMs > nowMs ? 'declined' : 'expired' };
    const isBound = held.untilMs > nowMs || held.graceUntilMs > nowMs;
    return { address, key, mac, is: isBound ? 'bound' : 'expired' };
  }
}

function standingOfOffer(offer: Offer): Standing {
  return { address: offer.address, key: offer.key, mac: offer.mac, is: 'offered' };
}

function isEndless(lease: Lease): boolean {
  return lease.state === 'bound' && lease.expiresMs === Number.MAX_SAFE_INTEGER;
}

function leaseMsOf(leaseS: number): number {
  return leaseS === INFINITE_LEASE_S ? Infinity : leaseS * 1000;
}
