import { strict as assert } from 'node:assert';
import {
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
  closeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { Store } from '../../server/ports/store.ts';
import { migrationOf, migrationsFolder, readMigrations, type Migration } from '../../server/store/sqlite/migrate.ts';
import { openStore } from '../../server/store/sqlite/open.ts';
import { StoreRefused, type RefusalCode } from '../../server/store/sqlite/refused.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { createQuietLog } from '../support/quiet-log.ts';
import { sampleEvent, sampleLease, sampleMachine } from '../support/samples.ts';

describe('opening the SQLite store', () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'farrier-open-'));
    file = join(folder, 'data', 'farrier.db');
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  const shipped = readMigrations(migrationsFolder());
  const last = shipped.at(-1)?.number ?? 0;
  const nextFile = `${String(last + 1).padStart(4, '0')}-next.sql`;
  const second = migrationOf(nextFile, 'ALTER TABLE artefact ADD COLUMN note TEXT');
  const log = createQuietLog();
  const open = (migrations: readonly Migration[] = shipped): Promise<Store> =>
    openStore({ file, clock: createFakeClock(1_750_000_000_000), log, migrations });
  const refused =
    (code: RefusalCode) =>
    (error: unknown): boolean =>
      error instanceof StoreRefused && error.code === code && !error.message.includes('\n');
  const filled = async (): Promise<void> => {
    const store = await open();
    await store.machines.add(sampleMachine(1), [sampleEvent('met')]);
    await store.leases.commit([sampleLease(1)]);
    await store.close();
  };

  it('keeps what was written, and goes on with the event numbers', async () => {
    await filled();
    const store = await open();
    assert.deepEqual(await store.machines.list(), [sampleMachine(1)]);
    assert.deepEqual(await store.leases.list(), [sampleLease(1)]);
    const [later] = await store.events.append([sampleEvent('later')]);
    assert.equal(later?.id, 2);
    await store.close();
  });

  it('keeps an event with a figure JSON has no word for', async () => {
    const store = await open();
    await store.events.append([sampleEvent('sent', { detail: { octetsPerMs: Number.POSITIVE_INFINITY, octets: 5 } })]);
    const [kept] = await store.events.list({ limit: 1 });
    assert.deepEqual(kept?.detail, { octetsPerMs: 'Infinity', octets: 5 });
    await store.close();
  });

  it('is private to its owner, the journal and the folder too', async () => {
    const store = await open();
    await store.events.append([sampleEvent('x')]);
    assert.equal(statSync(join(folder, 'data')).mode & 0o777, 0o700);
    for (const name of readdirSync(join(folder, 'data')))
      assert.equal(statSync(join(folder, 'data', name)).mode & 0o077, 0, name);
    await store.close();
  });

  it('journals in a WAL', async () => {
    await filled();
    const db = new Database(file, { readonly: true });
    assert.equal(db.pragma('journal_mode', { simple: true }), 'wal');
    db.close();
  });

  it('no migration: no copy; a new one: applied after a private copy of the old state', async () => {
    await filled();
    await (await open()).close();
    assert.deepEqual(readdirSync(join(folder, 'data')), ['farrier.db']);
    await (await open([...shipped, second])).close();
    const copy = readdirSync(join(folder, 'data')).find((name) => name.includes(`.schema-${String(last)}.`)) ?? '';
    assert.equal(copy, `farrier.db.schema-${String(last)}.20250615T150640`);
    assert.equal(statSync(join(folder, 'data', copy)).mode & 0o777, 0o600);
    const old = new Database(join(folder, 'data', copy), { readonly: true });
    assert.equal(old.pragma('integrity_check', { simple: true }), 'ok');
    assert.deepEqual(old.prepare('SELECT count(*) AS n FROM machine').get(), { n: 1 });
    assert.deepEqual(old.prepare('SELECT max(number) AS n FROM migration').get(), { n: last });
    old.close();
    assert.ok(log.lines.some((line) => line.includes(nextFile) && line.includes(copy)));
  });

  it('a migration that fails half way leaves the old schema and the rows', async () => {
    await filled();
    const broken = migrationOf(nextFile, 'CREATE TABLE half (x TEXT) STRICT; INSERT INTO nowhere VALUES (1);');
    await assert.rejects(open([...shipped, broken]), /nowhere/);
    const store = await open();
    assert.equal((await store.machines.list()).length, 1);
    await store.close();
    const db = new Database(file, { readonly: true });
    assert.equal(db.prepare("SELECT 1 FROM sqlite_master WHERE name = 'half'").get(), undefined);
    db.close();
  });

  it('refuses a newer schema and touches nothing', async () => {
    await filled();
    await (await open([...shipped, second])).close();
    const before = readFileSync(file);
    await assert.rejects(open(), refused('newer-schema'));
    assert.ok(readFileSync(file).equals(before));
  });

  it('notices that a released migration was edited', async () => {
    await filled();
    const edited = shipped.map((each) => migrationOf(each.name, `${each.sql}\n-- a little change`));
    await assert.rejects(open(edited), refused('edited-migration'));
  });

  it("refuses another program's database and touches nothing", async () => {
    await (await open()).close();
    rmSync(file);
    const other = new Database(file);
    other.exec('CREATE TABLE recipe (name TEXT)');
    other.close();
    const before = readFileSync(file);
    await assert.rejects(open(), refused('foreign'));
    assert.ok(readFileSync(file).equals(before));
  });

  const damages: readonly (readonly [string, (path: string) => void])[] = [
    [
      'rubbish in place of a database',
      (path) => {
        writeFileSync(path, 'this is a shopping list, and a long one'.repeat(200));
      },
    ],
    [
      'pages overwritten',
      (path) => {
        const descriptor = openSync(path, 'r+');
        for (let page = 2; page < 12; page++) writeSync(descriptor, Buffer.alloc(4096, 0x5a), 0, 4096, page * 4096);
        closeSync(descriptor);
      },
    ],
    [
      'the end cut off',
      (path) => {
        writeFileSync(path, readFileSync(path).subarray(0, 4096 * 5));
      },
    ],
  ];
  for (const [what, damage] of damages)
    it(`refuses a damaged file (${what}) in one line and overwrites nothing`, async () => {
      await filled();
      damage(file);
      const before = readFileSync(file);
      await assert.rejects(open(), refused('corrupt'));
      assert.ok(readFileSync(file).equals(before));
    });

  it('the shipped migrations are numbered without gaps, and each is applied once', async () => {
    assert.deepEqual(
      shipped.map((each) => each.number),
      shipped.map((_, nth) => nth + 1),
    );
    await filled();
    await filled().catch(() => undefined);
    const db = new Database(file, { readonly: true });
    assert.deepEqual(db.prepare('SELECT count(*) AS n FROM migration').get(), { n: shipped.length });
    db.close();
  });
});
