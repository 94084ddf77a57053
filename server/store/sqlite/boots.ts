import type { BootTally } from '../../core/boot-matrix.ts';
import type { BootRecord } from '../../core/event.ts';
import type { MachineId } from '../../core/machine.ts';
import type { BootStore } from '../../ports/store.ts';
import type { Ledger } from './ledger.ts';
import { fromJson, servedShape, toJson, verdictShape } from './shapes.ts';

interface BootRow {
  readonly id: string;
  readonly machine: MachineId;
  readonly started_ms: number;
  readonly token_hash: string | null;
  readonly plan: string;
  readonly ended_ms: number | null;
  readonly served: string | null;
  readonly verdict: string | null;
}

interface TallyRow extends Omit<BootTally, 'lastMs'> {
  readonly last_ms: number;
}

const tallyOf = ({ last_ms: lastMs, ...rest }: TallyRow): BootTally => ({ ...rest, lastMs });

function bootOf(row: BootRow): BootRecord {
  return {
    id: row.id,
    machine: row.machine,
    startedMs: row.started_ms,
    tokenHash: row.token_hash ?? undefined,
    plan: row.plan,
    served: fromJson(servedShape, row.served),
    endedMs: row.ended_ms ?? undefined,
    verdict: fromJson(verdictShape, row.verdict),
  };
}

function statementsOf(db: Ledger['db']) {
  const insert = db.prepare('INSERT INTO boot (id, machine, started_ms, token_hash, plan) VALUES (?, ?, ?, ?, ?)');
  const voidTokens = db.prepare('UPDATE boot SET token_hash = NULL WHERE machine = ? AND token_hash IS NOT NULL');
  const end = db.prepare('UPDATE boot SET ended_ms = ? WHERE machine = ? AND ended_ms IS NULL');
  const decide = db.prepare('UPDATE boot SET verdict = ? WHERE id = ?');
  const byId = db.prepare<[string], BootRow>('SELECT * FROM boot WHERE id = ?');
  const underWay = db.prepare<[], BootRow>(
    'SELECT * FROM boot WHERE ended_ms IS NULL AND verdict IS NULL ORDER BY started_ms',
  );
  const ofMachine = db.prepare<[MachineId, number], BootRow>(
    'SELECT * FROM boot WHERE machine = ? ORDER BY started_ms DESC, rowid DESC LIMIT ?',
  );
  const byToken = db.prepare<[string], BootRow>('SELECT * FROM boot WHERE token_hash = ?');
  const tallies = db.prepare<[], TallyRow>(
    `SELECT json_extract(served, '$.board') AS board, json_extract(served, '$.bundle') AS bundle,
       json_extract(verdict, '$.state') AS state, count(*) AS boots, max(started_ms) AS last_ms
     FROM boot WHERE served IS NOT NULL AND json_extract(verdict, '$.state') IN ('ended well', 'failed', 'silent')
     GROUP BY 1, 2, 3 ORDER BY 1, 2, 3`,
  );
  const setToken = db.prepare('UPDATE boot SET token_hash = ? WHERE id = ?');
  const setPlan = db.prepare('UPDATE boot SET plan = ?, served = ? WHERE id = ?');
  const trimOrphans = db.prepare(
    `DELETE FROM boot WHERE id IN (
       SELECT id FROM boot WHERE machine NOT IN (SELECT machine.id FROM machine) LIMIT @atMost)`,
  );
  // The ranking is made for machines with too many only: counting reads nothing but an index.
  const trimSurplus = db.prepare(
    `DELETE FROM boot WHERE id IN (
       SELECT id FROM (
         SELECT id, row_number() OVER (PARTITION BY machine ORDER BY started_ms DESC, rowid DESC) AS place
         FROM boot WHERE machine IN (SELECT machine FROM boot GROUP BY machine HAVING count(*) > @keep))
       WHERE place > @keep LIMIT @atMost)`,
  );
  return {
    insert,
    voidTokens,
    end,
    decide,
    byId,
    underWay,
    ofMachine,
    byToken,
    tallies,
    setToken,
    setPlan,
    trimOrphans,
    trimSurplus,
  };
}

/** Boot records in SQLite. */
export function createBootStore(ledger: Ledger): BootStore {
  const { db } = ledger;
  const the = statementsOf(db);
  return {
    add: (boot) =>
      ledger.write(() => {
        the.voidTokens.run(boot.machine);
        the.end.run(boot.startedMs, boot.machine);
        the.insert.run(boot.id, boot.machine, boot.startedMs, boot.tokenHash ?? null, boot.plan);
      }),
    byId: (id) =>
      ledger.read(() => {
        const row = the.byId.get(id);
        return row && bootOf(row);
      }),
    underWay: () => ledger.read(() => the.underWay.all().map(bootOf)),
    ofMachine: (machine, limit) => ledger.read(() => the.ofMachine.all(machine, limit).map(bootOf)),
    byTokenHash: (hash) =>
      ledger.read(() => {
        const row = the.byToken.get(hash);
        return row && bootOf(row);
      }),
    setToken: (id, hash) =>
      ledger.write(() => {
        the.setToken.run(hash ?? null, id);
      }),
    setPlan: (id, plan, served) =>
      ledger.write(() => {
        the.setPlan.run(plan, toJson(servedShape, served), id);
      }),
    decide: (id, verdict, events) =>
      ledger.write((note) => {
        the.decide.run(toJson(verdictShape, verdict), id);
        note(events);
      }),
    tallies: () => ledger.read(() => the.tallies.all().map(tallyOf)),
    end: (machine, atMs) =>
      ledger.write(() => {
        the.end.run(atMs, machine);
      }),
    trim: (keep, atMost) =>
      ledger.write(() => {
        const orphans = the.trimOrphans.run({ atMost }).changes;
        return orphans + the.trimSurplus.run({ keep, atMost: atMost - orphans }).changes;
      }),
  };
}
