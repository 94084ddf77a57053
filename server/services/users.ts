import type { NewEvent, Severity } from '../core/event.ts';
import type { ConsoleGrant } from '../core/console.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { Clock } from '../ports/clock.ts';
import type { PasswordCrypto } from '../ports/password-crypto.ts';
import type { Rng } from '../ports/rng.ts';
import type { Role, Store, User } from '../ports/store.ts';
import { createTryLimit } from './login-limit.ts';
import type { Actor } from './machines.ts';
import { hashPassword, isPassword, randomHex } from './password-hash.ts';

/** An account, without anything secret. */
interface Account {
  readonly name: string;
  readonly role: Role;
  /** What it may do with consoles, where that is not what its role may. */
  readonly console?: ConsoleGrant | undefined;
}

/** What is changed; what is absent stays. `console: null` leaves it to the role again. */
interface AccountChange {
  readonly password?: string | undefined;
  readonly role?: Role | undefined;
  readonly console?: ConsoleGrant | null | undefined;
}

type LoginOutcome =
  /** The cookie's value: 256 bits, shown once; only its SHA-256 is stored. */
  | { readonly is: 'done'; readonly cookie: string }
  | { readonly is: 'refused'; readonly because: string }
  | { readonly is: 'too-many'; readonly waitS: number };

type UserOutcome =
  | { readonly is: 'done' }
  | { readonly is: 'bad-value'; readonly field: string; readonly because: string }
  | { readonly is: 'taken'; readonly because: string }
  | { readonly is: 'unknown-user'; readonly because: string }
  | { readonly is: 'refused'; readonly because: string };

/** Accounts and sessions. There is none to begin with: the first is made on the host. */
export interface UserService {
  list(): Promise<readonly Account[]>;
  add(account: Account, password: string, by: Actor): Promise<UserOutcome>;
  /** A change ends the account's sessions. */
  change(name: string, change: AccountChange, by: Actor): Promise<UserOutcome>;
  /** The last admin is removed over the socket only. */
  remove(name: string, by: Actor): Promise<UserOutcome>;
  login(name: string, password: string, from: string): Promise<LoginOutcome>;
  /** Whose session it is, the role read afresh; nothing when it is over, unknown or of an earlier epoch. */
  session(cookie: string): Promise<Account | undefined>;
  logout(cookie: string): Promise<void>;
}

/** What the service stands on. */
export interface UserServiceDeps {
  readonly store: Pick<Store, 'users' | 'events'>;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly crypto: PasswordCrypto;
}

/** How long a session lasts. */
export const SESSION_S = 12 * 3600;
const SESSION_OCTETS = 32;
const WINDOW_MS = 5 * 60_000;
const TRIES_PER_ACCOUNT = 10;
/** Whatever the names: bounds what one address can make us compute and write down. */
const TRIES_PER_ADDRESS = 60;
/** Each takes 32 MiB while it is compared. */
const LOGINS_AT_ONCE = 8;
const PASSWORD_LETTERS_MIN = 8;
const PASSWORD_LETTERS_MAX = 1024;
/** Names that events already give to somebody else. */
const ACTORS = ['socket', 'demo', 'farrier'];

function checkName(name: string): Result<true> {
  if (!/^[a-z][a-z0-9._-]{0,31}$/.test(name))
    return err('use up to 32 lower-case letters, digits, dots and dashes, a letter first');
  return ACTORS.includes(name) ? err(`"${name}" is what events call Farrier itself; choose another`) : ok(true);
}

function checkPassword(password: string, name: string): Result<true> {
  if (password.length < PASSWORD_LETTERS_MIN) return err(`use ${PASSWORD_LETTERS_MIN} letters or more`);
  if (password.length > PASSWORD_LETTERS_MAX) return err(`use ${PASSWORD_LETTERS_MAX} letters at most`);
  return password.toLowerCase().includes(name) ? err('the password must not hold the name') : ok(true);
}

const accountOf = ({ name, role, console }: Account): Account => ({ name, role, ...(console && { console }) });

const bad = (field: string, because: string): UserOutcome => ({ is: 'bad-value', field, because });
const unknown = (name: string): UserOutcome => ({
  is: 'unknown-user',
  because: `there is no account "${name.slice(0, 32)}"`,
});

function teller(clock: Clock): (severity: Severity, text: string) => NewEvent {
  return (severity, text) => ({
    atMs: clock.now(),
    kind: 'security',
    severity,
    machine: undefined,
    boot: undefined,
    text,
    detail: {},
  });
}

/** One after the other: what is read before a hash is made must still hold when it is written. */
function createTurns(): <T>(job: () => Promise<T>) => Promise<T> {
  let tail: Promise<unknown> = Promise.resolve();
  return (job) => {
    const turn = tail.then(job);
    tail = turn.catch(() => undefined);
    return turn;
  };
}

type Accounts = Pick<UserService, 'list' | 'add' | 'change' | 'remove'>;

function createAccounts({ store, clock, rng, crypto }: UserServiceDeps): Accounts {
  const tell = teller(clock);
  const inTurn = createTurns();

  const add = async ({ name, role, console }: Account, password: string, by: Actor): Promise<UserOutcome> => {
    const [goodName, goodPassword] = [checkName(name), checkPassword(password, name)];
    if (!goodName.ok) return bad('name', goodName.error);
    if (!goodPassword.ok) return bad('password', goodPassword.error);
    if (await store.users.byName(name)) return { is: 'taken', because: `there is an account "${name}" already` };
    const passwordHash = await hashPassword(password, crypto, rng);
    await store.users.put({ ...accountOf({ name, role, console }), passwordHash, epoch: 1 }, [
      tell('note', `${by} added ${role} "${name}"`),
    ]);
    return { is: 'done' };
  };

  const isLastAdmin = async (name: string): Promise<boolean> => {
    const admins = (await store.users.list()).filter(({ role }) => role === 'admin');
    return admins.length === 1 && admins[0]?.name === name;
  };

  const change: Accounts['change'] = async (name, { password, role, console }, by) => {
    const user = await store.users.byName(name);
    if (!user) return unknown(name);
    const good = password === undefined ? ok(true) : checkPassword(password, name);
    if (!good.ok) return bad('password', good.error);
    if (role !== undefined && role !== 'admin' && by !== 'socket' && (await isLastAdmin(name)))
      return { is: 'refused', because: `"${name}" is the last admin; change it on the host with farrier user edit` };
    const passwordHash = password === undefined ? user.passwordHash : await hashPassword(password, crypto, rng);
    const account = {
      name,
      role: role ?? user.role,
      console: console === undefined ? user.console : (console ?? undefined),
    };
    const changed: User = { ...accountOf(account), passwordHash, epoch: user.epoch + 1 };
    const what = [
      password === undefined ? [] : ['password'],
      role === undefined ? [] : [`role to ${role}`],
      console === undefined ? [] : [`right to consoles to ${console ?? 'that of its role'}`],
    ].flat();
    await store.users.put(changed, [tell('note', `${by} changed the ${what.join(' and ')} of "${name}"`)]);
    return { is: 'done' };
  };

  const remove = async (name: string, by: Actor): Promise<UserOutcome> => {
    const user = await store.users.byName(name);
    if (!user) return unknown(name);
    if (by !== 'socket' && (await isLastAdmin(name)))
      return { is: 'refused', because: `"${name}" is the last admin; remove it on the host with farrier user rm` };
    await store.users.remove(name, [tell('note', `${by} removed ${user.role} "${name}"`)]);
    return { is: 'done' };
  };

  return {
    list: async () => (await store.users.list()).map(accountOf),
    add: (account, password, by) => inTurn(() => add(account, password, by)),
    change: (name, wish, by) => inTurn(() => change(name, wish, by)),
    remove: (name, by) => inTurn(() => remove(name, by)),
  };
}

type Sessions = Pick<UserService, 'login' | 'session' | 'logout'>;

function createSessions({ store, clock, rng, crypto }: UserServiceDeps): Sessions {
  const tell = teller(clock);
  const perAccount = createTryLimit(clock, { triesMax: TRIES_PER_ACCOUNT, windowMs: WINDOW_MS });
  const perAddress = createTryLimit(clock, { triesMax: TRIES_PER_ADDRESS, windowMs: WINDOW_MS });
  let underWay = 0;

  const begin = async (user: User, from: string): Promise<LoginOutcome> => {
    const cookie = randomHex(rng, SESSION_OCTETS);
    const expiresMs = clock.now() + SESSION_S * 1000;
    await store.users.addSession({ hash: crypto.sha256(cookie), user: user.name, epoch: user.epoch, expiresMs });
    await store.events.append([tell('note', `"${user.name}" logged in from ${from}`)]);
    return { is: 'done', cookie };
  };

  const refuse = async (user: User | undefined, from: string): Promise<LoginOutcome> => {
    // The name that was typed is not told: people type passwords into the wrong field.
    const whom = user ? `as "${user.name}"` : 'with an unknown name';
    await store.events.append([tell('warning', `a log-in ${whom} from ${from} was refused`)]);
    return { is: 'refused', because: 'the name or the password is wrong' };
  };

  const compare = async (name: string, password: string, from: string, key: string): Promise<LoginOutcome> => {
    const user = await store.users.byName(name);
    if (!(await isPassword(password, user?.passwordHash, crypto)) || !user) return refuse(user, from);
    perAccount.clear(key);
    return begin(user, from);
  };

  return {
    login: async (name, password, from) => {
      if (underWay >= LOGINS_AT_ONCE) return { is: 'too-many', waitS: 1 };
      const key = `${from} ${name.slice(0, 64)}`;
      // Counted before the slow comparison, so that tries sent together do not slip through.
      const waitMs = perAccount.take(key) ?? perAddress.take(from);
      if (waitMs !== undefined) return { is: 'too-many', waitS: Math.max(1, Math.ceil(waitMs / 1000)) };
      underWay += 1;
      try {
        return await compare(name, password, from, key);
      } finally {
        underWay -= 1;
      }
    },
    session: async (cookie) => {
      if (!/^[0-9a-f]{64}$/.test(cookie)) return undefined;
      const session = await store.users.session(crypto.sha256(cookie));
      const user = session && (await store.users.byName(session.user));
      return user && user.epoch === session.epoch ? accountOf(user) : undefined;
    },
    logout: (cookie) => store.users.endSession(crypto.sha256(cookie)),
  };
}

/** Builds the service. */
export function createUserService(deps: UserServiceDeps): UserService {
  return { ...createAccounts(deps), ...createSessions(deps) };
}
