import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import type { BmcSerial } from './bmc-sol.ts';

/** A board's serial line as far as a port in raw mode can use it: a break is not to be told from an octet there. */
export type SerialLine = Pick<BmcSerial, 'listen' | 'write'>;

/** A port of a console server in raw mode. */
export interface SerialPort {
  readonly address: string;
  readonly port: number;
  stop(): Promise<void>;
}

/** What a board says while nobody is connected: kept for whoever comes first, the oldest is lost first. */
const KEPT_OCTETS = 65_536;

/**
 * Offers a board's line on a free TCP port of `address`: who connects hears the board from then on, and may type. The
 * first to come also hears the last 64 KiB that nobody has heard.
 */
export async function startSerialPort(serial: SerialLine, address: string): Promise<SerialPort> {
  const open = new Set<Socket>();
  let unheard = Buffer.alloc(0);
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', (octets: Buffer) => {
      serial.write(octets);
    });
    socket.once('close', () => open.delete(socket));
    if (unheard.length > 0) socket.write(unheard);
    unheard = Buffer.alloc(0);
  });
  serial.listen((octets) => {
    if (open.size === 0) unheard = Buffer.concat([unheard, octets]).subarray(-KEPT_OCTETS);
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
