import { lstat } from 'node:fs/promises';
import { connect } from 'node:net';
import { basename, dirname, isAbsolute, join } from 'node:path';
import type { Result } from '../core/result.ts';
import { ConsoleError, type ConsoleTransport } from '../ports/console.ts';
import { SPEED_FIELD, defineTransport } from './define.ts';
import { connected, streamLine } from '../edges/stream-line.ts';

/** The real path of a folder in which nobody but root and this process's user can put anything, or why not. */
export type VouchForFolder = (folder: string) => Promise<Result<string>>;

/**
 * A UNIX socket: QEMU's `-serial unix:…,server`, and whatever else listens on this host. Many such sockets ask nobody who
 * he is (`ownSocket`, on which Farrier takes whoever comes for an administrator; a container engine's): whoever types
 * there is what Farrier is, so administrators say which.
 */
export function unixTransport(vouchForFolder: VouchForFolder, ownSocket: string): ConsoleTransport {
  return defineTransport({
    name: 'unix',
    summary: 'A UNIX socket on this host: a QEMU machine’s serial port',
    needs: 'admin',
    fields: {
      path: { kind: 'file', label: 'Socket', help: 'Absolute path', scope: 'controller', required: true },
      speed: SPEED_FIELD,
    },
    open: async ({ path }, { clock }, signal) => {
      const socket = connect(await vouched(path, vouchForFolder, ownSocket));
      await connected(socket, path, signal);
      return streamLine(socket, { clock, whom: path });
    },
  });
}

async function vouched(path: string, vouchForFolder: VouchForFolder, ownSocket: string): Promise<string> {
  if (!isAbsolute(path)) throw new ConsoleError('config', `${path} is not an absolute path`);
  const exists = await lstat(dirname(path)).catch(() => undefined);
  if (!exists) throw new ConsoleError('unreachable', `${path}: there is no such socket`);
  const folder = await vouchForFolder(dirname(path));
  // Whoever may put a socket there could show an operator any console he likes, and read what is typed.
  if (!folder.ok) throw new ConsoleError('config', folder.error);
  const real = join(folder.value, basename(path));
  const found = await lstat(real).catch(() => undefined);
  if (!found) throw new ConsoleError('unreachable', `${path}: there is no such socket`);
  if (!found.isSocket()) throw new ConsoleError('config', `${path} is not a socket`);
  const own = await lstat(ownSocket).catch(() => undefined);
  if (own?.ino === found.ino && own.dev === found.dev)
    throw new ConsoleError('config', `${path} is Farrier's own socket, not a board's line`);
  return real;
}
