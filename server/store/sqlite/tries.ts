import type { LastGood } from '../../core/bundle-keep.ts';
import type { BundleTry, TryStep } from '../../core/bundle-try.ts';
import type { MachineId } from '../../core/machine.ts';
import { Taken, type TryStore } from '../../ports/store.ts';
import type { Ledger } from './ledger.ts';

interface TryRow {
  readonly machine: MachineId;
  readonly bundle: string;
  readonly back: string | null;
  readonly asked_by: string;
  readonly asked_ms: number;
  readonly within_ms: number;
  readonly may_cycle: 0 | 1;
  readonly owner_epoch: number;
  readonly step: TryStep;
  readonly ends_ms: number | null;
  readonly boot: string | null;
  readonly was_switched: 0 | 1;
}

function tryOf(row: TryRow): BundleTry {
  return {
    machine: row.machine,
    bundle: row.bundle,
    back: row.back ?? undefined,
    by: row.asked_by,
    askedMs: row.asked_ms,
    withinMs: row.within_ms,
    mayCycle: row.may_cycle === 1,
    ownerEpoch: row.owner_epoch,
    step: row.step,
    endsMs: row.ends_ms ?? undefined,
    boot: row.boot ?? undefined,
    wasSwitched: row.was_switched === 1,
  };
}

function rowOf(attempt: BundleTry): TryRow {
  return {
    machine: attempt.machine,
    bundle: attempt.bundle,
    back: attempt.back ?? null,
    asked_by: attempt.by,
    asked_ms: attempt.askedMs,
    within_ms: attempt.withinMs,
    may_cycle: attempt.mayCycle ? 1 : 0,
    owner_epoch: attempt.ownerEpoch,
    step: attempt.step,
    ends_ms: attempt.endsMs ?? null,
    boot: attempt.boot ?? null,
    was_switched: attempt.wasSwitched ? 1 : 0,
  };
}

/** Reads all tries, in the order asked; for use inside a transaction too. */
export function readTries(db: Ledger['db']): () => readonly BundleTry[] {
  const all = db.prepare<[], TryRow>('SELECT * FROM bundle_try ORDER BY asked_ms, machine');
  return () => all.all().map(tryOf);
}

/** Reads which bundles were good last; for use inside a transaction too. */
export function readGoods(db: Ledger['db']): () => readonly LastGood[] {
  const all = db.prepare<[], { machine: MachineId; bundle: string; before: string | null }>(
    'SELECT * FROM last_good ORDER BY machine',
  );
  return () => all.all().map((row) => ({ ...row, before: row.before ?? undefined }));
}

/** Bundles on trial in SQLite. */
export function createTryStore(ledger: Ledger): TryStore {
  const { db } = ledger;
  const [tries, goods] = [readTries(db), readGoods(db)];
  const exists = db.prepare<[string], { found: 1 }>("SELECT 1 AS found FROM bundle WHERE name || '@' || version = ?");
  const put = db.prepare(
    `INSERT INTO bundle_try (machine, bundle, back, asked_by, asked_ms, within_ms, may_cycle, owner_epoch, step, ends_ms, boot, was_switched)
     VALUES (@machine, @bundle, @back, @asked_by, @asked_ms, @within_ms, @may_cycle, @owner_epoch, @step, @ends_ms, @boot, @was_switched)
     ON CONFLICT (machine) DO UPDATE SET bundle = excluded.bundle, back = excluded.back, asked_by = excluded.asked_by,
       asked_ms = excluded.asked_ms, within_ms = excluded.within_ms, may_cycle = excluded.may_cycle,
       owner_epoch = excluded.owner_epoch, step = excluded.step, ends_ms = excluded.ends_ms, boot = excluded.boot,
       was_switched = excluded.was_switched`,
  );
  const end = db.prepare('DELETE FROM bundle_try WHERE machine = ?');
  const setGood = db.prepare(
    `INSERT INTO last_good (machine, bundle, before) VALUES (@machine, @bundle, @before)
     ON CONFLICT (machine) DO UPDATE SET bundle = excluded.bundle, before = excluded.before`,
  );
  return {
    list: () => ledger.read(tries),
    put: (attempt, events) =>
      ledger.write((note) => {
        if (!exists.get(attempt.bundle)) throw new Taken(`the bundle ${attempt.bundle} is not there any more`);
        put.run(rowOf(attempt));
        note(events);
      }),
    end: (machine, events) =>
      ledger.write((note) => {
        if (end.run(machine).changes > 0) note(events);
      }),
    goods: () => ledger.read(goods),
    setGood: ({ machine, bundle, before }) =>
      ledger.write(() => {
        setGood.run({ machine, bundle, before: before ?? null });
      }),
  };
}
