import { createSocket, type Socket } from 'node:dgram';
import type { Clock } from '../server/ports/clock.ts';
import {
  decodePacket,
  encodeAck,
  encodeError,
  encodeReadRequest,
  TFTP_ERROR,
  type TftpOptions,
} from '../server/wire/tftp/packet.ts';

/** What a virtual board asks for, and how its firmware would ask. */
export interface TftpFetchOrder {
  readonly server: string;
  /** 69 unless said. */
  readonly port?: number;
  readonly path: string;
  readonly clock: Clock;
  /** The board's own address; the kernel chooses unless said. */
  readonly localAddress?: string;
  readonly blksize?: number;
  readonly windowsize?: number;
  readonly tsize?: boolean;
  /** Asked for as an option; also how long the client itself waits. */
  readonly timeoutS?: number;
  /** How long to wait before asking or acknowledging again, 1000 unless said. */
  readonly patienceMs?: number;
  /** Timeouts in a row after which it gives up, 5 unless said. */
  readonly triesMax?: number;
  readonly octetsMax?: number;
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

/** A fetch failed: `not-found` (ERROR 1), `refused` (any other ERROR), `timeout`, `too-big`, `socket`. */
export class TftpFetchError extends Error {
  override readonly name = 'TftpFetchError';
  readonly code: 'not-found' | 'refused' | 'timeout' | 'too-big' | 'socket';
  constructor(code: TftpFetchError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

const OCTETS_MAX = 1 << 30;
/** Acknowledging every datagram of a burst behind a gap would only repeat the news. */
const COMPLAIN_AGAIN_MS = 5;

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

  begin(): void {
    this.#socket.on('error', (error) => {
      this.#fail('socket', error.message);
    });
    this.#socket.on('message', (datagram, from) => {
      if (this.#isOver || from.address !== this.#order.server) return;
      if (this.#tid === undefined || from.port === this.#tid) this.#received(datagram, from.port);
      else this.#send(encodeError(TFTP_ERROR.unknownTid, 'unknown transfer'), from.port);
    });
    this.#socket.bind(0, this.#order.localAddress, () => {
      this.#ask();
      this.#rearm();
    });
  }

  #received(datagram: Uint8Array, port: number): void {
    const packet = decodePacket(datagram);
    if (!packet.ok) return;
    switch (packet.value.op) {
      case 'OACK':
        if (this.#tid === undefined || this.#pieces.length === 0) this.#agree(packet.value.options, port);
        break;
      case 'DATA':
        this.#tid = port;
        this.#take(packet.value.block, packet.value.data);
        break;
      case 'ERROR':
        this.#fail(
          packet.value.code === TFTP_ERROR.fileNotFound ? 'not-found' : 'refused',
          `ERROR ${packet.value.code}: ${packet.value.message}`,
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
    const { path, blksize, windowsize, tsize, timeoutS } = this.#order;
    const options = new Map<string, string>();
    if (timeoutS !== undefined) options.set('timeout', String(timeoutS));
    if (tsize) options.set('tsize', '0');
    if (blksize !== undefined) options.set('blksize', String(blksize));
    if (windowsize !== undefined) options.set('windowsize', String(windowsize));
    this.#send(encodeReadRequest(new TextEncoder().encode(path), 'octet', options), this.#order.port ?? 69);
  }

  #send(packet: Uint8Array, port: number): void {
    this.#socket.send(packet, port, this.#order.server);
  }

  #rearm(): void {
    this.#cancelTimer();
    const { patienceMs, timeoutS, clock } = this.#order;
    this.#cancelTimer = clock.after(patienceMs ?? (timeoutS ?? 1) * 1000, () => {
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
    this.#reject(new TftpFetchError(code, `${this.#order.server} ${this.#order.path}: ${words}`));
  }

  /** Nothing is heard from now on; the port closes once what was sent has left. */
  #over(): void {
    this.#isOver = true;
    this.#cancelTimer();
    setImmediate(() => {
      this.#socket.close();
    });
  }
}
