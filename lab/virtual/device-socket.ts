import { createSocket, type Socket } from 'node:dgram';

/**
 * A UDP socket tied to one interface, as a machine without an address needs it. A bind to a link-local address with a
 * scope ties the socket to that device before it fails for want of the address; the tie stays (seen on Linux 6.x).
 */
export function deviceSocket(device: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createSocket({ type: 'udp6' });
    socket.once('error', (cause: NodeJS.ErrnoException) => {
      if (cause.code !== 'EADDRNOTAVAIL') {
        reject(cause);
        return;
      }
      socket.once('error', reject);
      socket.bind(port, '::', () => {
        socket.removeListener('error', reject);
        socket.setBroadcast(true);
        resolve(socket);
      });
    });
    socket.bind(port, `fe80::dead:beef:0:1%${device}`);
  });
}
