import { PowerError, type PowerEdges } from '../../server/ports/power-driver.ts';
import { basicAuthorization, type Credentials } from './digest-auth.ts';
import { httpCall, type HttpCall, type HttpReply } from './http-call.ts';
import { ifMatchForms, NOT_NOW } from './redfish-quirks.ts';

/** Milliseconds the logout may take once nobody waits any more. */
const LOGOUT_MS = 1000;
const WORDS_MAX = 200;

/** Where a Redfish service is and who asks. */
export interface RedfishPlace {
  /** Scheme, host and port. */
  readonly base: URL;
  readonly tlsFingerprint: string | undefined;
  readonly credentials: Credentials;
}

/** A resource with its ETag, where the service gives one. */
export interface RedfishResource {
  readonly path: string;
  readonly json: unknown;
  readonly etag: string | undefined;
}

/** A conversation with the service as somebody; each path is checked to stay on the service. */
export interface RedfishSession {
  get(path: string): Promise<RedfishResource>;
  post(path: string, body: object): Promise<void>;
  /** Changes a resource, with `If-Match` in each form services are known to want. */
  patch(resource: RedfishResource, body: object): Promise<void>;
}

/** A "no" of the service with its HTTP status, for who knows what else to try. */
export class RedfishRefusal extends PowerError {
  readonly status: number;
  constructor(code: 'busy' | 'refused' | 'auth', message: string, status: number) {
    super(code, message);
    this.status = status;
  }
}

/** The value under these names; nothing where the way breaks off. */
export function jsonAt(value: unknown, ...names: readonly string[]): unknown {
  let at = value;
  for (const name of names) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return undefined;
    at = Object.entries(at).find(([key]) => key === name)?.[1];
  }
  return at;
}

/** The text under these names, as one short line; nothing where there is none. */
export function textAt(value: unknown, ...names: readonly string[]): string | undefined {
  const text = jsonAt(value, ...names);
  return typeof text === 'string' && text.trim() !== '' ? oneLine(text) : undefined;
}

/** The texts in the list under these names. */
export function textsAt(value: unknown, ...names: readonly string[]): readonly string[] {
  const list = jsonAt(value, ...names);
  return Array.isArray(list) ? list.filter((each) => typeof each === 'string') : [];
}

/** The links in the list under these names. */
export function linksAt(value: unknown, ...names: readonly string[]): readonly string[] {
  const list = jsonAt(value, ...names);
  return Array.isArray(list) ? list.flatMap((each) => textAt(each, '@odata.id') ?? []) : [];
}

function oneLine(text: string): string {
  return text
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .trim()
    .slice(0, WORDS_MAX);
}

/**
 * Logs in, has the conversation and logs out, whatever came of it: a BMC holds few sessions and keeps a forgotten one for
 * half an hour. Where there is no session service, basic authentication is used. Throws a `PowerError` that names the BMC.
 */
export async function inRedfishSession<T>(
  place: RedfishPlace,
  { clock }: PowerEdges,
  signal: AbortSignal,
  converse: (session: RedfishSession, root: unknown) => Promise<T>,
): Promise<T> {
  const anybody = caller(place, {}, signal);
  const root = jsonOf(await anybody({ method: 'GET', path: '/redfish/v1/' }), place);
  const login = await logIn(place, root, anybody);
  const ask = caller(place, login.headers, signal);
  try {
    return await converse(sessionBy(place, ask, login), root);
  } finally {
    if (login.path !== undefined) {
      const limit = new AbortController();
      const cancel = clock.after(LOGOUT_MS, () => {
        limit.abort();
      });
      // A session that cannot be ended ends by itself; what came of the conversation counts.
      const leave = caller(
        place,
        login.headers,
        signal.aborted ? limit.signal : AbortSignal.any([signal, limit.signal]),
      );
      await leave({ method: 'DELETE', path: login.path }).catch(() => undefined);
      cancel();
    }
  }
}

type Ask = (asked: {
  readonly method: HttpCall['method'];
  readonly path: string;
  readonly body?: object;
  readonly ifMatch?: string | undefined;
}) => Promise<HttpReply>;

function caller(
  { base, tlsFingerprint }: RedfishPlace,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Ask {
  return ({ method, path, body, ifMatch }) =>
    httpCall(
      {
        url: within(base, path),
        method,
        tlsFingerprint,
        headers: {
          accept: 'application/json',
          'odata-version': '4.0',
          ...headers,
          ...(body ? { 'content-type': 'application/json' } : {}),
          ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }),
        },
        ...(body ? { body: JSON.stringify(body) } : {}),
      },
      signal,
    );
}

/** A BMC's word is not followed to another host, nor out of its Redfish tree. */
function within(base: URL, path: string): URL {
  const url = URL.canParse(path, base.href) ? new URL(path, base) : undefined;
  if (url?.origin !== base.origin || !url.pathname.startsWith('/redfish/'))
    throw new PowerError('refused', `${base.host}: names a resource outside its Redfish service: ${oneLine(path)}`);
  return url;
}

interface Login {
  readonly headers: Readonly<Record<string, string>>;
  /** The session to end; none with basic authentication. */
  readonly path: string | undefined;
}

async function logIn(place: RedfishPlace, root: unknown, ask: Ask): Promise<Login> {
  const { credentials } = place;
  const basic: Login = { headers: { authorization: basicAuthorization(credentials) }, path: undefined };
  const path = textAt(root, 'Links', 'Sessions', '@odata.id');
  if (path === undefined) return basic;
  const reply = await ask({
    method: 'POST',
    path,
    body: { UserName: credentials.user, Password: credentials.password },
  });
  if ([404, 405, 501].includes(reply.status)) return basic;
  if ([401, 403].includes(reply.status))
    throw new RedfishRefusal('auth', `${place.base.host}: refuses the user name or the password`, reply.status);
  const token = reply.headers['x-auth-token'];
  if (reply.status === 400 && !isNotNow(reply))
    // iLO answers wrong credentials so (UnauthorizedLoginAttempt); trying the same again would only lock the account.
    throw new RedfishRefusal('auth', `${place.base.host}: refuses the login (HTTP 400)`, 400);
  if (reply.status >= 300) throw refusal(reply, place, 'login');
  if (typeof token !== 'string') return basic;
  // Some give a whole address with a host name of their own; only its path is theirs to say.
  const location = reply.headers.location ?? textAt(parsed(reply.body), '@odata.id');
  const session =
    location !== undefined && URL.canParse(location, place.base.href)
      ? new URL(location, place.base).pathname
      : undefined;
  return { headers: { 'x-auth-token': token }, path: session };
}

function sessionBy(place: RedfishPlace, asked: Ask, { headers }: Login): RedfishSession {
  const hasSession = 'x-auth-token' in headers;
  const ask: Ask = async (question) => {
    const reply = await asked(question);
    // The service took the password a moment ago: it is the session that is gone, such as after a restart of the BMC.
    if (reply.status === 401 && hasSession)
      throw new RedfishRefusal('busy', `${place.base.host}: has ended the session it just began`, 401);
    return reply;
  };
  const get = async (path: string): Promise<RedfishResource> => {
    const reply = await ask({ method: 'GET', path });
    const json = jsonOf(reply, place);
    return { path, json, etag: reply.headers.etag ?? textAt(json, '@odata.etag') };
  };
  return {
    get,
    post: async (path, body) => {
      const reply = await ask({ method: 'POST', path, body });
      if (reply.status >= 300) throw refusal(reply, place, `POST ${oneLine(path)}`);
    },
    patch: async ({ path, etag }, body) => {
      let reply: HttpReply | undefined;
      for (const ifMatch of ifMatchForms(etag)) {
        reply = await ask({ method: 'PATCH', path, body, ifMatch });
        if (reply.status !== 412 && reply.status !== 428) break;
      }
      if (reply && reply.status >= 300) throw refusal(reply, place, `PATCH ${oneLine(path)}`);
    },
  };
}

function jsonOf(reply: HttpReply, place: RedfishPlace): unknown {
  if (reply.status >= 300) throw refusal(reply, place, 'GET');
  const json = parsed(reply.body);
  if (typeof json === 'object' && json !== null) return json;
  throw new PowerError('refused', `${place.base.host}: its answer is not JSON; is this a Redfish service?`);
}

function parsed(text: string): unknown {
  try {
    const json: unknown = JSON.parse(text);
    return json;
  } catch {
    return undefined;
  }
}

function messagesOf(reply: HttpReply): readonly unknown[] {
  const list = jsonAt(parsed(reply.body), 'error', '@Message.ExtendedInfo');
  return Array.isArray(list) ? list : [];
}

function isNotNow(reply: HttpReply): boolean {
  return messagesOf(reply).some((each) => NOT_NOW.some((id) => textAt(each, 'MessageId')?.includes(id)));
}

/** Why the service said no, in its own words; one that says the password back is not quoted. */
function refusal(reply: HttpReply, { base, credentials }: RedfishPlace, what: string): RedfishRefusal {
  const said = messagesOf(reply).flatMap((each) => textAt(each, 'Message') ?? textAt(each, 'MessageId') ?? []);
  const words = said[0] ?? textAt(parsed(reply.body), 'error', 'message');
  const quote = words === undefined || words.includes(credentials.password) ? '' : `: ${words}`;
  const isBusy = [409, 429].includes(reply.status) || (reply.status >= 500 && reply.status !== 501) || isNotNow(reply);
  const code = reply.status === 401 ? 'auth' : isBusy ? 'busy' : 'refused';
  return new RedfishRefusal(code, `${base.host}: ${what} is answered HTTP ${reply.status}${quote}`, reply.status);
}
