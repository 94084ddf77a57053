import { createHash } from 'node:crypto';
import type { WebAnswer, WebAsk, WebManner, WebOutlets } from './web-device.ts';
import { createDigestJudge, denyBasic, type PretendUser } from './web-log-in.ts';

/** What a pretend Digital Loggers switch is like. */
export interface DliOptions extends PretendUser {
  /** How many outlets it has: 1 to `outlets`. */
  readonly outlets: number;
  /** Bit mask of the outlets this user may see, as the older pages say it; all unless told. */
  readonly visible?: number;
  /** Bit mask of outlets that are locked: orders are taken and nothing happens. */
  readonly locked?: number;
}

function numbers({ outlets }: DliOptions): readonly string[] {
  return Array.from({ length: outlets }, (_, at) => String(at + 1));
}

function obey(options: DliOptions, outlets: WebOutlets, outlet: string, on: boolean): void {
  if (((options.locked ?? 0) & (1 << (Number(outlet) - 1))) === 0) outlets.turn(outlet, on);
}

/** The REST interface: digest authentication, relays from 0, writes only with the header X-CSRF. */
export function dliRestManner(options: DliOptions): WebManner {
  const deny = createDigestJudge('MD5');
  return (ask, outlets) => {
    if (!ask.path.startsWith('/restapi/')) return { status: 404 };
    const denied = deny(ask, ask.path, options);
    if (denied) return denied;
    const [, relay = '', leaf = ''] = /^\/restapi\/relay\/outlets\/(\d+)\/([a-z_]+)\/$/.exec(ask.path) ?? [];
    const outlet = String(Number(relay) + 1);
    if (!outlets.has(outlet)) return { status: 404 };
    if (ask.method === 'GET')
      return { headers: { 'content-type': 'application/json' }, body: String(outlets.isOn(outlet)) };
    if (ask.headers['x-csrf'] === undefined) return { status: 403, body: 'CSRF' };
    if (ask.method === 'POST' && leaf === 'cycle') return cycled(options, outlets, outlet);
    if (ask.method !== 'PUT' || leaf !== 'state' || !/^value=(true|false)$/.test(ask.body)) return { status: 400 };
    obey(options, outlets, outlet, ask.body === 'value=true');
    return { status: 204 };
  };
}

/** A cycle as a bench can see it: the outlet is on afterwards, whatever it was. */
function cycled(options: DliOptions, outlets: WebOutlets, outlet: string): WebAnswer {
  obey(options, outlets, outlet, false);
  obey(options, outlets, outlet, true);
  return { status: 204 };
}

/** The older pages behind basic authentication. `comment` is the oldest way of telling the states. */
export function dliBasicManner(options: DliOptions, telling: 'div' | 'comment'): WebManner {
  return (ask, outlets) => denyBasic(ask, options) ?? pages(options, ask, outlets, telling);
}

/** The older pages behind a log-in form: a challenge, its answer to /login.tgi, a cookie. */
export function dliFormManner(options: DliOptions): WebManner {
  const challenge = 'Q7hvT2';
  const { user, password } = options;
  const proof = createHash('md5').update(`${challenge}${user}${password}${challenge}`).digest('hex');
  const form =
    '<html><FORM NAME="login" ID="login" ACTION="/login.tgi" METHOD=post>' +
    `<input type="hidden" name="Challenge" value="${challenge}"><input name="Username"></FORM></html>`;
  return (ask, outlets) => {
    if (ask.path === '/login.tgi') {
      const said = new URLSearchParams(ask.body);
      const isRight = said.get('Username') === user && said.get('Password') === proof;
      return isRight ? { headers: { 'set-cookie': 'DLILPC="c0ffee"; path=/' }, body: 'ok' } : { body: form };
    }
    return ask.headers.cookie === 'DLILPC="c0ffee"' ? pages(options, ask, outlets, 'div') : { body: form };
  };
}

function pages(options: DliOptions, ask: WebAsk, outlets: WebOutlets, telling: 'div' | 'comment'): WebAnswer {
  const bits = numbers(options).reduce((sum, each) => sum | (outlets.isOn(each) ? 1 << (Number(each) - 1) : 0), 0);
  const visible = options.visible ?? 0xffffff;
  const hex = (value: number): string => value.toString(16).padStart(2, '0');
  const state = hex(bits & visible);
  if (ask.path === '/status')
    return {
      body:
        telling === 'comment'
          ? `<html><!-- state=${state} lock=00 --></html>`
          : `<html><div id="state">${state}</div><div id="lock">00</div><div id="perm">${hex(visible)}</div></html>`,
    };
  if (ask.path !== '/outlet') return { body: '<html>Outlet control</html>' };
  const [outlet = '', word = ''] = [...ask.query][0] ?? [];
  if (!outlets.has(outlet)) return { status: 404 };
  if (word === 'CCL') cycled(options, outlets, outlet);
  // Case matters to the real ones.
  else if (word === 'ON' || word === 'OFF') obey(options, outlets, outlet, word === 'ON');
  return { status: 302, headers: { location: '/index.htm' } };
}
