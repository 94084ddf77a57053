import type { Ipv4, Mac } from '../core/address.ts';
import { pause, type Clock } from '../ports/clock.ts';
import type { Neighbour, ReadNeighbours } from './neighbours.ts';

/** Addresses remembered; the longest unheard are forgotten first. */
const HOLDERS_MAX = 8192;
/** How long what the kernel said of an address is believed. */
const BELIEVED_MS = 60_000;
/** The kernel's table is read at most this often, whoever asks for what. */
const READ_EVERY_MS = 50;

/**
 * Who has which address where another DHCP server gives them. What clients say in their broadcasts is a claim; on a
 * network that is served directly the kernel's neighbour table decides, since a board must have spoken ARP to us before
 * it can ask for a file. Behind a router there is only the claim.
 */
export interface ProxyHolders {
  /** A client said that it takes this address, or spoke from it. */
  claimed(mac: Mac, address: Ipv4): void;
  /** Who has it; `device` is the interface of its network, nothing behind a relay. Never throws. */
  holderOf(address: Ipv4, device: string | undefined): Promise<Mac | undefined>;
}

interface Holder {
  readonly mac: Mac;
  /** Monotonic; nothing while it is only a claim. */
  readonly seenMs: number | undefined;
}

/** Starts with an empty memory. */
export function createProxyHolders(clock: Clock, neighbours: ReadNeighbours): ProxyHolders {
  const holders = new Map<Ipv4, Holder>();
  const read = spaced(clock, neighbours);
  const remember = (address: Ipv4, holder: Holder): void => {
    holders.delete(address);
    holders.set(address, holder);
    const [oldest] = holders.keys();
    if (holders.size > HOLDERS_MAX && oldest !== undefined) holders.delete(oldest);
  };
  return {
    claimed: (mac, address) => {
      const before = holders.get(address);
      remember(address, before?.mac === mac ? before : { mac, seenMs: undefined });
    },
    holderOf: async (address, device) => {
      const known = holders.get(address);
      if (device === undefined) return known?.mac;
      if (known?.seenMs !== undefined && clock.monotonicMs() - known.seenMs < BELIEVED_MS) return known.mac;
      const seen = (await read(device).catch(() => undefined))?.get(address);
      if (!seen) return known?.mac;
      remember(address, { mac: seen.mac, seenMs: clock.monotonicMs() });
      return seen.mac;
    },
  };
}

/** Callers share the next reading, which begins after they asked: one under way may be older than the board's ARP. */
function spaced(clock: Clock, neighbours: ReadNeighbours): ReadNeighbours {
  const next = new Map<string, Promise<ReadonlyMap<Ipv4, Neighbour>>>();
  const lastMs = new Map<string, number>();
  const readNext = async (device: string): Promise<ReadonlyMap<Ipv4, Neighbour>> => {
    const waitMs = (lastMs.get(device) ?? -Infinity) + READ_EVERY_MS - clock.monotonicMs();
    if (waitMs > 0) await pause(clock, waitMs);
    next.delete(device);
    lastMs.set(device, clock.monotonicMs());
    return neighbours(device);
  };
  return (device) => {
    const waiting = next.get(device);
    if (waiting) return waiting;
    // Not begun in this very turn, so that it is in the map before it takes itself out.
    const reading = Promise.resolve().then(() => readNext(device));
    next.set(device, reading);
    return reading;
  };
}
