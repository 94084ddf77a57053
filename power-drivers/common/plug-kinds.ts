import type { AuthSchemes } from './digest-auth.ts';

/** One request; `{outlet}` and `{order}` are put in, escaped for where they stand. */
export interface PlugAsk {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: string;
}

/** Where an answer has the state. */
export interface PlugState {
  /** For answers with a list of outlets: where the list is, and where an entry has the outlet's own number. */
  readonly row?: { readonly list: string; readonly key: string };
  /** JSON pointer, in the answer or the row. RFC 6901 */
  readonly pointer: string;
  /** The same in the answers of plugs with one outlet only; counts for the first outlet. */
  readonly single?: string;
  /** The values there, as text. Any other is a state the plug does not know itself. */
  readonly on: string;
  readonly off: string;
}

/** One kind of plug, as its maker documents it. */
export interface PlugKind {
  readonly name: string;
  /** Where that is documented. */
  readonly source: string;
  /** TCP port, where it is not 80 or 443. */
  readonly port?: number;
  /** The user to log in as, where none is given. */
  readonly user?: string;
  readonly credentials: AuthSchemes | 'query' | 'bearer';
  readonly outlet: {
    /** The outlet meant when none is given. */
    readonly first?: string;
    readonly pattern: string;
    /** In words, with an example. */
    readonly like: string;
  };
  readonly orders: { readonly on: string; readonly off: string };
  readonly set: PlugAsk;
  readonly status: PlugAsk;
  readonly state: PlugState;
  /** Answers that are a no although their status is 2xx. */
  readonly refusals: readonly { readonly at: string; readonly code: 'auth' | 'refused'; readonly words: string }[];
}

const FROM_ZERO = { first: '0', pattern: '\\d{1,2}', like: 'a number from 0' } as const;
const FROM_ONE = { first: '1', pattern: '[1-9]\\d?', like: 'a number from 1' } as const;

/** The plugs that are known. One more is one entry here, and its name in docs/power/plug.md. */
export const PLUGS: readonly PlugKind[] = [
  {
    name: 'tasmota',
    source: 'https://tasmota.github.io/docs/Commands/#with-web-requests',
    user: 'admin',
    credentials: 'query',
    outlet: FROM_ONE,
    orders: { on: 'On', off: 'Off' },
    set: { method: 'GET', path: '/cm?cmnd=Power{outlet}%20{order}' },
    status: { method: 'GET', path: '/cm?cmnd=Power{outlet}' },
    // A device with one relay answers POWER, whatever number was asked for.
    state: { pointer: '/POWER{outlet}', single: '/POWER', on: 'ON', off: 'OFF' },
    refusals: [
      { at: '/WARNING', code: 'auth', words: 'refuses the user or the password' },
      { at: '/Command', code: 'refused', words: 'does not know that outlet' },
    ],
  },
  {
    name: 'shelly-1',
    source: 'https://shelly-api-docs.shelly.cloud/gen1/#shelly1-shelly1pm-relay-0',
    user: 'admin',
    credentials: 'any',
    outlet: FROM_ZERO,
    orders: { on: 'on', off: 'off' },
    set: { method: 'GET', path: '/relay/{outlet}?turn={order}' },
    status: { method: 'GET', path: '/relay/{outlet}' },
    state: { pointer: '/ison', on: 'true', off: 'false' },
    refusals: [],
  },
  {
    name: 'shelly-2',
    source: 'https://shelly-api-docs.shelly.cloud/gen2/ComponentsAndServices/Switch',
    user: 'admin',
    credentials: 'digest',
    outlet: FROM_ZERO,
    orders: { on: 'true', off: 'false' },
    set: { method: 'GET', path: '/rpc/Switch.Set?id={outlet}&on={order}' },
    status: { method: 'GET', path: '/rpc/Switch.GetStatus?id={outlet}' },
    state: { pointer: '/output', on: 'true', off: 'false' },
    refusals: [],
  },
  {
    name: 'esphome',
    source: 'https://esphome.io/web-api/#switch',
    credentials: 'any',
    outlet: { pattern: '[0-9A-Za-z_. -]{1,120}', like: 'the name of the switch, such as relay_1' },
    orders: { on: 'on', off: 'off' },
    set: { method: 'POST', path: '/switch/{outlet}/turn_{order}' },
    status: { method: 'GET', path: '/switch/{outlet}' },
    state: { pointer: '/state', on: 'ON', off: 'OFF' },
    refusals: [],
  },
  {
    name: 'netio',
    source: 'https://wiki.netio-products.com/index.php?title=JSON_API',
    user: 'netio',
    credentials: 'any',
    outlet: FROM_ONE,
    orders: { on: '1', off: '0' },
    set: { method: 'POST', path: '/netio.json', body: '{"Outputs":[{"ID":{outlet},"Action":{order}}]}' },
    status: { method: 'GET', path: '/netio.json' },
    state: { row: { list: '/Outputs', key: '/ID' }, pointer: '/State', on: '1', off: '0' },
    refusals: [],
  },
  {
    name: 'home-assistant',
    source: 'https://developers.home-assistant.io/docs/api/rest/',
    port: 8123,
    credentials: 'bearer',
    outlet: { pattern: 'switch\\.[a-z0-9_]{1,120}', like: 'an entity such as switch.bench_3' },
    orders: { on: 'on', off: 'off' },
    set: { method: 'POST', path: '/api/services/switch/turn_{order}', body: '{"entity_id":"{outlet}"}' },
    status: { method: 'GET', path: '/api/states/{outlet}' },
    state: { pointer: '/state', on: 'on', off: 'off' },
    refusals: [],
  },
];
