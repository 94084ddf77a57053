import type { Sha256 } from '../../core/address.ts';
import type { Arch } from '../../core/arch.ts';
import { bundleRef, type Artefact, type Bundle } from '../../core/bundle.ts';
import type { BundleContents } from '../../core/bundle-contents.ts';
import { whyKept, type BundleUsers } from '../../core/bundle-keep.ts';
import type { MachineId } from '../../core/machine.ts';
import { Taken, type ArtefactStore, type BundleStore } from '../../ports/store.ts';
import type { Ledger } from './ledger.ts';
import { createChannelStore, readMoves } from './channels.ts';
import { artefactShape, contentsShape, fromJson, toJson, wordsShape } from './shapes.ts';
import { readGoods, readTries } from './tries.ts';

interface BundleRow {
  readonly name: string;
  readonly version: string;
  readonly arch: Arch;
  readonly role: Bundle['role'];
  readonly kernel: string;
  readonly initrd: string | null;
  readonly kernel_args: string;
  readonly loaders: string;
  readonly calls_home: 0 | 1;
  readonly source: string;
  readonly created_ms: number;
}

function bundleOf(row: BundleRow): Bundle {
  return {
    name: row.name,
    version: row.version,
    arch: row.arch,
    role: row.role,
    kernel: artefactShape.parse(JSON.parse(row.kernel)),
    initrd: fromJson(artefactShape, row.initrd),
    kernelArgs: fromJson(wordsShape, row.kernel_args) ?? [],
    loaders: artefactShape.array().parse(JSON.parse(row.loaders)),
    callsHome: row.calls_home === 1,
    source: row.source,
    createdMs: row.created_ms,
  };
}

function rowOf(bundle: Bundle): BundleRow {
  return {
    name: bundle.name,
    version: bundle.version,
    arch: bundle.arch,
    role: bundle.role,
    kernel: JSON.stringify(bundle.kernel),
    initrd: toJson(artefactShape, bundle.initrd),
    kernel_args: JSON.stringify(bundle.kernelArgs),
    loaders: JSON.stringify(bundle.loaders),
    calls_home: bundle.callsHome ? 1 : 0,
    source: bundle.source,
    created_ms: bundle.createdMs,
  };
}

/** Bundles in SQLite. A reference is `name@version`; neither part holds an `@`. */
export function createBundleStore(ledger: Ledger): BundleStore {
  const rows = createBundleRows(ledger.db);
  const users = createUserReader(ledger.db);
  // Bundles are few and rarely change; each boot decision looks at all of them.
  let all: readonly Bundle[] | undefined;
  return {
    ...createContentsReader(ledger),
    ...createChannelStore(ledger),
    list: () => ledger.read(() => (all ??= rows.list())),
    byRef: (ref) => ledger.read(() => rows.byRef(ref)),
    add: (bundle, events, contents) =>
      ledger.write((note) => {
        all = undefined;
        const ref = bundleRef(bundle);
        if (rows.byRef(ref)) throw new Taken(`the bundle ${ref} exists already; choose another version`);
        rows.insert(bundle, contents);
        note(events);
      }),
    remove: (ref, events) =>
      ledger.write((note) => {
        all = undefined;
        const why = whyKept(ref, users());
        if (why !== undefined) throw new Taken(`the bundle ${ref} stays: ${why}`);
        if (rows.remove(ref)) note(events);
      }),
  };
}

interface BundleRows {
  list(): readonly Bundle[];
  byRef(ref: string): Bundle | undefined;
  insert(bundle: Bundle, contents: BundleContents | undefined): void;
  /** Whether it was there. */
  remove(ref: string): boolean;
}

function createBundleRows(db: Ledger['db']): BundleRows {
  const list = db.prepare<[], BundleRow>('SELECT * FROM bundle ORDER BY name, created_ms, version');
  const byRef = db.prepare<[string], BundleRow>("SELECT * FROM bundle WHERE name || '@' || version = ?");
  const insert = db.prepare(
    `INSERT INTO bundle
       (name, version, arch, role, kernel, initrd, kernel_args, loaders, calls_home, source, created_ms)
     VALUES
       (@name, @version, @arch, @role, @kernel, @initrd, @kernel_args, @loaders, @calls_home, @source, @created_ms)`,
  );
  const insertContents = db.prepare(
    'INSERT INTO bundle_contents (name, version, kernel_release, contents) VALUES (?, ?, ?, ?)',
  );
  const remove = db.prepare("DELETE FROM bundle WHERE name || '@' || version = ?");
  return {
    list: () => list.all().map(bundleOf),
    byRef: (ref) => {
      const row = byRef.get(ref);
      return row && bundleOf(row);
    },
    insert: (bundle, contents) => {
      insert.run(rowOf(bundle));
      if (!contents) return;
      const json = toJson(contentsShape, contents);
      insertContents.run(bundle.name, bundle.version, contents.kernelRelease ?? null, json);
    },
    remove: (ref) => remove.run(ref).changes > 0,
  };
}

function createContentsReader(ledger: Ledger): Pick<BundleStore, 'contents' | 'releases'> {
  const { db } = ledger;
  const contents = db.prepare<[string], { contents: string }>(
    "SELECT contents FROM bundle_contents WHERE name || '@' || version = ?",
  );
  const releases = db.prepare<[], { ref: string; release: string }>(
    `SELECT name || '@' || version AS ref, kernel_release AS release FROM bundle_contents
     WHERE kernel_release IS NOT NULL`,
  );
  return {
    contents: (ref) => ledger.read(() => fromJson(contentsShape, contents.get(ref)?.contents ?? null)),
    releases: () => ledger.read(() => new Map(releases.all().map((row) => [row.ref, row.release]))),
  };
}

/** Reads, inside a transaction, all who may need a bundle. */
function createUserReader(db: Ledger['db']): () => BundleUsers {
  const machines = db.prepare<[], { id: MachineId; name: string; bundle: string | null }>(
    'SELECT id, name, bundle FROM machine ORDER BY name',
  );
  const [moves, tries, goods] = [readMoves(db), readTries(db), readGoods(db)];
  return () => ({
    machines: machines.all().map((row) => ({ ...row, bundle: row.bundle ?? undefined })),
    moves: moves(),
    tries: tries(),
    goods: goods(),
  });
}

/** Names of artefacts in SQLite. The same digest under a new name keeps the new one. */
export function createArtefactStore(ledger: Ledger): ArtefactStore {
  const put = ledger.db.prepare(
    `INSERT INTO artefact (sha256, name, octets) VALUES (@sha256, @name, @octets)
     ON CONFLICT (sha256) DO UPDATE SET name = excluded.name`,
  );
  const bySha256 = ledger.db.prepare<[Sha256], Artefact>('SELECT name, sha256, octets FROM artefact WHERE sha256 = ?');
  return {
    add: ({ name, sha256, octets }) =>
      ledger.write(() => {
        put.run({ name, sha256, octets });
      }),
    bySha256: (sha256) => ledger.read(() => bySha256.get(sha256)),
  };
}
