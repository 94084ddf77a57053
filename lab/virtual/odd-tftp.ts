import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { Clock } from '../../server/ports/clock.ts';
import {
  decodePacket,
  encodeAck,
  encodeError,
  encodeReadRequest,
  type TftpOptions,
  type TftpPacket,
} from '../../server/wire/tftp/packet.ts';

/** What is odd about a firmware's TFTP client; what is left out is as RFC 1350 has it. */
export interface OddHabits {
  /** In the order sent. */
  readonly options?: Readonly<Record<string, string>>;
  /** An OACK ends it: `gives-up` for good, as loaders that choke on it; else it asks anew, from the port that is said. */
  readonly onOack?: 'gives-up' | 'asks-anew-same-port' | 'asks-anew-other-port';
  /** The ERROR it says when an OACK ends it. */
  readonly abort?: { readonly code: number; readonly words: string };
  /** Sends each read request so often, and once more in the middle of the file. */
  readonly requestCopies?: number;
  /** Hears only what comes from the port it asked. */
  readonly samePortOnly?: boolean;
  /** The block number it expects after 65535. */
  readonly rollOverTo?: 0 | 1;
  /** Datagrams its receive ring holds before it reads them; the rest of a burst is lost. */
  readonly ringPackets?: number;
  /** Octets of its block buffer: a longer block crashes it, whatever it asked for. */
  readonly bufferOctets?: number;
}

/** Where and what an odd firmware asks. */
export interface OddFetchOrder {
  readonly server: string;
  readonly port: number;
  readonly path: string;
  readonly localAddress: string;
  readonly clock: Clock;
  /** Silence after which it acknowledges again, and how often it does so before it gives up. */
  readonly patienceMs: number;
  readonly triesMax: number;
}

interface Heard {
  readonly packet: TftpPacket;
  readonly port: number;
}

/** Fetches a file with these habits. @throws Error that says what the firmware would have said */
export async function fetchOddly(order: OddFetchOrder, habits: OddHabits): Promise<Uint8Array> {
  const first = await OddClient.open(order, habits);
  try {
    if (habits.onOack === undefined || habits.onOack === 'gives-up') return await first.fetch(habits.options ?? {});
    await first.askAndAbort();
    if (habits.onOack === 'asks-anew-same-port') return await first.fetch(withoutSize(habits.options));
  } finally {
    first.close();
  }
  const second = await OddClient.open(order, habits);
  try {
    return await second.fetch(withoutSize(habits.options));
  } finally {
    second.close();
  }
}

function withoutSize(options: OddHabits['options'] = {}): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(options).filter(([name]) => name !== 'tsize'));
}

class OddClient {
  readonly #order: OddFetchOrder;
  readonly #habits: OddHabits;
  readonly #socket: Socket;
  #heard: Heard[] = [];
  #wake: () => void = () => undefined;

  private constructor(order: OddFetchOrder, habits: OddHabits, socket: Socket) {
    this.#order = order;
    this.#habits = habits;
    this.#socket = socket;
    socket.on('message', (datagram, from) => {
      const packet = decodePacket(datagram);
      if (!packet.ok || (habits.samePortOnly === true && from.port !== order.port)) return;
      if (this.#heard.length < (habits.ringPackets ?? Infinity))
        this.#heard.push({ packet: packet.value, port: from.port });
      this.#wake();
    });
  }

  static async open(order: OddFetchOrder, habits: OddHabits): Promise<OddClient> {
    const socket = createSocket('udp4');
    socket.bind(0, order.localAddress);
    await once(socket, 'listening');
    return new OddClient(order, habits, socket);
  }

  /** Once what was sent has left. */
  close(): void {
    setImmediate(() => {
      this.#socket.close();
    });
  }

  /** Asks, and ends it with ERROR as soon as it is answered: all it wanted was the size. */
  async askAndAbort(): Promise<void> {
    this.#ask(this.#habits.options ?? {});
    const { port } = await this.#next(() => {
      this.#ask(this.#habits.options ?? {});
    });
    this.#abort(port);
    this.#heard = [];
  }

  #abort(port: number): void {
    const { code, words } = this.#habits.abort ?? { code: 8, words: 'User aborted the transfer' };
    this.#send(encodeError(code, words), port);
  }

  async fetch(options: Readonly<Record<string, string>>): Promise<Uint8Array> {
    const pieces: Uint8Array[] = [];
    let [blksize, windowsize, inWindow, tid] = [512, 1, 0, 0];
    const acknowledge = (): void => {
      inWindow = 0;
      this.#send(encodeAck(this.#numberOf(pieces.length)), tid);
    };
    for (let copy = 0; copy < (this.#habits.requestCopies ?? 1); copy += 1) this.#ask(options);
    for (;;) {
      const { packet, port } = await this.#next(() => {
        if (tid === 0) this.#ask(options);
        else acknowledge();
      });
      if (packet.op === 'ERROR') throw new Error(`ERROR ${packet.code} ${packet.message}`);
      if (tid !== 0 && port !== tid) continue;
      tid = port;
      if (packet.op === 'OACK' && this.#habits.onOack === 'gives-up') {
        this.#abort(port);
        throw new Error('it chokes on the OACK');
      }
      if (packet.op === 'OACK' && pieces.length === 0) {
        [blksize, windowsize] = sizesOf(packet.options);
        acknowledge();
      }
      if (packet.op !== 'DATA') continue;
      if (packet.data.length > (this.#habits.bufferOctets ?? Infinity)) throw new Error('it crashes: block too long');
      if (packet.block !== this.#numberOf(pieces.length + 1)) continue;
      pieces.push(packet.data);
      inWindow += 1;
      if (packet.data.length < blksize || inWindow >= windowsize) acknowledge();
      if (packet.data.length < blksize) return Buffer.concat(pieces);
      if (pieces.length === 3 && this.#habits.requestCopies !== undefined) this.#ask(options);
    }
  }

  /** As firmware counts that holds the number in 16 bits, and some of it skips 0. */
  #numberOf(block: number): number {
    return this.#habits.rollOverTo === 1 && block > 0 ? ((block - 1) % 0xffff) + 1 : block & 0xffff;
  }

  #ask(options: Readonly<Record<string, string>>): void {
    const { path, port } = this.#order;
    this.#send(encodeReadRequest(new TextEncoder().encode(path), 'octet', new Map(Object.entries(options))), port);
  }

  #send(packet: Uint8Array, port: number): void {
    this.#socket.send(packet, port, this.#order.server);
  }

  /** The next datagram; in silence it does `again`, and gives up in the end. */
  async #next(again: () => void): Promise<Heard> {
    for (let tries = 0; ; tries += 1) {
      const first = this.#heard.shift() ?? (await this.#waited());
      if (first) return first;
      if (tries >= this.#order.triesMax) throw new Error('it gave up waiting');
      again();
    }
  }

  #waited(): Promise<Heard | undefined> {
    return new Promise((resolve) => {
      const cancel = this.#order.clock.after(this.#order.patienceMs, () => {
        this.#wake = () => undefined;
        resolve(undefined);
      });
      this.#wake = () => {
        this.#wake = () => undefined;
        cancel();
        // What came in one burst is read in the next turn: so long the ring must hold it.
        setImmediate(() => {
          resolve(this.#heard.shift());
        });
      };
    });
  }
}

function sizesOf(options: TftpOptions): [blksize: number, windowsize: number] {
  return [Number(options.get('blksize') ?? 512), Number(options.get('windowsize') ?? 1)];
}
