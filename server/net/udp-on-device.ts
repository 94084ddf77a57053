import dgram from 'node:dgram';
import { formatIpv4, NO_ADDRESS, parseIpv4, type Ipv4 } from '../core/address.ts';
import { LIMITED_BROADCAST } from '../wire/dhcp/reply-to.ts';
import { bindErrorOf } from './bind-error.ts';

/** A link-local address nobody has; binding to it with a scope ties the socket to the scope's device and then fails. */
const NOBODY = 'fe80::dead:beef:0:1';
/** What is asked of the kernel; it grants no more than net.core.rmem_max. */
const RECEIVE_BUFFER_OCTETS = 4 << 20;
/** IPv4 addresses as an IPv6 socket writes them. */
const MAPPED = '::ffff:';
const MAPPED_BROADCAST = '::ffff:255.255.255.255';

/** Where a datagram came from. */
export interface Peer {
  readonly address: Ipv4;
  readonly port: number;
}

/** A UDP socket that sends and receives on one interface only. */
export interface DeviceSocket {
  /** Octets of receive buffer the kernel granted (it counts its own overhead in). */
  readonly receiveBufferOctets: number;
  /** Sends without waiting; `failed` hears of an error, for instance of a network that is down. */
  send(octets: Uint8Array, to: Peer, failed: (error: Error) => void): void;
  close(): Promise<void>;
}

/** What a socket tells. `lost` means it will not work again, for instance because its interface is gone. */
export interface DeviceSocketEvents {
  datagram(octets: Uint8Array, from: Peer): void;
  lost(error: Error): void;
}

/**
 * Opens a UDP port on one interface, without native code. On Linux, binding to a link-local IPv6 address with a scope
 * ties the socket to that device before the kernel finds that the address is not ours; the tie stays, and the same
 * socket then binds `::`, which receives IPv4 too. Works with IPv6 disabled by sysctl and with only
 * CAP_NET_BIND_SERVICE (seen on Linux 6.18). Never with `reuseAddr`: a second server must fail to start.
 *
 * @throws BindError
 */
export async function udpOnDevice(
  device: string,
  port: number,
  events: DeviceSocketEvents,
  receiveBufferOctets = RECEIVE_BUFFER_OCTETS,
): Promise<DeviceSocket> {
  const socket = dgram.createSocket({
    type: 'udp6',
    recvBufferSize: receiveBufferOctets,
    lookup: (host, _options, found) => {
      found(null, host, 6);
    },
  });
  try {
    await tieToDevice(socket, device, port);
    await bindToAll(socket, port);
  } catch (cause) {
    socket.close();
    throw await bindErrorOf(cause, device, port);
  }
  socket.setBroadcast(true);
  socket.on('error', (error) => {
    events.lost(error);
  });
  socket.on('message', (octets, rinfo) => {
    events.datagram(octets, { address: unmapped(rinfo.address), port: rinfo.port });
  });
  return deviceSocket(socket);
}

function deviceSocket(socket: dgram.Socket): DeviceSocket {
  return {
    receiveBufferOctets: socket.getRecvBufferSize(),
    send: (octets, to, failed) => {
      const host = to.address === LIMITED_BROADCAST ? MAPPED_BROADCAST : MAPPED + formatIpv4(to.address);
      socket.send(octets, to.port, host, (error) => {
        if (error) failed(error);
      });
    },
    close: () =>
      new Promise((resolve) => {
        socket.close(() => {
          resolve();
        });
      }),
  };
}

function tieToDevice(socket: dgram.Socket, device: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRNOTAVAIL') resolve();
      else reject(error);
    });
    socket.bind(port, `${NOBODY}%${device}`, () => {
      reject(new Error(`${NOBODY} exists on ${device}`));
    });
  });
}

function bindToAll(socket: dgram.Socket, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.removeAllListeners('listening');
    socket.once('error', reject);
    socket.bind(port, '::', () => {
      socket.removeListener('error', reject);
      resolve();
    });
  });
}

function unmapped(address: string): Ipv4 {
  if (address === '::ffff:0.0.0.0') return NO_ADDRESS;
  const parsed = parseIpv4(address.startsWith(MAPPED) ? address.slice(MAPPED.length) : address);
  return parsed.ok ? parsed.value : NO_ADDRESS;
}
