import dgram from 'node:dgram';
import { pause, type Clock } from '../ports/clock.ts';
import type { Rng } from '../ports/rng.ts';
import { BindError } from './bind-error.ts';
import { LOOPBACK } from './interfaces.ts';
import { udpOnDevice, type DeviceSocket, type DeviceSocketEvents } from './udp-on-device.ts';

/** Loopback delivers at once; this is ample. */
const LOOPBACK_WAIT_MS = 50;

/** Opens a port on one device; `receiveBufferOctets` where the usual, large buffer is not wanted. */
export type OpenDeviceSocket = (
  device: string,
  port: number,
  events: DeviceSocketEvents,
  receiveBufferOctets?: number,
) => Promise<DeviceSocket>;

/**
 * `udpOnDevice`, checked: a datagram sent to 127.0.0.1 must not arrive, or the socket is tied to nothing and would answer
 * on every network of the host. @throws BindError `not-tied`
 */
export function tiedSockets(clock: Clock, rng: Rng, open: OpenDeviceSocket = udpOnDevice): OpenDeviceSocket {
  return async (device, port, events, receiveBufferOctets) => {
    const nonce = Buffer.from(rng.octets(16));
    const heard = { nonce: false };
    const checked: DeviceSocketEvents = {
      ...events,
      datagram: (octets, from) => {
        if (nonce.equals(octets)) heard.nonce = true;
        else events.datagram(octets, from);
      },
    };
    const socket = await open(device, port, checked, receiveBufferOctets);
    if (device === LOOPBACK) return socket;
    await sendToLoopback(nonce, port);
    await pause(clock, LOOPBACK_WAIT_MS);
    if (!heard.nonce) return socket;
    await socket.close();
    const words = `UDP port ${port} cannot be tied to ${device} on this kernel (IPv6 disabled at boot?)`;
    throw new BindError('not-tied', `${words}: serving it would answer on every network of this host.`);
  };
}

function sendToLoopback(octets: Uint8Array, port: number): Promise<void> {
  const socket = dgram.createSocket('udp4');
  return new Promise((resolve) => {
    socket.send(octets, port, '127.0.0.1', () => {
      socket.close(resolve);
    });
  });
}
