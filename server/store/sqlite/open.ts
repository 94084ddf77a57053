import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import type { Clock } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { Store } from '../../ports/store.ts';
import { createBoardDtbStore } from './board-dtbs.ts';
import { createBootStore } from './boots.ts';
import { createArtefactStore, createBundleStore } from './bundles.ts';
import { createConsoleStore } from './consoles.ts';
import { createEventHub, createEventStore, eventInserter } from './events.ts';
import { createLeaseStore } from './leases.ts';
import { BUSY_BLOCK_MS, createLedger, unavailable } from './ledger.ts';
import { createMachineStore } from './machines.ts';
import { migrate, migrationsFolder, readMigrations, refuseUnfit, type Migration } from './migrate.ts';
import { createParameterStore } from './parameters.ts';
import { createPowerOrderStore, createSecretStore } from './power-orders.ts';
import { StoreRefused } from './refused.ts';
import { createTryStore } from './tries.ts';
import { createUserStore } from './users.ts';

/** What the store needs. */
export interface StoreOptions {
  /** The database file; made with mode 0600, its folder with 0700, when absent. */
  readonly file: string;
  readonly clock: Clock;
  readonly log: Log;
  /** For tests of upgrades; the shipped migrations when absent. */
  readonly migrations?: readonly Migration[];
}

/** Refuses a damaged file before anything is written to it. */
function refuseDamaged(db: Database.Database): void {
  const remedy = 'nothing was changed; restore the last good copy';
  let findings: unknown;
  try {
    findings = db.pragma('quick_check(1)', { simple: true });
  } catch (error) {
    if (!(error instanceof Database.SqliteError) || !/^SQLITE_(CORRUPT|NOTADB)/.test(error.code)) throw error;
    throw new StoreRefused('corrupt', `${db.name} is not a sound database (${error.message}); ${remedy}`, {
      cause: error,
    });
  }
  if (findings === 'ok') return;
  const first = String(findings).split('\n')[0] ?? '';
  throw new StoreRefused('corrupt', `${db.name} is damaged (${first}); ${remedy}`);
}

/** WAL so that readers and the writer pass each other; FULL so that a commit is on the disk when it returns. */
function openDatabase({ file, clock, log, migrations }: StoreOptions): Database.Database {
  const known = migrations ?? readMigrations(migrationsFolder());
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  closeSync(openSync(file, 'a', 0o600));
  const db = new Database(file, { timeout: BUSY_BLOCK_MS });
  try {
    refuseDamaged(db);
    refuseUnfit(db, known);
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = FULL');
    db.pragma('foreign_keys = ON');
    const done = migrate(db, known, clock);
    if (done.backup !== undefined)
      log.info('the database was upgraded', { applied: done.applied.join(', '), copyBefore: done.backup });
    return db;
  } catch (error) {
    db.close();
    throw unavailable(error, file);
  }
}

/**
 * Opens Farrier's memory and brings it to the newest schema.
 * @throws StoreRefused when the file is damaged, foreign or newer. @throws StoreUnavailable when it cannot be used now.
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const db = await Promise.resolve().then(() => openDatabase(options));
  const hub = createEventHub(options.log);
  const ledger = createLedger({
    db,
    clock: options.clock,
    insertEvent: eventInserter(db),
    publish: (events) => {
      hub.publish(events);
    },
  });
  return {
    machines: createMachineStore(ledger),
    events: createEventStore(ledger, hub),
    leases: createLeaseStore(ledger),
    boots: createBootStore(ledger),
    bundles: createBundleStore(ledger),
    tries: createTryStore(ledger),
    artefacts: createArtefactStore(ledger),
    parameters: createParameterStore(ledger),
    boardDtbs: createBoardDtbStore(ledger),
    secrets: createSecretStore(ledger),
    consoles: createConsoleStore(ledger),
    powerOrders: createPowerOrderStore(ledger),
    users: createUserStore(ledger, options.clock),
    probe: () =>
      ledger.write(() => {
        // A page of the file is written although nothing changes.
        db.pragma(`user_version = ${String(db.pragma('user_version', { simple: true }))}`);
      }),
    close: async () => {
      await ledger.settled();
      db.close();
    },
  };
}
