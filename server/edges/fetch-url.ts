import { createHash } from 'node:crypto';
import { BlockList, isIP } from 'node:net';
import { FetchError, type FetchOrder, type FetchUrl } from '../ports/fetch.ts';
import type { Clock } from '../ports/clock.ts';
import { isOpenInternet } from './foreign-address.ts';
import type { HttpAnswer, HttpExchange } from './http-exchange.ts';

/** What may be fetched, and by what means. */
export interface FetchUrlNeeds {
  readonly clock: Clock;
  /** Whether `http:` may be used at all. */
  readonly http: boolean;
  /** Host names and addresses, in lower case, that may lie in private networks: a lab's own mirror. */
  readonly hosts: readonly string[];
  /** The networks that are served, which may lie in the open Internet: boards and BMCs are no mirrors either. */
  readonly served: readonly { readonly address: string; readonly prefix: number }[];
  /** All addresses of a name, asked once per hop. */
  readonly resolve: (name: string) => Promise<readonly string[]>;
  readonly exchange: HttpExchange;
}

const REDIRECTS_MAX = 5;
/** A whole file, and the silence between two pieces of it. */
const WHOLE_TIMEOUT_MS = 30 * 60_000;
const SILENCE_TIMEOUT_MS = 30_000;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/**
 * Builds the fetcher: https (http by configuration) to the open Internet and to the hosts that are named, each hop's
 * name looked up once and the connection tied to what was found, redirects checked anew, size and time limited.
 */
export function createFetchUrl(needs: FetchUrlNeeds): FetchUrl {
  return (order) => fetchWhole(needs, order);
}

/** Aborts when the whole takes too long, or when nothing was heard for too long. */
interface Patience {
  readonly signal: AbortSignal;
  heard(): void;
  end(): void;
}

function patienceOf(clock: Clock): Patience {
  const late = new AbortController();
  const abort = (): void => {
    late.abort();
  };
  const cancelWhole = clock.after(WHOLE_TIMEOUT_MS, abort);
  let cancelSilence = clock.after(SILENCE_TIMEOUT_MS, abort);
  return {
    signal: late.signal,
    heard: () => {
      cancelSilence();
      cancelSilence = clock.after(SILENCE_TIMEOUT_MS, abort);
    },
    end: () => {
      cancelSilence();
      cancelWhole();
    },
  };
}

async function* fetchWhole(needs: FetchUrlNeeds, order: FetchOrder): AsyncGenerator<Uint8Array> {
  const patience = patienceOf(needs.clock);
  let answer: HttpAnswer | undefined;
  try {
    answer = await follow(needs, order, patience);
    yield* checked(order, answer, patience);
  } catch (error) {
    throw fetchErrorOf(error, order, patience.signal.aborted);
  } finally {
    patience.end();
    answer?.close();
  }
}

function fetchErrorOf(error: unknown, order: FetchOrder, isLate: boolean): unknown {
  const url = shortly(order.url);
  if (isLate) return new FetchError('too-slow', `${url} took too long; fetch it by hand and give the file`, error);
  if (error instanceof FetchError) return error;
  const words = error instanceof Error ? error.message : String(error);
  return new FetchError('unreachable', `${url} cannot be fetched: ${words.slice(0, 200)}`, error);
}

/** Asks, and goes where it is sent on, until there is a file. */
async function follow(needs: FetchUrlNeeds, order: FetchOrder, patience: Patience): Promise<HttpAnswer> {
  let url = urlOf(needs, order.url);
  for (let hop = 0; hop <= REDIRECTS_MAX; hop += 1) {
    const addresses = await late(addressesOf(needs, url), patience.signal);
    const answer = await late(needs.exchange(url, addresses, patience.signal), patience.signal);
    patience.heard();
    if (!REDIRECTS.has(answer.status)) return acceptable(answer, url, order);
    answer.close();
    url = urlOf(needs, answer.location === undefined ? '' : joined(answer.location, url));
  }
  throw new FetchError(
    'bad-answer',
    `${shortly(order.url)} is redirected more than ${REDIRECTS_MAX} times; give the last URL`,
  );
}

/** The promise, or a rejection when the signal comes first: a name server can be as slow as a web server. */
async function late<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  let stop: () => void = () => undefined;
  const ended = new Promise<never>((_resolve, reject) => {
    stop = () => {
      reject(new Error('it took too long'));
    };
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([promise, ended]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

const joined = (location: string, base: URL): string =>
  URL.canParse(location, base.href) ? new URL(location, base).href : '';

function urlOf(needs: FetchUrlNeeds, text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url) throw new FetchError('bad-url', `"${shortly(text)}" is no URL; write https://HOST/PATH`);
  if (url.username !== '' || url.password !== '')
    throw new FetchError(
      'bad-url',
      `the URL at ${url.host} holds a name or password, which would be written down; leave it out`,
    );
  if (url.protocol === 'https:' || (url.protocol === 'http:' && needs.http)) return url;
  const remedy = url.protocol === 'http:' ? 'use https, or set "fetch.http: true" in farrier.yaml' : 'use https';
  throw new FetchError('not-allowed', `${shortly(url.href)}: ${url.protocol} is not fetched; ${remedy}`);
}

async function addressesOf(needs: FetchUrlNeeds, url: URL): Promise<readonly string[]> {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  const addresses = isIP(host) === 0 ? await needs.resolve(host) : [host];
  if (addresses.length === 0) throw new FetchError('unreachable', `${host} has no address`);
  const served = new BlockList();
  for (const { address, prefix } of needs.served) served.addSubnet(address, prefix, 'ipv4');
  const isNear = (address: string): boolean =>
    !isOpenInternet(address) || served.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
  const near = needs.hosts.includes(host) ? undefined : addresses.find(isNear);
  if (near === undefined) return addresses;
  const remedy = `name it under "fetch.hosts" in farrier.yaml if it is a mirror of yours`;
  throw new FetchError(
    'not-allowed',
    `${host} lies at ${near}, which is ${isOpenInternet(near) ? 'a network Farrier serves' : 'not the open Internet'}; ${remedy}`,
  );
}

function acceptable(answer: HttpAnswer, url: URL, order: FetchOrder): HttpAnswer {
  const because =
    answer.status !== 200
      ? new FetchError('bad-answer', `${shortly(url.href)} answers ${answer.status}; check the URL`)
      : answer.encoding !== undefined && answer.encoding !== 'identity'
        ? new FetchError(
            'bad-answer',
            `${shortly(url.href)} is sent packed (${answer.encoding.slice(0, 20)}) although plain was asked for`,
          )
        : answer.octets !== undefined && answer.octets > order.octetsMax
          ? tooBig(order)
          : undefined;
  if (because === undefined) return answer;
  answer.close();
  throw because;
}

const tooBig = (order: FetchOrder): FetchError =>
  new FetchError('too-big', `${shortly(order.url)} has more than ${order.octetsMax} octets, the most that is taken`);

async function* checked(order: FetchOrder, answer: HttpAnswer, patience: Patience): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  let octets = 0;
  for await (const piece of answer.body) {
    patience.heard();
    octets += piece.length;
    if (octets > order.octetsMax) throw tooBig(order);
    hash.update(piece);
    yield piece;
  }
  if (answer.octets !== undefined && answer.octets !== octets)
    throw new FetchError(
      'bad-answer',
      `${shortly(order.url)} ended after ${octets} of ${answer.octets} octets; try again`,
    );
  const found = hash.digest('hex');
  if (found === order.sha256) return;
  throw new FetchError('wrong-digest', `${shortly(order.url)} has sha256 ${found}, but ${order.sha256} was asked for`);
}

/** What may stand in a message: the query may hold a token. */
function shortly(url: string): string {
  return url
    .replace(/[?#].*$/s, '')
    .replace(/\/\/[^/@]*@/, '//')
    .slice(0, 200);
}
