import type { Router } from 'express';
import type { Network } from '../core/lease.ts';
import type { Artefacts } from '../ports/artefacts.ts';
import type { Boards } from '../ports/boards.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import type { DriverCatalogue } from '../ports/power-drivers.ts';
import type { Rng } from '../ports/rng.ts';
import type { Store } from '../ports/store.ts';
import type { BmcUserService } from '../services/bmc-user.ts';
import type { BoardDraftService } from '../services/board-drafts.ts';
import type { BoardDtbService } from '../services/board-dtbs.ts';
import type { BundleService } from '../services/bundles.ts';
import type { BundleTries } from '../services/bundle-tries.ts';
import type { ChannelService } from '../services/channels.ts';
import type { DriverTests } from '../services/driver-tests.ts';
import type { EnlistService } from '../services/enlist.ts';
import type { BootWatch } from '../services/watch-boots.ts';
import type { Explain } from '../services/explain.ts';
import type { ImportBundle } from '../services/import-bundle.ts';
import type { KernelReport } from '../services/kernel-report.ts';
import type { MachineService } from '../services/machines.ts';
import type { ParameterService } from '../services/parameters.ts';
import type { PowerService } from '../services/power.ts';
import type { Users } from './auth.ts';

/** One complaint of the board catalogue's linter. */
interface BoardFinding {
  readonly file: string;
  readonly line: number | undefined;
  readonly severity: 'error' | 'warning';
  readonly words: string;
  readonly remedy: string;
}

/** Something wrong around the daemon that operators should see on the rack page. */
export interface Notice {
  readonly tone: 'warning' | 'bad';
  readonly text: string;
}

/** A router of another part that answers below a path, before any session is asked for (boot files). */
interface Mounted {
  readonly path: string;
  readonly router: Router;
}

/** All that the HTTP server stands on. */
export interface HttpDeps {
  readonly store: Pick<Store, 'machines' | 'events' | 'leases' | 'boots' | 'bundles' | 'artefacts'>;
  readonly machines: MachineService;
  readonly power: PowerService;
  readonly explain: Explain;
  readonly bundles: BundleService;
  readonly importBundle: ImportBundle;
  readonly channels: ChannelService;
  readonly tries: Pick<BundleTries, 'list' | 'of' | 'ask' | 'abort'>;
  readonly kernelReport: KernelReport;
  readonly enlist: EnlistService;
  readonly bmcUsers: BmcUserService;
  readonly parameters: ParameterService;
  readonly verdicts: Pick<BootWatch, 'of'>;
  readonly users: Users;
  readonly boards: Boards;
  readonly boardDtbs: BoardDtbService;
  readonly boardDrafts: BoardDraftService;
  readonly lintBoards: () => Promise<readonly BoardFinding[]>;
  readonly drivers: DriverCatalogue;
  readonly driverTests: DriverTests;
  readonly artefacts: Artefacts;
  readonly networks: readonly Network[];
  /** What stands above the rack now; nothing when all is well. */
  readonly notices?: () => readonly Notice[];
  /** Why the daemon cannot serve now, in words; nothing when it can. */
  readonly notReady: () => Promise<string | undefined>;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
  /** `server/web/assets` and `templates/html`, absolute. */
  readonly assetsFolder: string;
  readonly templatesFolder: string;
  /** Shown at the foot of the pages and in the OpenAPI document. */
  readonly version: string;
  readonly routers: readonly Mounted[];
}
