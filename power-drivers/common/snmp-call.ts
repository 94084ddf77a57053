import { createSocket, type Socket } from 'node:dgram';
import type { Answered, Session, SessionSocket, User, Varbind } from 'net-snmp';
import { PowerError } from '../../server/ports/power-driver.ts';

/** Milliseconds until a request is sent again, and how often; then an agent counts as silent. */
const RESEND_MS = 1200;
const RESENDS = 3;
/** Datagrams one call listens to; an agent answers each request once. */
const DATAGRAMS_MAX = 200;
/** SNMPv2-MIB: sysUpTime. */
const UPTIME = '1.3.6.1.2.1.1.3.0';

/** Who asks an SNMP agent: a community, or a user of the user-based security model (RFC 3414). */
export type SnmpWho =
  | { readonly version: '1' | '2c'; readonly community: string }
  | {
      readonly version: '3';
      readonly user: string;
      /** Without a key there is no authentication, and without authentication no privacy. */
      readonly auth?: { readonly protocol: string; readonly key: string } | undefined;
      readonly priv?: { readonly protocol: string; readonly key: string } | undefined;
    };

/** Where an agent is. */
export interface SnmpPlace {
  readonly host: string;
  readonly port: number;
  readonly who: SnmpWho;
}

type Snmp = (typeof import('net-snmp'))['default'];

/** An agent, and the package that speaks to it: loaded with the first question, for most sites have no such outlets. */
interface Agent extends SnmpPlace {
  readonly snmp: Snmp;
}

/** What is asked: values, or one integer set. `once`: not sent again when no answer comes, for what a repeat would do twice. */
export type SnmpQuestion =
  | { readonly get: readonly string[] }
  | { readonly set: { readonly oid: string; readonly value: number }; readonly once?: boolean };

/** A value as it came, `undefined` where the agent has no such object. */
export type SnmpValue = number | string | undefined;

/**
 * Asks an agent over a socket of its own, connected, so that nobody else's datagrams count. Throws a `PowerError` that names
 * the agent: `unreachable` for silence, which is also how an agent answers a wrong community; `auth` when it refuses a user
 * or a key, `refused` when it refuses the request, `busy`, and `timeout` when `signal` is given.
 */
export async function snmpCall(
  place: SnmpPlace,
  question: SnmpQuestion,
  signal: AbortSignal,
): Promise<readonly SnmpValue[]> {
  const { default: snmp } = await import('net-snmp');
  const agent = { ...place, snmp };
  try {
    return await answered(agent, question, 'once' in question && question.once ? 0 : RESENDS, signal);
  } catch (failure) {
    throw isSilence(agent, failure) ? await reasonOfSilence(failure, agent, signal) : failure;
  }
}

function isSilence({ snmp }: Agent, failure: unknown): failure is PowerError {
  return failure instanceof PowerError && failure.cause instanceof snmp.RequestTimedOutError;
}

/** An agent is silent to a request it cannot decrypt. Asked without encryption it speaks, if only to refuse: it is the key. */
async function reasonOfSilence(silence: PowerError, agent: Agent, signal: AbortSignal): Promise<PowerError> {
  const { who } = agent;
  if (who.version !== '3' || !who.priv) return silence;
  const speaksTo = (asking: SnmpWho): Promise<boolean> =>
    answered({ ...agent, who: asking }, { get: [UPTIME] }, 0, signal).then(
      () => true,
      (failure: unknown) => failure instanceof PowerError && ['refused', 'auth'].includes(failure.code),
    );
  if (await speaksTo(who))
    return new PowerError('busy', `${whereOf(agent)}: answers other questions, but not this one`);
  if (await speaksTo({ ...who, priv: undefined }))
    return new PowerError('auth', `${whereOf(agent)}: knows the user, but not the encryption key or its algorithm`);
  return signal.aborted ? stopped(agent) : silence;
}

function whereOf({ host, port }: SnmpPlace): string {
  return `${host}:${port}`;
}

function stopped(place: SnmpPlace): PowerError {
  return new PowerError('timeout', `${whereOf(place)}: stopped waiting`);
}

async function answered(
  agent: Agent,
  question: SnmpQuestion,
  resends: number,
  signal: AbortSignal,
): Promise<readonly SnmpValue[]> {
  const socket = createSocket(agent.host.includes(':') ? 'udp6' : 'udp4');
  let session: Session | undefined;
  let stop = (): void => undefined;
  try {
    const varbinds = await new Promise<readonly Varbind[]>((resolve, reject) => {
      stop = () => {
        reject(stopped(agent));
      };
      if (signal.aborted) stop();
      signal.addEventListener('abort', stop, { once: true });
      // "Port unreachable" arrives here too, for the socket is connected.
      socket.on('error', (cause) => {
        reject(new PowerError('unreachable', `${whereOf(agent)}: ${cause.message}`, { cause }));
      });
      socket.once('connect', () => {
        if (signal.aborted) return;
        session = sessionOn(socket, agent, resends, reject);
        // Datagrams that are no SNMP: the answer may still come.
        let isRubbish = false;
        session.on('error', () => {
          isRubbish = true;
        });
        ask(agent, session, question, (error, answer) => {
          if (error) reject(reasonOf(error, agent, isRubbish));
          else resolve(answer ?? []);
        });
      });
      socket.connect(agent.port, agent.host);
    });
    return varbinds.map((varbind) => valueOf(agent, varbind));
  } finally {
    signal.removeEventListener('abort', stop);
    session?.close();
    socket.close();
  }
}

function sessionOn(
  socket: Socket,
  { host, port, who, snmp }: Agent,
  resends: number,
  fail: (error: PowerError) => void,
): Session {
  const options = {
    port,
    transport: host.includes(':') ? ('udp6' as const) : ('udp4' as const),
    retries: resends,
    timeout: RESEND_MS,
    reportOidMismatchErrors: true,
    dgramModule: { createSocket: () => guarded(socket, `${host}:${port}`, fail) },
  };
  const version = who.version === '1' ? snmp.Version1 : snmp.Version2c;
  return who.version === '3'
    ? snmp.createV3Session(host, userOf(snmp, who), options)
    : snmp.createSession(host, who.community, { ...options, version });
}

function ask({ snmp }: Agent, session: Session, question: SnmpQuestion, answered: Answered): void {
  if ('get' in question) session.get(question.get, answered);
  else session.set([{ ...question.set, type: snmp.ObjectType.Integer }], answered);
}

function userOf(snmp: Snmp, { user, auth, priv }: SnmpWho & { readonly version: '3' }): User {
  const { noAuthNoPriv, authNoPriv, authPriv } = snmp.SecurityLevel;
  if (!auth) return { name: user, level: noAuthNoPriv };
  const authProtocol = snmp.AuthProtocols[auth.protocol] ?? 0;
  const known = { name: user, authProtocol, authKey: auth.key };
  if (!priv) return { ...known, level: authNoPriv };
  return { ...known, level: authPriv, privProtocol: snmp.PrivProtocols[priv.protocol] ?? 0, privKey: priv.key };
}

/**
 * A connected socket as a session wants one. What the package throws at a hostile datagram ends the call, not the daemon,
 * and so does a flood.
 */
function guarded(socket: Socket, where: string, fail: (error: PowerError) => void): SessionSocket {
  let heard = 0;
  return {
    on: (event, listener) => {
      if (event !== 'message') return;
      socket.on('message', (octets) => {
        heard += 1;
        if (heard > DATAGRAMS_MAX) {
          fail(new PowerError('refused', `${where}: answers one request with more than ${DATAGRAMS_MAX} datagrams`));
          return;
        }
        try {
          Reflect.apply(listener, undefined, [octets]);
        } catch (cause) {
          fail(new PowerError('refused', `${where}: its answer is no SNMP that can be read`, { cause }));
        }
      });
    },
    send: (octets, offset, length, _port, _address, sent) => {
      socket.send(octets, offset, length, sent);
    },
    bind: () => undefined,
    ref: () => socket.ref(),
    unref: () => socket.unref(),
    close: () => undefined,
  };
}

function valueOf({ snmp }: Agent, varbind: Varbind): SnmpValue {
  if (snmp.isVarbindError(varbind)) return undefined;
  const { value } = varbind;
  if (typeof value === 'number' || typeof value === 'string') return value;
  return Buffer.isBuffer(value) ? value.toString('utf8') : undefined;
}

/** Answers that mean the user or community is known but may not write this. RFC 3416 §4.2.5; SNMPv1 says noSuchName. */
const MAY_NOT = ['NoAccess', 'ReadOnly', 'AuthorizationError', 'NotWritable', 'NoCreation'];
const NOT_NOW = ['ResourceUnavailable', 'CommitFailed', 'UndoFailed'];

function reasonOf(error: Error, agent: Agent, isRubbish: boolean): PowerError {
  const { snmp, who } = agent;
  const where = whereOf(agent);
  if (error instanceof snmp.RequestTimedOutError) {
    if (isRubbish) return new PowerError('unreachable', `${where}: its answers are no SNMP that can be read`);
    const what = who.version === '3' ? 'address, port or user' : 'address, port, community or SNMP version';
    return new PowerError('unreachable', `${where}: no answer; wrong ${what}, or an access list keeps this host out`, {
      cause: error,
    });
  }
  if (error instanceof snmp.RequestFailedError) {
    const is = (names: readonly string[]): boolean => names.some((name) => snmp.ErrorStatus[name] === error.status);
    const asked = who.version === '3' ? 'user' : 'community';
    if (is(MAY_NOT)) return new PowerError('refused', `${where}: this ${asked} may not set the outlet`);
    if (is(['NoSuchName']))
      return new PowerError('refused', `${where}: has no such outlet, or this ${asked} may not set it`);
    const words = error.message.replace(/[^\x20-\x7e]/g, ' ').slice(0, 120);
    return new PowerError(is(NOT_NOW) ? 'busy' : 'refused', `${where}: answers ${words}`);
  }
  if (error instanceof snmp.ResponseInvalidError) return invalid(snmp, error, where);
  return new PowerError('unreachable', `${where}: ${error.message.slice(0, 120)}`, { cause: error });
}

function invalid(snmp: Snmp, error: Error & { readonly code: number }, where: string): PowerError {
  const { EAuthFailure, ECouldNotDecrypt, ENotInTimeWindow } = snmp.ResponseInvalidCode;
  if (error.code === ENotInTimeWindow || /time window|engine id/i.test(error.message))
    return new PowerError('busy', `${where}: its clock and ours are being brought together`);
  if (error.code === EAuthFailure || error.code === ECouldNotDecrypt)
    return new PowerError('auth', `${where}: refuses the SNMPv3 user, a key or the level of security`);
  return new PowerError('refused', `${where}: its answer does not fit the question`);
}
