import { createHash } from 'node:crypto';
import type { ParametersOf } from '../server/core/field.ts';
import type { PowerState } from '../server/core/machine.ts';
import { PowerError, type PowerEdges, type PowerHandle } from '../server/ports/power-driver.ts';
import { controllerUrl } from './common/controller-url.ts';
import { httpCallsAs } from './common/digest-auth.ts';
import { httpCall, type HttpCall, type HttpReply } from './common/http-call.ts';
import { expectSuccess, webFields } from './common/web-device.ts';
import { definePowerDriver } from './define.ts';

const fields = {
  ...webFields,
  user: { kind: 'text', label: 'User', scope: 'controller', required: true, default: 'admin' },
  password: { kind: 'secret', label: 'Password', scope: 'controller', required: true },
  generation: {
    kind: 'choice',
    label: 'Interface',
    help: 'rest: "Allow REST-style API" is on in the switch. web: the older pages. auto asks the switch.',
    scope: 'controller',
    required: true,
    choices: ['auto', 'rest', 'web'],
    default: 'auto',
  },
  outlet: {
    kind: 'integer',
    label: 'Outlet',
    help: 'As printed on the switch: the first is 1.',
    scope: 'machine',
    required: true,
    min: 1,
    max: 24,
  },
} as const;

type Parameters = ParametersOf<typeof fields>;
type Call = (call: HttpCall, signal: AbortSignal) => Promise<HttpReply>;

/** One of the two ways these switches are spoken to. */
type Tongue = Pick<PowerHandle, 'set' | 'query'> & { reset(signal: AbortSignal): Promise<void> };

/**
 * Digital Loggers web power switches and Ethernet power controllers, both generations
 * (https://www.digital-loggers.com/rest.html and https://www.digital-loggers.com/http.html). `reset` is the switch's own
 * cycle. Outlets locked in the switch take orders and do nothing; the state read back says so.
 */
export const dli = definePowerDriver({
  name: 'dli',
  summary: 'Digital Loggers web power switch, REST or the older pages',
  fields,
  abilities: ['on', 'off', 'status', 'reset'],
  callTimeoutMs: 15_000,
  settleTimeoutMs: 20_000,
  open: (parameters, edges) => {
    const tongues = { rest: restTongue(parameters, edges), web: webTongue(parameters, edges) };
    const { generation } = parameters;
    let known = generation === 'rest' || generation === 'web' ? tongues[generation] : undefined;
    const tongue = async (signal: AbortSignal): Promise<Tongue> => {
      known ??= (await speaksRest(parameters, signal)) ? tongues.rest : tongues.web;
      return known;
    };
    return {
      set: async (want, signal) => (await tongue(signal)).set(want, signal),
      query: async (signal) => (await tongue(signal)).query(signal),
      reset: async (signal) => (await tongue(signal)).reset(signal),
    };
  },
});

function nameOf({ host }: Parameters): string {
  return `dli ${host}`;
}

function relayUrl(parameters: Parameters, leaf: string): URL {
  // The REST interface counts from 0, everything else from 1.
  const { scheme, host, port } = parameters;
  return controllerUrl(scheme, host, port, `/restapi/relay/outlets/${parameters.outlet - 1}/${leaf}/`);
}

/** The REST interface asks for digest authentication where the older pages show a form, redirect or know nothing. */
async function speaksRest(parameters: Parameters, signal: AbortSignal): Promise<boolean> {
  const { tlsFingerprint } = parameters;
  const call = { url: relayUrl(parameters, 'state'), method: 'GET', headers: REST_HEADERS, tlsFingerprint } as const;
  const { status, headers } = await httpCall(call, signal);
  return status === 401 && /\bdigest\b/i.test(headers['www-authenticate'] ?? '');
}

const REST_HEADERS = { accept: 'application/json', 'x-csrf': 'x' };

function restTongue(parameters: Parameters, { rng }: PowerEdges): Tongue {
  const call: Call = httpCallsAs(parameters, rng, 'digest');
  const where = nameOf(parameters);
  const ask = async (
    method: HttpCall['method'],
    leaf: string,
    body: string | undefined,
    signal: AbortSignal,
  ): Promise<HttpReply> => {
    const { tlsFingerprint } = parameters;
    const form = { 'content-type': 'application/x-www-form-urlencoded', 'content-length': (body ?? '').length };
    const headers = { ...REST_HEADERS, ...(method === 'GET' ? {} : form) };
    const content = body === undefined ? {} : { body };
    const reply = await call({ url: relayUrl(parameters, leaf), method, headers, tlsFingerprint, ...content }, signal);
    if (reply.status === 404)
      throw new PowerError('refused', `${where}: has no outlet ${parameters.outlet}, or its REST interface is off`);
    expectSuccess(reply, where);
    return reply;
  };
  return {
    set: async (want, signal) => {
      await ask('PUT', 'state', `value=${want === 'on' ? 'true' : 'false'}`, signal);
    },
    // `state` is what was wished; this is where the relay is.
    query: async (signal) => {
      const { body } = await ask('GET', 'physical_state', undefined, signal);
      if (body.trim() === 'true') return 'on';
      if (body.trim() === 'false') return 'off';
      throw new PowerError('refused', `${where}: its answer is neither true nor false`);
    },
    reset: async (signal) => {
      await ask('POST', 'cycle', '', signal);
    },
  };
}

function webTongue(parameters: Parameters, { rng }: PowerEdges): Tongue {
  const call: Call = httpCallsAs(parameters, rng, 'any');
  const where = nameOf(parameters);
  const ask = async (target: string, signal: AbortSignal): Promise<string> => {
    const cookie = await logIn(parameters, call, signal);
    const headers = cookie === undefined ? {} : { cookie };
    const reply = await call(pageOf(parameters, target, headers), signal);
    if (challengeOf(reply.body) !== undefined)
      throw new PowerError('auth', `${where}: refuses the user name or the password`);
    // An order is answered with a way back to the page of outlets.
    if (reply.status !== 302 && reply.status !== 303) expectSuccess(reply, where);
    return reply.body;
  };
  const order = async (word: 'ON' | 'OFF' | 'CCL', signal: AbortSignal): Promise<void> => {
    await ask(`/outlet?${parameters.outlet}=${word}`, signal);
  };
  return {
    set: (want, signal) => order(want === 'on' ? 'ON' : 'OFF', signal),
    query: async (signal) => readStatusPage(await ask('/status', signal), parameters.outlet, where),
    reset: (signal) => order('CCL', signal),
  };
}

function pageOf(
  parameters: Parameters,
  target: string,
  headers: Readonly<Record<string, string | number>>,
): Omit<HttpCall, 'body'> {
  return {
    url: controllerUrl(parameters.scheme, parameters.host, parameters.port, target),
    method: 'GET',
    headers,
    tlsFingerprint: parameters.tlsFingerprint,
  };
}

const CHALLENGE = /<input\b[^>]{0,200}\bname="?Challenge"?[^>]{0,200}\bvalue="?([^"\s>]{1,200})/i;

/** A log-in form stands at a page's beginning; in a page without end the search would take long. */
const PAGE_LETTERS = 64 * 1024;

function challengeOf(body: string): string | undefined {
  return CHALLENGE.exec(body.slice(0, PAGE_LETTERS))?.[1];
}

/** The session's cookie from firmware with a login form; nothing from firmware that knows basic authentication only. */
async function logIn(parameters: Parameters, call: Call, signal: AbortSignal): Promise<string | undefined> {
  const { user, password } = parameters;
  const where = nameOf(parameters);
  const front = await call(pageOf(parameters, '/', {}), signal);
  const challenge = challengeOf(front.body);
  if (challenge === undefined) return undefined;
  // The form's own script sends this instead of the password.
  const proof = createHash('md5').update(`${challenge}${user}${password}${challenge}`).digest('hex');
  const body = new URLSearchParams({ Username: user, Password: proof }).toString();
  const headers = { 'content-type': 'application/x-www-form-urlencoded', 'content-length': body.length };
  const asked = { ...pageOf(parameters, '/login.tgi', headers), method: 'POST', body } as const;
  const reply = await httpCall(asked, signal);
  const cookie = reply.headers['set-cookie']?.[0]?.split(';')[0];
  if (cookie === undefined || reply.status >= 400)
    throw new PowerError('auth', `${where}: refuses the user name or the password`);
  return cookie;
}

/** The outlet's bit in the page of states: hexadecimal, outlet 1 the lowest bit. */
function readStatusPage(page: string, outlet: number, where: string): PowerState {
  const state = bitsOf(page, /<div id="?state"?>([0-9a-f]{1,6})</i) ?? bitsOf(page, /<!--\s*state=([0-9a-f]{1,6})\b/i);
  if (state === undefined) throw new PowerError('refused', `${where}: its page /status holds no states`);
  const visible = bitsOf(page, /<div id="?perm"?>([0-9a-f]{1,6})</i);
  const bit = 1 << (outlet - 1);
  if (visible !== undefined && (visible & bit) === 0)
    throw new PowerError('refused', `${where}: this user may not see outlet ${outlet}; allow it in the switch`);
  return (state & bit) === 0 ? 'off' : 'on';
}

function bitsOf(page: string, pattern: RegExp): number | undefined {
  const digits = pattern.exec(page)?.[1];
  return digits === undefined ? undefined : Number.parseInt(digits, 16);
}
