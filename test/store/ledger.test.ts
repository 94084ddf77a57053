import { strict as assert } from 'node:assert';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { Clock } from '../../server/ports/clock.ts';
import { StoreUnavailable } from '../../server/ports/store.ts';
import {
  BUSY_BLOCK_MS,
  BUSY_LIMIT_MS,
  createLedger,
  unavailable,
  type Ledger,
} from '../../server/store/sqlite/ledger.ts';

/** Time that passes only by being waited for: each pause moves it on at once. */
function createHurriedClock(paused: () => void): Clock {
  let nowMs = 0;
  return {
    now: () => nowMs,
    monotonicMs: () => nowMs,
    after: (ms, call) => {
      const handle = setImmediate(() => {
        nowMs += ms;
        paused();
        call();
      });
      return () => {
        clearImmediate(handle);
      };
    },
  };
}

describe('ledger', () => {
  let folder: string;
  let db: Database.Database;
  let other: Database.Database;
  let pauses: number;
  let onPause: () => void;
  let ledger: Ledger;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'farrier-ledger-'));
    db = new Database(join(folder, 'a.db'), { timeout: 20 });
    db.pragma('journal_mode = WAL');
    db.exec('CREATE TABLE t (n INTEGER)');
    other = new Database(db.name, { timeout: 0 });
    pauses = 0;
    onPause = () => undefined;
    const clock = createHurriedClock(() => {
      pauses++;
      onPause();
    });
    ledger = createLedger({ db, clock, insertEvent: (event) => ({ ...event, id: 1 }), publish: () => undefined });
  });
  afterEach(() => {
    other.close();
    db.close();
    rmSync(folder, { recursive: true });
  });

  const insert = (n: number) => ledger.write(() => db.prepare('INSERT INTO t VALUES (?)').run(n).changes);
  const rows = (): unknown[] => db.prepare('SELECT n FROM t').pluck().all();

  it('waits for a lock without holding the event loop, keeps the order, and goes on', async () => {
    other.exec('BEGIN IMMEDIATE');
    onPause = () => {
      if (pauses === 10) other.exec('COMMIT');
    };
    await Promise.all([insert(1), insert(2), insert(3)]);
    assert.ok(pauses >= 10);
    assert.deepEqual(rows(), [1, 2, 3]);
  });

  it('reads go on while another process holds the write lock', async () => {
    other.exec('BEGIN IMMEDIATE');
    const write = insert(1);
    assert.deepEqual(await ledger.read(rows), []);
    other.exec('COMMIT');
    await write;
  });

  it('gives up after 5 s in words, and works again once the lock is gone', async () => {
    other.exec('BEGIN IMMEDIATE');
    const outcomes = await Promise.allSettled([insert(1), insert(2)]);
    for (const outcome of outcomes)
      assert.ok(
        outcome.status === 'rejected' &&
          outcome.reason instanceof StoreUnavailable &&
          /locked by another process/.test(outcome.reason.message),
      );
    assert.ok(pauses * 40 <= BUSY_LIMIT_MS + 40);
    other.exec('COMMIT');
    await insert(3);
    assert.deepEqual(rows(), [3]);
  });

  it('writes that wait together share a commit; one that fails undoes nothing of the others', async () => {
    const watch = new Database(db.name);
    const version = (): number => Number(watch.pragma('data_version', { simple: true }));
    const before = version();
    const fails = ledger.write(() => {
      db.prepare('INSERT INTO t VALUES (99)').run();
      throw new TypeError('mine');
    });
    const outcomes = await Promise.allSettled([insert(1), insert(2), fails, insert(3)]);
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['fulfilled', 'fulfilled', 'rejected', 'fulfilled'],
    );
    assert.deepEqual(rows(), [1, 2, 3]);
    assert.equal(version(), before + 1);
    watch.close();
  });

  it('many writes behind a lock do not each hold the event loop', async () => {
    other.exec('BEGIN IMMEDIATE');
    const startMs = performance.now();
    const outcomes = await Promise.allSettled(Array.from({ length: 30 }, (_, n) => insert(n)));
    assert.ok(outcomes.every((outcome) => outcome.status === 'rejected'));
    const heldMs = performance.now() - startMs;
    assert.ok(heldMs < (30 * BUSY_BLOCK_MS) / 2, `${String(heldMs)} ms for one held lock`);
    other.exec('COMMIT');
  });

  it('a full disk fails the write whole, and writing works again when there is room', async () => {
    const pages = db.pragma('page_count', { simple: true });
    db.pragma(`max_page_count = ${String(pages)}`);
    const big = () =>
      ledger.write(() => {
        for (let n = 0; n < 5000; n++) db.prepare('INSERT INTO t VALUES (?)').run(n);
      });
    await assert.rejects(big(), (error) => error instanceof StoreUnavailable && /disk is full/.test(error.message));
    assert.deepEqual(rows(), []);
    db.pragma('max_page_count = 100000');
    await big();
    assert.equal(rows().length, 5000);
  });

  it('a fault of the job itself rolls back and is passed on as it is', async () => {
    const fault = new TypeError('mine');
    const job = ledger.write(() => {
      db.prepare('INSERT INTO t VALUES (1)').run();
      throw fault;
    });
    await assert.rejects(job, (error) => error === fault);
    await assert.rejects(
      ledger.read(() => {
        throw fault;
      }),
      (error) => error === fault,
    );
    assert.deepEqual(rows(), []);
    await insert(2);
    assert.deepEqual(rows(), [2]);
  });

  const cases: readonly (readonly [string, RegExp])[] = [
    ['SQLITE_FULL', /free some space/],
    ['SQLITE_BUSY_SNAPSHOT', /locked by another/],
    ['SQLITE_READONLY_DBMOVED', /owner, mode/],
    ['SQLITE_IOERR_WRITE', /SQLITE_IOERR_WRITE/],
    ['SQLITE_CANTOPEN', /check the disk/],
  ];
  for (const [code, words] of cases)
    it(`${code} is told with its remedy`, () => {
      const told = unavailable(new Database.SqliteError('x', code), 'farrier.db');
      assert.ok(told instanceof StoreUnavailable && words.test(told.message) && told.message.includes('farrier.db'));
    });

  it('a constraint is not mistaken for an unavailable store', () => {
    const error = new Database.SqliteError('x', 'SQLITE_CONSTRAINT_CHECK');
    assert.equal(unavailable(error, 'farrier.db'), error);
  });
});
