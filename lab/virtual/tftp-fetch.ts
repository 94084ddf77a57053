import { createSocket, type Socket } from 'node:dgram';
import { formatIpv4, type Ipv4 } from '../../server/core/address.ts';
import {
  decodePacket,
  encodeAck,
  encodeError,
  encodeReadRequest,
  TFTP_ERROR,
  type TftpOptions,
  type TftpPacket,
} from '../../server/wire/tftp/packet.ts';
import type { Sender, TftpAnswer } from './board-net.ts';
import type { TftpHabit } from './hands.ts';

/** Where TFTP is asked. */
export interface TftpServerAt {
  readonly address: Ipv4;
  readonly port: number;
}

/** u-boot's five seconds, and how often it is patient before it starts the file again. */
const SILENCE_MS = 5000;
const SILENCES_MAX = 5;
const BLKSIZE_DEFAULT = 512;

/** Fetches a whole file from the board's address, a new port per file as loaders do. Throws on silence. */
export function tftpFetch(server: TftpServerAt, path: string, habit: TftpHabit, sender: Sender): Promise<TftpAnswer> {
  return conversation(server, path, habit, sender, new Receiver());
}

/** Asks, and breaks off with ERROR 8 as soon as the server has answered: how OVMF learns a file's size. */
export async function tftpProbe(server: TftpServerAt, path: string, habit: TftpHabit, sender: Sender): Promise<void> {
  const quit = encodeError(TFTP_ERROR.optionsRefused, 'User aborted the transfer');
  await conversation(server, path, habit, sender, {
    take: () => ({ send: quit, answer: { is: 'error', words: 'aborted by us' } }),
  });
}

interface Reaction {
  readonly send?: Uint8Array;
  readonly answer?: TftpAnswer;
}

/** A transfer from the receiver's side, as far as a reaction to each packet goes. */
class Receiver {
  readonly #parts: Uint8Array[] = [];
  #blksize = BLKSIZE_DEFAULT;
  #windowsize = 1;
  /** Blocks taken so far; its low 16 bits are the number on the wire. */
  #blocks = 0;
  #sinceAck = 0;

  take(packet: TftpPacket): Reaction {
    switch (packet.op) {
      case 'OACK':
        return this.#agree(packet.options);
      case 'DATA':
        return this.#store(packet.block, packet.data);
      case 'ERROR':
        return { answer: { is: 'error', words: `ERROR ${String(packet.code)} ${packet.message}` } };
      case 'RRQ':
      case 'WRQ':
      case 'ACK':
        return {};
    }
  }

  #agree(options: TftpOptions): Reaction {
    if (this.#blocks > 0) return {};
    this.#blksize = Number(options.get('blksize') ?? BLKSIZE_DEFAULT);
    this.#windowsize = Number(options.get('windowsize') ?? 1);
    return { send: encodeAck(0) };
  }

  #store(block: number, data: Uint8Array): Reaction {
    if (block !== ((this.#blocks + 1) & 0xffff)) return { send: encodeAck(this.#blocks) };
    this.#blocks += 1;
    this.#sinceAck += 1;
    this.#parts.push(Uint8Array.from(data));
    const last = data.length < this.#blksize;
    if (!last && this.#sinceAck < this.#windowsize) return {};
    this.#sinceAck = 0;
    const send = encodeAck(this.#blocks);
    return last ? { send, answer: { is: 'file', octets: Buffer.concat(this.#parts) } } : { send };
  }
}

async function conversation(
  server: TftpServerAt,
  path: string,
  habit: TftpHabit,
  sender: Sender,
  receiver: { take(packet: TftpPacket): Reaction },
): Promise<TftpAnswer> {
  const socket = createSocket('udp4');
  const host = formatIpv4(server.address);
  const asked = encodeReadRequest(new TextEncoder().encode(path), 'octet', new Map(Object.entries(habit.options)));
  let unplug = (): void => undefined;
  try {
    await bind(socket, formatIpv4(sender.from));
    return await new Promise<TftpAnswer>((resolve, reject) => {
      let peerPort: number | undefined;
      let lastSent = asked;
      let silences = 0;
      const send = (octets: Uint8Array): void => {
        lastSent = octets;
        socket.send(octets, peerPort ?? server.port, host, () => undefined);
      };
      const timer = setInterval(() => {
        silences += 1;
        if (silences > SILENCES_MAX) reject(new Error(`${path}: no answer from ${host}`));
        else send(lastSent);
      }, SILENCE_MS);
      const quit = (): void => {
        reject(new Error('power off'));
      };
      unplug = () => {
        clearInterval(timer);
        sender.signal.removeEventListener('abort', quit);
      };
      sender.signal.addEventListener('abort', quit);
      socket.once('error', reject);
      socket.on('message', (octets, from) => {
        const packet = decodePacket(octets);
        if (from.address !== host || (peerPort ?? from.port) !== from.port || !packet.ok) return;
        peerPort = from.port;
        silences = 0;
        timer.refresh();
        const reaction = receiver.take(packet.value);
        if (reaction.send) send(reaction.send);
        if (reaction.answer) resolve(reaction.answer);
      });
      send(asked);
    });
  } finally {
    unplug();
    socket.close();
  }
}

function bind(socket: Socket, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(0, address, () => {
      socket.removeListener('error', reject);
      resolve();
    });
  });
}
