import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import type { BmcSerial } from './bmc-sol.ts';

/** A port of a console server in raw mode. */
export interface SerialPort {
  readonly address: string;
  readonly port: number;
  stop(): Promise<void>;
}

/** Offers a board's line on a free TCP port of `address`: who connects hears the board from then on, and may type. */
export async function startSerialPort(serial: BmcSerial, address: string): Promise<SerialPort> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', (octets: Buffer) => {
      serial.write(octets);
    });
    socket.once('close', () => open.delete(socket));
  });
  serial.listen((octets) => {
    for (const socket of open) socket.write(octets);
  });
  server.listen(0, address);
  await once(server, 'listening');
  const bound = server.address();
  return {
    address,
    port: typeof bound === 'object' && bound ? bound.port : 0,
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}
