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

/** An address held for a client that has not asked for it yet. */
export interface Offer {
  readonly address: Ipv4;
  readonly key: string;
  readonly mac: Mac;
  readonly leaseS: number;
  /** Monotonic ms; Infinity while its lease is being committed. */
  readonly untilMs: number;
  /** Which switch port, as the relay says it: giaddr, circuit and remote id in one text. */
  readonly port: string | undefined;
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

  /** Takes in leases from the store. Each bound one is left alone for a whole lease time, whatever the clock says. */
  load(leases: readonly Lease[]): void {
    const [nowMs, monotonicMs] = [this.#clock.now(), this.#clock.monotonicMs()];
    const leaseMs = leaseMsOf(this.network.leaseS);
    for (const lease of leases) {
      const leftMs = Math.min(lease.expiresMs - nowMs, leaseMs);
      const graceUntilMs = lease.state === 'bound' ? monotonicMs + leaseMs : 0;
      this.#set({ lease, untilMs: monotonicMs + leftMs, graceUntilMs, port: undefined });
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
    return address === undefined ? undefined : this.#liveOffer(address);
  }

  leaseOf(key: string): Standing | undefined {
    const address = this.#addressOf.get(key);
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
  put(lease: Lease, port: string | undefined): void {
    const leftMs = Math.max(0, lease.expiresMs - this.#clock.now());
    const untilMs = lease.expiresMs === Number.MAX_SAFE_INTEGER ? Infinity : this.#clock.monotonicMs() + leftMs;
    this.#set({ lease, untilMs, graceUntilMs: 0, port });
    if (lease.state !== 'bound') this.#fullUntilMs = -1;
  }

  /** Removes the lease of an address. */
  remove(address: Ipv4): void {
    const held = this.#leases.get(address);
    if (!held) return;
    this.#leases.delete(address);
    if (this.#addressOf.get(held.lease.key) === address) this.#addressOf.delete(held.lease.key);
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
    const { address, key, state } = held.lease;
    const before = this.#leases.get(address);
    if (!before && isInPool(this.network, address)) this.#recordedInPool += 1;
    if (before && this.#addressOf.get(before.lease.key) === address) this.#addressOf.delete(before.lease.key);
    this.#leases.set(address, held);
    if (state !== 'declined') this.#pointKey(key, address, held);
  }

  /** Of several records of one client the one that is bound longest is its lease. */
  #pointKey(key: string, address: Ipv4, held: Held): void {
    const other = this.#leases.get(this.#addressOf.get(key) ?? address);
    const isBetter = !other || other === held || held.lease.state === 'bound' || other.lease.state !== 'bound';
    if (isBetter) this.#addressOf.set(key, address);
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

function leaseMsOf(leaseS: number): number {
  return leaseS === INFINITE_LEASE_S ? Infinity : leaseS * 1000;
}
