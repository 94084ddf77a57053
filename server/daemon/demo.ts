import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { demoInside, readDemoOrder } from '../../lab/demo-inside.ts';
import { qemuKind, QEMU_ARCHS } from '../../lab/demo-qemu.ts';
import { launchDemo } from '../../lab/demo-launch.ts';
import type { DemoSite } from '../../lab/demo-site.ts';
import { nodeIpmiCrypto } from '../../power-drivers/common/ipmi-socket.ts';
import { needConfig } from './need-config.ts';
import { createLog } from '../edges/pino-log.ts';
import { projectRoot } from '../edges/project-root.ts';
import { realClock } from '../edges/real-clock.ts';
import { realRng } from '../edges/real-rng.ts';
import type { BundleFiles, Say } from '../cli/deps.ts';
import { agentFiles } from './agent-files.ts';
import { startDaemon, type Daemon } from './daemon.ts';
import { needDebian } from './need-debian.ts';

/** Pretended work at each stage of a virtual board's boot, so that people can follow. */
const PACE_MS = 700;
/** One of each kind that is pretended. */
const BOARDS = 6;

/** Runs the rack in a box until the signal; `entry` is how this program was started. */
export async function runDemo(
  order: { readonly boards: number | undefined; readonly qemu: boolean; readonly port: number },
  edges: {
    /** Everything of the demo lies there, its socket too, so that the other commands find it. */
    readonly folder: string;
    readonly entry: readonly string[];
    /** The hidden command with which it is started again, inside its namespaces. */
    readonly inside: string;
    readonly signal: AbortSignal;
    readonly say: Say;
    /** Downloads and built files. */
    readonly cacheDir: string;
  },
): Promise<void> {
  const boards = order.boards ?? (order.qemu ? Object.keys(QEMU_ARCHS).length : BOARDS);
  const qemu = order.qemu ? { qemu: await agentsFor(boards, edges.cacheDir, edges.say) } : {};
  const [command = process.execPath, ...args] = edges.entry;
  await launchDemo({
    folder: edges.folder,
    boards,
    ...qemu,
    port: order.port,
    paceMs: PACE_MS,
    inside: { command, args: [...args, edges.inside] },
    isRoot: process.getuid?.() === 0,
    clock: realClock,
    say: edges.say,
    signal: edges.signal,
  });
}

/** Agents are built out here: inside there is no network to fetch packages from. */
async function agentsFor(boards: number, cacheDir: string, say: Say): Promise<readonly BundleFiles[]> {
  await needDebian('qemu', 'farrier demo --qemu');
  const archs = new Set(Array.from({ length: boards }, (_, index) => QEMU_ARCHS[qemuKind(index + 1)]));
  const agents: BundleFiles[] = [];
  for (const arch of archs) {
    say(`building the agent for ${arch} from Debian's packages (kept in ${cacheDir}) ...`);
    agents.push(await agentFiles(arch, say, { cacheDir, outDir: join(cacheDir, 'built') }));
  }
  return agents;
}

/** The inside of the demo: this program again, in a network of its own. */
export async function runDemoInside(text: string, logLevel: string): Promise<void> {
  const order = readDemoOrder(text);
  if (!order) throw new Error('this command is for the demo itself; run "farrier demo"');
  await demoInside(order, {
    clock: realClock,
    rng: realRng,
    crypto: nodeIpmiCrypto(realRng),
    driverFolder: join(projectRoot(), 'power-drivers', 'examples'),
    startDaemon: (site) => startOn(site, order.folder, logLevel),
  });
}

/** The demo is configured as a lab would be: by a file, which is checked like any other. */
async function startOn(site: DemoSite, folder: string, logLevel: string): Promise<Daemon> {
  const { name, interface: device, subnet, address, pool } = site.network;
  const file = join(folder, 'farrier.yaml');
  const text = {
    dataDir: site.dataDir,
    keyFile: join(folder, 'farrier.key'),
    http: { listen: site.httpListen },
    networks: [{ name, interface: device, subnet, address, pools: [pool], probe: 'none' }],
    boards: site.boards,
    powerDrivers: site.powerDrivers,
  };
  await writeFile(file, JSON.stringify(text, undefined, 2), { mode: 0o600 });
  return startDaemon({
    config: needConfig(file),
    log: createLog(logLevel),
    force: false,
    ports: site.ports,
    doors: [{ at: { path: site.webSocket }, trust: 'demo-loopback' }],
  });
}
