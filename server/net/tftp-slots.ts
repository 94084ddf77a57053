import type { Ipv4 } from '../core/address.ts';

/** Who asked for what, and where. */
export interface SlotAsked {
  readonly local: Ipv4;
  readonly peer: Ipv4;
  readonly port: number;
  readonly path: string;
}

/** The transfer in a slot, as far as its place depends on it. */
export interface SlotTransfer {
  /** Whether the client has acknowledged anything. */
  readonly heard: boolean;
  /** Whether it is on its first packet, or moved on a moment ago. */
  readonly isLively: boolean;
  stop(outcome: 'gave-up' | 'aborted-by-peer', because: string): void;
}

/** A place among the transfers: taken when a request comes in, before anything is opened for it. */
export class Slot {
  readonly asked: SlotAsked;
  readonly free: () => void;
  #transfer: SlotTransfer | undefined;
  #stopped: string | undefined;

  constructor(asked: SlotAsked, free: (slot: Slot) => void) {
    this.asked = asked;
    this.free = () => {
      free(this);
    };
  }

  get isRunning(): boolean {
    return this.#transfer !== undefined;
  }

  /** Why the place was taken away while the file was being opened; nothing while it was not. */
  get isStopped(): string | undefined {
    return this.#stopped;
  }

  get heard(): boolean {
    return this.#transfer?.heard ?? false;
  }

  get isLively(): boolean {
    return this.#transfer?.isLively ?? true;
  }

  run(transfer: SlotTransfer): void {
    this.#transfer = transfer;
  }

  /** Ends what runs here, now or as soon as its file is open, and gives the place up. */
  stop(because: string, outcome: 'gave-up' | 'aborted-by-peer' = 'gave-up'): void {
    this.#stopped = because;
    this.#transfer?.stop(outcome, because);
    this.free();
  }
}

/** Whether a request gets a transfer. */
export type SlotAnswer =
  | { readonly is: 'taken'; readonly slot: Slot; readonly crowdedOut: boolean }
  /** The same request is being answered already. */
  | { readonly is: 'repeated' }
  | { readonly is: 'busy' };

/**
 * The places for transfers, limited in all and per client address. When they are full, the oldest transfer that was never
 * acknowledged makes room: forged requests cannot keep a good client out, and good clients cannot be pushed out by them.
 */
export class TransferSlots {
  readonly #max: number;
  readonly #perPeerMax: number;
  readonly #slots = new Map<string, Slot>();
  readonly #ofPeer = new Map<Ipv4, Set<Slot>>();

  constructor(max: number, perPeerMax: number) {
    this.#max = max;
    this.#perPeerMax = perPeerMax;
  }

  get taken(): number {
    return this.#slots.size;
  }

  all(): readonly Slot[] {
    return [...this.#slots.values()];
  }

  /** A place for this request. A client that asks anew from the same port gives up what it had. */
  take(asked: SlotAsked): SlotAnswer {
    const before = this.#slots.get(keyOf(asked));
    if (before?.asked.path === asked.path && before.isLively) return { is: 'repeated' };
    before?.stop('the client asked anew', 'aborted-by-peer');
    const ofPeer = this.#ofPeer.get(asked.peer);
    const isPeerFull = (ofPeer?.size ?? 0) >= this.#perPeerMax;
    const isFull = isPeerFull || this.#slots.size >= this.#max;
    if (isFull && !crowdOut(isPeerFull && ofPeer ? ofPeer : this.#slots.values())) return { is: 'busy' };
    return { is: 'taken', slot: this.#add(asked), crowdedOut: isFull };
  }

  #add(asked: SlotAsked): Slot {
    const slot = new Slot(asked, (gone) => {
      this.#remove(gone);
    });
    const ofPeer = this.#ofPeer.get(asked.peer) ?? new Set();
    this.#ofPeer.set(asked.peer, ofPeer.add(slot));
    this.#slots.set(keyOf(asked), slot);
    return slot;
  }

  #remove(slot: Slot): void {
    const { asked } = slot;
    const ofPeer = this.#ofPeer.get(asked.peer);
    ofPeer?.delete(slot);
    if (ofPeer?.size === 0) this.#ofPeer.delete(asked.peer);
    if (this.#slots.get(keyOf(asked)) === slot) this.#slots.delete(keyOf(asked));
  }
}

function keyOf(asked: SlotAsked): string {
  return `${asked.local}/${asked.peer}/${asked.port}`;
}

function crowdOut(slots: Iterable<Slot>): boolean {
  for (const slot of slots) {
    if (slot.heard) continue;
    slot.stop('its place was needed before the client answered');
    return true;
  }
  return false;
}
