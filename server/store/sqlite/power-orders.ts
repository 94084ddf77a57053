import type { MachineId } from '../../core/machine.ts';
import { StaleWrite, type PowerOrder, type PowerOrderStore, type SecretStore } from '../../ports/store.ts';
import type { Ledger } from './ledger.ts';
import { secretWriter } from './secret-rows.ts';

interface OrderRow {
  readonly id: string;
  readonly machine: MachineId;
  readonly verb: PowerOrder['verb'];
  readonly owner_epoch: number;
  readonly asked_ms: number;
  readonly asked_by: string;
  readonly step: PowerOrder['step'];
  readonly because: string | null;
  readonly machinery: 0 | 1;
}

function orderOf(row: OrderRow): PowerOrder {
  return {
    id: row.id,
    machine: row.machine,
    verb: row.verb,
    ownerEpoch: row.owner_epoch,
    askedMs: row.asked_ms,
    by: row.asked_by,
    step: row.step,
    because: row.because ?? undefined,
    isMachinery: row.machinery === 1,
  };
}

/** Power orders in SQLite. The steps that end an order touch no hardware and are taken whatever the owner epoch. */
export function createPowerOrderStore(ledger: Ledger): PowerOrderStore {
  const { db } = ledger;
  const insert = db.prepare(
    `INSERT INTO power_order (id, machine, verb, owner_epoch, asked_ms, asked_by, step, because, machinery)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const step = db.prepare(
    `UPDATE power_order SET step = @step, because = @because WHERE id = @id AND (
       @step IN ('done', 'failed', 'dropped')
       OR owner_epoch = (SELECT owner_epoch FROM machine WHERE machine.id = power_order.machine))`,
  );
  const open = db.prepare<[], OrderRow>(
    "SELECT * FROM power_order WHERE step NOT IN ('done', 'failed', 'dropped') ORDER BY asked_ms, rowid",
  );
  const ofMachine = db.prepare<[MachineId, number], OrderRow>(
    'SELECT * FROM power_order WHERE machine = ? AND asked_ms >= ? ORDER BY asked_ms, rowid',
  );
  const trimOrphans = db.prepare(
    `DELETE FROM power_order WHERE id IN (
       SELECT id FROM power_order
       WHERE step IN ('done', 'failed', 'dropped') AND machine NOT IN (SELECT machine.id FROM machine) LIMIT @atMost)`,
  );
  const trimSurplus = db.prepare(
    `DELETE FROM power_order WHERE id IN (
       SELECT id FROM (
         SELECT id, step, row_number() OVER (PARTITION BY machine ORDER BY asked_ms DESC, rowid DESC) AS place
         FROM power_order
         WHERE machine IN (SELECT machine FROM power_order GROUP BY machine HAVING count(*) > @keep))
       WHERE place > @keep AND step IN ('done', 'failed', 'dropped') LIMIT @atMost)`,
  );
  return {
    add: (order) =>
      ledger.write(() => {
        const { id, machine, verb, ownerEpoch, askedMs, by, because } = order;
        insert.run(id, machine, verb, ownerEpoch, askedMs, by, order.step, because ?? null, order.isMachinery ? 1 : 0);
      }),
    step: (id, next, because, events) =>
      ledger.write((note) => {
        if (step.run({ id, step: next, because: because ?? null }).changes !== 1) return false;
        note(events);
        return true;
      }),
    open: () => ledger.read(() => open.all().map(orderOf)),
    ofMachine: (machine, sinceMs) => ledger.read(() => ofMachine.all(machine, sinceMs).map(orderOf)),
    trim: (keep, atMost) =>
      ledger.write(() => {
        const orphans = trimOrphans.run({ atMost }).changes;
        return orphans + trimSurplus.run({ keep, atMost: atMost - orphans }).changes;
      }),
  };
}

/** Sealed secrets in SQLite; they go with their machine. */
export function createSecretStore(ledger: Ledger): SecretStore {
  const { db } = ledger;
  const known = db.prepare<[MachineId], { id: MachineId }>('SELECT id FROM machine WHERE id = ?');
  const writer = secretWriter(db);
  const ofMachine = db.prepare<[MachineId], { field: string; sealed: string }>(
    'SELECT field, sealed FROM secret WHERE machine_id = ? ORDER BY field',
  );
  const count = db.prepare<[], { count: number }>('SELECT count(*) AS count FROM secret');
  return {
    put: (machine, field, sealed) =>
      ledger.write(() => {
        if (!known.get(machine)) throw new StaleWrite(`machine ${machine} is gone; its secret was not stored`);
        writer.set(machine, field, sealed);
      }),
    ofMachine: (machine) =>
      ledger.read(() => new Map(ofMachine.all(machine).map((row) => [row.field, row.sealed] as const))),
    remove: (machine, field) =>
      ledger.write(() => {
        writer.set(machine, field, undefined);
      }),
    count: () => ledger.read(() => count.get()?.count ?? 0),
  };
}
