import type Database from 'better-sqlite3';
import type { MachineId } from '../../core/machine.ts';

/** Writes sealed secrets inside the transaction under way. */
export interface SecretWriter {
  /** Puts a secret in place of what was there; undefined drops it. */
  set(machine: MachineId, field: string, sealed: string | undefined): void;
}

/** The one way in which secrets are written. */
export function secretWriter(db: Database.Database): SecretWriter {
  const put = db.prepare(
    `INSERT INTO secret (machine_id, field, sealed) VALUES (?, ?, ?)
     ON CONFLICT (machine_id, field) DO UPDATE SET sealed = excluded.sealed`,
  );
  const remove = db.prepare('DELETE FROM secret WHERE machine_id = ? AND field = ?');
  return {
    set: (machine, field, sealed) => {
      if (sealed === undefined) remove.run(machine, field);
      else put.run(machine, field, sealed);
    },
  };
}
