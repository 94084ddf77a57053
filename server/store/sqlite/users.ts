import type { ConsoleGrant } from '../../core/console.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Role, Session, User, UserStore } from '../../ports/store.ts';
import type { Ledger } from './ledger.ts';

interface UserRow {
  readonly name: string;
  readonly role: Role;
  readonly password_hash: string;
  readonly console: ConsoleGrant | null;
  readonly epoch: number;
}

interface SessionRow {
  readonly hash: string;
  readonly user_name: string;
  readonly epoch: number;
  readonly expires_ms: number;
}

const userOf = (row: UserRow): User => ({
  name: row.name,
  role: row.role,
  ...(row.console === null ? {} : { console: row.console }),
  passwordHash: row.password_hash,
  epoch: row.epoch,
});

const sessionOf = (row: SessionRow): Session => ({
  hash: row.hash,
  user: row.user_name,
  epoch: row.epoch,
  expiresMs: row.expires_ms,
});

/** Users and sessions in SQLite. A session past its end is not found, and swept out with the next sign-in. */
export function createUserStore(ledger: Ledger, clock: Clock): UserStore {
  const { db } = ledger;
  const list = db.prepare<[], UserRow>('SELECT * FROM user ORDER BY name');
  const byName = db.prepare<[string], UserRow>('SELECT * FROM user WHERE name = ?');
  const put = db.prepare(
    `INSERT INTO user (name, role, password_hash, epoch, console) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (name) DO UPDATE SET role = excluded.role, password_hash = excluded.password_hash,
       epoch = excluded.epoch, console = excluded.console`,
  );
  const remove = db.prepare('DELETE FROM user WHERE name = ?');
  const addSession = db.prepare('INSERT INTO session (hash, user_name, epoch, expires_ms) VALUES (?, ?, ?, ?)');
  const sweep = db.prepare('DELETE FROM session WHERE expires_ms <= ?');
  const session = db.prepare<[string, number], SessionRow>('SELECT * FROM session WHERE hash = ? AND expires_ms > ?');
  const endSession = db.prepare('DELETE FROM session WHERE hash = ?');
  return {
    list: () => ledger.read(() => list.all().map(userOf)),
    byName: (name) =>
      ledger.read(() => {
        const row = byName.get(name);
        return row && userOf(row);
      }),
    put: (user, events) =>
      ledger.write((note) => {
        put.run(user.name, user.role, user.passwordHash, user.epoch, user.console ?? null);
        note(events);
      }),
    remove: (name, events) =>
      ledger.write((note) => {
        if (remove.run(name).changes > 0) note(events);
      }),
    addSession: ({ hash, user, epoch, expiresMs }) =>
      ledger.write(() => {
        sweep.run(clock.now());
        addSession.run(hash, user, epoch, expiresMs);
      }),
    session: (hash) =>
      ledger.read(() => {
        const row = session.get(hash, clock.now());
        return row && sessionOf(row);
      }),
    endSession: (hash) =>
      ledger.write(() => {
        endSession.run(hash);
      }),
  };
}
