import type { Sha256 } from '../../core/address.ts';
import type { Arch } from '../../core/arch.ts';
import { bundleRef, type Artefact, type Bundle } from '../../core/bundle.ts';
import { Taken, type ArtefactStore, type BundleStore } from '../../ports/store.ts';
import type { Ledger } from './ledger.ts';
import { artefactShape, fromJson, toJson, wordsShape } from './shapes.ts';

interface BundleRow {
  readonly name: string;
  readonly version: string;
  readonly arch: Arch;
  readonly role: Bundle['role'];
  readonly kernel: string;
  readonly initrd: string | null;
  readonly kernel_args: string;
  readonly loaders: string;
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
    source: bundle.source,
    created_ms: bundle.createdMs,
  };
}

/** Bundles in SQLite. A reference is `name@version`; neither part holds an `@`. */
export function createBundleStore(ledger: Ledger): BundleStore {
  const { db } = ledger;
  const list = db.prepare<[], BundleRow>('SELECT * FROM bundle ORDER BY name, created_ms, version');
  const byRef = db.prepare<[string], BundleRow>("SELECT * FROM bundle WHERE name || '@' || version = ?");
  const insert = db.prepare(
    `INSERT INTO bundle (name, version, arch, role, kernel, initrd, kernel_args, loaders, source, created_ms)
     VALUES (@name, @version, @arch, @role, @kernel, @initrd, @kernel_args, @loaders, @source, @created_ms)`,
  );
  const remove = db.prepare("DELETE FROM bundle WHERE name || '@' || version = ?");
  const userOf = db.prepare<[string], { name: string }>('SELECT name FROM machine WHERE bundle = ? ORDER BY name');
  // Bundles are few and rarely change; each boot decision looks at all of them.
  let all: readonly Bundle[] | undefined;
  return {
    list: () => ledger.read(() => (all ??= list.all().map(bundleOf))),
    byRef: (ref) =>
      ledger.read(() => {
        const row = byRef.get(ref);
        return row && bundleOf(row);
      }),
    add: (bundle, events) =>
      ledger.write((note) => {
        all = undefined;
        const ref = bundleRef(bundle);
        if (byRef.get(ref)) throw new Taken(`the bundle ${ref} exists already; choose another version`);
        insert.run(rowOf(bundle));
        note(events);
      }),
    remove: (ref, events) =>
      ledger.write((note) => {
        all = undefined;
        const user = userOf.get(ref);
        if (user) throw new Taken(`the bundle ${ref} is used by machine "${user.name}"`);
        if (remove.run(ref).changes > 0) note(events);
      }),
  };
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
