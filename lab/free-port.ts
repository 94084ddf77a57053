import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below the ports the kernel gives out by itself (`ip_local_port_range` begins at 32768), so that nobody is given ours meanwhile. */
const [FIRST, COUNT] = [20_000, 12_000];

let nth = process.pid;

/**
 * A port of 127.0.0.1 for a program that must be told one before it starts. Each is given once in this process; another
 * process begins elsewhere. Throws when a thousand in a row are taken.
 */
export async function freePort(protocol: 'tcp' | 'udp'): Promise<number> {
  for (let tries = 0; tries < 1000; tries += 1) {
    nth += 1;
    const port = FIRST + (nth % COUNT);
    if (await (protocol === 'tcp' ? isFreeTcp(port) : isFreeUdp(port))) return port;
  }
  throw new Error(`no ${protocol} port from ${FIRST} is free`);
}

async function isFreeTcp(port: number): Promise<boolean> {
  const server = createServer();
  try {
    await once(server.listen(port, '127.0.0.1'), 'listening');
  } catch {
    return false;
  }
  const closed = once(server, 'close');
  server.close();
  await closed;
  return true;
}

async function isFreeUdp(port: number): Promise<boolean> {
  const socket = createSocket('udp4');
  try {
    socket.bind(port, '127.0.0.1');
    await once(socket, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    const closed = once(socket, 'close');
    socket.close();
    await closed;
  }
}
