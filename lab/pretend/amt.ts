import { createHash } from 'node:crypto';
import type { Clock } from '../../server/ports/clock.ts';
import { startHttpDevice, type DeviceReply, type DeviceRequest, type HttpDevice } from './http-device.ts';
import { pretendMachine, type Misbehaviour, type PretendMachine } from './machine.ts';

/** A pretend AMT engine and what a test may see of it. */
export interface PretendAmt {
  readonly device: HttpDevice;
  readonly machine: PretendMachine;
  /** The boot source for the next boot, when one counts. */
  bootSource(): string | undefined;
  /** Envelopes it was sent, log-ins apart. */
  envelopes(): readonly string[];
  /** Answers the next orders with this return value and does nothing; 0 is back to normal. */
  answerWith(returnValue: number): void;
  /** Tells this state, whatever the machine does; nothing is back to normal. */
  tell(powerState: string | undefined): void;
  misbehave(how: Misbehaviour): void;
}

interface State {
  readonly user: string;
  readonly password: string;
  readonly machine: PretendMachine;
  readonly envelopes: string[];
  readonly uses: Set<string>;
  source: string | undefined;
  counts: boolean;
  returnValue: number;
  told: string | undefined;
}

const REALM = 'Digest:0123456789ABCDEF0123456789ABCDEF';
const NONCE = 'lab-nonce-1';
const SPACES =
  'xmlns:a="http://www.w3.org/2003/05/soap-envelope" xmlns:g="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/PRETEND"';

/** Starts one on the loopback interface; asks for digests as AMT's own web server does. */
export async function startPretendAmt(options: {
  readonly clock: Clock;
  readonly user: string;
  readonly password: string;
  readonly tls?: { readonly key: string; readonly cert: string };
}): Promise<PretendAmt> {
  const { clock, user, password, tls } = options;
  const state: State = {
    user,
    password,
    machine: pretendMachine(clock),
    envelopes: [],
    uses: new Set(),
    source: undefined,
    counts: false,
    returnValue: 0,
    told: undefined,
  };
  const device = await startHttpDevice({ clock, tls, answer: (request) => answerTo(state, request) });
  return {
    device,
    machine: state.machine,
    bootSource: () => (state.counts ? state.source : undefined),
    envelopes: () => state.envelopes,
    answerWith: (returnValue) => {
      state.returnValue = returnValue;
    },
    tell: (powerState) => {
      state.told = powerState;
    },
    misbehave: (how) => {
      device.misbehave(how);
      state.machine.misbehave(how);
    },
  };
}

function answerTo(state: State, request: DeviceRequest): DeviceReply {
  if (request.path !== '/wsman') return { status: 404 };
  if (!isKnown(state, request)) {
    const challenge = `Digest realm="${REALM}", nonce="${NONCE}",stale="false",qop="auth"`;
    return { status: 401, headers: { 'www-authenticate': challenge } };
  }
  state.envelopes.push(request.body);
  const action = /<[^>]*Action>[^<]*\/(\w+)</.exec(request.body)?.[1] ?? '';
  switch (action) {
    case 'Get':
      return request.body.includes('CIM_AssociatedPowerManagementService') ? said(powerOf(state)) : fault();
    case 'RequestPowerStateChange':
      return returned(action, orderPower(state, request.body));
    case 'ChangeBootOrder':
      state.source = /InstanceID">(Intel\(r\) AMT: Force [^<]*)</.exec(request.body)?.[1];
      return returned(action, state.returnValue);
    case 'SetBootConfigRole':
      state.counts = request.body.includes('Role>1<');
      return returned(action, state.returnValue);
    default:
      return fault();
  }
}

function powerOf({ machine, told }: State): string {
  const shown = told ?? (machine.look() ? '2' : '8');
  const name = 'CIM_AssociatedPowerManagementService';
  return `<g:${name}><g:AvailableRequestedPowerStates>8</g:AvailableRequestedPowerStates><g:PowerState>${shown}</g:PowerState></g:${name}>`;
}

function orderPower({ machine, returnValue }: State, body: string): number {
  if (returnValue !== 0) return returnValue;
  const state = /PowerState>(\d+)</.exec(body)?.[1];
  const isOn = machine.isOn();
  // What is so already, and a reset of what is off, are not possible in this state.
  if ((state === '2') === isOn && state !== '10') return 2;
  if (state === '10' && !isOn) return 2;
  if (state !== '10') machine.order(state === '2');
  return 0;
}

function said(body: string): DeviceReply {
  return {
    status: 200,
    headers: {
      'content-type': 'application/soap+xml; charset=UTF-8',
      server: 'Intel(R) Active Management Technology 11.8.50',
    },
    body: `<?xml version="1.0" encoding="UTF-8"?><a:Envelope ${SPACES}><a:Header/><a:Body>${body}</a:Body></a:Envelope>`,
  };
}

function returned(method: string, value: number): DeviceReply {
  return said(`<g:${method}_OUTPUT><g:ReturnValue>${value}</g:ReturnValue></g:${method}_OUTPUT>`);
}

function fault(): DeviceReply {
  const reason =
    '<a:Reason><a:Text xml:lang="en-US">The class or method isn&apos;t known &amp; won&#39;t be.</a:Text></a:Reason>';
  return { ...said(`<a:Fault><a:Code><a:Value>a:Sender</a:Value></a:Code>${reason}</a:Fault>`), status: 400 };
}

/** RFC 7616 §3.4 with MD5; a count that was used before is not known. */
function isKnown({ user, password, uses }: State, { method, headers }: DeviceRequest): boolean {
  const given = headers.authorization ?? '';
  const part = (name: string): string => new RegExp(`[ ,]${name}="?([^",]*)`).exec(given)?.[1] ?? '';
  const md5 = (text: string): string => createHash('md5').update(text).digest('hex');
  const [nc, cnonce, uri] = [part('nc'), part('cnonce'), part('uri')];
  const answer = md5(`${md5(`${user}:${REALM}:${password}`)}:${NONCE}:${nc}:${cnonce}:auth:${md5(`${method}:${uri}`)}`);
  const use = `${nc} ${cnonce}`;
  if (part('username') !== user || part('nonce') !== NONCE || part('response') !== answer || uses.has(use))
    return false;
  uses.add(use);
  return true;
}
