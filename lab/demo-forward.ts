import { connect, createServer, type Server, type Socket } from 'node:net';

/** The port is taken by somebody else. */
export class PortTaken extends Error {
  override readonly name = 'PortTaken';
}

/** A port of this host that leads to a unix socket. */
export interface Forward {
  readonly port: number;
  stop(): Promise<void>;
}

/**
 * Pipes every connection to 127.0.0.1:`port` into the unix socket: a page that is served inside a network namespace
 * shows on the host. Port 0 takes a free one. @throws PortTaken
 */
export async function forwardPort(port: number, socketPath: string): Promise<Forward> {
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ path: socketPath, allowHalfOpen: true });
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(one);
      one.pipe(other);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        open.delete(one);
        other.destroy();
      });
    }
  });
  await listen(server, port);
  const bound = server.address();
  return {
    port: typeof bound === 'object' && bound ? bound.port : port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        for (const socket of open) socket.destroy();
      }),
  };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const taken = `port ${String(port)} of 127.0.0.1 is taken (ss -ltnp shows by whom); choose another with --port`;
      reject(cause.code === 'EADDRINUSE' ? new PortTaken(taken, { cause }) : cause);
    });
    server.listen(port, '127.0.0.1', resolve);
  });
}
