import { createHash } from 'node:crypto';
import { err, ok, type Result } from '../../server/core/result.ts';
import { PowerError } from '../../server/ports/power-driver.ts';
import type { Rng } from '../../server/ports/rng.ts';
import { httpCall, type HttpCall, type HttpReply } from './http-call.ts';

/** Who asks. */
export interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** `digest` never sends the password itself; `any` also answers a controller that knows only basic authentication. */
export type AuthSchemes = 'digest' | 'any';

/** What a server wants to hear, by its `WWW-Authenticate` header: names in lower case. RFC 9110 §11.6.1 */
export interface Challenge {
  readonly scheme: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** One request as digest authentication sees it. */
export interface DigestQuestion {
  readonly method: string;
  /** The request target: path and query. */
  readonly uri: string;
  /** How often this nonce has been used, this time included. */
  readonly count: number;
  /** The client's own nonce, printable. */
  readonly cnonce: string;
}

/** Digests spoken, the better ones first. RFC 7616 §3.4.2 */
const ALGORITHMS: Readonly<Record<string, 'sha256' | 'md5'>> = {
  'sha-256': 'sha256',
  'sha-256-sess': 'sha256',
  md5: 'md5',
  'md5-sess': 'md5',
};
const CHALLENGE = /[\s,]*([a-z][a-z0-9-]*)(?=\s+[a-z0-9_*-]+\s*=|\s*(?:,|$))/giy;
const PARAMETER = /[\s,]*([a-z0-9_*-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/giy;

/** The header `Authorization` of basic authentication. RFC 7617 §2 */
export function basicAuthorization({ user, password }: Credentials): string {
  return `Basic ${Buffer.from(`${user}:${password}`, 'utf8').toString('base64')}`;
}

/** Reads a `WWW-Authenticate` header, several challenges in one line among them; what is no challenge ends the reading. */
export function readChallenges(header: string): readonly Challenge[] {
  const challenges: Challenge[] = [];
  let at = 0;
  for (let scheme = matchAt(CHALLENGE, header, at); scheme; scheme = matchAt(CHALLENGE, header, at)) {
    const parameters: Record<string, string> = {};
    at = scheme.end;
    for (let part = matchAt(PARAMETER, header, at); part; part = matchAt(PARAMETER, header, at)) {
      const [, name = '', quoted, token] = part.match;
      parameters[name.toLowerCase()] = quoted?.replace(/\\(.)/g, '$1') ?? token ?? '';
      at = part.end;
    }
    challenges.push({ scheme: (scheme.match[1] ?? '').toLowerCase(), parameters });
  }
  return challenges;
}

function matchAt(pattern: RegExp, text: string, at: number): { match: RegExpExecArray; end: number } | undefined {
  pattern.lastIndex = at;
  const match = pattern.exec(text);
  return match ? { match, end: pattern.lastIndex } : undefined;
}

/** The header `Authorization` that answers a digest challenge with `qop` auth, or without where none is offered. RFC 7616 §3.4 */
export function digestAuthorization(
  { parameters }: Challenge,
  { user, password }: Credentials,
  { method, uri, count, cnonce }: DigestQuestion,
): Result<string> {
  const { realm = '', nonce, opaque, qop, algorithm = 'MD5' } = parameters;
  const hash = ALGORITHMS[algorithm.toLowerCase()];
  if (hash === undefined) return err(`digest algorithm ${algorithm.slice(0, 40)} is not known here`);
  if (nonce === undefined) return err('a digest challenge without a nonce');
  const offered = qop?.split(',').map((each) => each.trim().toLowerCase());
  if (offered && !offered.includes('auth')) return err('a digest challenge without quality of protection "auth"');
  const digest = (text: string): string => createHash(hash).update(text, 'utf8').digest('hex');
  const nc = count.toString(16).padStart(8, '0');
  const secret = digest(`${user}:${realm}:${password}`);
  const a1 = algorithm.toLowerCase().endsWith('-sess') ? digest(`${secret}:${nonce}:${cnonce}`) : secret;
  const a2 = digest(`${method}:${uri}`);
  const response = digest(offered ? `${a1}:${nonce}:${nc}:${cnonce}:auth:${a2}` : `${a1}:${nonce}:${a2}`);
  const isHashed = parameters['userhash']?.toLowerCase() === 'true';
  const parts = [
    nameOf(isHashed ? digest(`${user}:${realm}`) : user),
    `realm=${quoted(realm)}, nonce=${quoted(nonce)}, uri=${quoted(uri)}, response="${response}", algorithm=${algorithm}`,
    ...(opaque === undefined ? [] : [`opaque=${quoted(opaque)}`]),
    ...(offered ? [`qop=auth, nc=${nc}, cnonce=${quoted(cnonce)}`] : []),
    ...(isHashed ? ['userhash=true'] : []),
  ];
  return ok(`Digest ${parts.join(', ')}`);
}

function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

/** A name outside ASCII goes percent-encoded, for a header holds no other octets. RFC 7616 §3.4 */
function nameOf(user: string): string {
  return /^[\x20-\x7e]*$/.test(user) ? `username=${quoted(user)}` : `username*=UTF-8''${encodeURIComponent(user)}`;
}

/**
 * Calls a controller's web server as somebody: first without credentials, then with the answer to its challenge, which is
 * kept for the calls after it. A nonce called stale is replaced once. Throws as `httpCall`, and `auth` when the answer to the
 * challenge is refused, `config` for a way of authentication not spoken here.
 */
export function httpCallsAs(
  credentials: Credentials,
  rng: Rng,
  schemes: AuthSchemes = 'any',
): (call: HttpCall, signal: AbortSignal) => Promise<HttpReply> {
  let challenge: Challenge | undefined;
  let count = 0;
  const once = async (call: HttpCall, signal: AbortSignal): Promise<HttpReply> => {
    if (!challenge) return await httpCall(call, signal);
    count += 1;
    const cnonce = Buffer.from(rng.octets(16)).toString('hex');
    const question = { method: call.method, uri: `${call.url.pathname}${call.url.search}`, count, cnonce };
    const authorization =
      challenge.scheme === 'basic'
        ? ok(basicAuthorization(credentials))
        : digestAuthorization(challenge, credentials, question);
    if (!authorization.ok) throw new PowerError('config', `${call.url.host}: asks for ${authorization.error}`);
    return await httpCall({ ...call, headers: { ...call.headers, authorization: authorization.value } }, signal);
  };
  const learn = (reply: HttpReply, where: string): void => {
    challenge = bestOf(readChallenges(reply.headers['www-authenticate'] ?? ''), schemes);
    count = 0;
    if (challenge) return;
    const remedy = `only ${schemes === 'any' ? 'digest and basic are' : 'digest is'} spoken here`;
    throw new PowerError('config', `${where}: asks for an authentication that is not known; ${remedy}`);
  };
  return async (call, signal) => {
    const where = call.url.host;
    for (let tries = 1; ; tries += 1) {
      const isAnswer = challenge !== undefined;
      const reply = await once(call, signal);
      if (reply.status !== 401) return reply;
      // Seen in embedded servers with one nonce for everybody: another client's request has aged ours already.
      if (isAnswer && (tries === 3 || !isStale(reply)))
        throw new PowerError('auth', `${where}: refuses the user name or the password`);
      learn(reply, where);
    }
  };
}

function isStale(reply: HttpReply): boolean {
  return readChallenges(reply.headers['www-authenticate'] ?? '').some(
    ({ scheme, parameters }) => scheme === 'digest' && parameters['stale']?.toLowerCase() === 'true',
  );
}

/** The strongest challenge that can be answered. */
function bestOf(challenges: readonly Challenge[], schemes: AuthSchemes): Challenge | undefined {
  const digests = challenges.filter(({ scheme }) => scheme === 'digest');
  const withHash = (hash: string): Challenge | undefined =>
    digests.find(({ parameters }) => ALGORITHMS[(parameters['algorithm'] ?? 'MD5').toLowerCase()] === hash);
  const basic = schemes === 'any' ? challenges.find(({ scheme }) => scheme === 'basic') : undefined;
  return withHash('sha256') ?? withHash('md5') ?? basic;
}
