import { chmod, copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../server/ports/clock.ts';
import type { Rng } from '../server/ports/rng.ts';
import type { IpmiCrypto } from '../server/wire/ipmi/crypto.ts';
import { importDemoBundles, importDemoFiles, type DemoFiles } from './demo-bundles.ts';
import { layDemoPlace, type DemoPlace, type DemoWhere } from './demo-place.ts';
import { layQemuRack, switchOnInTurn } from './demo-qemu.ts';
import type { DemoDaemon, DemoSite, StartDaemon } from './demo-site.ts';
import { planRack } from './rack-plan.ts';
import { buildVirtualRack, PDU_DRIVER, type Rack, type RackSlot } from './rack.ts';
import { socketApi, type SocketApi } from './socket-api.ts';

/** A demo to be run in the place where this process is. */
export interface DemoOrder {
  readonly where: DemoWhere;
  readonly boards: number;
  /** Everything of it lies there; whoever made it removes it. */
  readonly folder: string;
  /** Milliseconds of pretended work at each stage of a board's boot, so that people can follow. */
  readonly paceMs: number;
  /** The boards are QEMU machines, and boot these; nothing: they are pretended. */
  readonly qemu?: readonly DemoFiles[];
}

/** What the demo needs of the world. */
export interface DemoEdges {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly crypto: IpmiCrypto;
  readonly startDaemon: StartDaemon;
  /** The folder of the example driver that speaks to the virtual PDU. */
  readonly driverFolder: string;
}

/** A demo that is up. */
export interface Demo {
  readonly webSocket: string;
  stop(): Promise<void>;
}

/** How often the demo looks whether a board has enlisted, to tell Farrier how it is wired. */
const LOOK_EVERY_MS = 500;
/** What the label on the rack says. */
const DEMO_RACK = 'box';

/** Lays the network, starts the daemon, gives it something to boot, and switches the boards on one after another. */
export async function runDemo(order: DemoOrder, edges: DemoEdges): Promise<Demo> {
  const closers: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const close of closers.splice(0).reverse()) await close();
  };
  try {
    const isQemu = order.qemu !== undefined;
    const count = { virtual: isQemu ? 0 : order.boards, qemu: isQemu ? order.boards : 0 };
    const ground = await layDemoPlace(order.where, count);
    closers.push(() => ground.remove());
    const site = await siteIn(order.folder, ground, edges.driverFolder);
    const keep = (close: () => Promise<void>): void => void closers.push(close);
    const fill = order.qemu ? fillWithQemu(order.qemu) : fillWithVirtual;
    await fill({ order, ground, site, edges, keep });
    return { webSocket: site.webSocket, stop };
  } catch (cause) {
    await stop();
    throw cause;
  }
}

async function siteIn(folder: string, ground: DemoPlace, driverFolder: string): Promise<DemoSite> {
  const [dataDir, drivers, boards] = [join(folder, 'data'), join(folder, 'power-drivers'), join(folder, 'boards')];
  for (const each of [dataDir, drivers, boards]) await mkdir(each, { recursive: true, mode: 0o700 });
  // A copy of our own: in a user namespace files of the host's root belong to nobody, and nobody's are not trusted.
  await copyFile(join(driverFolder, PDU_DRIVER), join(drivers, PDU_DRIVER));
  await chmod(join(drivers, PDU_DRIVER), 0o755);
  return {
    network: ground.network,
    httpListen: ground.httpListen,
    ports: ground.place.ports,
    dataDir,
    adminSocket: join(dataDir, 'farrier.sock'),
    webSocket: join(folder, 'web.sock'),
    boards: [boards],
    powerDrivers: [drivers],
  };
}

/** What a rack is filled with, and who takes it down. */
interface Filling {
  readonly order: DemoOrder;
  readonly ground: DemoPlace;
  readonly site: DemoSite;
  readonly edges: DemoEdges;
  readonly keep: (close: () => Promise<void>) => void;
}

async function startDaemon({ site, edges, keep }: Filling): Promise<SocketApi> {
  const daemon: DemoDaemon = await edges.startDaemon(site);
  keep(() => daemon.stop());
  return socketApi(site.adminSocket);
}

async function fillWithVirtual(filling: Filling): Promise<void> {
  const { order, ground, edges, keep } = filling;
  const api = await startDaemon(filling);
  await importDemoBundles(api);
  const plan = planRack(order.boards, ground.place, order.paceMs, secretOf(edges));
  const rack = await buildVirtualRack(plan, { ...edges, spawn: ground.spawn });
  keep(() => rack.stop());
  keep(switchOn(rack, order.paceMs, edges.clock));
  for (const [at, slot] of rack.slots.entries()) keep(tellOnceEnlisted(api, slot, String(at + 1), edges.clock));
}

/** The rack comes first: the boards' own device trees are dumped from it. */
function fillWithQemu(files: readonly DemoFiles[]): (filling: Filling) => Promise<void> {
  return async (filling) => {
    const { order, ground, site, edges, keep } = filling;
    const [boardFolder = ''] = site.boards;
    const rack = await layQemuRack(order, ground, boardFolder, secretOf(edges));
    keep(() => rack.stop());
    const api = await startDaemon(filling);
    for (const each of files) await importDemoFiles(api, each);
    for (const [at, slot] of rack.slots.entries()) keep(tellOnceEnlisted(api, slot, String(at + 1), edges.clock));
    keep(switchOnInTurn(rack, api, edges.clock));
  };
}

function secretOf(edges: DemoEdges): () => string {
  return () => Buffer.from(edges.rng.octets(9)).toString('base64url');
}

/** One board after another, so that they can be seen to come; the answer ends it. */
function switchOn(rack: Rack, paceMs: number, clock: Clock): () => Promise<void> {
  const cancels = rack.slots.map(({ board }, nth) =>
    clock.after(nth * paceMs, () => {
      void board.powerOn();
    }),
  );
  return () => {
    for (const cancel of cancels) cancel();
    return Promise.resolve();
  };
}

/** An operator's part: as soon as the board is known, says where it sits, how it is switched and heard. The answer ends the looking. */
function tellOnceEnlisted(
  api: SocketApi,
  { board, power, console }: RackSlot,
  slot: string,
  clock: Clock,
): () => Promise<void> {
  let cancel = (): void => undefined;
  let last: Promise<void> = Promise.resolve();
  const look = async (): Promise<void> => {
    const path = `/api/v1/machines/${board.mac}`;
    const known = await api.call('GET', path);
    if (known.status !== 200) {
      cancel = clock.after(LOOK_EVERY_MS, again);
      return;
    }
    if (power) {
      await api.must('PUT', `${path}/power`, power);
      await api.call('POST', `${path}/power/status`);
    }
    if (console) await api.must('PUT', `${path}/console`, console);
    await api.must('PATCH', path, { rack: DEMO_RACK, slot });
  };
  const again = (): void => {
    // A daemon that is just stopping is no news; the demo ends with it.
    last = look().catch(() => undefined);
  };
  again();
  return async () => {
    cancel();
    await last;
    cancel();
  };
}
