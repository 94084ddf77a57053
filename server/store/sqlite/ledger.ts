import Database from 'better-sqlite3';
import type { FarrierEvent, NewEvent } from '../../core/event.ts';
import { pause, type Clock } from '../../ports/clock.ts';
import { StoreUnavailable } from '../../ports/store.ts';

/** How long one call may hold the event loop when another process has the lock. */
export const BUSY_BLOCK_MS = 250;
const BUSY_PAUSE_MS = 40;
/** Writes that share one commit, and with it one wait for the disk; more would hold the event loop. */
const BATCH_MAX = 128;
/** How long a write waits for the lock in all, the event loop running meanwhile. */
export const BUSY_LIMIT_MS = 5000;

/** Writes events inside the transaction under way and gives them back with their numbers. */
type Note = (events: readonly NewEvent[]) => readonly FarrierEvent[];

/**
 * The one way to the database. Reads wait for nothing. Writes run one after the other in the order asked, each whole or
 * not at all; those that wait together share a commit, so that a flood of writes costs few waits for the disk. When
 * somebody else holds the lock they wait without holding the event loop.
 */
export interface Ledger {
  readonly db: Database.Database;
  /** @throws StoreUnavailable */
  read<T>(job: () => T): Promise<T>;
  /** Commits `job`, then tells the listeners what it noted. @throws StoreUnavailable */
  write<T>(job: (note: Note) => T): Promise<T>;
  /** Resolves when all writes asked for so far have ended. */
  settled(): Promise<void>;
}

/** What the ledger needs from outside. */
export interface LedgerNeeds {
  readonly db: Database.Database;
  readonly clock: Clock;
  /** Inserts one event; the answer carries its number. */
  readonly insertEvent: (event: NewEvent) => FarrierEvent;
  /** Called after each commit that noted something. Must not throw. */
  readonly publish: (events: readonly FarrierEvent[]) => void;
}

const codeOf = (error: unknown): string => (error instanceof Database.SqliteError ? error.code : '');
const isBusy = (error: unknown): boolean => /^SQLITE_(BUSY|LOCKED)/.test(codeOf(error));

/** The remedy for each way in which the disk or another process lets SQLite down; other errors stay as they are. */
export function unavailable<E>(error: E, file: string): E | StoreUnavailable {
  const code = codeOf(error);
  const say = (words: string): StoreUnavailable =>
    new StoreUnavailable(`the database ${file} ${words}`, { cause: error });
  if (code.startsWith('SQLITE_FULL')) return say('cannot grow: the disk is full; free some space on it');
  if (/^SQLITE_(BUSY|LOCKED)/.test(code))
    return say('is locked by another process; end it (`fuser` with this file names it)');
  if (code.startsWith('SQLITE_READONLY')) return say('cannot be written; check its owner, mode and mount');
  if (/^SQLITE_(IOERR|CANTOPEN)/.test(code))
    return say(`cannot be read or written (${code}); check the disk and its free space`);
  return error;
}

/** A write that waits for its turn. */
interface Waiting {
  readonly askedMs: number;
  /** Does the work inside the transaction; the answer tells the asker. */
  readonly run: (note: Note) => () => void;
  readonly fail: (error: unknown) => void;
}

/** Wraps an open database. */
export function createLedger(needs: LedgerNeeds): Ledger {
  const { db } = needs;
  const commit = batchCommit(needs);
  const queue: Waiting[] = [];
  let working: Promise<void> | undefined;

  const work = async (): Promise<void> => {
    // Writers of the same turn of the event loop share the first commit, those that come during one share the next.
    do {
      await turn();
      const batch = queue.splice(0, BATCH_MAX);
      const left = commit(batch);
      queue.unshift(...left);
      if (left.length > 0) await pause(needs.clock, BUSY_PAUSE_MS);
    } while (queue.length > 0);
    working = undefined;
  };

  return {
    db,
    read: (job) =>
      Promise.resolve()
        .then(job)
        .catch((error: unknown) => {
          throw unavailable(error, db.name);
        }),
    write: (job) =>
      new Promise((resolve, reject) => {
        const run = (note: Note) => {
          const value = job(note);
          return () => {
            resolve(value);
          };
        };
        const fail = (error: unknown): void => {
          reject(unavailable(error instanceof Error ? error : new Error(String(error)), db.name));
        };
        queue.push({ askedMs: needs.clock.monotonicMs(), run, fail });
        working ??= work();
      }),
    settled: () => working ?? Promise.resolve(),
  };
}

const turn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

/**
 * Makes the commit of a batch. It tells every asker what became of his write, and gives back those that must wait
 * because another process has the lock.
 */
function batchCommit({
  db,
  clock,
  insertEvent,
  publish,
}: LedgerNeeds): (batch: readonly Waiting[]) => readonly Waiting[] {
  let wasBusy = false;

  /** One transaction with a savepoint for each write: what one does wrong undoes nothing of the others. */
  const runAll = (batch: readonly Waiting[]): readonly (() => void)[] => {
    const noted: FarrierEvent[] = [];
    const tells = db.transaction(() => batch.map((waiting) => runOne(waiting, noted))).immediate();
    if (noted.length > 0) publish(noted);
    return tells;
  };

  const runOne = (waiting: Waiting, noted: FarrierEvent[]): (() => void) => {
    const own: FarrierEvent[] = [];
    const note: Note = (events) => {
      const numbered = events.map(insertEvent);
      own.push(...numbered);
      return numbered;
    };
    try {
      const tell = db.transaction(() => waiting.run(note))();
      noted.push(...own);
      return tell;
    } catch (error) {
      // A full disk may have undone the whole transaction.
      if (!db.inTransaction) throw error;
      return () => {
        waiting.fail(error);
      };
    }
  };

  // The first try may block for BUSY_BLOCK_MS, which carries over the short locks of a backup. The later ones do not
  // block at all: DHCP goes on answering from memory while the lock is held.
  const withoutBlocking = (batch: readonly Waiting[]): readonly (() => void)[] => {
    db.pragma('busy_timeout = 0');
    try {
      return runAll(batch);
    } finally {
      db.pragma(`busy_timeout = ${String(BUSY_BLOCK_MS)}`);
    }
  };

  return (batch) => {
    try {
      const tells = wasBusy ? withoutBlocking(batch) : runAll(batch);
      wasBusy = false;
      for (const tell of tells) tell();
      return [];
    } catch (error) {
      wasBusy = isBusy(error);
      const hasTime = ({ askedMs }: Waiting): boolean => wasBusy && clock.monotonicMs() - askedMs < BUSY_LIMIT_MS;
      for (const waiting of batch) if (!hasTime(waiting)) waiting.fail(error);
      return batch.filter(hasTime);
    }
  };
}
