import type { ParametersOf } from '../server/core/field.ts';
import type { PowerState } from '../server/core/machine.ts';
import { PowerError } from '../server/ports/power-driver.ts';
import { httpCall, type HttpReply } from './common/http-call.ts';
import { atPointer, ESCAPES, expectSuccess, fill, jsonOf, readWebUrl, webFields, wordOf } from './common/web-device.ts';
import { definePowerDriver } from './define.ts';

const urlField = (label: string, required: boolean) =>
  ({
    kind: 'text',
    label,
    help: 'http:// or https://; {outlet} and {order} are put in, escaped.',
    scope: 'controller',
    required,
    max: 1000,
  }) as const;

const orderFields = {
  onUrl: { ...urlField('Address for on', true), required: true },
  offUrl: { ...urlField('Address for off', true), required: true },
  resetUrl: { ...urlField('Address for reset', false), required: false },
  method: {
    kind: 'choice',
    label: 'Method of orders',
    scope: 'controller',
    required: true,
    choices: ['POST', 'PUT', 'PATCH', 'GET'],
    default: 'POST',
  },
  body: {
    kind: 'text',
    label: 'Body of orders',
    help: 'Fixed text; {outlet} and {order} (on, off, reset) are put in, escaped for the content type.',
    scope: 'controller',
    required: false,
    max: 4000,
  },
  contentType: {
    kind: 'choice',
    label: 'Content type of the body',
    scope: 'controller',
    required: true,
    choices: ['application/json', 'application/x-www-form-urlencoded'],
    default: 'application/json',
  },
  headerName: {
    kind: 'text',
    label: 'Header with the secret',
    help: 'Such as Authorization or X-Api-Key.',
    scope: 'controller',
    required: true,
    default: 'Authorization',
    pattern: '[A-Za-z][A-Za-z0-9-]{0,63}',
  },
  secret: {
    kind: 'secret',
    label: 'The secret',
    help: 'The whole value of that header, such as Bearer abc.',
    scope: 'controller',
    required: false,
    max: 1000,
    pattern: '[\\x20-\\x7e]*',
  },
  tlsFingerprint: webFields.tlsFingerprint,
  outlet: { kind: 'text', label: 'Outlet', help: 'What {outlet} stands for.', scope: 'machine', required: false },
} as const;

const statusFields = {
  statusUrl: { ...urlField('Address for the status', true), required: true },
  statusPointer: {
    kind: 'text',
    label: 'Where the answer has the state',
    help: 'A JSON pointer such as /relays/0/on. Without it the answer is searched as text.',
    scope: 'controller',
    required: false,
    pattern: '(?:/[^/]*)+',
  },
  onText: {
    kind: 'text',
    label: 'What means on',
    help: 'The value at the pointer, or a text that is in the answer only then.',
    scope: 'controller',
    required: true,
    default: 'on',
  },
  offText: { kind: 'text', label: 'What means off', scope: 'controller', required: true, default: 'off' },
} as const;

const allFields = { ...orderFields, ...statusFields } as const;

type Orders = ParametersOf<typeof orderFields>;
type Status = ParametersOf<typeof statusFields>;
type Verb = 'on' | 'off' | 'reset' | 'status';

/** Anything that is switched by calling an address and says its state at another. */
export const webhook = definePowerDriver({
  name: 'webhook',
  summary: 'Any web service: addresses for on, off and status',
  fields: allFields,
  abilities: ['on', 'off', 'status', 'reset'],
  callTimeoutMs: 15_000,
  settleTimeoutMs: 30_000,
  open: (parameters) => {
    const asks = asksOf(parameters);
    const statusUrl = filledUrl('statusUrl', parameters.statusUrl, parameters.outlet, 'status');
    return {
      ...asks,
      query: async (signal) => {
        const reply = await callOf(parameters, statusUrl, 'GET', undefined, signal);
        return stateOf(parameters, reply, statusUrl.host);
      },
    };
  },
});

/** The same for a service that does not tell the state. */
export const webhookBlind = definePowerDriver({
  name: 'webhook-blind',
  summary: 'Any web service that takes orders and cannot tell the state',
  fields: orderFields,
  abilities: ['on', 'off', 'reset'],
  callTimeoutMs: 15_000,
  settleTimeoutMs: 15_000,
  open: (parameters) => ({ ...asksOf(parameters), query: () => Promise.resolve('unknown') }),
});

function asksOf(parameters: Orders): {
  readonly set: (want: 'on' | 'off', signal: AbortSignal) => Promise<void>;
  readonly reset: (signal: AbortSignal) => Promise<void>;
} {
  const { onUrl, offUrl, resetUrl, outlet } = parameters;
  const urls = { on: filledUrl('onUrl', onUrl, outlet, 'on'), off: filledUrl('offUrl', offUrl, outlet, 'off') };
  const toReset = resetUrl === undefined ? undefined : filledUrl('resetUrl', resetUrl, outlet, 'reset');
  const order = async (url: URL, verb: Verb, signal: AbortSignal): Promise<void> => {
    await callOf(parameters, url, orderMethod(parameters), verb, signal);
  };
  return {
    set: (want, signal) => order(urls[want], want, signal),
    reset: (signal) =>
      toReset === undefined
        ? Promise.reject(new PowerError('config', 'webhook: "resetUrl" is not set; use cycle'))
        : order(toReset, 'reset', signal),
  };
}

function filledUrl(field: string, template: string, outlet: string | undefined, order: Verb): URL {
  if (outlet === undefined && template.includes('{outlet}'))
    throw new PowerError('config', `webhook: "${field}" has {outlet} in it and "outlet" is not set`);
  const url = readWebUrl(fill(template, { outlet: outlet ?? '', order }, ESCAPES.url));
  if (!url.ok) throw new PowerError('config', `webhook: "${field}" ${url.error}`);
  return url.value;
}

function orderMethod({ method }: Orders): 'GET' | 'POST' | 'PUT' | 'PATCH' {
  return method === 'GET' || method === 'PUT' || method === 'PATCH' ? method : 'POST';
}

/** One request. `verb` is nothing for a question, which has no body. */
async function callOf(
  parameters: Orders,
  url: URL,
  method: 'GET' | 'POST' | 'PUT' | 'PATCH',
  verb: Verb | undefined,
  signal: AbortSignal,
): Promise<HttpReply> {
  const { headerName, secret, contentType, outlet, tlsFingerprint } = parameters;
  const escape = contentType === 'application/json' ? ESCAPES.json : ESCAPES.url;
  const text = verb === undefined || method === 'GET' ? undefined : (parameters.body ?? '');
  const body = text === undefined ? {} : { body: fill(text, { outlet: outlet ?? '', order: verb ?? '' }, escape) };
  const length = body.body === undefined ? {} : { 'content-length': Buffer.byteLength(body.body) };
  const type = body.body === undefined ? {} : { 'content-type': contentType };
  const headers = { ...type, ...length, ...(secret === undefined ? {} : { [headerName]: secret }) };
  const reply = await httpCall({ url, method, headers, tlsFingerprint, ...body }, signal);
  expectSuccess(reply, url.host);
  return reply;
}

function stateOf({ statusPointer, onText, offText }: Status, reply: HttpReply, where: string): PowerState {
  if (statusPointer !== undefined) {
    const word = wordOf(atPointer(jsonOf(reply, where), statusPointer));
    if (word === undefined) throw new PowerError('refused', `${where}: its answer has no value at ${statusPointer}`);
    if (word === onText) return 'on';
    return word === offText ? 'off' : 'unknown';
  }
  const [isOn, isOff] = [reply.body.includes(onText), reply.body.includes(offText)];
  if (isOn && isOff)
    throw new PowerError('refused', `${where}: its answer holds both "onText" and "offText"; choose other texts`);
  if (isOn) return 'on';
  return isOff ? 'off' : 'unknown';
}
