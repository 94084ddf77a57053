import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pause, type Clock } from '../server/ports/clock.ts';
import { endChild, hasEnded, saidBy } from './child-process.ts';
import { freePort } from './free-port.ts';

/** What the commands behind pdudaemon do: what they should, nothing at all, or only after a second. */
export type PduCommands = 'obey' | 'lie' | 'dawdle';

/** Debian's pdudaemon with its HTTP listener, running as a child of this process. Its one PDU is named `bench`. */
export interface PduDaemon {
  readonly port: number;
  /** The orders its PDU has carried out, such as `7 on`, the oldest first. */
  orders(): Promise<readonly string[]>;
  commands(how: PduCommands): Promise<void>;
  /** Stops it in its tracks, or lets it go on. */
  freeze(isFrozen: boolean): void;
  stop(): Promise<void>;
}

const UP_MS = 60_000;

/**
 * Starts pdudaemon (Debian's package of that name) on 127.0.0.1; resolves when it listens, throws with what
 * it printed. `more` are further PDUs by name, as pdudaemon.conf has them.
 */
export async function startPduDaemon(clock: Clock, more: Readonly<Record<string, object>> = {}): Promise<PduDaemon> {
  const folder = await mkdtemp(join(tmpdir(), 'farrier-pdudaemon-'));
  const file = (name: string): string => join(folder, name);
  const port = await freePort('tcp');
  const command = (order: string): string =>
    `case $(cat ${file('mode')}) in lie) exit ;; dawdle) sleep 1 ;; esac; echo %s ${order} >> ${file('orders')}`;
  const daemon = { hostname: '127.0.0.1', port, logging_level: 'DEBUG', listener: 'http' };
  const bench = { driver: 'localcmdline', cmd_on: command('on'), cmd_off: command('off') };
  await writeFile(file('pdudaemon.conf'), JSON.stringify({ daemon, pdus: { bench, ...more } }));
  await writeFile(file('orders'), '');
  await writeFile(file('mode'), 'obey');
  const child = spawn('/usr/sbin/pdudaemon', ['--conf', file('pdudaemon.conf')], { stdio: ['ignore', 'pipe', 'pipe'] });
  const said = saidBy(child, { keep: 16_384, clock });
  const stop = async (): Promise<void> => {
    await endChild(child, { clock });
    await rm(folder, { recursive: true, force: true });
  };
  const untilMs = clock.monotonicMs() + UP_MS;
  while (!(await listens(port))) {
    if (hasEnded(child) || clock.monotonicMs() > untilMs) {
      await stop();
      throw new Error(`pdudaemon did not come up on port ${port}: ${said.all()}`);
    }
    await pause(clock, 50);
  }
  return {
    port,
    orders: async () => (await readFile(file('orders'), 'utf8')).split('\n').filter((line) => line !== ''),
    commands: (how) => writeFile(file('mode'), how),
    freeze: (isFrozen) => {
      child.kill(isFrozen ? 'SIGSTOP' : 'SIGCONT');
    },
    stop,
  };
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => {
      resolve(false);
    });
  });
}
