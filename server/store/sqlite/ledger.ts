import Database from 'better-sqlite3';
import type { FarrierEvent, NewEvent } from '../../core/event.ts';
import { pause, type Clock } from '../../ports/clock.ts';
import { StoreUnavailable } from '../../ports/store.ts';

/** How long one call may hold the event loop when another process has the lock. */
export const BUSY_BLOCK_MS = 250;
const BUSY_PAUSE_MS = 40;
/** How long a write waits for the lock in all, the event loop running meanwhile. */
export const BUSY_LIMIT_MS = 5000;

/** Writes events inside the transaction under way and gives them back with their numbers. */
type Note = (events: readonly NewEvent[]) => readonly FarrierEvent[];

/**
 * The one way to the database. Reads wait for nothing. Writes run one after the other in the order asked, each in a
 * transaction of its own; when somebody else holds the lock they wait without holding the event loop.
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
export function unavailable(error: unknown, file: string): unknown {
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

/** Wraps an open database. */
export function createLedger({ db, clock, insertEvent, publish }: LedgerNeeds): Ledger {
  let tail: Promise<void> = Promise.resolve();

  const commit = <T>(job: (note: Note) => T): T => {
    const noted: FarrierEvent[] = [];
    const note: Note = (events) => {
      const numbered = events.map(insertEvent);
      noted.push(...numbered);
      return numbered;
    };
    const value = db.transaction(() => job(note)).immediate();
    if (noted.length > 0) publish(noted);
    return value;
  };

  const commitWithoutBlocking = <T>(job: (note: Note) => T): T => {
    db.pragma('busy_timeout = 0');
    try {
      return commit(job);
    } finally {
      db.pragma(`busy_timeout = ${String(BUSY_BLOCK_MS)}`);
    }
  };

  // The first try may block for BUSY_BLOCK_MS, which carries over the short locks of a backup. The later ones do not
  // block at all: DHCP goes on answering from memory while the lock is held. Nor does a write that has waited behind
  // others already: fifty of them in a row would hold the event loop for seconds.
  const untilCommitted = async <T>(job: (note: Note) => T, askedMs: number): Promise<T> => {
    for (let tries = 0; ; tries++)
      try {
        const isFresh = tries === 0 && clock.monotonicMs() - askedMs < BUSY_BLOCK_MS;
        return isFresh ? commit(job) : commitWithoutBlocking(job);
      } catch (error) {
        if (!isBusy(error) || clock.monotonicMs() - askedMs >= BUSY_LIMIT_MS) throw unavailable(error, db.name);
        await pause(clock, BUSY_PAUSE_MS);
      }
  };

  return {
    db,
    read: (job) =>
      Promise.resolve()
        .then(job)
        .catch((error: unknown) => {
          throw unavailable(error, db.name);
        }),
    write: (job) => {
      const askedMs = clock.monotonicMs();
      const turn = tail.then(() => untilCommitted(job, askedMs));
      tail = turn.then(
        () => undefined,
        () => undefined,
      );
      return turn;
    },
    settled: () => tail,
  };
}
