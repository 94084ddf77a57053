import type { Clock } from '../../server/ports/clock.ts';
import { startHttpDevice, type DeviceReply, type DeviceRequest, type HttpDevice } from './http-device.ts';
import { pretendMachine, type Misbehaviour, type PretendMachine } from './machine.ts';

/** How a pretend Redfish service differs from the plain one. */
export interface RedfishHabits {
  /** Names of its systems; one, `1`, unless told. */
  readonly systems?: readonly string[];
  /** Basic authentication only. */
  readonly withoutSessions?: boolean;
  /** A change without the right `If-Match` is answered 428, with another 412. */
  readonly wantsIfMatch?: 'weak' | 'strong';
  /** The reset types it allows; it says so beside the action or in a resource of its own. */
  readonly resets?: readonly string[];
  readonly tellsResets?: 'beside' | 'elsewhere';
  /** Refuses an order for what is so already, as iDRAC (409) and iLO (400) do. */
  readonly refusesRepeats?: 400 | 409;
  readonly bootTargets?: readonly string[];
  /** Only the settings resource takes a boot override. */
  readonly bootInSettings?: boolean;
  /** Forgets the boot mode unless it is sent along. */
  readonly forgetsBootMode?: boolean;
  readonly manufacturer?: string;
  /** Where its light is, and of which schema. */
  readonly light?: 'LocationIndicatorActive' | 'IndicatorLED' | 'chassis' | 'none';
  /** Sessions it holds at a time. */
  readonly sessionsMax?: number;
  /** Says where a session is with a host name only it knows. */
  readonly strangeHost?: boolean;
  /** Says this of its power, whatever is so. */
  readonly powerState?: string;
  /** Forgets each session at once. */
  readonly forgetsSessions?: boolean;
  /** Where its collection of systems says they are. */
  readonly strayLink?: string;
}

/** A pretend Redfish service and what a test may see of it. */
export interface PretendRedfish {
  readonly device: HttpDevice;
  readonly machine: PretendMachine;
  /** Sessions open now. */
  sessions(): number;
  /** `METHOD path body` of each request, the newest last; without log-in bodies. */
  requests(): readonly string[];
  boot(): Readonly<Record<string, string>>;
  isLit(): boolean;
  misbehave(how: Misbehaviour): void;
}

interface State {
  readonly habits: RedfishHabits;
  readonly credentials: { readonly user: string; readonly password: string };
  readonly machine: PretendMachine;
  readonly sessions: Map<string, string>;
  readonly requests: string[];
  boot: Record<string, string>;
  lit: boolean;
  /** Grows with each change; the ETag. */
  version: number;
  made: number;
  isLying: boolean;
}

const ROOT = '/redfish/v1';
const SESSIONS = `${ROOT}/SessionService/Sessions`;

/** Starts one on the loopback interface; with `tls` it speaks HTTPS. Follows DSP0266 and the schemas of DSP8010. */
export async function startPretendRedfish(options: {
  readonly clock: Clock;
  readonly user: string;
  readonly password: string;
  readonly tls?: { readonly key: string; readonly cert: string };
  readonly habits?: RedfishHabits;
}): Promise<PretendRedfish> {
  const { clock, user, password, tls, habits = {} } = options;
  const state: State = {
    habits,
    credentials: { user, password },
    machine: pretendMachine(clock),
    sessions: new Map(),
    requests: [],
    boot: { BootSourceOverrideEnabled: 'Disabled', BootSourceOverrideTarget: 'None', BootSourceOverrideMode: 'UEFI' },
    lit: false,
    version: 1,
    made: 0,
    isLying: false,
  };
  const device = await startHttpDevice({ clock, tls, answer: (request) => answerTo(state, request) });
  return {
    device,
    machine: state.machine,
    sessions: () => state.sessions.size,
    requests: () => state.requests,
    boot: () => state.boot,
    isLit: () => state.lit,
    misbehave: (how) => {
      device.misbehave(how);
      state.machine.misbehave(how);
      state.isLying = how === 'lies';
    },
  };
}

function answerTo(state: State, request: DeviceRequest): DeviceReply {
  const path = request.path.replace(/\/+$/, '');
  const isLogin = path === SESSIONS && request.method === 'POST';
  state.requests.push(`${request.method} ${path} ${isLogin ? '' : request.body}`.trim());
  if (path === '/redfish') return said(200, { v1: `${ROOT}/` });
  if (path === ROOT) return said(200, rootOf(state));
  if (isLogin) return logIn(state, request);
  if (!isKnown(state, request)) return refused(401, 'NoValidSession', 'There is no valid session.');
  if (request.method === 'GET') return read(state, path);
  if (request.method === 'DELETE') {
    for (const [token, session] of state.sessions) if (session === path) state.sessions.delete(token);
    return { status: 204 };
  }
  return write(state, path, request);
}

function said(status: number, json: object, headers: Readonly<Record<string, string>> = {}): DeviceReply {
  return {
    status,
    headers: { 'content-type': 'application/json', 'odata-version': '4.0', ...headers },
    body: JSON.stringify(json),
  };
}

function refused(status: number, id: string, words: string): DeviceReply {
  const message = { '@odata.type': '#Message.v1_0_8.Message', MessageId: `Base.1.8.${id}`, Message: words };
  return said(status, { error: { code: 'Base.1.8.GeneralError', message: words, '@Message.ExtendedInfo': [message] } });
}

function logIn(state: State, { body }: DeviceRequest): DeviceReply {
  const { habits, credentials, sessions } = state;
  if (habits.withoutSessions) return refused(404, 'ResourceMissingAtURI', 'No such resource.');
  const { UserName, Password } = membersOf(body);
  if (UserName !== credentials.user || Password !== credentials.password)
    return refused(401, 'ResourceAtUriUnauthorized', `Wrong credentials ${String(Password)}.`);
  if (sessions.size >= (habits.sessionsMax ?? 16))
    return refused(503, 'SessionLimitExceeded', 'The session limit is reached.');
  state.made += 1;
  const [token, path] = [`token-${state.made}`, `${SESSIONS}/${state.made}`];
  if (!habits.forgetsSessions) sessions.set(token, path);
  const session = {
    '@odata.id': path,
    '@odata.type': '#Session.v1_3_0.Session',
    Id: String(state.made),
    Name: 'Session',
  };
  return said(201, session, {
    'x-auth-token': token,
    location: `${habits.strangeHost ? 'https://bmc.invalid' : ''}${path}`,
  });
}

function isKnown({ sessions, credentials }: State, { headers }: DeviceRequest): boolean {
  const basic = Buffer.from(`${credentials.user}:${credentials.password}`).toString('base64');
  return sessions.has(String(headers['x-auth-token'])) || headers.authorization === `Basic ${basic}`;
}

function rootOf({ habits }: State): object {
  return {
    '@odata.id': `${ROOT}/`,
    '@odata.type': '#ServiceRoot.v1_9_0.ServiceRoot',
    Id: 'RootService',
    Name: 'Root Service',
    UUID: '92384634-2938-2342-8820-489239905423',
    RedfishVersion: '1.9.0',
    Systems: { '@odata.id': `${ROOT}/Systems` },
    Managers: { '@odata.id': `${ROOT}/Managers` },
    Chassis: { '@odata.id': `${ROOT}/Chassis` },
    SessionService: { '@odata.id': `${ROOT}/SessionService` },
    Links: habits.withoutSessions ? {} : { Sessions: { '@odata.id': SESSIONS } },
  };
}

function collection(kind: string, paths: readonly string[]): object {
  return {
    '@odata.id': `${ROOT}/${kind}`,
    '@odata.type': `#${kind}Collection.${kind}Collection`,
    Name: kind,
    'Members@odata.count': paths.length,
    Members: paths.map((path) => ({ '@odata.id': path })),
  };
}

function read(state: State, path: string): DeviceReply {
  const systems = (state.habits.systems ?? ['1']).map((name) => `${ROOT}/Systems/${name}`);
  const { strayLink } = state.habits;
  const json =
    path === `${ROOT}/Systems`
      ? collection('ComputerSystem', strayLink === undefined ? systems : [strayLink])
      : path === `${ROOT}/Managers`
        ? collection('Manager', [`${ROOT}/Managers/bmc`])
        : path === `${ROOT}/Chassis`
          ? collection('Chassis', [`${ROOT}/Chassis/1`])
          : systems.includes(path)
            ? systemOf(state, path)
            : othersOf(state)[path];
  return json ? said(200, json, { etag: etagOf(state) }) : refused(404, 'ResourceMissingAtURI', 'No such resource.');
}

function etagOf({ habits, version }: State): string {
  return habits.wantsIfMatch === 'strong' || habits.wantsIfMatch === 'weak' ? `W/"${version}"` : `"${version}"`;
}

function systemOf(state: State, path: string): object {
  const { habits, machine, boot } = state;
  const resets = habits.resets ?? ['On', 'ForceOff', 'GracefulShutdown', 'ForceRestart', 'PushPowerButton'];
  const light = habits.light ?? 'IndicatorLED';
  return {
    '@odata.id': path,
    '@odata.type': '#ComputerSystem.v1_13_0.ComputerSystem',
    '@odata.etag': etagOf(state),
    Id: path.split('/').at(-1),
    Name: 'System',
    SystemType: 'Physical',
    Manufacturer: habits.manufacturer ?? 'Pretend Systems',
    Model: 'P-1',
    SerialNumber: 'SN\u0007 0042',
    BiosVersion: '2.1',
    Status: { State: 'Enabled', Health: 'OK' },
    PowerState: habits.powerState ?? (machine.look() ? 'On' : 'Off'),
    ...(light === 'LocationIndicatorActive' ? { LocationIndicatorActive: state.lit } : {}),
    ...(light === 'IndicatorLED' ? { IndicatorLED: state.lit ? 'Blinking' : 'Off' } : {}),
    Boot: {
      ...boot,
      'BootSourceOverrideTarget@Redfish.AllowableValues': habits.bootTargets ?? ['None', 'Pxe', 'Hdd', 'BiosSetup'],
    },
    ...(habits.bootInSettings
      ? { '@Redfish.Settings': { SettingsObject: { '@odata.id': `${ROOT}/Systems/1/SD` } } }
      : {}),
    Links: {
      Chassis: [{ '@odata.id': `${ROOT}/Chassis/1` }],
      ManagedBy: [{ '@odata.id': `${ROOT}/Managers/bmc` }],
    },
    Actions: {
      '#ComputerSystem.Reset': {
        target: `${path}/Actions/ComputerSystem.Reset`,
        ...(habits.tellsResets === 'elsewhere'
          ? { '@Redfish.ActionInfo': `${ROOT}/Systems/ResetActionInfo` }
          : { 'ResetType@Redfish.AllowableValues': resets }),
      },
    },
  };
}

function othersOf(state: State): Readonly<Record<string, object | undefined>> {
  const { habits, boot, lit } = state;
  const parameters = [{ Name: 'ResetType', Required: true, DataType: 'String', AllowableValues: habits.resets }];
  const named = (path: string, type: string): object => ({
    '@odata.id': `${ROOT}/${path}`,
    '@odata.type': type,
    Id: path.split('/').at(-1),
    Name: path,
  });
  return {
    [`${ROOT}/SessionService`]: {
      ...named('SessionService', '#SessionService.v1_1_6.SessionService'),
      Sessions: { '@odata.id': SESSIONS },
    },
    [`${ROOT}/Systems/ResetActionInfo`]: {
      ...named('Systems/ResetActionInfo', '#ActionInfo.v1_1_2.ActionInfo'),
      Parameters: parameters,
    },
    [`${ROOT}/Systems/1/SD`]: { ...named('Systems/1/SD', '#ComputerSystem.v1_13_0.ComputerSystem'), Boot: boot },
    [`${ROOT}/Managers/bmc`]: {
      ...named('Managers/bmc', '#Manager.v1_10_0.Manager'),
      ManagerType: 'BMC',
      Model: 'Pretend BMC',
      FirmwareVersion: '4.10',
      Status: { State: 'Enabled', Health: 'OK' },
    },
    [`${ROOT}/Chassis/1`]: {
      ...named('Chassis/1', '#Chassis.v1_15_0.Chassis'),
      ChassisType: 'RackMount',
      ...(habits.light === 'chassis'
        ? { IndicatorLED: lit ? 'Lit' : 'Off', 'IndicatorLED@Redfish.AllowableValues': ['Lit', 'Off'] }
        : {}),
    },
  };
}

function write(state: State, path: string, { method, headers, body }: DeviceRequest): DeviceReply {
  const members = membersOf(body);
  if (method === 'POST' && path.endsWith('/Actions/ComputerSystem.Reset')) return resetTo(state, members['ResetType']);
  if (method !== 'PATCH') return refused(405, 'OperationNotAllowed', 'Not allowed.');
  const { wantsIfMatch, bootInSettings } = state.habits;
  const given = headers['if-match'];
  if (wantsIfMatch !== undefined && given === undefined)
    return refused(428, 'PreconditionHeaderMissing', 'The request did not provide the required precondition.');
  const wanted = `${wantsIfMatch === 'strong' ? '' : 'W/'}"${state.version}"`;
  if (wantsIfMatch !== undefined && given !== wanted)
    return refused(412, 'PreconditionFailed', 'The ETag supplied did not match.');
  if (bootInSettings && 'Boot' in members && !path.endsWith('/SD'))
    return refused(400, 'PropertyNotWritable', 'The property Boot is read-only.');
  state.version += 1;
  if (state.isLying) return { status: 204 };
  if ('LocationIndicatorActive' in members) state.lit = members['LocationIndicatorActive'] === true;
  if ('IndicatorLED' in members) state.lit = members['IndicatorLED'] !== 'Off';
  const boot = members['Boot'];
  if (typeof boot === 'object' && boot !== null) {
    if (state.habits.forgetsBootMode) state.boot['BootSourceOverrideMode'] = 'Legacy';
    for (const [name, value] of Object.entries(boot)) if (name in state.boot) state.boot[name] = String(value);
  }
  return { status: 204 };
}

function resetTo(state: State, type: unknown): DeviceReply {
  const { habits, machine } = state;
  const on = machine.isOn();
  if (habits.resets && !habits.resets.includes(String(type)))
    return refused(400, 'ActionParameterNotSupported', `ResetType ${String(type)} is not supported.`);
  const want =
    type === 'PushPowerButton'
      ? !on
      : ['On', 'ForceOn'].includes(String(type)) || (on && String(type).endsWith('Restart'));
  const isRepeat = want === on && !String(type).endsWith('Restart');
  if (isRepeat && habits.refusesRepeats)
    return refused(habits.refusesRepeats, 'InvalidOperationForSystemState', 'The server is so already.');
  machine.order(want);
  return { status: 204 };
}

function membersOf(body: string): Readonly<Record<string, unknown>> {
  try {
    const json: unknown = JSON.parse(body);
    return typeof json === 'object' && json !== null ? Object.fromEntries(Object.entries(json)) : {};
  } catch {
    return {};
  }
}
