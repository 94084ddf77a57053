import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { memberOf, socketApi, type SocketApi } from '../../lab/socket-api.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const READY_MS = 20_000;

/** One network of the daemon's configuration, as `farrier.yaml` has it. */
export interface FarrierNetwork {
  readonly name: string;
  readonly interface: string;
  readonly subnet: string;
  readonly address: string;
  readonly dhcp?: 'full' | 'proxy' | 'off';
  readonly pools?: readonly string[];
  readonly unknown?: 'ignore' | 'enlist' | 'local-disk';
  readonly leaseS?: number;
  readonly probe?: 'arp' | 'ping' | 'none';
}

/** How a daemon under test is configured. */
export interface FarrierOptions {
  readonly networks: readonly FarrierNetwork[];
  readonly boards?: readonly string[];
  readonly powerDrivers?: readonly string[];
  /** Where its data lies; a folder of its own when absent. It must be there. */
  readonly dataDir?: string;
  /** Further top-level keys. */
  readonly more?: Readonly<Record<string, unknown>>;
  /** Starts it elsewhere, as `LabHost.spawn` does; its API is at a path, so it is reached from here all the same. */
  readonly spawn?: (command: string, args: readonly string[], options: SpawnOptions) => ChildProcess;
}

/** The real daemon as a child process in the current (private) network namespace, in a folder of its own. */
export interface FarrierProcess {
  readonly folder: string;
  readonly api: SocketApi;
  /** The URL boards reach its HTTP at. */
  readonly httpUrl: string;
  readonly pid: () => number;
  /** All it printed, of all its lives. */
  output(): string;
  /** At once, as by the kernel's hand; nothing is tidied up. */
  kill9(): Promise<void>;
  /** Starts it again on the same data; resolves when it is ready. */
  start(): Promise<void>;
  /** Ends it in an orderly way and removes its folder. */
  stop(): Promise<void>;
}

/** Writes a configuration, starts the daemon, and resolves when `/readyz` says yes. */
export async function startFarrier(options: FarrierOptions): Promise<FarrierProcess> {
  const folder = await mkdtemp(join(tmpdir(), 'farrier-e2e-'));
  const dataDir = options.dataDir ?? join(folder, 'data');
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const config = join(folder, 'farrier.yaml');
  const address = options.networks[0]?.address ?? '127.0.0.1';
  const { networks, boards = [], powerDrivers = [], more = {} } = options;
  const launch = options.spawn ?? spawn;
  const settings = { dataDir, http: { listen: `${address}:5240` }, networks, boards, powerDrivers, ...more };
  await writeFile(config, stringify(settings), { mode: 0o600 });
  const api = socketApi(join(dataDir, 'farrier.sock'));
  let said = '';
  let child: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    const args = ['--import', 'tsx', join(ROOT, 'server', 'main.ts'), 'serve', '--config', config];
    const started = launch(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
    child = started;
    for (const stream of [started.stdout, started.stderr])
      stream?.setEncoding('utf8').on('data', (more: string) => {
        said = (said + more).slice(-4_000_000);
      });
    await ready(api, started, () => said);
  };
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  };
  try {
    await start();
  } catch (cause) {
    await end('SIGKILL');
    await rm(folder, { recursive: true });
    throw cause;
  }
  return {
    ...{ folder, api, start, httpUrl: `http://${address}:5240` },
    pid: () => child?.pid ?? 0,
    output: () => said,
    kill9: () => end('SIGKILL'),
    stop: async () => {
      await end('SIGTERM');
      await rm(folder, { recursive: true });
    },
  };
}

async function ready(api: SocketApi, child: ChildProcess, said: () => string): Promise<void> {
  const untilMs = performance.now() + READY_MS;
  while (performance.now() < untilMs) {
    if (child.exitCode !== null) break;
    const answer = await api.call('GET', '/readyz').catch(() => undefined);
    if (answer && answer.status < 300) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`the daemon is not ready:\n${said()}`);
}

/** Asks the API until the answer suits; rejects with the last one when the time is up. */
export async function untilApi(
  api: SocketApi,
  path: string,
  suits: (body: unknown) => boolean,
  timeoutMs: number,
): Promise<unknown> {
  const untilMs = performance.now() + timeoutMs;
  for (;;) {
    const answer = await api.call('GET', path);
    if (answer.status === 200 && suits(answer.body)) return answer.body;
    if (performance.now() > untilMs)
      throw new Error(
        `GET ${path} after ${String(timeoutMs)} ms: ${String(answer.status)} ${JSON.stringify(answer.body)}`,
      );
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** The members of an API list: `{machines: […]}`. */
export function listOf(body: unknown, name: string): readonly unknown[] {
  const list = memberOf(body, name);
  return Array.isArray(list) ? list : [];
}
