import type { Content } from '../ports/artefacts.ts';
import type { TransferReport } from '../ports/boot-files.ts';
import type { Clock } from '../ports/clock.ts';
import type { TftpTerms } from '../wire/tftp/negotiate.ts';
import { DATA_HEADER_OCTETS, decodePacket, encodeError, encodeOack, TFTP_ERROR } from '../wire/tftp/packet.ts';
import {
  newTransfer,
  step,
  type TransferAction,
  type TransferEvent,
  type TransferState,
} from '../wire/tftp/transfer.ts';
import { looseData, runIn, type Chunk, type PacketCache, type PacketShape } from './tftp-packets.ts';
import type { Segmenting } from './segmented-send.ts';
import {
  openTransferSocket,
  type Endpoint,
  type OpenTransferSocket,
  type TransferPlace,
  type TransferSocket,
} from './tftp-socket.ts';

/** What one transfer is run with. */
export interface TransferOrder {
  readonly local: string;
  readonly client: Endpoint;
  readonly content: Content;
  readonly terms: TftpTerms;
  readonly rollOverTo: 0 | 1;
}

/** What a transfer needs of its listener. */
export interface TransferWorld {
  readonly clock: Clock;
  readonly packets: PacketCache;
  /** Nothing where the kernel cuts no packets. */
  readonly segmenting: Segmenting | undefined;
  /** Called once, when the port is closed and the content is let go. */
  readonly ended: (report: TransferReport) => void;
  readonly stranger: () => void;
  /**
   * Calls when all sockets have been read: the acknowledgement may lie there already when a deadline has passed, or when
   * the client's host says that its port is closed (the kernel tells errors before datagrams).
   */
  readonly whenRead: (call: () => void) => void;
  /** Where it sends from; a port of its own unless said. */
  readonly open?: OpenTransferSocket | undefined;
}

const LIVELY_MS = 1000;

/**
 * One file on its way to one client: owns the port, the timer and the content, and obeys the step function. Making one
 * throws the system's error when no port can be opened; the content is then still the caller's.
 */
export class RunningTransfer {
  readonly #order: TransferOrder;
  readonly #world: TransferWorld;
  readonly #shape: PacketShape;
  readonly #socket: TransferSocket;
  readonly #startedMs: number;
  #state: TransferState;
  #chunk: Chunk | undefined;
  #isLoading = false;
  #ringsAtMs = Infinity;
  #cancelTimer: () => void = () => undefined;

  constructor(order: TransferOrder, world: TransferWorld) {
    const { content, terms, rollOverTo } = order;
    const { blksize, windowsize } = terms;
    this.#order = order;
    this.#world = world;
    this.#shape = { blksize, rollOverTo };
    this.#startedMs = world.clock.monotonicMs();
    this.#state = newTransfer({
      octets: content.octets,
      blksize,
      windowsize,
      oack: terms.oack !== undefined,
      rollOverTo,
    });
    this.#socket = (world.open ?? openTransferSocket)(placeOf(order, world), {
      received: (datagram) => {
        this.#received(datagram);
      },
      portClosed: () => {
        world.whenRead(() => {
          this.#on({ is: 'port-closed' });
        });
      },
      stranger: world.stranger,
      failed: (error) => {
        this.stop('failed', error.message);
      },
    });
    this.#on({ is: 'start', nowMs: this.#startedMs });
  }

  /** Whether the client has acknowledged anything yet. */
  get heard(): boolean {
    return this.#state.heard;
  }

  /** Whether it is on its first packet, or moved on a moment ago: a request that comes now is a copy of its own. */
  get isLively(): boolean {
    return !this.heard || this.#world.clock.monotonicMs() - this.#state.progressMs < LIVELY_MS;
  }

  /** Ends it from our side; harmless when it has ended. */
  stop(outcome: 'gave-up' | 'failed' | 'aborted-by-peer', because: string): void {
    if (this.#state.phase === 'ended') return;
    this.#state = { ...this.#state, phase: 'ended' };
    this.#finish(outcome, because);
  }

  #received(datagram: Uint8Array): void {
    const packet = decodePacket(datagram);
    if (!packet.ok) return;
    switch (packet.value.op) {
      case 'ACK':
        this.#on({ is: 'ack', block: packet.value.block, nowMs: this.#world.clock.monotonicMs() });
        break;
      case 'ERROR':
        this.#on({ is: 'error', code: packet.value.code, message: packet.value.message });
        break;
      case 'RRQ':
      case 'WRQ':
      case 'DATA':
      case 'OACK':
        break;
    }
  }

  #on(event: TransferEvent): void {
    const { state, actions } = step(this.#state, event);
    this.#state = state;
    for (const action of actions) this.#obey(action);
    if (this.#state.deadlineMs < this.#ringsAtMs) this.#armTimer();
  }

  #obey(action: TransferAction): void {
    switch (action.do) {
      case 'send-oack':
        if (this.#order.terms.oack) this.#socket.send(encodeOack(this.#order.terms.oack));
        break;
      case 'send':
        this.#send(action.first, action.first + action.count);
        break;
      case 'end':
        this.#finish(action.outcome, action.because);
        break;
    }
  }

  #send(first: number, end: number): void {
    const { content } = this.#order;
    for (let block = first; block < end; block += 1) {
      const made = this.#packetOf(block);
      const run = this.#chunk && made && runIn(this.#chunk, this.#shape, block, end);
      if (run && this.#socket.sendRun(run.octets)) {
        block += run.count - 1;
        continue;
      }
      const packet = made ?? looseData(content, this.#shape, block);
      if (!packet) {
        this.#loadThenSend(block, end);
        return;
      }
      this.#socket.send(packet);
    }
  }

  #packetOf(block: number): Uint8Array | undefined {
    const at = this.#chunk ? block - this.#chunk.firstBlock : -1;
    const packet = at < 0 ? undefined : this.#chunk?.packets[at];
    if (packet) return packet;
    this.#chunk = this.#world.packets.get(this.#order.content, this.#shape, block);
    return this.#chunk?.packets[block - this.#chunk.firstBlock];
  }

  /** Fetches what is not in memory and goes on where it stopped; a timeout meanwhile does not fetch it twice. */
  #loadThenSend(first: number, end: number): void {
    if (this.#isLoading) return;
    this.#isLoading = true;
    this.#world.packets.load(this.#order.content, this.#shape, first).then(
      (chunk) => {
        this.#isLoading = false;
        if (this.#state.phase === 'ended') return;
        this.#chunk = chunk;
        this.#send(first, end);
      },
      (error: unknown) => {
        if (this.#state.phase === 'ended') return;
        this.#socket.send(encodeError(TFTP_ERROR.undefined, 'the file cannot be read'));
        this.stop('failed', error instanceof Error ? error.message : String(error));
      },
    );
  }

  /**
   * One timer per transfer, not one per packet: when it rings and the deadline has moved on, it sleeps on. Only a deadline
   * that has come nearer, as when the first round trip is measured, sets it anew.
   */
  #armTimer(): void {
    if (this.#state.phase === 'ended') return;
    const { clock } = this.#world;
    const nowMs = clock.monotonicMs();
    this.#cancelTimer();
    this.#ringsAtMs = Math.max(nowMs, this.#state.deadlineMs);
    this.#cancelTimer = clock.after(this.#ringsAtMs - nowMs, () => {
      this.#rang();
    });
  }

  #rang(): void {
    const { clock, whenRead } = this.#world;
    this.#ringsAtMs = Infinity;
    if (clock.monotonicMs() < this.#state.deadlineMs) this.#armTimer();
    else
      whenRead(() => {
        this.#on({ is: 'tick', nowMs: clock.monotonicMs() });
      });
  }

  #finish(outcome: TransferReport['outcome'], because: string): void {
    const { blksize, windowsize } = this.#order.terms;
    const { clock, ended } = this.#world;
    this.#cancelTimer();
    this.#socket.close();
    ended({
      outcome,
      octetsSent: Math.min(this.#state.reached * blksize, this.#order.content.octets),
      durationMs: clock.monotonicMs() - this.#startedMs,
      retransmits: this.#state.retransmits,
      words: `blksize ${blksize}, windowsize ${windowsize}: ${because}`,
    });
    this.#order.content.close();
  }
}

/** A single block on its way is never a run. */
function placeOf({ local, client, terms }: TransferOrder, { segmenting }: TransferWorld): TransferPlace {
  const packetOctets = terms.blksize + DATA_HEADER_OCTETS;
  return { local, client, cut: segmenting && terms.windowsize > 1 ? { by: segmenting, packetOctets } : undefined };
}
