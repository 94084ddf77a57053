import { createSocket, type Socket, type SocketOptions } from 'node:dgram';
import { isIPv4 } from 'node:net';
import { parseIpv4 } from '../core/address.ts';
import { encodeError, TFTP_ERROR } from '../wire/tftp/packet.ts';
import type { Segmenting, SegmentingPort } from './segmented-send.ts';

/** Where a datagram came from, or goes to. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** What happens on the socket of one transfer. */
export interface TransferSocketEvents {
  /** A datagram from the client. */
  received(datagram: Uint8Array): void;
  /** The client's host answered that nobody listens on its port. */
  portClosed(): void;
  /** Somebody else wrote to this transfer's port. */
  stranger(): void;
  /** The socket is of no use any more. */
  failed(error: Error): void;
}

/** The socket of one transfer, connected to its client. */
export interface TransferSocket {
  /** One datagram, at once; what the kernel does not take is lost, as on any wire. */
  send(packet: Uint8Array | readonly Uint8Array[]): void;
  /** A run of packets in one call, where the kernel cuts them; false: send them one by one. */
  sendRun(packets: Uint8Array): boolean;
  close(): void;
}

/** Packets of one size, cut by the kernel. */
interface Cut {
  readonly by: Segmenting;
  readonly packetOctets: number;
}

/** Between whom a transfer runs, and how its windows may be sent. */
export interface TransferPlace {
  readonly local: string;
  readonly client: Endpoint;
  /** Nothing where windows are sent packet by packet. */
  readonly cut: Cut | undefined;
}

/** Opens the socket of one transfer. @throws the system's error when it cannot */
export type OpenTransferSocket = (place: TransferPlace, events: TransferSocketEvents) => TransferSocket;

/** Strangers that are answered in one transfer; more would make this an amplifier. */
const STRANGERS_MAX = 8;

/**
 * Answers a lookup of an address with the address, at once: the ordinary one takes a turn of the event loop for each
 * bind and each datagram sent to an address.
 */
const literally: NonNullable<SocketOptions['lookup']> = (address, _options, callback) => {
  callback(isIPv4(address) ? null : new Error(`${address} is not an IPv4 address`), address, 4);
};

/** A UDP socket that never asks a name server. `shared` lets a second socket of this process take the same port. */
export function openUdp(shared = false): Socket {
  return createSocket({ type: 'udp4', lookup: literally, reuseAddr: shared });
}

/**
 * Opens a transfer's port: fresh, chosen at random by the kernel, on the address that was asked, so that the answer comes
 * from where the client sent to. Two sockets share the port. The connected one hears the client only (sending on it is
 * cheaper, and it learns of closed ports); datagrams of all others fall to the guard, which answers ERROR 5
 * (RFC 1350 §4) and leaves the transfer alone. @throws the system's error when the address is gone
 */
export function openTransferSocket(
  { local, client, cut }: TransferPlace,
  events: TransferSocketEvents,
): TransferSocket {
  const guard = openUdp(true);
  const socket = openUdp(true);
  let port: SegmentingPort | undefined;
  const close = (): void => {
    guard.close();
    socket.close();
  };
  const failed = (error: NodeJS.ErrnoException): void => {
    if (error.code === 'ECONNREFUSED') events.portClosed();
    else events.failed(error);
  };
  try {
    guard.bind(0, local);
    port = bindBeside(guard, socket, local, cut);
    socket.connect(client.port, client.address);
    // Throws when there is no way to the client; that it could not connect is otherwise told a turn later.
    socket.remoteAddress();
  } catch (error) {
    socket.on('error', () => undefined);
    close();
    throw error;
  }
  guard.on('error', failed).on('message', strangerAnswerer(guard, events));
  socket.on('error', failed).on('message', (datagram) => {
    events.received(datagram);
  });
  return {
    send: (packet) => {
      // A list is a single datagram to dgram too; its type merely is not readonly.
      socket.send(packet instanceof Uint8Array ? packet : [...packet]);
    },
    sendRun: (packets) => {
      const sent = port?.sendRun(packets) ?? 'refused';
      if (sent === 'port-closed') events.portClosed();
      return sent !== 'refused';
    },
    close,
  };
}

/** Binds a socket to the port its guard has; through the kernel's own door where runs are to be cut. */
function bindBeside(guard: Socket, socket: Socket, local: string, cut: Cut | undefined): SegmentingPort | undefined {
  const { port } = guard.address();
  const address = parseIpv4(local);
  const made = address.ok ? cut?.by.open(address.value, port, cut.packetOctets) : undefined;
  if (made) socket.bind({ fd: made.fd });
  else socket.bind(port, local);
  return made;
}

function strangerAnswerer(guard: Socket, events: TransferSocketEvents) {
  let answered = 0;
  return (datagram: Uint8Array, from: Endpoint): void => {
    events.stranger();
    const isError = datagram[1] === 5;
    if (isError || answered >= STRANGERS_MAX) return;
    answered += 1;
    guard.send(encodeError(TFTP_ERROR.unknownTid, 'unknown transfer'), from.port, from.address);
  };
}
