import type { IncomingMessage } from 'node:http';
import type { ConsoleGrant } from '../core/console.ts';
import type { Role } from '../ports/store.ts';

/** Who asks. */
export interface Who {
  readonly name: string;
  readonly role: Role;
  /** What it may do with consoles, where that is not what its role may. */
  readonly console?: ConsoleGrant | undefined;
}

type LoginOutcome =
  | { readonly is: 'done'; readonly cookie: string }
  | { readonly is: 'refused'; readonly because: string }
  /** 10 tries in 5 minutes for each account and address. */
  | { readonly is: 'too-many'; readonly waitS: number };

/** How a change to the users ended. */
export type UserOutcome =
  | { readonly is: 'done' }
  | { readonly is: 'bad-value'; readonly field: string; readonly because: string }
  | { readonly is: 'taken'; readonly because: string }
  | { readonly is: 'unknown-user'; readonly because: string }
  /** The last admin, for instance. */
  | { readonly is: 'refused'; readonly because: string };

/** What may be changed of an account; `console: null` leaves it to the role again. */
export interface UserChange {
  readonly password?: string | undefined;
  readonly role?: Role | undefined;
  readonly console?: ConsoleGrant | null | undefined;
}

/** What the HTTP server asks of the accounts. */
export interface Users {
  login(name: string, password: string, from: string): Promise<LoginOutcome>;
  /** The role is read afresh at each call; nothing when the session is over, unknown or of an earlier epoch. */
  session(cookie: string): Promise<Who | undefined>;
  logout(cookie: string): Promise<void>;
  list(): Promise<readonly Who[]>;
  add(user: Who, password: string, by: string): Promise<UserOutcome>;
  change(name: string, change: UserChange, by: string): Promise<UserOutcome>;
  remove(name: string, by: string): Promise<UserOutcome>;
}

/**
 * What a listener says of whoever reaches it. `socket`: the unix socket of mode 0600, so admin. `tcp`: a session is
 * needed. `demo-loopback`: whoever comes from this host is logged in as `demo`.
 */
export type Trust = 'socket' | 'tcp' | 'demo-loopback';

/** The session cookie's name. */
export const SESSION_COOKIE = 'farrier_session';

/** The session cookie of a request; nothing when there is none or it cannot be one of ours. */
export function sessionCookie(request: IncomingMessage): string | undefined {
  for (const pair of (request.headers.cookie ?? '').split(';')) {
    const at = pair.indexOf('=');
    if (at < 0 || pair.slice(0, at).trim() !== SESSION_COOKIE) continue;
    const value = pair.slice(at + 1).trim();
    return /^[\w.-]{16,200}$/.test(value) ? value : undefined;
  }
  return undefined;
}

/** The peer's address without IPv4-mapping; `local` for a unix socket. */
export function peerOf(request: IncomingMessage): string {
  return (request.socket.remoteAddress ?? 'local').replace(/^::ffff:/, '');
}

/**
 * Whether a request of the demo came from this very host and was meant for it. The host name is checked as well: a
 * hostile page may point a name of its own at 127.0.0.1, and would then count as the same origin.
 */
function isFromThisHost(request: IncomingMessage): boolean {
  const peer = peerOf(request);
  const isLocal = peer === 'local' || peer === '::1' || peer.startsWith('127.');
  return isLocal && /^(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/.test(request.headers.host ?? '');
}

/** Who asks, by the listener's trust and the session. Nothing: nobody we know. */
export async function whoAsks(trust: Trust, users: Users, request: IncomingMessage): Promise<Who | undefined> {
  if (trust === 'socket') return { name: 'socket', role: 'admin' };
  if (trust === 'demo-loopback' && isFromThisHost(request)) return { name: 'demo', role: 'admin' };
  const cookie = sessionCookie(request);
  return cookie === undefined ? undefined : users.session(cookie);
}
