import { contains, type Ipv4, type Sha256 } from '../core/address.ts';
import type { BootDeadlines } from '../core/boot-verdict.ts';
import type { Lease, Network } from '../core/lease.ts';
import { recognise } from '../core/recognise.ts';
import { sha256Of } from '../edges/digest.ts';
import type { BoardCatalogue } from '../files/board-catalogue.ts';
import { openDerivedFiles } from '../files/derived-files.ts';
import { inspectFiles } from '../files/inspect-files.ts';
import type { BootFiles } from '../ports/boot-files.ts';
import type { Clock } from '../ports/clock.ts';
import type { DhcpAdvisor, MacOfAddress } from '../ports/dhcp-advisor.ts';
import type { Log } from '../ports/log.ts';
import type { PowerDrivers } from '../ports/power-drivers.ts';
import type { Render } from '../ports/render.ts';
import type { Rng } from '../ports/rng.ts';
import { writeBootargs } from '../render/bootargs-dtb.ts';
import type { BootFactSources } from '../services/boot-facts.ts';
import { createBootSessions, type BootSessions } from '../services/boot-sessions.ts';
import { createBundleService, type BundleService } from '../services/bundles.ts';
import { createEnlistService, type EnlistService } from '../services/enlist.ts';
import { createEventBuffer, type EventBuffer } from '../services/event-buffer.ts';
import { createExplain, type Explain } from '../services/explain.ts';
import { followEvents } from '../services/follow-events.ts';
import { createMachineService, type MachineService } from '../services/machines.ts';
import { createPrepareFiles } from '../services/prepare-files.ts';
import { createPowerService, type PowerService } from '../services/power.ts';
import { createReservations } from '../services/reservations.ts';
import { createDhcpAdvisor } from '../services/serve-boot.ts';
import { createBootFiles } from '../services/serve-files.ts';
import { createServedSeen } from '../services/served-seen.ts';
import { watchBoots, type BootWatch } from '../services/watch-boots.ts';
import { explainAnswer } from '../net/dhcp-explain.ts';
import { compareTrees } from '../wire/fdt/compare.ts';
import type { Memory } from './open-memory.ts';

/** What the use cases are built on. */
export interface ServiceParts extends Memory {
  readonly boards: BoardCatalogue;
  readonly drivers: PowerDrivers;
  readonly render: Render;
  readonly networks: readonly Network[];
  readonly siteArgs: readonly string[];
  readonly dataDir: string;
  readonly httpPort: number;
  readonly bootDeadlines: BootDeadlines;
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
  readonly enlist: EnlistService;
  readonly advisor: DhcpAdvisor;
  readonly bootFiles: BootFiles;
  readonly timeline: EventBuffer;
  readonly verdicts: BootWatch;
}

/** Wires the use cases to each other and to their parts. */
export async function buildServices(parts: ServiceParts): Promise<Services> {
  const { store, clock, rng, log } = parts;
  const networks = (): readonly Network[] => parts.networks;
  const reservations = createReservations();
  const timeline = createEventBuffer({ events: store.events, clock, log });
  const sessions = createBootSessions({ boots: store.boots, timeline, clock, rng, sha256: sha256Of });
  const openDtb = async (sha256: Sha256) => (await parts.boards.openDtb(sha256)) ?? parts.artefacts.open(sha256);
  const enlist = createEnlistService({
    ...parts,
    machines: store.machines,
    boots: store.boots,
    events: store.events,
    sha256: sha256Of,
    seen: createServedSeen({ openDtb, compareTrees, clock }),
    isHolderKnown: (address) => parts.networks.some((network) => isHolderKnown(network, address)),
    recognise: (evidence) => recognise(parts.boards.list(), evidence),
  });
  const sources = bootSources(parts);
  const booting = { ...sources, ...store, sessions, enlist, reservations, timeline, clock };
  const prepare = createPrepareFiles({
    ...sources,
    machines: store.machines,
    networks,
    failed: (error) => {
      log.error(`files for boots could not be prepared: ${String(error)}`);
    },
  });
  await followEvents({ store, log, reservations, sessions, prepare });
  prepare();
  const verdicts = await startWatch(parts, sessions);
  return {
    machines: createMachineService({ ...parts, networks }),
    power: createPowerService(parts),
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
    bundles: createBundleService({ store, clock }),
    enlist,
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
    verdicts,
  };
}

function startWatch(parts: ServiceParts, sessions: BootSessions): Promise<BootWatch> {
  const inspect = inspectFiles({ ...parts, openArtefact: (sha256) => parts.artefacts.open(sha256) });
  return watchBoots({ ...parts, sessions, inspect, deadlines: parts.bootDeadlines });
}

/** Behind a relay in proxy mode there is only what clients say, and after a restart not even that. */
function isHolderKnown({ dhcp, subnet, interface: device }: Network, address: Ipv4): boolean {
  return contains(subnet, address) && (dhcp === 'full' || (dhcp === 'proxy' && device !== undefined));
}

/** Where the facts of a boot decision are looked up. */
function bootSources(parts: ServiceParts): BootFactSources {
  return {
    boards: parts.boards,
    bundles: parts.store.bundles,
    artefacts: parts.store.artefacts,
    recognise: (request) => recognise(parts.boards.list(), { ...request, facts: undefined }),
    siteArgs: parts.siteArgs,
    httpPort: parts.httpPort,
    derived: openDerivedFiles({ ...parts, openDtb: (sha256) => parts.boards.openDtb(sha256) }),
  };
}
