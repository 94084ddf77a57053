import type Database from 'better-sqlite3';
import type { EventKind, FarrierEvent, NewEvent, Severity } from '../../core/event.ts';
import type { MachineId } from '../../core/machine.ts';
import type { Log } from '../../ports/log.ts';
import type { EventStore } from '../../ports/store.ts';
import type { Ledger } from './ledger.ts';
import { detailShape, fromJson, toJson } from './shapes.ts';

interface EventRow {
  readonly id: number;
  readonly at_ms: number;
  readonly kind: EventKind;
  readonly severity: Severity;
  readonly machine: MachineId | null;
  readonly boot: string | null;
  readonly text: string;
  readonly detail: string;
}

function eventOf(row: EventRow): FarrierEvent {
  return {
    id: row.id,
    atMs: row.at_ms,
    kind: row.kind,
    severity: row.severity,
    machine: row.machine ?? undefined,
    boot: row.boot ?? undefined,
    text: row.text,
    detail: fromJson(detailShape, row.detail) ?? {},
  };
}

/** A figure JSON has no word for (a rate over no time) is kept as text: an event is not lost for the sake of it. */
function detailJson(detail: NewEvent['detail']): string | null {
  const entries = Object.entries(detail).map(([key, value]) => {
    const known = typeof value !== 'number' || Number.isFinite(value);
    return [key, known ? value : String(value)] as const;
  });
  return toJson(detailShape, Object.fromEntries(entries));
}

/** Prepares the insertion of one event; it must run inside a transaction. */
export function eventInserter(db: Database.Database): (event: NewEvent) => FarrierEvent {
  const insert = db.prepare(
    `INSERT INTO event (at_ms, kind, severity, machine, boot, text, detail)
     VALUES (@atMs, @kind, @severity, @machine, @boot, @text, @detail)`,
  );
  return (event) => {
    const { atMs, kind, severity, machine, boot, text, detail } = event;
    const { lastInsertRowid } = insert.run({
      atMs,
      kind,
      severity,
      machine: machine ?? null,
      boot: boot ?? null,
      text,
      detail: detailJson(detail),
    });
    return { id: Number(lastInsertRowid), atMs, kind, severity, machine, boot, text, detail };
  };
}

/** Who listens to committed events. A listener that throws is logged and changes nothing for the others. */
export interface EventHub {
  publish(events: readonly FarrierEvent[]): void;
  subscribe(listener: (events: readonly FarrierEvent[]) => void): () => void;
}

/** An empty hub. */
export function createEventHub(log: Log): EventHub {
  const listeners = new Set<(events: readonly FarrierEvent[]) => void>();
  return {
    publish: (events) => {
      for (const listener of [...listeners])
        try {
          listener(events);
        } catch (error) {
          log.error('a listener of the event stream failed', { because: String(error) });
        }
    },
    subscribe: (listener) => {
      // A wrapper of its own, so that one function may listen twice and leave once.
      const own = (events: readonly FarrierEvent[]): void => {
        listener(events);
      };
      listeners.add(own);
      return () => listeners.delete(own);
    },
  };
}

/** Events in SQLite. */
export function createEventStore(ledger: Ledger, hub: EventHub): EventStore {
  const { db } = ledger;
  const newest = (also: string): Database.Statement<[Record<string, unknown>], EventRow> =>
    db.prepare(`SELECT * FROM event WHERE id > @afterId ${also} ORDER BY id DESC LIMIT @limit`);
  const all = newest('');
  const ofBoot = newest('AND boot = @boot');
  const ofMachine = newest('AND machine = @machine AND (@boot IS NULL OR boot = @boot)');
  const lastOfEach = db.prepare<[], EventRow>(
    `SELECT event.* FROM machine
     JOIN event ON event.id = (SELECT max(id) FROM event WHERE event.machine = machine.id)`,
  );
  // Event numbers have no gaps to speak of, so the oldest to keep is found without counting rows.
  const trim = db.prepare(
    `DELETE FROM event WHERE id IN (
       SELECT id FROM event WHERE id <= (SELECT max(id) FROM event) - @keep ORDER BY id LIMIT @atMost)`,
  );
  return {
    append: (events) => ledger.write((note) => note(events)),
    list: ({ afterId = 0, machine, boot, limit }) =>
      ledger.read(() =>
        (machine !== undefined ? ofMachine : boot !== undefined ? ofBoot : all)
          .all({ afterId, machine: machine ?? null, boot: boot ?? null, limit })
          .reverse()
          .map(eventOf),
      ),
    lastOfEach: () =>
      ledger.read(
        () =>
          new Map(
            lastOfEach
              .all()
              .map(eventOf)
              .flatMap((event) => (event.machine === undefined ? [] : [[event.machine, event] as const])),
          ),
      ),
    trim: (keep, atMost) => ledger.write(() => trim.run({ keep, atMost }).changes),
    subscribe: (listener) => hub.subscribe(listener),
  };
}
