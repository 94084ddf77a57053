import type Database from 'better-sqlite3';
import { formatIpv4, type Mac } from '../../core/address.ts';
import type { Machine, MachineId } from '../../core/machine.ts';
import { outletOf } from '../../core/outlet.ts';
import { StaleWrite, Taken, type MachineChange, type MachineStore } from '../../ports/store.ts';
import type { Ledger } from './ledger.ts';
import { secretWriter } from './secret-rows.ts';
import { MACHINE_COLUMNS, machineOfRow, rowOfMachine, type MachineRow } from './machine-rows.ts';

/** Reads machines by any of their names, inside or outside a transaction. */
interface MachineReader {
  all(): readonly Machine[];
  byId(id: MachineId): Machine | undefined;
  byName(name: string): Machine | undefined;
  byMac(mac: Mac): Machine | undefined;
  /** Who has the address, the outlet. */
  byReserved(network: string, address: number): Machine | undefined;
  byOutlet(outlet: string): Machine | undefined;
  /** Another one than `own` that shares the outlet. */
  bySharedOutlet(outlet: string, own: MachineId): Machine | undefined;
  /** Forgets what was read of a machine that is written or removed now. */
  forget(id: MachineId): void;
  /** The `new` machines beyond the youngest `keep`, oldest first. */
  beyond(keep: number): readonly Machine[];
}

function createReader(db: Database.Database): MachineReader {
  const macs = db.prepare<[MachineId], { mac: Mac }>(
    'SELECT mac FROM machine_mac WHERE machine_id = ? ORDER BY position',
  );
  // Every write counts `rev` up, so what was read once holds while the revision is the same. Reading the JSON of a
  // thousand machines with facts takes 70 ms otherwise.
  const read = new Map<MachineId, Machine>();
  const machineOf = (row: MachineRow): Machine => {
    const known = read.get(row.id);
    if (known?.rev === row.rev) return known;
    const own = macs.all(row.id).map((each) => each.mac);
    const machine = machineOfRow(row, own);
    // What is read inside a transaction may yet be undone.
    if (!db.inTransaction) read.set(row.id, machine);
    return machine;
  };
  const select = (where: string): ((...values: (string | number)[]) => Machine | undefined) => {
    const statement = db.prepare<unknown[], MachineRow>(`SELECT machine.* FROM machine ${where}`);
    return (...values) => {
      const row = statement.get(...values);
      return row && machineOf(row);
    };
  };
  const all = db.prepare<[], MachineRow>('SELECT * FROM machine ORDER BY name');
  const beyond = db.prepare<[number], MachineRow>(
    "SELECT * FROM machine WHERE state = 'new' ORDER BY created_ms DESC, id DESC LIMIT -1 OFFSET ?",
  );
  return {
    all: () => all.all().map(machineOf),
    byId: select('WHERE id = ?'),
    byName: select('WHERE name = ?'),
    byMac: select('JOIN machine_mac ON machine_mac.machine_id = machine.id WHERE machine_mac.mac = ?'),
    byReserved: select('WHERE network = ? AND reserved = ?'),
    byOutlet: select('WHERE power_outlet = ?'),
    bySharedOutlet: select('WHERE power_shared = ? AND id <> ?'),
    forget: (id) => read.delete(id),
    beyond: (keep) => beyond.all(keep).map(machineOf).reverse(),
  };
}

/** The answers to so many MACs are kept. */
const KEPT_MAX = 8192;

/** Keeps the answers until `forget`: DHCP asks for every packet, of strangers too. */
function keepByMac(reader: Pick<MachineReader, 'byMac'>): Pick<MachineReader, 'byMac'> & { forget(): void } {
  const kept = new Map<Mac, Machine | undefined>();
  return {
    byMac: (mac) => {
      const known = kept.get(mac);
      if (known || kept.has(mac)) return known;
      if (kept.size >= KEPT_MAX) kept.clear();
      const machine = reader.byMac(mac);
      kept.set(mac, machine);
      return machine;
    },
    forget: () => {
      kept.clear();
    },
  };
}

/** Refuses a machine that wants what another one has, naming that one. */
function refuseTaken(reader: MachineReader, machine: Machine): void {
  const claim = (what: string, holder: Machine | undefined): void => {
    if (holder && holder.id !== machine.id) throw new Taken(`${what} belongs to machine "${holder.name}" already`);
  };
  claim(`the name "${machine.name}"`, reader.byName(machine.name));
  for (const mac of machine.macs) claim(`the MAC ${mac}`, reader.byMac(mac));
  if (machine.reserved !== undefined)
    claim(`the address ${formatIpv4(machine.reserved)}`, reader.byReserved(machine.network, machine.reserved));
  const outlet = outletOf(machine.power);
  if (outlet === undefined) return;
  const what = `this outlet or BMC (${machine.power?.driver ?? ''})`;
  const isShared = machine.power?.shared === true;
  const holder = reader.byOutlet(outlet) ?? (isShared ? undefined : reader.bySharedOutlet(outlet, machine.id));
  if (!holder || holder.id === machine.id) return;
  const remedy = 'if both hang on it, declare it shared for both';
  throw new Taken(`${what} belongs to machine "${holder.name}" already; ${remedy}`);
}

interface MachineWriter {
  insert(machine: Machine): void;
  /** Whether the row still had the revision `rev`. */
  update(machine: Machine, rev: number): boolean;
  delete(id: MachineId, rev: number): boolean;
}

function createWriter(db: Database.Database): MachineWriter {
  const insert = db.prepare(
    `INSERT INTO machine (${MACHINE_COLUMNS.join(', ')}) VALUES (${MACHINE_COLUMNS.map((c) => `@${c}`).join(', ')})`,
  );
  const update = db.prepare(
    `UPDATE machine SET ${MACHINE_COLUMNS.map((c) => `${c} = @${c}`).join(', ')} WHERE id = @id AND rev = @seenRev`,
  );
  const remove = db.prepare('DELETE FROM machine WHERE id = ? AND rev = ?');
  const voidTokens = db.prepare('UPDATE boot SET token_hash = NULL WHERE machine = ?');
  const addMac = db.prepare('INSERT INTO machine_mac (mac, machine_id, position) VALUES (?, ?, ?)');
  const dropMacs = db.prepare('DELETE FROM machine_mac WHERE machine_id = ?');
  const addMacs = (machine: Machine): void => {
    machine.macs.forEach((mac, position) => addMac.run(mac, machine.id, position));
  };
  return {
    insert: (machine) => {
      insert.run(rowOfMachine(machine));
      addMacs(machine);
    },
    update: (machine, rev) => {
      if (update.run({ ...rowOfMachine(machine), seenRev: rev }).changes !== 1) return false;
      dropMacs.run(machine.id);
      addMacs(machine);
      return true;
    },
    delete: (id, rev) => {
      voidTokens.run(id);
      return remove.run(id, rev).changes === 1;
    },
  };
}

const stale = (id: MachineId, rev: number): StaleWrite =>
  new StaleWrite(`machine ${id} is no longer at revision ${String(rev)}; read it again`);

/** Writes a change of the machine as it was seen, inside the transaction under way. */
function changerOf(
  reader: MachineReader,
  writer: MachineWriter,
): (seen: Pick<Machine, 'id' | 'rev'>, change: MachineChange) => Machine {
  return (seen, change) => {
    const current = reader.byId(seen.id);
    if (current?.rev !== seen.rev) throw stale(seen.id, seen.rev);
    const machine: Machine = { ...current, ...change, id: current.id, rev: current.rev + 1 };
    refuseTaken(reader, machine);
    reader.forget(machine.id);
    if (!writer.update(machine, seen.rev)) throw stale(seen.id, seen.rev);
    return machine;
  };
}

/** Machines in SQLite. */
export function createMachineStore(ledger: Ledger): MachineStore {
  const reader = createReader(ledger.db);
  const writer = createWriter(ledger.db);
  const secrets = secretWriter(ledger.db);
  const changed = changerOf(reader, writer);
  const kept = keepByMac(reader);
  // No read from outside comes between a job and its commit, so it is enough to forget here.
  const changing: Pick<Ledger, 'write'> = {
    write: (job) =>
      ledger.write((note) => {
        kept.forget();
        return job(note);
      }),
  };
  return {
    list: () => ledger.read(() => reader.all()),
    byId: (id) => ledger.read(() => reader.byId(id)),
    byName: (name) => ledger.read(() => reader.byName(name)),
    byMac: (mac) => ledger.read(() => kept.byMac(mac)),
    add: (machine, events) =>
      changing.write((note) => {
        refuseTaken(reader, machine);
        if (reader.byId(machine.id)) throw new Taken(`the id ${machine.id} is in use already`);
        reader.forget(machine.id);
        writer.insert(machine);
        note(events);
        return machine;
      }),
    change: (seen, change, events) =>
      changing.write((note) => {
        const machine = changed(seen, change);
        note(events);
        return machine;
      }),
    setPower: (seen, power, kept, events) =>
      changing.write((note) => {
        const machine = changed(seen, { power, powerSeen: undefined });
        for (const [field, sealed] of kept) secrets.set(machine.id, field, sealed);
        note(events);
        return machine;
      }),
    remove: (seen, events) =>
      changing.write((note) => {
        reader.forget(seen.id);
        if (!writer.delete(seen.id, seen.rev)) throw stale(seen.id, seen.rev);
        note(events);
      }),
    trimCandidates: (keep, events) =>
      changing.write((note) => {
        const gone = reader.beyond(keep);
        for (const machine of gone) {
          reader.forget(machine.id);
          writer.delete(machine.id, machine.rev);
        }
        note(gone.map(events));
        return gone;
      }),
  };
}
