import type { BootRecord } from '../../core/event.ts';
import type { MachineId } from '../../core/machine.ts';
import type { BootStore } from '../../ports/store.ts';
import type { Ledger } from './ledger.ts';

interface BootRow {
  readonly id: string;
  readonly machine: MachineId;
  readonly started_ms: number;
  readonly token_hash: string | null;
  readonly plan: string;
}

function bootOf(row: BootRow): BootRecord {
  return {
    id: row.id,
    machine: row.machine,
    startedMs: row.started_ms,
    tokenHash: row.token_hash ?? undefined,
    plan: row.plan,
  };
}

/** Boot records in SQLite. */
export function createBootStore(ledger: Ledger): BootStore {
  const { db } = ledger;
  const insert = db.prepare('INSERT INTO boot (id, machine, started_ms, token_hash, plan) VALUES (?, ?, ?, ?, ?)');
  const voidTokens = db.prepare('UPDATE boot SET token_hash = NULL WHERE machine = ? AND token_hash IS NOT NULL');
  const ofMachine = db.prepare<[MachineId, number], BootRow>(
    'SELECT * FROM boot WHERE machine = ? ORDER BY started_ms DESC, rowid DESC LIMIT ?',
  );
  const byToken = db.prepare<[string], BootRow>('SELECT * FROM boot WHERE token_hash = ?');
  const setToken = db.prepare('UPDATE boot SET token_hash = ? WHERE id = ?');
  const setPlan = db.prepare('UPDATE boot SET plan = ? WHERE id = ?');
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
    add: (boot) =>
      ledger.write(() => {
        voidTokens.run(boot.machine);
        insert.run(boot.id, boot.machine, boot.startedMs, boot.tokenHash ?? null, boot.plan);
      }),
    ofMachine: (machine, limit) => ledger.read(() => ofMachine.all(machine, limit).map(bootOf)),
    byTokenHash: (hash) =>
      ledger.read(() => {
        const row = byToken.get(hash);
        return row && bootOf(row);
      }),
    setToken: (id, hash) =>
      ledger.write(() => {
        setToken.run(hash ?? null, id);
      }),
    setPlan: (id, plan) =>
      ledger.write(() => {
        setPlan.run(plan, id);
      }),
    trim: (keep, atMost) =>
      ledger.write(() => {
        const orphans = trimOrphans.run({ atMost }).changes;
        return orphans + trimSurplus.run({ keep, atMost: atMost - orphans }).changes;
      }),
  };
}
