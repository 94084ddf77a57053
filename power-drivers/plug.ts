import type { ParametersOf } from '../server/core/field.ts';
import type { PowerState } from '../server/core/machine.ts';
import { PowerError, type PowerEdges } from '../server/ports/power-driver.ts';
import { controllerUrl } from './common/controller-url.ts';
import { httpCallsAs } from './common/digest-auth.ts';
import { httpCall, type HttpCall, type HttpReply } from './common/http-call.ts';
import { PLUGS, type PlugAsk, type PlugKind } from './common/plug-kinds.ts';
import { atPointer, ESCAPES, expectSuccess, fill, jsonOf, webFields, wordOf } from './common/web-device.ts';
import { definePowerDriver } from './define.ts';

const fields = {
  kind: {
    kind: 'choice',
    label: 'Kind of plug',
    scope: 'controller',
    required: true,
    choices: PLUGS.map(({ name }) => name),
  },
  ...webFields,
  user: { kind: 'text', label: 'User', scope: 'controller', required: false },
  password: {
    kind: 'secret',
    label: 'Password or token',
    scope: 'controller',
    required: false,
    max: 512,
  },
  outlet: {
    kind: 'text',
    label: 'Outlet',
    help: 'A number as the plug counts, or a name: see docs/power/plug.md. Without it the first one.',
    scope: 'machine',
    required: false,
    pattern: '[0-9A-Za-z_. -]+',
  },
} as const;

type Parameters = ParametersOf<typeof fields>;
type Call = (call: HttpCall, signal: AbortSignal) => Promise<HttpReply>;

/** Sockets and relays with a small web server. What they differ in is a table: `common/plug-kinds.ts`. */
export const plug = definePowerDriver({
  name: 'plug',
  summary: 'HTTP plug or relay: Tasmota, Shelly, ESPHome, NETIO, Home Assistant',
  fields,
  abilities: ['on', 'off', 'status'],
  callTimeoutMs: 10_000,
  settleTimeoutMs: 15_000,
  open: (parameters, edges) => {
    const kind = PLUGS.find(({ name }) => name === parameters.kind);
    if (!kind) throw new PowerError('config', `plug: there is no kind "${parameters.kind}"`);
    const outlet = outletOf(kind, parameters.outlet);
    const call = callerOf(kind, parameters, edges);
    const ask = async (what: PlugAsk, order: string, signal: AbortSignal): Promise<unknown> => {
      const reply = await call(requestOf(kind, parameters, what, { outlet, order }), signal);
      return answerOf(kind, reply, nameOf(parameters));
    };
    return {
      set: async (want, signal) => {
        await ask(kind.set, kind.orders[want], signal);
      },
      query: async (signal) => stateOf(kind, await ask(kind.status, '', signal), outlet, nameOf(parameters)),
    };
  },
});

function nameOf({ kind, host }: Parameters): string {
  return `${kind} ${host}`;
}

function outletOf(kind: PlugKind, given: string | undefined): string {
  const outlet = given ?? kind.outlet.first;
  if (outlet === undefined) throw new PowerError('config', `plug: "outlet" is missing; ${kind.outlet.like}`);
  if (!new RegExp(`^(?:${kind.outlet.pattern})$`).test(outlet))
    throw new PowerError('config', `plug: "outlet" does not fit ${kind.name}; ${kind.outlet.like}`);
  return outlet;
}

function callerOf(kind: PlugKind, { user, password }: Parameters, { rng }: PowerEdges): Call {
  if (password === undefined || kind.credentials === 'query' || kind.credentials === 'bearer') return httpCall;
  return httpCallsAs({ user: user ?? kind.user ?? '', password }, rng, kind.credentials);
}

function requestOf(
  kind: PlugKind,
  { user, password, tlsFingerprint, ...place }: Parameters,
  ask: PlugAsk,
  values: Readonly<Record<string, string>>,
): HttpCall {
  const target = fill(ask.path, values, ESCAPES.url);
  const url = controllerUrl(place.scheme, place.host, place.port ?? kind.port, target);
  if (kind.credentials === 'query' && password !== undefined) {
    url.searchParams.set('user', user ?? kind.user ?? '');
    url.searchParams.set('password', password);
  }
  const bearer = kind.credentials === 'bearer' && password !== undefined ? { authorization: `Bearer ${password}` } : {};
  const body = ask.body === undefined ? undefined : fill(ask.body, values, ESCAPES.json);
  const type = body === undefined ? {} : { 'content-type': 'application/json' };
  const length = ask.method === 'POST' ? { 'content-length': Buffer.byteLength(body ?? '') } : {};
  const headers = { accept: 'application/json', ...bearer, ...type, ...length };
  return { url, method: ask.method, headers, tlsFingerprint, ...(body === undefined ? {} : { body }) };
}

/** The answer as JSON where there is one; throws what the plug says in its own words for a no. */
function answerOf(kind: PlugKind, reply: HttpReply, where: string): unknown {
  expectSuccess(reply, where);
  if (reply.body.trim() === '') return undefined;
  const answer = jsonOf(reply, where);
  for (const { at, code, words } of kind.refusals)
    if (atPointer(answer, at) !== undefined) throw new PowerError(code, `${where}: ${words}`);
  return answer;
}

function stateOf(kind: PlugKind, answer: unknown, outlet: string, where: string): PowerState {
  const { row, pointer, single, on, off } = kind.state;
  const within = row === undefined ? answer : rowOf(answer, row, outlet);
  const own = atPointer(
    within,
    fill(pointer, { outlet }, (text) => text),
  );
  const alone = single !== undefined && outlet === kind.outlet.first ? atPointer(within, single) : undefined;
  const word = wordOf(own ?? alone);
  if (word === undefined)
    throw new PowerError('refused', `${where}: its answer says nothing of outlet ${outlet}; is there one?`);
  if (word === on) return 'on';
  return word === off ? 'off' : 'unknown';
}

/** The entry of a list whose key is the outlet: devices need not list them in order. */
function rowOf(answer: unknown, { list, key }: { list: string; key: string }, outlet: string): unknown {
  const rows = atPointer(answer, list);
  return Array.isArray(rows) ? rows.find((row: unknown) => wordOf(atPointer(row, key)) === outlet) : undefined;
}
