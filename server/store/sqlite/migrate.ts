import { createHash } from 'node:crypto';
import { chmodSync, closeSync, existsSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type Database from 'better-sqlite3';
import type { Clock } from '../../ports/clock.ts';
import { StoreRefused } from './refused.ts';

/** One step of the schema. Never edited once released. */
export interface Migration {
  readonly number: number;
  readonly name: string;
  readonly sql: string;
  /** SHA-256 of `sql`, hexadecimal. */
  readonly sha256: string;
}

interface AppliedRow {
  readonly number: number;
  readonly name: string;
  readonly sha256: string;
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/**
 * The package's root: the nearest folder above this file with a package.json. The compiler copies no .sql files, so
 * the sources and the built program both read them from the source tree.
 */
function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json')) && folder !== dirname(folder)) folder = dirname(folder);
  return folder;
}

/** The folder of the shipped migrations. */
export function migrationsFolder(): string {
  return join(packageRoot(), 'server/store/sqlite/migrations');
}

/** A migration from its file name (`0001-first.sql`) and text. */
export function migrationOf(file: string, sql: string): Migration {
  return { number: Number(file.slice(0, 4)), name: file, sql, sha256: sha256(sql) };
}

/** Reads all migrations of a folder, ascending. */
export function readMigrations(folder: string): readonly Migration[] {
  return readdirSync(folder)
    .filter((file) => /^\d{4}-[a-z0-9-]+\.sql$/.test(file))
    .sort()
    .map((file) => migrationOf(file, readFileSync(join(folder, file), 'utf8')));
}

function tables(db: Database.Database): readonly string[] {
  return db
    .prepare<[], { name: string }>("SELECT name FROM sqlite_master WHERE type = 'table'")
    .all()
    .map((row) => row.name);
}

function applied(db: Database.Database): readonly AppliedRow[] {
  return db.prepare<[], AppliedRow>('SELECT number, name, sha256 FROM migration ORDER BY number').all();
}

/**
 * Refuses what must not be written to: another program's database, a newer schema, or one made by a migration that
 * has been edited since. Only reads.
 * @throws StoreRefused
 */
export function refuseUnfit(db: Database.Database, known: readonly Migration[]): void {
  const present = tables(db);
  if (present.length === 0) return;
  if (!present.includes('migration'))
    throw new StoreRefused('foreign', `${db.name} is a database of another program; name another "dataDir"`);
  for (const row of applied(db)) {
    const mine = known.find((each) => each.number === row.number);
    if (!mine)
      throw new StoreRefused(
        'newer-schema',
        `the database ${db.name} has schema ${String(row.number)} (${row.name}), which this Farrier does not know; ` +
          'run the newer Farrier again, or restore the copy made before the upgrade',
      );
    if (mine.sha256 !== row.sha256)
      throw new StoreRefused(
        'edited-migration',
        `migration ${row.name} differs from the one the database ${db.name} was made with; ` +
          'restore the file as it was released',
      );
  }
}

/** Copies the whole database beside itself, readable by its owner only; gives the copy's path. */
function backUp(db: Database.Database, schema: number, atMs: number): string {
  const stamp = new Date(atMs).toISOString().replace(/[-:]/g, '').slice(0, 15);
  const copy = `${db.name}.schema-${String(schema)}.${stamp}`;
  closeSync(openSync(copy, 'wx', 0o600));
  db.prepare('VACUUM INTO ?').run(copy);
  chmodSync(copy, 0o600);
  return copy;
}

function apply(db: Database.Database, migration: Migration, atMs: number): void {
  db.transaction(() => {
    db.exec(migration.sql);
    db.prepare('INSERT INTO migration (number, name, sha256, applied_ms) VALUES (?, ?, ?, ?)').run(
      migration.number,
      migration.name,
      migration.sha256,
      atMs,
    );
  }).exclusive();
}

/** What `migrate` did: the migrations applied, and the copy made before, if there was something to copy. */
export interface Migrated {
  readonly applied: readonly string[];
  readonly backup: string | undefined;
}

/** Brings a fit database to the newest known schema, each step in one transaction, after copying an existing one. */
export function migrate(db: Database.Database, known: readonly Migration[], clock: Clock): Migrated {
  if (tables(db).length === 0)
    db.exec(
      'CREATE TABLE migration (number INTEGER PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT NULL, applied_ms INTEGER NOT NULL) STRICT',
    );
  const schema = applied(db).at(-1)?.number ?? 0;
  const open = known.filter((migration) => migration.number > schema);
  const backup = open.length > 0 && schema > 0 ? backUp(db, schema, clock.now()) : undefined;
  for (const migration of open) apply(db, migration, clock.now());
  return { applied: open.map((migration) => migration.name), backup };
}
