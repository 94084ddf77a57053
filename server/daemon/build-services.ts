import { contains, type Ipv4 } from '../core/address.ts';
import type { FarrierEvent } from '../core/event.ts';
import type { Lease, Network } from '../core/lease.ts';
import { recognise } from '../core/recognise.ts';
import { sha256Of } from '../edges/digest.ts';
import { readFdt } from '../wire/fdt/fdt.ts';
import { createBundleReader } from '../files/bundle-reader.ts';
import { openDerivedFiles } from '../files/derived-files.ts';
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
import type { BootFactSources } from '../services/boot-facts.ts';
import { createBootSessions, type BootSessions } from '../services/boot-sessions.ts';
import { createBundleService, type BundleService } from '../services/bundles.ts';
import { createBundleTries, type BundleTries } from '../services/bundle-tries.ts';
import { createChannelService, type ChannelService } from '../services/channels.ts';
import { createEnlistService, type EnlistService } from '../services/enlist.ts';
import { createEventBuffer, type EventBuffer } from '../services/event-buffer.ts';
import { createExplain, type Explain } from '../services/explain.ts';
import { createImportBundle, type ImportBundle } from '../services/import-bundle.ts';
import { createKernelReport, type KernelReport } from '../services/kernel-report.ts';
import { createMachineService, type MachineService } from '../services/machines.ts';
import { oneAtATime } from '../services/one-at-a-time.ts';
import { createPrepareFiles } from '../services/prepare-files.ts';
import { createParameterService, type ParameterService } from '../services/parameters.ts';
import { createPowerService, type PowerService } from '../services/power.ts';
import { createReservations, type Reservations } from '../services/reservations.ts';
import { createDhcpAdvisor } from '../services/serve-boot.ts';
import { createBootFiles } from '../services/serve-files.ts';
import { explainAnswer } from '../net/dhcp-explain.ts';
import type { SiteCatalogue } from './site-catalogue.ts';
import type { Memory } from './open-memory.ts';

/** What the use cases are built on. */
export interface ServiceParts extends Memory {
  readonly catalogue: SiteCatalogue;
  readonly drivers: PowerDrivers;
  readonly render: Render;
  readonly fetchUrl: FetchUrl;
  readonly networks: readonly Network[];
  readonly siteArgs: readonly string[];
  readonly dataDir: string;
  readonly httpPort: number;
  /** All leases as they stand; DHCP starts after the services, so this asks late. */
  readonly leases: () => readonly Lease[];
  readonly macOfAddress: MacOfAddress;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
}

/** The use cases, wired. */
export interface Services {
  readonly machines: MachineService;
  readonly power: PowerService;
  readonly explain: Explain;
  readonly bundles: BundleService;
  readonly boardDtbs: BoardDtbService;
  readonly boardDrafts: BoardDraftService;
  readonly importBundle: ImportBundle;
  readonly channels: ChannelService;
  readonly tries: BundleTries;
  readonly kernelReport: KernelReport;
  readonly enlist: EnlistService;
  readonly parameters: ParameterService;
  readonly advisor: DhcpAdvisor;
  readonly bootFiles: BootFiles;
  readonly timeline: EventBuffer;
}

/** Wires the use cases to each other and to their parts. */
export async function buildServices(parts: ServiceParts): Promise<Services> {
  const { store, clock, rng, log, catalogue } = parts;
  const { boards } = catalogue;
  const boardDtbs = await startBoardDtbs(parts);
  const networks = (): readonly Network[] => parts.networks;
  const reservations = createReservations();
  const sessions = createBootSessions({ boots: store.boots, clock, rng, sha256: sha256Of });
  const timeline = createEventBuffer({ events: store.events, clock, log });
  const enlist = createEnlistService({
    ...parts,
    machines: store.machines,
    boots: store.boots,
    events: store.events,
    sha256: sha256Of,
    isHolderKnown: (address) => parts.networks.some((network) => isHolderKnown(network, address)),
    recognise: (evidence) => recognise(boards.list(), evidence),
  });
  const power = createPowerService({ ...parts, boards });
  const tries = createBundleTries({ store, power, clock, log }, await store.tries.list());
  const sources = bootSources(parts, tries);
  const booting = { ...sources, ...store, sessions, enlist, reservations, timeline, tries, clock };
  const prepare = createPrepareFiles({
    ...sources,
    machines: store.machines,
    networks,
    failed: (error) => {
      log.error(`files for boots could not be prepared: ${String(error)}`);
    },
  });
  await followEvents(parts, { reservations, sessions, prepare });
  prepare();
  return {
    machines: createMachineService({ ...parts, boards, networks }),
    power,
    explain: createExplain({
      ...parts,
      ...sources,
      files: parts.artefacts,
      writeBootargs,
      networks,
      digest: sha256Of,
      dhcpAnswer: explainAnswer,
      text: (octets) => new TextDecoder().decode(octets),
    }),
    boardDtbs,
    boardDrafts: boardDrafts(parts),
    ...bundleServices(parts),
    tries,
    enlist,
    parameters: createParameterService({ ...parts, boards, networks }),
    advisor: createDhcpAdvisor(booting),
    bootFiles: createBootFiles({
      ...booting,
      store: parts.artefacts,
      render: parts.render,
      writeBootargs,
      macOfAddress: parts.macOfAddress,
      networkOfPeer: (peer) => parts.networks.find((network) => contains(network.subnet, peer)),
      digest: sha256Of,
    }),
    timeline,
  };
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

/**
 * What other parts keep follows the store's events: reservations, boots that a power order ends, files that boards read
 * in another form.
 */
async function followEvents(
  parts: ServiceParts,
  followers: {
    readonly reservations: Reservations;
    readonly sessions: BootSessions;
    readonly prepare: ReturnType<typeof createPrepareFiles>;
  },
): Promise<void> {
  const { reservations, sessions, prepare } = followers;
  const { store, log } = parts;
  const refresh = async (): Promise<void> => {
    reservations.refresh(await store.machines.list());
  };
  // All machines are read each time: a hundred that come in at once must not read a hundred times a hundred.
  const refreshSoon = oneAtATime(refresh, (error) => {
    log.error(`reservations could not be read again: ${String(error)}`);
  });
  // Nobody writes yet, so nothing is missed between the two.
  await refresh();
  store.events.subscribe((events) => {
    for (const event of events) if (switchesOn(event)) sessions.end(event.machine);
    const changed = events.filter((event) => event.kind === 'state' || event.kind === 'edit');
    if (changed.length > 0) refreshSoon();
    const machines = changed.flatMap((event) => (event.machine === undefined ? [] : [event.machine]));
    if (machines.length > 0) prepare(machines);
  });
}

/** A machine that was switched on boots anew, whatever its firmware said before. */
function switchesOn(event: FarrierEvent): event is FarrierEvent & { machine: NonNullable<FarrierEvent['machine']> } {
  return event.kind === 'power' && event.machine !== undefined && event.detail['verb'] !== 'off';
}
