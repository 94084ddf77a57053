import { contains, type Ipv4, type Sha256 } from '../core/address.ts';
import type { BootDeadlines } from '../core/boot-verdict.ts';
import type { Lease, Network } from '../core/lease.ts';
import type { Machine } from '../core/machine.ts';
import { recognise } from '../core/recognise.ts';
import { sha256Of } from '../edges/digest.ts';
import { readFdt } from '../wire/fdt/fdt.ts';
import { createBundleReader } from '../files/bundle-reader.ts';
import { openDerivedFiles } from '../files/derived-files.ts';
import { inspectFiles } from '../files/inspect-files.ts';
import type { BootFiles } from '../ports/boot-files.ts';
import type { Clock } from '../ports/clock.ts';
import type { DhcpAdvisor, MacOfAddress } from '../ports/dhcp-advisor.ts';
import type { FetchUrl } from '../ports/fetch.ts';
import type { Log } from '../ports/log.ts';
import type { PowerDrivers } from '../ports/power-drivers.ts';
import type { Render } from '../ports/render.ts';
import type { Rng } from '../ports/rng.ts';
import { createBoardDrafts, type BoardDraftService } from '../services/board-drafts.ts';
import { createBoardDtbService, type BoardDtbService } from '../services/board-dtbs.ts';
import { writeBootargs } from '../render/bootargs-dtb.ts';
import { textOfRendered } from '../render/render.ts';
import type { BootFactSources } from '../services/boot-facts.ts';
import { createBmcUserService, type BmcUserService } from '../services/bmc-user.ts';
import { createBootSessions, type BootSessions } from '../services/boot-sessions.ts';
import { createBundleService, type BundleService } from '../services/bundles.ts';
import { createBundleTries, type BundleTries } from '../services/bundle-tries.ts';
import type { ConsoleDesk } from '../ports/console.ts';
import type { ConsoleRecordings } from '../ports/console-recordings.ts';
import type { ConsoleTransports } from '../services/console-open.ts';
import { startConsoles, type ConsoleService } from '../services/consoles.ts';
import { createChannelService, type ChannelService } from '../services/channels.ts';
import { hearAskings } from '../services/dhcp-askings.ts';
import { createEnlistService, type EnlistService } from '../services/enlist.ts';
import { createEventBuffer, type EventBuffer } from '../services/event-buffer.ts';
import { createExplain, type Explain } from '../services/explain.ts';
import { createImportBundle, type ImportBundle } from '../services/import-bundle.ts';
import { createKernelReport, type KernelReport } from '../services/kernel-report.ts';
import { followEvents } from '../services/follow-events.ts';
import { createMachineService, type MachineService } from '../services/machines.ts';
import { createPrepareFiles } from '../services/prepare-files.ts';
import { createParameterService, type ParameterService } from '../services/parameters.ts';
import { createSigns } from '../services/flip-signs.ts';
import { createFlipWatch } from '../services/flip-watch.ts';
import { createPlanNext, type PlanNext } from '../services/plan-next.ts';
import { createFlipTests, type FlipTests } from '../services/power-flip.ts';
import { createPowerService, type PowerService } from '../services/power.ts';
import { createReservations, type Reservations } from '../services/reservations.ts';
import { createDhcpAdvisor } from '../services/serve-boot.ts';
import { createBootFiles } from '../services/serve-files.ts';
import { createServedSeen } from '../services/served-seen.ts';
import { watchBoots, type BootWatch } from '../services/watch-boots.ts';
import { answersNow } from '../net/answers-now.ts';
import { probeMeans } from '../net/probe-address.ts';
import { explainAnswer } from '../net/dhcp-explain.ts';
import type { SiteCatalogue } from './site-catalogue.ts';
import { compareTrees } from '../wire/fdt/compare.ts';
import type { Memory } from './open-memory.ts';

/** What the use cases are built on. */
export interface ServiceParts extends Memory {
  readonly catalogue: SiteCatalogue;
  readonly drivers: PowerDrivers;
  readonly recordings: ConsoleRecordings;
  readonly consoleTransports: ConsoleTransports;
  readonly render: Render;
  readonly fetchUrl: FetchUrl;
  readonly networks: readonly Network[];
  readonly siteArgs: readonly string[];
  readonly dataDir: string;
  readonly httpPort: number;
  readonly bootDeadlines: BootDeadlines;
  /** All leases as they stand; DHCP starts after the services, so this asks late. */
  readonly leases: () => readonly Lease[];
  readonly macOfAddress: MacOfAddress;
  readonly clock: Clock;
  /** By which flip tests watch. */
  readonly flipClock: Clock;
  readonly rng: Rng;
  readonly log: Log;
}

/** The use cases, wired. */
export interface Services {
  readonly machines: MachineService;
  readonly power: PowerService;
  readonly consoles: ConsoleService;
  readonly flips: FlipTests;
  readonly explain: Explain;
  readonly bundles: BundleService;
  readonly boardDtbs: BoardDtbService;
  readonly boardDrafts: BoardDraftService;
  readonly importBundle: ImportBundle;
  readonly channels: ChannelService;
  readonly tries: BundleTries;
  readonly kernelReport: KernelReport;
  readonly enlist: EnlistService;
  readonly bmcUsers: BmcUserService;
  readonly parameters: ParameterService;
  readonly advisor: DhcpAdvisor;
  readonly bootFiles: BootFiles;
  readonly timeline: EventBuffer;
  readonly verdicts: BootWatch;
}

/** Wires the use cases to each other and to their parts. */
export async function buildServices(parts: ServiceParts): Promise<Services> {
  const { store, log } = parts;
  const { boards } = parts.catalogue;
  const networks = (): readonly Network[] => parts.networks;
  const boardDtbs = await startBoardDtbs(parts);
  const timeline = createEventBuffer({ events: store.events, clock: parts.clock, log });
  const consoles = await startConsoles({
    ...parts,
    timeline,
    transports: parts.consoleTransports,
    patterns: () => parts.catalogue.consolePatterns(),
  });
  const booting = await buildBooting(parts, timeline, consoles);
  const { sources, power, tries, enlist } = booting;
  await followEvents({ ...booting, store, log, prepare: startPreparing(parts, sources, networks) });
  const machines = createMachineService({ ...parts, boards, networks, readTree: readFdt });
  const parameters = createParameterService({ ...parts, boards, networks });
  return {
    machines,
    power,
    consoles,
    flips: flipTests(parts, { machines, power, consoles }),
    explain: createExplain({
      ...parts,
      ...sources,
      files: parts.artefacts,
      writeBootargs,
      networks,
      digest: sha256Of,
      dhcpAnswer: explainAnswer,
      text: textOfRendered,
    }),
    boardDtbs,
    boardDrafts: boardDrafts(parts),
    ...bundleServices(parts),
    tries,
    enlist,
    parameters,
    bmcUsers: createBmcUserService({ ...parts, enlist, machines, power, parameters, events: store.events }),
    ...servingOf(parts, booting),
    timeline,
    verdicts: await startWatch(parts, booting.sessions),
  };
}

/** What the boots under way are kept in, and who decides about them. */
interface Booting {
  readonly sources: BootFactSources;
  readonly reservations: Reservations;
  readonly timeline: EventBuffer;
  readonly sessions: BootSessions;
  readonly enlist: EnlistService;
  readonly power: PowerService;
  readonly tries: BundleTries;
}

async function buildBooting(parts: ServiceParts, timeline: EventBuffer, consoles: ConsoleDesk): Promise<Booting> {
  const { store, clock, rng, log, artefacts } = parts;
  const { boards } = parts.catalogue;
  const openDtb = async (sha256: Sha256) => (await boards.openDtb(sha256)) ?? artefacts.open(sha256);
  // Trials order power, power asks for the plan, and the plan asks which bundle is on trial.
  const planned: { next?: PlanNext } = {};
  const planNext: PlanNext = async (machine, trial) => planned.next?.(machine, trial);
  const power = createPowerService({ ...parts, boards, planNext, consoles });
  const tries = createBundleTries({ store, power, planNext, clock, log }, await store.tries.list());
  const sources = bootSources(parts, tries);
  planned.next = createPlanNext({ ...sources, networks: () => parts.networks });
  return {
    sources,
    reservations: createReservations(),
    timeline,
    sessions: createBootSessions({ boots: store.boots, timeline, clock, rng, sha256: sha256Of }),
    enlist: createEnlistService({
      ...parts,
      machines: store.machines,
      boots: store.boots,
      events: store.events,
      sha256: sha256Of,
      seen: createServedSeen({ openDtb, compareTrees, clock }),
      isHolderKnown: (address) => parts.networks.some((network) => isHolderKnown(network, address)),
      recognise: (evidence) => recognise(boards.list(), evidence),
    }),
    power,
    tries,
  };
}

/** How DHCP, TFTP and HTTP ask for what a board gets. */
function servingOf(parts: ServiceParts, booting: Booting): Pick<Services, 'advisor' | 'bootFiles'> {
  const deps = { ...booting.sources, ...parts.store, ...booting, clock: parts.clock };
  return {
    advisor: createDhcpAdvisor(deps),
    bootFiles: createBootFiles({
      ...deps,
      store: parts.artefacts,
      render: parts.render,
      writeBootargs,
      macOfAddress: parts.macOfAddress,
      networkOfPeer: (peer) => parts.networks.find((network) => contains(network.subnet, peer)),
      digest: sha256Of,
    }),
  };
}

/** Files that boards read in another form are made before they are asked for, from now on. */
function startPreparing(
  { store, log }: ServiceParts,
  sources: BootFactSources,
  networks: () => readonly Network[],
): ReturnType<typeof createPrepareFiles> {
  const prepare = createPrepareFiles({
    ...sources,
    machines: store.machines,
    networks,
    failed: (error) => {
      log.error(`files for boots could not be prepared: ${String(error)}`);
    },
  });
  prepare();
  return prepare;
}

function startWatch(parts: ServiceParts, sessions: BootSessions): Promise<BootWatch> {
  const { boards } = parts.catalogue;
  const inspect = inspectFiles({ boards, openArtefact: (sha256) => parts.artefacts.open(sha256) });
  return watchBoots({ ...parts, sessions, inspect, deadlines: parts.bootDeadlines });
}

/** Behind a relay in proxy mode there is only what clients say, and after a restart not even that. */
function isHolderKnown({ dhcp, subnet, interface: device }: Network, address: Ipv4): boolean {
  return contains(subnet, address) && (dhcp === 'full' || (dhcp === 'proxy' && device !== undefined));
}

async function startBoardDtbs(parts: ServiceParts): Promise<BoardDtbService> {
  const { boards } = parts.catalogue;
  const service = createBoardDtbService({ ...parts, boards, shelf: boards, readTree: readFdt });
  await service.start();
  return service;
}

function boardDrafts({ store, clock, catalogue }: ServiceParts): BoardDraftService {
  return createBoardDrafts({
    ...{ store, clock, boards: catalogue.boards, site: catalogue.site },
    reread: () => void catalogue.refresh(),
  });
}

function flipTests(parts: ServiceParts, services: Pick<Services, 'machines' | 'power' | 'consoles'>): FlipTests {
  const { events } = parts.store;
  const byFlipClock = { events, clock: parts.flipClock };
  return createFlipTests({
    ...parts,
    ...services,
    signs: createSigns({
      ...byFlipClock,
      answers: answersNow(probeMeans(parts.clock)),
      addressOf: (machine) => addressOf(machine, parts.leases()),
      askings: hearAskings(byFlipClock),
      consoles: services.consoles,
    }),
    watch: createFlipWatch(byFlipClock),
  });
}

function addressOf(machine: Machine, leases: readonly Lease[]): Ipv4 | undefined {
  const lease = leases.find(({ mac, state }) => state === 'bound' && machine.macs.includes(mac));
  return lease?.address ?? machine.reserved;
}

/** What people do with bundles, trials aside. */
function bundleServices(parts: ServiceParts): Pick<Services, 'bundles' | 'importBundle' | 'channels' | 'kernelReport'> {
  const { store, clock, artefacts } = parts;
  const reader = createBundleReader(artefacts);
  const bundles = createBundleService({ store, reader, clock });
  return {
    bundles,
    importBundle: createImportBundle({ ...parts, bundles, reader }),
    channels: createChannelService({ store, clock }),
    kernelReport: createKernelReport({ store }),
  };
}

/** Where the facts of a boot decision are looked up. */
function bootSources(parts: ServiceParts, tries: BundleTries): BootFactSources {
  return {
    boards: parts.catalogue.boards,
    bundles: parts.store.bundles,
    trialOf: (machine, boot) => tries.trialOf(machine, boot),
    artefacts: parts.store.artefacts,
    parameters: parts.store.parameters,
    clock: parts.clock,
    recognise: (request) => recognise(parts.catalogue.boards.list(), { ...request, facts: undefined }),
    siteArgs: parts.siteArgs,
    httpPort: parts.httpPort,
    derived: openDerivedFiles({ ...parts, openDtb: (sha256) => parts.catalogue.boards.openDtb(sha256) }),
  };
}
