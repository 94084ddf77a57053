import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { socketApi, type SocketApi } from '../../lab/socket-api.ts';
import { TEST_CACHE } from './agent-boot.ts';
import { until } from './until.ts';

const MAIN = fileURLToPath(new URL('../../server/main.ts', import.meta.url));

/** The rack in a box as a user starts it, in a folder of its own. */
export interface DemoProcess {
  readonly api: SocketApi;
  /** The socket of its API. */
  readonly socket: string;
  /** All it has said so far. */
  said(): string;
  /** Sends the launcher a signal; resolves with its exit code when it is gone, with nothing where it was killed. */
  end(signal: NodeJS.Signals): Promise<number | undefined>;
  /** Command lines that still name its folder, and the folder itself: empty when nothing is left of it. */
  remains(): Promise<readonly string[]>;
  /** Ends it where it runs yet, and removes its folder. */
  remove(): Promise<void>;
}

/** Starts `farrier demo` with further arguments; resolves when it says that it is up. */
export async function startDemo(args: readonly string[], deadlineMs: number): Promise<DemoProcess> {
  const place = await mkdtemp(join(tmpdir(), 'farrier-demo-test-'));
  const folder = join(place, `farrier-demo-${String(process.getuid?.() ?? 0)}`);
  const child = spawn(process.execPath, ['--import', 'tsx', MAIN, 'demo', '--port', '0', ...args], {
    env: { ...process.env, TMPDIR: place, XDG_CACHE_HOME: dirname(TEST_CACHE) },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const gone = once(child, 'exit');
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (more: string) => {
    said += more;
  });
  const end = async (signal: NodeJS.Signals): Promise<number | undefined> => {
    if (!hasEnded()) child.kill(signal);
    await gone;
    return child.exitCode ?? undefined;
  };
  const remains = async (): Promise<readonly string[]> => [
    ...(await commandLines()).filter((line) => line.includes(folder)),
    ...(existsSync(folder) ? [folder] : []),
  ];
  const remove = async (): Promise<void> => {
    await end('SIGTERM');
    await rm(place, { recursive: true, force: true });
  };
  try {
    const isUp = (): boolean => said.includes('Ctrl-C') || hasEnded();
    await until('the demo says that it is up', isUp, deadlineMs, () => said);
    if (hasEnded()) throw new Error(`the demo did not come up:\n${said}`);
  } catch (cause) {
    await remove();
    throw cause;
  }
  const socket = join(folder, 'data', 'farrier.sock');
  return { api: socketApi(socket), socket, said: () => said, end, remains, remove };
}

/** Of all processes of this process namespace. */
async function commandLines(): Promise<readonly string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => ''));
  return (await Promise.all(lines)).map((line) => line.replaceAll('\0', ' '));
}
