import { createHash } from 'node:crypto';
import { ipv4, type Ipv4, type Mac, type Sha256 } from '../../server/core/address.ts';
import type { Board } from '../../server/core/board.ts';
import type { BootRequest } from '../../server/core/boot-plan.ts';
import type { Bundle } from '../../server/core/bundle.ts';
import type { FarrierEvent } from '../../server/core/event.ts';
import type { Network } from '../../server/core/lease.ts';
import type { Machine } from '../../server/core/machine.ts';
import { sha256Of } from '../../server/edges/digest.ts';
import { openRender } from '../../server/render/render.ts';
import { contentInMemory, type Artefacts, type Content } from '../../server/ports/artefacts.ts';
import type { Store } from '../../server/ports/store.ts';
import { createBootSessions } from '../../server/services/boot-sessions.ts';
import { createEventBuffer } from '../../server/services/event-buffer.ts';
import { createReservations } from '../../server/services/reservations.ts';
import type { ServeFilesDeps } from '../../server/services/serve-files.ts';
import { agent, debian, ubootBoard } from '../core/boot-fixtures.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';
import { createMemoryStore } from '../support/memory-store.ts';
import { writeBootargs } from '../../server/render/bootargs-dtb.ts';
import { noDerived } from '../support/no-derived.ts';
import { createQuietLog } from '../support/quiet-log.ts';

export const SERVER = ipv4(0x0a4d0001);
export const BOARD_ADDRESS = ipv4(0x0a4d0064);

export const rack1: Network = {
  name: 'rack1',
  interface: 'eth1',
  giaddr: undefined,
  subnet: { network: ipv4(0x0a4d0000), prefix: 24 },
  address: SERVER,
  dhcp: 'full',
  authoritative: true,
  pools: [{ first: ipv4(0x0a4d0064), last: ipv4(0x0a4d00c7) }],
  router: undefined,
  dns: [],
  leaseS: 3600,
  probe: 'none',
  unknown: 'enlist',
};

/** Artefacts in memory, by the digest a bundle says, whatever the octets. */
export function pretendArtefacts(bundles: readonly Bundle[]): Artefacts {
  const known = bundles.flatMap((bundle) => [
    bundle.kernel,
    ...(bundle.initrd ? [bundle.initrd] : []),
    ...bundle.loaders,
  ]);
  const contents = new Map<Sha256, Content>(
    known.map((each) => [each.sha256, contentInMemory(each.sha256, new Uint8Array(each.octets))]),
  );
  return {
    put: () => Promise.reject(new Error('not in this test')),
    open: (sha256) => Promise.resolve(contents.get(sha256)),
    find: (start) => Promise.resolve([...contents.keys()].find((each) => each.startsWith(start))),
    has: (sha256) => Promise.resolve(contents.has(sha256)),
  };
}

/** The boot services on a bench: real decision, real renderer, real sessions; memory store, still clock. */
export interface BootBench {
  readonly deps: ServeFilesDeps;
  readonly store: Store;
  readonly clock: FakeClock;
  readonly leases: Map<Ipv4, Mac>;
  /** The timeline so far. */
  events(): Promise<readonly FarrierEvent[]>;
}

export function layBench(machine: Machine | undefined, boards: readonly Board[] = [ubootBoard]): BootBench {
  const clock = createFakeClock();
  const store = createMemoryStore(clock);
  const leases = new Map<Ipv4, Mac>();
  let counter = 0;
  const rng = {
    octets: (count: number) =>
      createHash('sha512')
        .update(String((counter += 1)))
        .digest()
        .subarray(0, count),
  };
  const bundles = [agent, debian];
  const timeline = createEventBuffer({ events: store.events, clock, log: createQuietLog() });
  if (machine) void store.machines.add(machine, []);
  for (const bundle of bundles) void store.bundles.add(bundle, []);
  const deps: ServeFilesDeps = {
    boards: {
      list: () => boards,
      byName: (name) => boards.find((board) => board.name === name),
      findDtb: () => undefined,
      openDtb: () => Promise.resolve(undefined),
    },
    bundles: store.bundles,
    trialOf: () => undefined,
    tries: { boots: () => Promise.resolve(), served: () => Promise.resolve() },
    artefacts: store.artefacts,
    parameters: store.parameters,
    recognise: () => ({ board: ubootBoard.name, evidence: ['option 93 is 22'] }),
    siteArgs: [],
    httpPort: 5240,
    derived: noDerived,
    writeBootargs,
    machines: store.machines,
    boots: store.boots,
    sessions: createBootSessions({ boots: store.boots, timeline, clock, rng, sha256: sha256Of }),
    enlist: { meet: (mac) => store.machines.byMac(mac) },
    reservations: createReservations(),
    timeline,
    clock,
    store: pretendArtefacts(bundles),
    render: openRender([new URL('../../templates', import.meta.url).pathname]),
    macOfAddress: (address) => leases.get(address),
    networkOfPeer: () => rack1,
    digest: sha256Of,
  };
  return {
    deps,
    store,
    clock,
    leases,
    events: async () => {
      await timeline.flush();
      return store.events.list({ limit: 1000 });
    },
  };
}

/** What u-boot on arm64 says in DHCP. */
export function ubootRequest(mac: Mac): BootRequest {
  return {
    mac,
    clientArch: 22,
    vendorClass: 'U-Boot.armv8',
    userClass: undefined,
    systemUuid: undefined,
    loader: 'u-boot',
    arch: 'arm64',
    format: undefined,
  };
}
