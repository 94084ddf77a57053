import { createHash } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { parseIpv4, parseSha256, parseSubnet, type Ipv4 } from '../../server/core/address.ts';
import type { TftpHabits } from '../../server/core/board.ts';
import type { Result } from '../../server/core/result.ts';
import { startTftpListener, type TftpListener, type TftpListenerOptions } from '../../server/net/tftp-listener.ts';
import type { Content } from '../../server/ports/artefacts.ts';
import type { BootFiles, FileAnswer, FileRequest, TransferReport } from '../../server/ports/boot-files.ts';
import { decodePacket, type TftpPacket } from '../../server/wire/tftp/packet.ts';
import { createQuietLog, type QuietLog } from '../support/quiet-log.ts';
import { realClock } from '../../server/edges/real-clock.ts';

/** The value of a result that a test knows to be good. */
export function must<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.error);
  return result.value;
}

export const ip = (text: string): Ipv4 => must(parseIpv4(text));
export const net = (text: string): ReturnType<typeof must<{ network: Ipv4; prefix: number }>> =>
  must(parseSubnet(text));

/** Octets that repeat only after 251, so that a block in the wrong place shows. */
export function patterned(octets: number): Buffer {
  return Buffer.from(Uint8Array.from({ length: octets }, (_, i) => (i % 251) ^ (i >>> 12)));
}

/** A content from a buffer; `inMemory` false makes it one that must be read. Counts its closes and reads. */
export class TestContent implements Content {
  readonly octets: number;
  readonly sha256;
  readonly whole: Uint8Array | undefined;
  readonly #buffer: Buffer;
  reads = 0;
  closes = 0;
  failAt = Infinity;

  constructor(buffer: Buffer, inMemory = true) {
    this.#buffer = buffer;
    this.octets = buffer.length;
    this.sha256 = must(parseSha256(createHash('sha256').update(buffer).digest('hex')));
    this.whole = inMemory ? buffer : undefined;
  }

  async read(at: number, octets: number): Promise<Uint8Array> {
    this.reads += 1;
    await new Promise((resolve) => setImmediate(resolve));
    if (at + octets > this.failAt) throw new Error('EIO: i/o error, read /secret/place');
    return this.#buffer.subarray(at, at + octets);
  }

  close(): void {
    this.closes += 1;
  }
}

/** Boot files from a table; keeps what was asked and how transfers ended. */
export class TableFiles implements BootFiles {
  readonly asked: FileRequest[] = [];
  readonly reports: TransferReport[] = [];
  readonly #table: Readonly<Record<string, Content | Error | 'refused' | Promise<Content>>>;
  readonly #habits: (peer: Ipv4) => TftpHabits | undefined;
  #waiting: (() => void)[] = [];

  constructor(
    table: Readonly<Record<string, Content | Error | 'refused' | Promise<Content>>>,
    habits: (peer: Ipv4) => TftpHabits | undefined = () => undefined,
  ) {
    this.#table = table;
    this.#habits = habits;
  }

  async open(request: FileRequest): Promise<FileAnswer> {
    this.asked.push(request);
    const found = this.#table[request.path];
    if (found === undefined) return { is: 'absent' };
    if (found === 'refused') return { is: 'refused', because: 'no DTB in /etc/farrier/dtbs' };
    if (found instanceof Error) throw found;
    return {
      is: 'file',
      content: await found,
      habits: this.#habits(request.peer),
      ended: (report) => {
        this.#ended(report);
      },
    };
  }

  /** Resolves when this many transfers have ended. */
  async ended(count: number): Promise<readonly TransferReport[]> {
    while (this.reports.length < count) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return this.reports;
  }

  #ended(report: TransferReport): void {
    this.reports.push(report);
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

/** A bare UDP client that does what a test says, packet by packet. */
export class Peer {
  readonly #socket: Socket;
  readonly #heard: { readonly packet: TftpPacket; readonly port: number; readonly address: string }[] = [];
  #wake: (() => void) | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('message', (datagram, from) => {
      this.#heard.push({ packet: must(decodePacket(datagram)), port: from.port, address: from.address });
      this.#wake?.();
    });
  }

  static async at(address = '127.0.0.1'): Promise<Peer> {
    const socket = createSocket('udp4');
    socket.bind(0, address);
    await once(socket, 'listening');
    return new Peer(socket);
  }

  get port(): number {
    return this.#socket.address().port;
  }

  get waiting(): number {
    return this.#heard.length;
  }

  send(packet: Uint8Array | string, port: number, address = '127.0.0.1'): void {
    this.#socket.send(typeof packet === 'string' ? Buffer.from(packet, 'latin1') : packet, port, address);
  }

  async next(): Promise<{ readonly packet: TftpPacket; readonly port: number; readonly address: string }> {
    for (;;) {
      const first = this.#heard.shift();
      if (first) return first;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async close(): Promise<void> {
    this.#socket.close();
    await once(this.#socket, 'close');
  }
}

/** A listener on the loopback at a free port, serving a table. */
export async function serveTable(
  files: BootFiles,
  more: Partial<TftpListenerOptions> = {},
): Promise<{ readonly listener: TftpListener; readonly port: number; readonly log: QuietLog }> {
  const log = createQuietLog();
  const listener = await startTftpListener({
    addresses: [{ address: ip('127.0.0.1'), subnets: [net('127.0.0.0/8')] }],
    port: 0,
    files,
    clock: realClock,
    log,
    ...more,
  });
  return { listener, port: listener.bound[0]?.port ?? 0, log };
}

/** Waits for something that other parts of the process bring about. */
export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
}
