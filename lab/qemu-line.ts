import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import type { SerialLine } from './serial-port.ts';

/** The serial line of a QEMU board: there before power-on, and again and again for each QEMU that is started. */
export interface QemuLine extends SerialLine {
  stop(): Promise<void>;
}

/**
 * Listens at `path` for the board's QEMU, which comes as a client: so the line can be opened before power-on and
 * nothing that the board says is lost. What is typed while it is off goes nowhere, as on a real line.
 */
export async function startQemuLine(path: string): Promise<QemuLine> {
  let heard: (octets: Uint8Array) => void = () => undefined;
  let machine: Socket | undefined;
  const server = createServer((socket) => {
    machine?.destroy();
    machine = socket;
    socket.on('error', () => undefined);
    socket.on('data', (octets: Buffer) => {
      heard(octets);
    });
    socket.once('close', () => {
      if (machine === socket) machine = undefined;
    });
  });
  await rm(path, { force: true });
  const listening = once(server, 'listening');
  server.listen(path);
  await listening;
  return {
    listen: (hears) => {
      heard = hears;
    },
    write: (octets) => {
      machine?.write(octets);
    },
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      machine?.destroy();
      await closed;
    },
  };
}
