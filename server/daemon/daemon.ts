import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Network } from '../core/lease.ts';
import { realClock } from '../edges/real-clock.ts';
import { realRng } from '../edges/real-rng.ts';
import { refuseSecond } from '../http/listen.ts';
import { listInterfaces } from '../net/interfaces.ts';
import { describeNetwork, resolveNetworks } from './networks.ts';
import { refuseRivals } from './rivals.ts';
import type { Closer, ServingOptions } from './start-serving.ts';

/** How a daemon is started; what it serves is in `config`. */
export interface DaemonOptions extends Pick<ServingOptions, 'config' | 'log' | 'ports' | 'flipClock' | 'doors'> {
  /** Serve DHCP although another server answers there. */
  readonly force: boolean;
}

/** A running Farrier. */
export interface Daemon {
  readonly socket: string;
  readonly networks: readonly Network[];
  /** Ends listeners first, then what is under way, then the store. */
  stop(): Promise<void>;
}

/** Starts everything, in the order in which it depends on each other; on a failure what was started is stopped. */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const closers: Closer[] = [];
  const stop = async (): Promise<void> => {
    for (const close of closers.splice(0).reverse()) await close();
  };
  try {
    return await start(options, closers, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Whether this host may serve these networks is asked first, and most of the program is loaded while the question is out. */
async function start(options: DaemonOptions, closers: Closer[], stop: () => Promise<void>): Promise<Daemon> {
  const { config, log } = options;
  const networks = resolveNetworks(config.networks, await listInterfaces());
  const edges = { clock: realClock, rng: realRng, log };
  await mkdir(config.dataDir, { recursive: true, mode: 0o700 });
  const socket = join(config.dataDir, 'farrier.sock');
  await refuseSecond(socket);
  const alone = refuseRivals(networks, options.force, edges);
  // It is waited for before anything answers; until then its refusal must not count as nobody's.
  alone.catch(() => undefined);
  const { startServing } = await import('./start-serving.ts');
  await startServing({ ...options, networks, socket, alone }, closers);
  for (const network of networks) log.info(`serving ${describeNetwork(network)}`);
  return { socket, networks, stop };
}
