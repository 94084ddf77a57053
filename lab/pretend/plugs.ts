import type { WebAnswer, WebAsk, WebManner } from './web-device.ts';
import { createDigestJudge, denyBasic, type PretendUser } from './web-log-in.ts';

const json = (value: unknown, status = 200): WebAnswer => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(value),
});

function targetOf({ path, query }: WebAsk): string {
  const search = query.toString();
  return search === '' ? path : `${path}?${search}`;
}

/** Tasmota's `/cm`. `relays`: with one the answers say POWER, with more POWER1, POWER2 … */
export function tasmotaManner({ user, password }: PretendUser, relays: number): WebManner {
  return (ask, outlets) => {
    if (ask.path !== '/cm') return { status: 404 };
    if (ask.query.get('user') !== user || ask.query.get('password') !== password)
      return json({ WARNING: 'Need user=<username>&password=<password>' }, 401);
    const [, number = '1', order] = /^Power(\d*)(?: (On|Off))?$/i.exec(ask.query.get('cmnd') ?? '') ?? [];
    if (!outlets.has(number)) return json({ Command: 'Unknown' });
    if (order !== undefined) outlets.turn(number, order.toUpperCase() === 'ON');
    const state = order?.toUpperCase() ?? (outlets.isOn(number) ? 'ON' : 'OFF');
    return json({ [relays === 1 ? 'POWER' : `POWER${number}`]: state });
  };
}

/** A first-generation Shelly's `/relay/N`. */
export function shelly1Manner(user: PretendUser): WebManner {
  return (ask, outlets) => {
    const denied = denyBasic(ask, user);
    if (denied) return denied;
    const outlet = /^\/relay\/(\d+)$/.exec(ask.path)?.[1] ?? '';
    if (!outlets.has(outlet)) return { status: 404, body: 'Not found' };
    const turn = ask.query.get('turn');
    if (turn !== null) outlets.turn(outlet, turn === 'on');
    return json({ ison: turn === null ? outlets.isOn(outlet) : turn === 'on', has_timer: false, source: 'http' });
  };
}

/** A Shelly of the second generation or later: `/rpc/Switch.*`, digest authentication with SHA-256. */
export function shelly2Manner(user: PretendUser): WebManner {
  const deny = createDigestJudge('SHA-256');
  return (ask, outlets) => {
    const denied = deny(ask, targetOf(ask), user);
    if (denied) return denied;
    const outlet = ask.query.get('id') ?? '';
    if (!outlets.has(outlet)) return json({ code: -105, message: `Argument 'id', value ${outlet} not found!` }, 500);
    const was = outlets.isOn(outlet);
    if (ask.path === '/rpc/Switch.GetStatus') return json({ id: Number(outlet), source: 'init', output: was });
    if (ask.path !== '/rpc/Switch.Set') return json({ code: 404, message: 'No handler' }, 404);
    outlets.turn(outlet, ask.query.get('on') === 'true');
    return json({ was_on: was });
  };
}

/** ESPHome's web server: `/switch/NAME` and `/switch/NAME/turn_on`, digest authentication with MD5; orders by POST only. */
export function esphomeManner(user: PretendUser): WebManner {
  const deny = createDigestJudge('MD5');
  return (ask, outlets) => {
    const denied = deny(ask, targetOf(ask), user);
    if (denied) return denied;
    const [, outlet = '', order] = /^\/switch\/([^/]+)(?:\/turn_(on|off))?$/.exec(ask.path) ?? [];
    if (!outlets.has(outlet)) return { status: 404 };
    if (order === undefined)
      return json({ id: `switch-${outlet}`, value: outlets.isOn(outlet), state: outlets.isOn(outlet) ? 'ON' : 'OFF' });
    if (ask.method !== 'POST') return { status: 405 };
    outlets.turn(outlet, order === 'on');
    return {};
  };
}

/** NETIO's `/netio.json`, outlets listed from the last to the first. */
export function netioManner(user: PretendUser, names: readonly string[]): WebManner {
  return (ask, outlets) => {
    const denied = denyBasic(ask, user);
    if (denied) return denied;
    if (ask.path !== '/netio.json') return { status: 404 };
    if (ask.method === 'POST') {
      const [, id = '', action = ''] = /^\{"Outputs":\[\{"ID":(\d+),"Action":([0-5])\}\]\}$/.exec(ask.body) ?? [];
      if (!outlets.has(id)) return { status: 400 };
      outlets.turn(id, action === '1');
    }
    const rows = names.map((id) => ({ ID: Number(id), Name: `output_${id}`, State: outlets.isOn(id) ? 1 : 0 }));
    return json({ Agent: { Model: 'pretend', NumOutputs: names.length }, Outputs: rows.reverse() });
  };
}

/** Home Assistant's REST API with a long-lived token. A switch named `switch.lost` is unavailable. */
export function homeAssistantManner(token: string): WebManner {
  return (ask, outlets) => {
    if (ask.headers.authorization !== `Bearer ${token}`) return { status: 401, body: '401: Unauthorized' };
    const order = /^\/api\/services\/switch\/turn_(on|off)$/.exec(ask.path)?.[1];
    if (order !== undefined) {
      const entity = /^\{"entity_id":"([a-z0-9_.]+)"\}$/.exec(ask.body)?.[1];
      if (ask.method !== 'POST' || entity === undefined) return { status: 400 };
      if (outlets.has(entity)) outlets.turn(entity, order === 'on');
      return json([]);
    }
    const entity = /^\/api\/states\/([a-z0-9_.]+)$/.exec(ask.path)?.[1] ?? '';
    if (!outlets.has(entity)) return json({ message: 'Entity not found.' }, 404);
    const state = entity === 'switch.lost' ? 'unavailable' : outlets.isOn(entity) ? 'on' : 'off';
    return json({ entity_id: entity, state, attributes: {} });
  };
}
