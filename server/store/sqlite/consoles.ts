import type { MachineId } from '../../core/machine.ts';
import { StaleWrite, type ConsoleStore, type KeptConsole } from '../../ports/store.ts';
import type { Ledger } from './ledger.ts';
import { detailShape, fromJson } from './shapes.ts';

interface ConsoleRow {
  readonly machine_id: MachineId;
  readonly transport: string;
  readonly parameters: string;
}

const keptOf = (row: ConsoleRow): KeptConsole => ({
  machine: row.machine_id,
  setting: { transport: row.transport, parameters: fromJson(detailShape, row.parameters) ?? {} },
});

/** Console settings, their sealed secrets and the tails of boots in SQLite. */
export function createConsoleStore(ledger: Ledger): ConsoleStore {
  const { db } = ledger;
  const known = db.prepare<[MachineId], { id: MachineId }>('SELECT id FROM machine WHERE id = ?');
  const list = db.prepare<[], ConsoleRow>('SELECT * FROM console ORDER BY machine_id');
  const ofMachine = db.prepare<[MachineId], ConsoleRow>('SELECT * FROM console WHERE machine_id = ?');
  const insert = db.prepare('INSERT INTO console (machine_id, transport, parameters) VALUES (?, ?, ?)');
  const remove = db.prepare('DELETE FROM console WHERE machine_id = ?');
  const seal = db.prepare('INSERT INTO console_secret (machine_id, field, sealed) VALUES (?, ?, ?)');
  const secretsOf = db.prepare<[MachineId], { field: string; sealed: string }>(
    'SELECT field, sealed FROM console_secret WHERE machine_id = ? ORDER BY field',
  );
  const keepTail = db.prepare(
    'INSERT INTO console_tail (boot, octets) SELECT id, @octets FROM boot WHERE id = @boot ON CONFLICT (boot) DO NOTHING',
  );
  const tailOf = db.prepare<[string], { octets: Buffer }>('SELECT octets FROM console_tail WHERE boot = ?');
  return {
    list: () => ledger.read(() => list.all().map(keptOf)),
    ofMachine: (machine) =>
      ledger.read(() => {
        const row = ofMachine.get(machine);
        return row && keptOf(row).setting;
      }),
    put: ({ machine, setting }, sealed, events) =>
      ledger.write((note) => {
        if (!known.get(machine)) throw new StaleWrite(`machine ${machine} is gone; its console was not stored`);
        remove.run(machine);
        insert.run(machine, setting.transport, JSON.stringify(setting.parameters));
        for (const [field, secret] of sealed) seal.run(machine, field, secret);
        note(events);
      }),
    remove: (machine, events) =>
      ledger.write((note) => {
        if (remove.run(machine).changes > 0) note(events);
      }),
    secretsOf: (machine) =>
      ledger.read(() => new Map(secretsOf.all(machine).map(({ field, sealed }) => [field, sealed]))),
    keepTail: (boot, octets) =>
      ledger.write(() => {
        keepTail.run({ boot, octets: Buffer.from(octets) });
      }),
    tailOf: (boot) => ledger.read(() => tailOf.get(boot)?.octets),
  };
}
