import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';

/** A board's serial line behind a TCP port, as `ipmi_sim` and terminal servers reach it. */
export interface PretendSerial {
  readonly port: number;
  /** Resolves when something holds the line. */
  held(): Promise<void>;
  /** The board says something. */
  say(octets: Uint8Array): void;
  /** Everything the board has been told so far. */
  told(): Buffer;
  /** Resolves when it has been told at least so many octets. */
  toldAtLeast(octets: number): Promise<Buffer>;
  stop(): Promise<void>;
}

/** Starts one on loopback, on a free port. */
export async function startPretendSerial(): Promise<PretendSerial> {
  const told: Buffer[] = [];
  const open = new Set<Socket>();
  let holder: Socket | undefined;
  let changed = (): void => undefined;
  const server = createServer((socket) => {
    open.add(socket);
    holder = socket;
    socket.on('data', (octets: Buffer) => {
      told.push(octets);
      changed();
    });
    socket.on('error', () => undefined);
    socket.once('close', () => {
      open.delete(socket);
      if (holder === socket) holder = undefined;
    });
    changed();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const until = (isSo: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      changed = () => {
        if (isSo()) resolve();
      };
      changed();
    });
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    held: () => until(() => holder !== undefined),
    say: (octets) => holder?.write(octets),
    told: () => Buffer.concat(told),
    toldAtLeast: async (octets) => {
      await until(() => Buffer.concat(told).length >= octets);
      return Buffer.concat(told);
    },
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}
