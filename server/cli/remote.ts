import { exchange, type Sending, type Where } from './exchange.ts';
import { CliFailure, EXIT } from './failure.ts';

/** A daemon elsewhere, by the address of its page, and the account to log in with. */
export interface RemoteOptions {
  readonly url: URL;
  readonly user: string;
  /** Asked once, when the first call is made. */
  readonly password: () => Promise<string>;
}

/** A daemon elsewhere. */
export interface Remote {
  readonly url: URL;
  /** Where the next call goes, logged in. @throws CliFailure */
  where(): Promise<Where>;
  /** Logs out, if it was logged in; never rejects. */
  logOut(): Promise<void>;
}

const LOGIN_MS = 30_000;

/** Reads the address of a page. @throws CliFailure for what is none */
export function remoteUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && /^https?:$/.test(url.protocol) && url.username === '') return url;
  throw new CliFailure(EXIT.usage, `"${text.slice(0, 100)}" is no address of a page; write it like http://lab:5240/`);
}

function addressOf({ protocol, hostname, port, origin }: URL): Where {
  // Node wants IPv6 addresses without the brackets.
  const bare = hostname.replace(/^\[|\]$/g, '');
  return { name: origin, address: { protocol, hostname: bare, ...(port === '' ? {} : { port }) }, headers: {} };
}

function sending(method: string, body?: object): Sending {
  const octets = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  const headers: Sending['options']['headers'] = octets
    ? { 'content-type': 'application/json', 'content-length': octets.length }
    : {};
  return {
    options: { method, path: '/api/v1/session', headers },
    timeoutMs: LOGIN_MS,
    write: (to) => {
      if (octets) to.write(octets);
      to.end();
      return Promise.resolve();
    },
  };
}

/** Makes it; nothing is called before `where`. */
export function createRemote({ url, user, password }: RemoteOptions): Remote {
  let session: Promise<Where> | undefined;
  const logIn = async (): Promise<Where> => {
    const body = { name: user, password: await password() };
    return exchange(addressOf(url), sending('POST', body), (answer) => {
      const [cookie = ''] = (answer.headers['set-cookie'] ?? []).flatMap((each) => each.split(';')[0] ?? []);
      answer.resume();
      return { ...addressOf(url), headers: { cookie } };
    });
  };
  return {
    url,
    where: () => (session ??= logIn()),
    logOut: async () => {
      const where = await session?.catch(() => undefined);
      if (!where) return;
      await exchange(where, sending('DELETE'), (answer) => answer.resume()).catch(() => undefined);
    },
  };
}
