import { createSocket, type Socket } from 'node:dgram';
import { formatIpv4, type Ipv4 } from '../../server/core/address.ts';
import type { Clock } from '../../server/ports/clock.ts';
import {
  decodePacket,
  encodeAck,
  encodeError,
  encodeReadRequest,
  TFTP_ERROR,
  type TftpOptions,
} from '../../server/wire/tftp/packet.ts';
import type { Sender, TftpAnswer } from './board-net.ts';
import type { TftpHabit } from './hands.ts';

/** What a virtual board asks for, and how its firmware would ask. */
export interface TftpFetchOrder {
  readonly server: string;
  /** 69 unless said. */
  readonly port?: number;
  readonly path: string;
  readonly clock: Clock;
  /** The board's own address; the kernel chooses unless said. */
  readonly localAddress?: string;
  /** In the order sent. */
  readonly options?: TftpHabit['options'];
  /** How long to wait before asking or acknowledging again, 1000 unless said. */
  readonly patienceMs?: number;
  /** Timeouts in a row after which it gives up, 5 unless said. */
  readonly triesMax?: number;
  readonly octetsMax?: number;
  /** Breaks off when it is aborted. */
  readonly signal?: AbortSignal;
  /** Breaks off with ERROR 8 as soon as the server has answered, with what came until then: nothing. */
  readonly isProbe?: boolean;
}

/** A file as it arrived, and how the transfer went. */
export interface TftpFetched {
  readonly bytes: Uint8Array;
  readonly stats: {
    readonly blksize: number;
    readonly windowsize: number;
    /** As the server said; nothing when it was not asked or did not say. */
    readonly tsize: number | undefined;
    readonly blocks: number;
    /** Datagrams that were not the next block. */
    readonly outOfOrder: number;
    readonly timeouts: number;
    readonly durationMs: number;
  };
}

/** A fetch failed: `not-found` (ERROR 1), `refused` (any other ERROR), `timeout`, `too-big`, `aborted`, `socket`. */
export class TftpFetchError extends Error {
  override readonly name = 'TftpFetchError';
  readonly code: 'not-found' | 'refused' | 'timeout' | 'too-big' | 'aborted' | 'socket';
  /** What went wrong, without who and what was asked. */
  readonly words: string;
  constructor(code: TftpFetchError['code'], asked: string, words: string) {
    super(`${asked}: ${words}`);
    this.code = code;
    this.words = words;
  }
}

const OCTETS_MAX = 1 << 30;
/** Acknowledging every datagram of a burst behind a gap would only repeat the news. */
const COMPLAIN_AGAIN_MS = 5;
/** How long u-boot waits before it asks again. */
const SILENCE_MS = 5000;

/** Where TFTP is asked. */
export interface TftpServerAt {
  readonly address: Ipv4;
  readonly port: number;
  readonly clock: Clock;
}

/** Fetches a whole file from the board's address, a new port per file as loaders do. @throws TftpFetchError on silence */
export async function tftpFetch(at: TftpServerAt, path: string, habit: TftpHabit, sender: Sender): Promise<TftpAnswer> {
  try {
    const { bytes } = await fetchByTftp(orderOf(at, path, habit, sender));
    return { is: 'file', octets: bytes };
  } catch (error) {
    if (isServersNo(error)) return { is: 'error', words: error.words };
    throw error;
  }
}

/** Asks, and breaks off with ERROR 8 as soon as the server has answered: how OVMF learns a file's size. */
export async function tftpProbe(at: TftpServerAt, path: string, habit: TftpHabit, sender: Sender): Promise<void> {
  try {
    await fetchByTftp({ ...orderOf(at, path, habit, sender), isProbe: true });
  } catch (error) {
    if (!isServersNo(error)) throw error;
  }
}

function orderOf(at: TftpServerAt, path: string, habit: TftpHabit, { from, signal }: Sender): TftpFetchOrder {
  const { address, port, clock } = at;
  const [server, localAddress] = [formatIpv4(address), formatIpv4(from)];
  return { ...habit, server, port, path, clock, localAddress, signal, patienceMs: SILENCE_MS };
}

function isServersNo(error: unknown): error is TftpFetchError {
  return error instanceof TftpFetchError && (error.code === 'not-found' || error.code === 'refused');
}

/** Fetches a file as a board's firmware does (RFC 1350, 2347 to 2349, 7440). @throws TftpFetchError */
export function fetchByTftp(order: TftpFetchOrder): Promise<TftpFetched> {
  return new Promise((resolve, reject) => {
    new Fetch(order, resolve, reject).begin();
  });
}

class Fetch {
  readonly #order: TftpFetchOrder;
  readonly #resolve: (fetched: TftpFetched) => void;
  readonly #reject: (error: TftpFetchError) => void;
  readonly #socket: Socket = createSocket('udp4');
  readonly #startedMs: number;
  readonly #pieces: Uint8Array[] = [];
  #octets = 0;
  #tid: number | undefined;
  #blksize = 512;
  #windowsize = 1;
  #tsize: number | undefined;
  #unacked = 0;
  #outOfOrder = 0;
  #timeouts = 0;
  #timeoutsInARow = 0;
  #complainedMs = -Infinity;
  #isOver = false;
  #cancelTimer: () => void = () => undefined;

  constructor(order: TftpFetchOrder, resolve: (fetched: TftpFetched) => void, reject: (error: TftpFetchError) => void) {
    this.#order = order;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#startedMs = order.clock.monotonicMs();
  }

  readonly #quit = (): void => {
    this.#fail('aborted', 'power off');
  };

  begin(): void {
    const { signal, localAddress } = this.#order;
    signal?.addEventListener('abort', this.#quit);
    if (signal?.aborted) this.#quit();
    this.#socket.on('error', (error) => {
      this.#fail('socket', error.message);
    });
    this.#socket.on('message', (datagram, from) => {
      if (this.#isOver || from.address !== this.#order.server) return;
      if (this.#tid === undefined || from.port === this.#tid) this.#received(datagram, from.port);
      else this.#send(encodeError(TFTP_ERROR.unknownTid, 'unknown transfer'), from.port);
    });
    this.#socket.bind(0, localAddress, () => {
      if (this.#isOver) return;
      this.#ask();
      this.#rearm();
    });
  }

  #received(datagram: Uint8Array, port: number): void {
    const packet = decodePacket(datagram);
    if (!packet.ok) return;
    switch (packet.value.op) {
      case 'OACK':
        if (this.#order.isProbe) this.#leave(port);
        else if (this.#tid === undefined || this.#pieces.length === 0) this.#agree(packet.value.options, port);
        break;
      case 'DATA':
        this.#tid = port;
        if (this.#order.isProbe) this.#leave(port);
        else this.#take(packet.value.block, packet.value.data);
        break;
      case 'ERROR':
        this.#fail(
          packet.value.code === TFTP_ERROR.fileNotFound ? 'not-found' : 'refused',
          `ERROR ${packet.value.code} ${packet.value.message}`,
        );
        break;
      case 'RRQ':
      case 'WRQ':
      case 'ACK':
        break;
    }
  }

  #agree(options: TftpOptions, port: number): void {
    this.#tid = port;
    this.#blksize = Number(options.get('blksize') ?? 512);
    this.#windowsize = Number(options.get('windowsize') ?? 1);
    const tsize = options.get('tsize');
    this.#tsize = tsize === undefined ? undefined : Number(tsize);
    this.#acknowledge();
    this.#rearm();
  }

  #take(block: number, data: Uint8Array): void {
    if (block !== ((this.#pieces.length + 1) & 0xffff)) {
      this.#complain();
      return;
    }
    this.#pieces.push(data);
    this.#octets += data.length;
    this.#timeoutsInARow = 0;
    this.#unacked += 1;
    const isLast = data.length < this.#blksize;
    if (isLast || this.#unacked >= this.#windowsize) this.#acknowledge();
    if (isLast) this.#succeed();
    else if (this.#octets > (this.#order.octetsMax ?? OCTETS_MAX)) this.#refuse();
    else this.#rearm();
  }

  /** A block out of order: says where the row ends (RFC 7440 §4), but once per burst. */
  #complain(): void {
    this.#outOfOrder += 1;
    const nowMs = this.#order.clock.monotonicMs();
    if (nowMs - this.#complainedMs < COMPLAIN_AGAIN_MS) return;
    this.#complainedMs = nowMs;
    this.#acknowledge();
  }

  #acknowledge(): void {
    this.#unacked = 0;
    if (this.#tid !== undefined) this.#send(encodeAck(this.#pieces.length), this.#tid);
  }

  #ask(): void {
    const { path, options = {}, port = 69 } = this.#order;
    this.#send(encodeReadRequest(new TextEncoder().encode(path), 'octet', new Map(Object.entries(options))), port);
  }

  #send(packet: Uint8Array, port: number): void {
    // A network that is down for a moment costs a datagram; it is sent again.
    this.#socket.send(packet, port, this.#order.server, () => undefined);
  }

  #rearm(): void {
    this.#cancelTimer();
    const { patienceMs = 1000, clock } = this.#order;
    this.#cancelTimer = clock.after(patienceMs, () => {
      this.#onTimeout();
    });
  }

  #onTimeout(): void {
    this.#timeouts += 1;
    this.#timeoutsInARow += 1;
    if (this.#timeoutsInARow > (this.#order.triesMax ?? 5)) {
      this.#fail('timeout', `no answer after block ${this.#pieces.length} in ${this.#timeoutsInARow} tries`);
      return;
    }
    if (this.#tid === undefined) this.#ask();
    else this.#acknowledge();
    this.#rearm();
  }

  #refuse(): void {
    if (this.#tid !== undefined) this.#send(encodeError(TFTP_ERROR.undefined, 'too big'), this.#tid);
    this.#fail('too-big', `more than ${this.#order.octetsMax ?? OCTETS_MAX} octets`);
  }

  /** As a probe does when it has been answered. */
  #leave(port: number): void {
    this.#send(encodeError(TFTP_ERROR.optionsRefused, 'User aborted the transfer'), port);
    this.#succeed();
  }

  #succeed(): void {
    this.#over();
    this.#resolve({
      bytes: Buffer.concat(this.#pieces),
      stats: {
        blksize: this.#blksize,
        windowsize: this.#windowsize,
        tsize: this.#tsize,
        blocks: this.#pieces.length,
        outOfOrder: this.#outOfOrder,
        timeouts: this.#timeouts,
        durationMs: this.#order.clock.monotonicMs() - this.#startedMs,
      },
    });
  }

  #fail(code: TftpFetchError['code'], words: string): void {
    if (this.#isOver) return;
    this.#over();
    this.#reject(new TftpFetchError(code, `${this.#order.server} ${this.#order.path}`, words));
  }

  /** Nothing is heard from now on; the port closes once what was sent has left. */
  #over(): void {
    this.#isOver = true;
    this.#cancelTimer();
    this.#order.signal?.removeEventListener('abort', this.#quit);
    setImmediate(() => {
      this.#socket.close();
    });
  }
}
