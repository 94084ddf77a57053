import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '../ports/clock.ts';

/** How a stand-in behaves. `gone`: nobody listens. `flapping` and `slow` pass through where there is a device behind. */
export type StandInMode = 'gone' | 'silent' | 'slow' | 'half' | 'flood' | 'flapping';

/** Something at a port of this host that behaves as no device should. */
export interface StandIn {
  readonly host: string;
  readonly port: number;
  close(): Promise<void>;
}

/** The device behind, where there is one. */
export interface Behind {
  readonly host: string;
  readonly port: number;
}

const HOST = '127.0.0.1';
const SLOW_MS = 2000;
/** Half an answer: so many octets of what the device said, or of nonsense. */
const HALF_OCTETS = 9;
const NONSENSE = Buffer.from('HTTP/1.1 2');
const FLOOD = Buffer.alloc(64 * 1024, 'on ');
/** A flood ends: it must not drown whoever asked for it. */
const FLOOD_OCTETS_MAX = 128 * 1024 * 1024;
/** Datagrams that answer one in a flood. */
const FLOOD_DATAGRAMS = 200;

/** Opens a stand-in on TCP and UDP at one port of 127.0.0.1. What it lets through goes to `behind`. */
export async function openStandIn(mode: StandInMode, behind: Behind | undefined, clock: Clock): Promise<StandIn> {
  const open = new Set<Socket>();
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    keep(open, socket);
    serve(socket, mode, connections, { behind, clock, open });
  });
  server.listen(0, HOST);
  await once(server, 'listening');
  const port = portOf(server);
  const datagrams = mode === 'gone' ? undefined : await answerDatagrams(mode, port);
  if (mode === 'gone') await ended(server);
  return {
    host: HOST,
    port,
    close: async () => {
      for (const socket of open) socket.destroy();
      if (mode !== 'gone') await ended(server);
      await datagrams?.();
    },
  };
}

function ended(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
  });
}

function portOf(server: Server): number {
  const at = server.address();
  return typeof at === 'object' && at ? at.port : 0;
}

function keep(open: Set<Socket>, socket: Socket): void {
  open.add(socket);
  socket.on('close', () => open.delete(socket));
  socket.on('error', () => socket.destroy());
}

interface Parts {
  readonly behind: Behind | undefined;
  readonly clock: Clock;
  readonly open: Set<Socket>;
}

function serve(socket: Socket, mode: StandInMode, nth: number, { behind, clock, open }: Parts): void {
  switch (mode) {
    case 'gone':
    case 'silent':
      socket.resume();
      return;
    case 'flood':
      socket.resume();
      pour(socket);
      return;
    case 'flapping':
      if (nth % 2 === 1 || !behind) socket.destroy();
      else pass(socket, behind, open);
      return;
    case 'slow':
      socket.pause();
      clock.after(SLOW_MS, () => {
        if (behind) pass(socket, behind, open);
        else socket.destroy();
      });
      return;
    case 'half':
      if (behind) pass(socket, behind, open, HALF_OCTETS);
      else socket.once('data', () => socket.end(NONSENSE.subarray(0, HALF_OCTETS)));
  }
}

/** Writes as fast as the other side reads, until it hangs up or has had enough. */
function pour(socket: Socket): void {
  while (!socket.destroyed && socket.bytesWritten < FLOOD_OCTETS_MAX && socket.write(FLOOD));
  if (socket.destroyed) return;
  if (socket.bytesWritten >= FLOOD_OCTETS_MAX) socket.end();
  else
    socket.once('drain', () => {
      pour(socket);
    });
}

/** Lets a conversation through; breaks off after so many octets of its answer. */
function pass(socket: Socket, behind: Behind, open: Set<Socket>, octetsMax = Infinity): void {
  const device = connect(behind.port, behind.host);
  keep(open, device);
  device.on('close', () => socket.destroy());
  socket.on('close', () => device.destroy());
  socket.pipe(device);
  let octets = 0;
  device.on('data', (chunk: Buffer) => {
    const rest = octetsMax - octets;
    octets += chunk.length;
    if (chunk.length < rest) socket.write(chunk);
    else socket.end(chunk.subarray(0, rest));
  });
}

/** Datagrams cannot be passed on without knowing their sessions: they are not answered, or with nonsense. */
async function answerDatagrams(mode: StandInMode, port: number): Promise<() => Promise<void>> {
  const socket = createSocket('udp4');
  socket.on('error', () => undefined);
  socket.on('message', (_, from) => {
    if (mode !== 'half' && mode !== 'flood') return;
    const times = mode === 'half' ? 1 : FLOOD_DATAGRAMS;
    for (let at = 0; at < times; at += 1) socket.send(NONSENSE, from.port, from.address);
  });
  socket.bind(port, HOST);
  await once(socket, 'listening');
  return () =>
    new Promise((resolve) => {
      socket.close(() => {
        resolve();
      });
    });
}
