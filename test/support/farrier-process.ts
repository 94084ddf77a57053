import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { endChild, hasEnded, saidBy, type Said } from '../../lab/child-process.ts';
import { memberOf, socketApi, type SocketApi } from '../../lab/socket-api.ts';
import { until } from './until.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** Far longer than it takes: the host may be busy. */
const READY_MS = 60_000;
const STOP_MS = 60_000;

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
  let [child, said, formerWords]: [ChildProcess | undefined, Said | undefined, string] = [undefined, undefined, ''];
  const output = (): string => formerWords + (said?.all() ?? '');
  const start = async (): Promise<void> => {
    const args = ['--import', 'tsx', join(ROOT, 'server', 'main.ts'), 'serve', '--config', config];
    const started = launch(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
    formerWords = output();
    [child, said] = [started, saidBy(started)];
    await ready(api, started, said);
  };
  const kill9 = async (): Promise<void> => {
    if (child) await endChild(child);
  };
  try {
    await start();
  } catch (cause) {
    await kill9();
    await rm(folder, { recursive: true });
    throw cause;
  }
  return {
    ...{ folder, api, start, httpUrl: `http://${address}:5240` },
    pid: () => child?.pid ?? 0,
    ...{ output, kill9 },
    stop: async () => {
      const isOrderly = !child || (await endChild(child, { by: 'SIGTERM', graceMs: STOP_MS }));
      await rm(folder, { recursive: true });
      if (!isOrderly) throw new Error(`the daemon had to be killed, ${String(STOP_MS)} ms after SIGTERM:\n${output()}`);
    },
  };
}

async function ready(api: SocketApi, child: ChildProcess, said: Said): Promise<void> {
  const isReady = async (): Promise<boolean> => {
    // Its reason is the last it says, and may be on its way still.
    if (hasEnded(child)) throw new Error(`the daemon is not ready, it has ended:\n${await said.over(READY_MS)}`);
    const answer = await api.call('GET', '/readyz').catch(() => undefined);
    return answer !== undefined && answer.status < 300;
  };
  await until('the daemon is not ready', isReady, READY_MS, said.all);
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
