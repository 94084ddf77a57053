import { strict as assert } from 'node:assert';
import { formatIpv4, NO_ADDRESS, octetsOfMac, type Ipv4, type Mac } from '../../server/core/address.ts';
import { leaseKey } from '../../server/core/lease-rule.ts';
import type { Lease, Network } from '../../server/core/lease.ts';
import type { LeaseStore } from '../../server/ports/store.ts';
import { openLeaseDesk, type LeaseAsk, type LeaseDesk } from '../../server/services/grant-lease.ts';
import { ip, macNo, network } from './dhcp-lab.ts';
import { createFakeClock } from './fake-clock.ts';
import { MemoryLeaseStore } from './memory-lease-store.ts';
import { createQuietLog } from './quiet-log.ts';

const BOARDS = 40;

/** Numbers that repeat from run to run (mulberry32). */
function dice(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

/** What a rack has to share. */
export interface Scene {
  readonly pools: readonly string[];
  /** Wall-clock jumps; when besides the pool is full or leases get shorter, what looks expired is given away. */
  readonly jumps: boolean;
}

/** A rack of boards that do anything in any order, and a ledger of what they were promised. */
class LeaseRack {
  readonly promised = new Map<Ipv4, { board: number; endMs: number }>();
  readonly #roll: (below: number) => number;
  readonly #scene: Scene;
  readonly #clock = createFakeClock(1_700_000_000_000);
  readonly #store = new MemoryLeaseStore();
  readonly #known = new Set<number>();
  readonly #wants = new Map<number, Ipv4>();
  readonly #reserved = new Map<Mac, Ipv4>();
  #network: Network;
  #epoch = 0;
  #desk: LeaseDesk | undefined;
  exchanges = 0;
  acks = 0;

  constructor(seed: number, scene: Scene) {
    this.#roll = dice(seed);
    this.#scene = scene;
    this.#network = network({}, scene.pools);
  }

  /** The daemon is killed and started again, perhaps with other lease times. What was being written is lost. */
  async restart(): Promise<void> {
    this.#epoch += 1;
    const leaseS = this.#scene.jumps ? 3600 : ([3600, 600, 86_400][this.#roll(3)] ?? 3600);
    this.#network = network({ leaseS }, this.#scene.pools);
    this.#desk = await openLeaseDesk([this.#network], {
      store: this.#storeOf(this.#epoch),
      clock: this.#clock,
      log: createQuietLog(),
      soon: (call) => {
        queueMicrotask(call);
      },
      reservations: () => this.#reserved,
      probe: () => Promise.resolve(false),
    });
  }

  /** A few boards at once, then time passes. */
  async round(): Promise<void> {
    const fate = this.#roll(200);
    const under = [...Array(1 + this.#roll(12)).keys()].map(() => this.#one());
    if (fate === 0) await this.restart();
    await Promise.all(under);
    if (this.#roll(20) === 0) this.#operator();
    this.#clock.advance(this.#roll(fate < 6 ? 4_000_000 : 20_000));
    if (this.#scene.jumps && fate < 12) this.#clock.jump((this.#roll(200) - 100) * 3_600_000);
  }

  #storeOf(epoch: number): LeaseStore {
    const store = this.#store;
    return {
      list: () => store.list(),
      forget: (name, addresses) => store.forget(name, addresses),
      commit: async (leases: readonly Lease[]) => {
        if (epoch !== this.#epoch || this.#roll(100) === 0) throw new Error('the disk is full');
        await store.commit(leases);
      },
    };
  }

  /** Accepts, forgets and moves machines. */
  #operator(): void {
    const board = this.#roll(BOARDS);
    const mac = macNo(board);
    if (this.#known.delete(board)) this.#reserved.delete(mac);
    else {
      this.#known.add(board);
      if (this.#roll(2) === 0) this.#reserved.set(mac, ip(`10.77.0.${board + 10}`));
    }
  }

  /** A known board shows several identities in one boot; a stranger keeps its one. */
  #asks(board: number): LeaseAsk {
    const mac = macNo(board);
    const isKnown = this.#known.has(board);
    const chaddr = octetsOfMac(mac);
    const shapes = [undefined, Uint8Array.of(1, ...chaddr), Uint8Array.of(255, 0, board)];
    const clientId = shapes[isKnown ? this.#roll(3) : board % 3];
    const key = leaseKey({ htype: 1, chaddr, clientId }, isKnown);
    assert.ok(key !== undefined);
    return {
      network: this.#network,
      client: { key, mac, isKnown },
      askedLeaseS: this.#roll(4) === 0 ? this.#roll(100_000) : undefined,
      hostname: undefined,
      circuitId: board % 4 === 0 ? 'port' : undefined,
      remoteId: undefined,
    };
  }

  async #one(): Promise<void> {
    this.exchanges += 1;
    const board = this.#roll(BOARDS);
    const asks = this.#asks(board);
    try {
      await this.#exchange(board, asks);
    } catch (error) {
      assert.ok(error instanceof Error && error.message === 'the disk is full', String(error));
    }
  }

  async #exchange(board: number, asks: LeaseAsk): Promise<void> {
    const desk = this.#desk;
    assert.ok(desk);
    const mine = [...this.promised].filter(([, promise]) => promise.board === board).map(([address]) => address);
    const any = ip(`10.77.0.${100 + this.#roll(70)}`);
    const address = mine[0] ?? any;
    const keys = [asks.client.key, `mac:${asks.client.mac}`];
    switch (this.#roll(8)) {
      case 0: // REQUEST without a DISCOVER
        return this.#request(board, asks, { namesUs: true, requested: any, ciaddr: NO_ADDRESS });
      case 1: // INIT-REBOOT
        return this.#request(board, asks, { namesUs: false, requested: address, ciaddr: NO_ADDRESS });
      case 2: // RENEWING
        return this.#request(board, asks, { namesUs: false, requested: undefined, ciaddr: address });
      case 3:
        this.#gaveUp(board);
        await desk.release(asks.network, keys, address);
        return;
      case 4:
        if (this.#roll(10) > 0) return;
        this.#gaveUp(board);
        await desk.decline(asks.network, keys, address);
        return;
      default: {
        const offer = await desk.offer(asks, this.#roll(3) === 0 ? any : undefined);
        if (offer.is !== 'offer') return;
        await this.#request(board, asks, { namesUs: true, requested: offer.address, ciaddr: NO_ADDRESS });
      }
    }
  }

  async #request(board: number, asks: LeaseAsk, ask: Parameters<LeaseDesk['request']>[1]): Promise<void> {
    const wanted = ask.requested ?? ask.ciaddr;
    this.#wants.set(board, wanted);
    // Who asks for another address uses none: it is in SELECTING or INIT-REBOOT.
    if (this.promised.get(wanted)?.board !== board) this.#forget(board);
    const outcome = await this.#desk?.request(asks, ask);
    // A board that gave up or wants another address by now takes no answer to what it asked before.
    if (this.#wants.get(board) !== wanted) return;
    if (outcome?.is === 'nak') this.#gaveUp(board);
    if (outcome?.is !== 'ack') return;
    const nowMs = this.#clock.monotonicMs();
    const before = this.promised.get(outcome.address);
    if (before && before.board !== board && before.endMs > nowMs)
      assert.fail(
        `${formatIpv4(outcome.address)} is board ${before.board}'s and was given to ${board} after ${this.exchanges}`,
      );
    this.#forget(board);
    this.acks += 1;
    this.promised.set(outcome.address, { board, endMs: nowMs + outcome.leaseS * 1000 });
  }

  #gaveUp(board: number): void {
    this.#wants.delete(board);
    this.#forget(board);
  }

  #forget(board: number): void {
    for (const [address, promise] of this.promised) if (promise.board === board) this.promised.delete(address);
  }
}

/** A rack with too few addresses, and one whose clock cannot be trusted. */
export const SCENES: readonly (readonly [string, Scene])[] = [
  ['fewer addresses than boards', { pools: ['10.77.0.100-10.77.0.123'], jumps: false }],
  [
    'two pools with room, and a wall clock that jumps',
    { pools: ['10.77.0.100-10.77.0.149', '10.77.0.160-10.77.0.179'], jumps: true },
  ],
];

/** Lets the boards of a scene do `exchanges` things; fails when an address has two owners. Gives the ACKs. */
export async function runRack(seed: number, scene: Scene, exchanges: number): Promise<number> {
  const rack = new LeaseRack(seed, scene);
  await rack.restart();
  while (rack.exchanges < exchanges) await rack.round();
  return rack.acks;
}
