import type { MachineId } from '../../core/machine.ts';
import { StaleWrite, type PowerOrder, type PowerOrderStore, type SecretStore } from '../../ports/store.ts';
import type { Ledger } from './ledger.ts';

interface OrderRow {
  readonly id: string;
  readonly machine: MachineId;
  readonly verb: PowerOrder['verb'];
  readonly owner_epoch: number;
  readonly asked_ms: number;
  readonly asked_by: string;
  readonly step: PowerOrder['step'];
  readonly because: string | null;
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
  };
}

/** Power orders in SQLite. The steps that end an order touch no hardware and are taken whatever the owner epoch. */
export function createPowerOrderStore(ledger: Ledger): PowerOrderStore {
  const { db } = ledger;
  const insert = db.prepare(
    `INSERT INTO power_order (id, machine, verb, owner_epoch, asked_ms, asked_by, step, because)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const step = db.prepare(
    `UPDATE power_order SET step = @step, because = @because WHERE id = @id AND (
       @step IN ('done', 'failed', 'dropped')
       OR owner_epoch = (SELECT owner_epoch FROM machine WHERE machine.id = power_order.machine))`,
  );
  const open = db.prepare<[], OrderRow>(
    "SELECT * FROM power_order WHERE step NOT IN ('done', 'failed', 'dropped') ORDER BY asked_ms, rowid",
  );
  return {
    add: (order) =>
      ledger.write(() => {
        const { id, machine, verb, ownerEpoch, askedMs, by, because } = order;
        insert.run(id, machine, verb, ownerEpoch, askedMs, by, order.step, because ?? null);
      }),
    step: (id, next, because, events) =>
      ledger.write((note) => {
        if (step.run({ id, step: next, because: because ?? null }).changes !== 1) return false;
        note(events);
        return true;
      }),
    open: () => ledger.read(() => open.all().map(orderOf)),
  };
}

/** Sealed secrets in SQLite; they go with their machine. */
export function createSecretStore(ledger: Ledger): SecretStore {
  const { db } = ledger;
  const known = db.prepare<[MachineId], { id: MachineId }>('SELECT id FROM machine WHERE id = ?');
  const put = db.prepare(
    `INSERT INTO secret (machine_id, field, sealed) VALUES (?, ?, ?)
     ON CONFLICT (machine_id, field) DO UPDATE SET sealed = excluded.sealed`,
  );
  const ofMachine = db.prepare<[MachineId], { field: string; sealed: string }>(
    'SELECT field, sealed FROM secret WHERE machine_id = ? ORDER BY field',
  );
  const remove = db.prepare('DELETE FROM secret WHERE machine_id = ? AND field = ?');
  const count = db.prepare<[], { count: number }>('SELECT count(*) AS count FROM secret');
  return {
    put: (machine, field, sealed) =>
      ledger.write(() => {
        if (!known.get(machine)) throw new StaleWrite(`machine ${machine} is gone; its secret was not stored`);
        put.run(machine, field, sealed);
      }),
    ofMachine: (machine) =>
      ledger.read(() => new Map(ofMachine.all(machine).map((row) => [row.field, row.sealed] as const))),
    remove: (machine, field) =>
      ledger.write(() => {
        remove.run(machine, field);
      }),
    count: () => ledger.read(() => count.get()?.count ?? 0),
  };
}
