import type { Server } from 'node:http';
import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import { formatIpv4 } from '../core/address.ts';
import type { Lease, Network } from '../core/lease.ts';
import { createFetchUrl } from '../edges/fetch-url.ts';
import { httpExchange, resolveName } from '../edges/http-exchange.ts';
import { projectRoot } from '../edges/project-root.ts';
import { realClock } from '../edges/real-clock.ts';
import { realRng } from '../edges/real-rng.ts';
import { createHttpApp, type HttpApp } from '../http/app.ts';
import type { Trust } from '../http/auth.ts';
import { bootFilesRouter } from '../http/boot-files.ts';
import { listenHttp, type ListenAt } from '../http/listen.ts';
import { startDhcpListener, type DhcpListener } from '../net/dhcp-listener.ts';
import { startTftpListener, type TftpListener } from '../net/tftp-listener.ts';
import type { Clock } from '../ports/clock.ts';
import type { MacOfAddress } from '../ports/dhcp-advisor.ts';
import type { FetchUrl } from '../ports/fetch.ts';
import type { Log } from '../ports/log.ts';
import type { PowerDrivers } from '../ports/power-drivers.ts';
import { openRender } from '../render/render.ts';
import { lookRegularly } from '../services/look-regularly.ts';
import { pollPower } from '../services/power-poll.ts';
import type { DriverTests } from '../services/driver-tests.ts';
import { createReadiness } from '../services/readiness.ts';
import { trimHistory } from '../services/trim-history.ts';
import { watchDeadlines } from '../services/watch-deadlines.ts';
import { createConsoleTransports } from '../consoles/index.ts';
import { loadSerial } from '../consoles/serial.ts';
import { openRecordings } from '../files/consoles/recordings.ts';
import { vouchForFolder } from '../../power-drivers/trust.ts';
import { createPowerDrivers, type SiteDrivers } from '../../power-drivers/index.ts';
import { buildServices, type Services } from './build-services.ts';
import { tftpAddresses } from './networks.ts';
import { openMemory, type Memory } from './open-memory.ts';
import { openSiteCatalogue, type SiteCatalogue } from './site-catalogue.ts';
import { findSegmenting } from './segmenting.ts';
import { tryDrivers } from './try-drivers.ts';
import { versionOf } from './version.ts';
import { serverEvent, serverNotices } from './server-news.ts';
import { nodePasswordCrypto } from '../edges/password-crypto.ts';
import { createUserService } from '../services/users.ts';
import type { Notice } from '../http/deps.ts';

const PORTS = { dhcpServer: 67, dhcpClient: 68, tftp: 69 };
/** How often files and addresses that may have changed are looked at. */
const LOOK_EVERY_MS = 2000;

/** What a daemon serves with, once it is known where. */
export interface ServingOptions {
  readonly config: Config;
  readonly log: Log;
  readonly networks: readonly Network[];
  /** Where the local API is, which trusts whoever opens it. */
  readonly socket: string;
  /** Settles when it is known that no other DHCP server answers: nobody is answered before. */
  readonly alone: Promise<void>;
  /** UDP; 67, 68 and 69 unless said: a lab that may not have them. */
  readonly ports?: { readonly dhcpServer: number; readonly dhcpClient: number; readonly tftp: number };
  /** By which flip tests watch, where that is not the real one: a lab's, that need not wait. */
  readonly flipClock?: Clock;
  /** Further listeners of the page: the demo's, whose visitors are logged in by themselves. */
  readonly doors?: readonly { readonly at: ListenAt; readonly trust: Trust }[];
}

/** Stops one thing that was started. */
export type Closer = () => Promise<void> | void;

/** Starts what serves, in the order in which it depends on each other; what was started is added to `closers`. */
export async function startServing(options: ServingOptions, closers: Closer[]): Promise<void> {
  const { config, log, ports = PORTS, networks, alone } = options;
  const edges = { clock: realClock, rng: realRng, log, fetchUrl: fetchUrlBy(config, networks) };
  const { memory, catalogue, drivers, services, leases, app } = await prepare(options, edges, closers);
  await alone;
  const dhcp = await startDhcp(networks, ports, services, memory, edges);
  closers.push(() => dhcp.close());
  leases.attach(dhcp);
  const tftp = await startTftp(config, networks, ports, services, edges);
  closers.push(() => tftp.close());
  await listenAll(app, options, (server) => closers.push(() => closeServer(server)));
  // Servers close when their last stream has ended.
  closers.push(() => {
    app.close();
  });
  closers.push(...watchAll({ memory, services, drivers, pollS: config.power.pollS }, edges));
  closers.push(lookAgain({ catalogue, tftp, networks, log }));
  await services.power.recover();
}

/** Everything that answers nobody yet. */
async function prepare(
  { config, networks, socket, flipClock = realClock }: ServingOptions,
  edges: Edges & { readonly fetchUrl: FetchUrl },
  closers: Closer[],
): Promise<Prepared> {
  const memory = await openMemory(config, edges);
  closers.push(() => memory.store.close());
  const root = projectRoot();
  const catalogue = openSiteCatalogue(join(root, 'dtbs'), config.boards);
  const drivers = await createPowerDrivers(config.powerDrivers, edges);
  closers.push(() => {
    drivers.close();
  });
  const recordings = openRecordings({
    ...{ folder: join(config.dataDir, 'consoles'), clock: realClock },
    keepOctets: config.consoles.keepMiB << 20,
  });
  closers.push(() => recordings.close());
  const leases = createLeaseView(networks);
  const services = await buildServices({
    ...memory,
    ...edges,
    catalogue,
    drivers,
    render: openRender([join(root, 'templates')]),
    networks,
    ...{ recordings, flipClock },
    consoleTransports: createConsoleTransports({ vouchForFolder, loadSerial, ownSocket: socket }),
    ...{ siteArgs: config.siteArgs, dataDir: config.dataDir },
    httpPort: config.http.port,
    bootDeadlines: config.bootDeadlines,
    ...leases,
  });
  closers.push(...endsOf(services));
  const driverTests = tryDrivers({ ...memory, ...edges, drivers, power: services.power });
  closers.push(() => driverTests.close());
  const shown = { drivers, driverTests, networks, notices: leases.notices, pollS: config.power.pollS };
  const app = createHttpApp(httpDeps({ memory, services, catalogue, root, edges, ...shown }));
  closers.push(() => {
    app.close();
  });
  return { memory, catalogue, drivers, services, leases, app };
}

interface Prepared {
  readonly memory: Memory;
  readonly catalogue: SiteCatalogue;
  readonly drivers: SiteDrivers;
  readonly services: Services;
  readonly leases: LeaseView;
  readonly app: HttpApp;
}

/** A flip test ends first, for it must switch on again; then trials, then power orders; what they tell is written last. */
function endsOf({ timeline, power, flips, tries, verdicts, consoles }: Services): readonly Closer[] {
  return [
    () => timeline.flush(),
    () => consoles.stop(),
    () => power.stop(),
    () => tries.stop(),
    () => {
      verdicts.stop();
    },
    () => flips.stop(),
  ];
}

/** What has deadlines, and what grows. */
function watchAll(
  parts: {
    readonly memory: Memory;
    readonly services: Services;
    readonly drivers: PowerDrivers;
    readonly pollS: number;
  },
  edges: Edges,
): readonly Closer[] {
  const { store } = parts.memory;
  const { tries, power } = parts.services;
  const watches = [
    watchDeadlines({ machines: store.machines, ...edges }),
    lookRegularly(edges, 'bundles on trial', (nowMs) => tries.look(nowMs)),
    trimHistory({ store, ...edges }),
    pollPower({ store, drivers: parts.drivers, power, ...edges }, parts.pollS),
  ];
  return watches.map((watch) => () => {
    watch.stop();
  });
}

function fetchUrlBy(config: Config, networks: readonly Network[]): FetchUrl {
  const served = networks.map(({ subnet }) => ({ address: formatIpv4(subnet.network), prefix: subnet.prefix }));
  return createFetchUrl({ ...config.fetch, served, clock: realClock, resolve: resolveName, exchange: httpExchange });
}

interface LeaseView {
  readonly leases: () => readonly Lease[];
  readonly macOfAddress: MacOfAddress;
  /** What operators should know of other DHCP servers now. */
  readonly notices: () => readonly Notice[];
  attach(dhcp: DhcpListener): void;
}

/** The services are built before DHCP listens, so they see its leases through this. */
function createLeaseView(networks: readonly Network[]): LeaseView {
  let dhcp: DhcpListener | undefined;
  return {
    leases: () => dhcp?.leases() ?? [],
    macOfAddress: (address) => dhcp?.macOf(address),
    notices: () => (dhcp ? serverNotices(dhcp.otherServers(), networks) : []),
    attach: (listener) => {
      dhcp = listener;
    },
  };
}

type Edges = { readonly clock: typeof realClock; readonly rng: typeof realRng; readonly log: Log };

function startDhcp(
  networks: readonly Network[],
  ports: { readonly dhcpServer: number; readonly dhcpClient: number },
  services: Services,
  memory: Memory,
  edges: Edges,
): Promise<DhcpListener> {
  return startDhcpListener({
    networks,
    advisor: services.advisor,
    leases: memory.store.leases,
    ports: { server: ports.dhcpServer, client: ports.dhcpClient },
    ...edges,
    onServer: (news) => {
      services.timeline.add(serverEvent(news, networks, edges.clock.now()));
    },
  });
}

async function startTftp(
  config: Config,
  networks: readonly Network[],
  ports: { readonly tftp: number },
  services: Services,
  edges: Edges,
): Promise<TftpListener> {
  return startTftpListener({
    addresses: tftpAddresses(networks),
    port: ports.tftp,
    files: services.bootFiles,
    segmenting: config.tftp.segmentation === 'auto' ? await findSegmenting(edges.log) : undefined,
    ...edges,
  });
}

function httpDeps(parts: {
  readonly memory: Memory;
  readonly services: Services;
  readonly catalogue: SiteCatalogue;
  readonly drivers: SiteDrivers;
  readonly driverTests: DriverTests;
  readonly networks: readonly Network[];
  readonly notices: () => readonly Notice[];
  readonly pollS: number;
  readonly root: string;
  readonly edges: Edges;
}): Parameters<typeof createHttpApp>[0] {
  const { memory, services, catalogue, root } = parts;
  return {
    ...parts.edges,
    ...services,
    store: memory.store,
    users: createUserService({ store: memory.store, ...parts.edges, crypto: nodePasswordCrypto }),
    boards: catalogue.boards,
    lintBoards: () => Promise.resolve(catalogue.lint()),
    drivers: parts.drivers,
    driverTests: parts.driverTests,
    artefacts: memory.artefacts,
    networks: parts.networks,
    notices: parts.notices,
    powerPollS: parts.pollS,
    notReady: createReadiness({ store: memory.store, clock: parts.edges.clock }),
    assetsFolder: join(root, 'server', 'web', 'assets'),
    templatesFolder: join(root, 'templates', 'html'),
    version: versionOf(root),
    routers: [{ path: '/', router: bootFilesRouter({ files: services.bootFiles, ...parts.edges }) }],
  };
}

/** The local socket (admin), the network's port (a session is needed) and whatever doors the caller opens besides; each is told of as soon as it is open. */
async function listenAll(app: HttpApp, options: ServingOptions, opened: (server: Server) => void): Promise<void> {
  const { http } = options.config;
  const doors: readonly { at: ListenAt; trust: Trust }[] = [
    { at: { path: options.socket }, trust: 'socket' },
    { at: { host: formatIpv4(http.address), port: http.port }, trust: 'tcp' },
    ...(options.doors ?? []),
  ];
  for (const { at, trust } of doors) opened(await listenHttp(app.handlerFor(trust), at, app.upgradeFor(trust)));
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
    server.closeAllConnections();
  });
}

/** Boards whose files changed, and TFTP addresses that came back. */
function lookAgain(parts: {
  readonly catalogue: SiteCatalogue;
  readonly tftp: TftpListener;
  readonly networks: readonly Network[];
  readonly log: Log;
}): Closer {
  let cancel: () => void = () => undefined;
  const look = async (): Promise<void> => {
    if (parts.catalogue.refresh()) parts.log.info('the board catalogue was read again');
    await parts.tftp.serve(tftpAddresses(parts.networks));
  };
  const again = (): void => {
    cancel = realClock.after(LOOK_EVERY_MS, () => {
      void look()
        .catch((error: unknown) => {
          parts.log.error(`looking again failed: ${String(error)}`);
        })
        .then(again);
    });
  };
  again();
  return () => {
    cancel();
  };
}
