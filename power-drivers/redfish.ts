import type { PowerState } from '../server/core/machine.ts';
import type { ParametersOf } from '../server/core/field.ts';
import { PowerError, type BootDevice, type PowerEdges } from '../server/ports/power-driver.ts';
import { controllerUrl } from './common/controller-url.ts';
import { TLS_FINGERPRINT_FIELD } from './common/http-call.ts';
import { BOOT_TARGETS, ECHO_BOOT_MODE, RESET_TYPES } from './common/redfish-quirks.ts';
import {
  inRedfishSession,
  jsonAt,
  linksAt,
  RedfishRefusal,
  textAt,
  textsAt,
  type RedfishPlace,
  type RedfishResource,
  type RedfishSession,
} from './common/redfish-session.ts';
import { definePowerDriver } from './define.ts';

const fields = {
  host: { kind: 'host', label: 'BMC address', scope: 'controller', required: true },
  port: {
    kind: 'port',
    label: 'Port',
    help: '443 for https, 80 for http where nothing is given.',
    scope: 'controller',
    required: false,
  },
  scheme: {
    kind: 'choice',
    label: 'Protocol',
    help: 'http sends the password in clear: only for simulators and closed networks.',
    scope: 'controller',
    required: true,
    choices: ['https', 'http'],
    default: 'https',
  },
  user: { kind: 'text', label: 'User', scope: 'controller', required: true },
  password: { kind: 'secret', label: 'Password', scope: 'controller', required: true },
  tlsFingerprint: TLS_FINGERPRINT_FIELD,
  system: {
    kind: 'text',
    label: 'System',
    help: 'Only where one service holds several: the last part of its path, such as "Node2".',
    scope: 'machine',
    required: false,
  },
  bootMode: {
    kind: 'choice',
    label: 'Boot mode for "bootdev"',
    scope: 'machine',
    required: true,
    choices: ['as-is', 'uefi', 'legacy'],
    default: 'as-is',
  },
} as const;

type Parameters = ParametersOf<typeof fields>;

/** What every verb works on. */
interface Talk {
  readonly session: RedfishSession;
  readonly root: unknown;
  readonly system: RedfishResource;
  readonly where: string;
}

/** Machines whose BMC speaks Redfish (DSP0266): a session for each call, its quirks found by asking. */
export const redfish = definePowerDriver({
  name: 'redfish',
  summary: 'BMC over Redfish (HTTPS with a pinned certificate)',
  fields,
  abilities: ['on', 'off', 'status', 'reset', 'bootdev', 'identify', 'info'],
  // Six TLS connections to a small processor, half a second each.
  callTimeoutMs: 20_000,
  settleTimeoutMs: 60_000,
  open: (parameters, edges) => {
    const place = placeOf(parameters);
    const talk = <T>(signal: AbortSignal, verb: (talk: Talk) => Promise<T>): Promise<T> =>
      converse({ place, wanted: parameters.system }, edges, signal, verb);
    return {
      set: (want, signal) => talk(signal, (each) => order(each, want)),
      query: (signal) => talk(signal, ({ system }) => Promise.resolve(stateOf(system))),
      reset: (signal) => talk(signal, (each) => order(each, 'reset')),
      bootdev: (device, signal) => talk(signal, (each) => bootdev(each, device, parameters.bootMode)),
      identify: (forS, signal) => talk(signal, (each) => identify(each, forS > 0)),
      info: (signal) => talk(signal, info),
    };
  },
});

function placeOf({ scheme, host, port, user, password, tlsFingerprint }: Parameters): RedfishPlace {
  const base = controllerUrl(scheme, host, port);
  return { base, tlsFingerprint, credentials: { user, password } };
}

function converse<T>(
  { place, wanted }: { readonly place: RedfishPlace; readonly wanted: string | undefined },
  edges: PowerEdges,
  signal: AbortSignal,
  verb: (talk: Talk) => Promise<T>,
): Promise<T> {
  return inRedfishSession(place, edges, signal, async (session, root) => {
    const where = place.base.host;
    const systems = await session.get(textAt(root, 'Systems', '@odata.id') ?? '/redfish/v1/Systems');
    const system = await session.get(systemOf(linksAt(systems.json, 'Members'), wanted, where));
    return await verb({ session, root, system, where });
  });
}

function systemOf(paths: readonly string[], wanted: string | undefined, where: string): string {
  const names = paths.map((path) => path.replace(/\/+$/, '').split('/').at(-1) ?? path);
  const at = wanted === undefined ? (paths.length === 1 ? 0 : -1) : names.indexOf(wanted);
  const path = paths[at];
  if (path !== undefined) return path;
  const list = names.slice(0, 16).join(', ') || 'none';
  const problem = wanted === undefined ? `has ${paths.length} systems` : `has no system "${wanted}"`;
  throw new PowerError('config', `${where}: ${problem}; enter one of them as "system": ${list}`);
}

function stateOf(system: RedfishResource): PowerState {
  const state = textAt(system.json, 'PowerState');
  // PoweringOn, PoweringOff, Paused, or nothing said: the next look will tell.
  return state === 'On' ? 'on' : state === 'Off' ? 'off' : 'unknown';
}

/** What the service says it allows: beside the action, or in a resource of its own. DSP0266 §7.11 */
async function allowedResets({ session, system }: Talk): Promise<readonly string[]> {
  const action = jsonAt(system.json, 'Actions', '#ComputerSystem.Reset');
  const beside = textsAt(action, 'ResetType@Redfish.AllowableValues');
  const elsewhere = textAt(action, '@Redfish.ActionInfo');
  if (beside.length > 0 || elsewhere === undefined) return beside;
  const list = jsonAt((await session.get(elsewhere)).json, 'Parameters');
  const parameter: unknown = Array.isArray(list)
    ? list.find((each) => textAt(each, 'Name') === 'ResetType')
    : undefined;
  return textsAt(parameter, 'AllowableValues');
}

async function order(talk: Talk, want: 'on' | 'off' | 'reset'): Promise<void> {
  const { session, system, where } = talk;
  const target = textAt(system.json, 'Actions', '#ComputerSystem.Reset', 'target');
  if (target === undefined) throw new PowerError('refused', `${where}: its system has no action to reset it`);
  const allowed = await allowedResets(talk);
  const type = RESET_TYPES[want].find((each) => allowed.length === 0 || allowed.includes(each));
  if (type === undefined)
    throw new PowerError(
      'refused',
      `${where}: allows no reset that means "${want}", only ${allowed.join(', ')}`.slice(0, 300),
    );
  // The button toggles: pressed in the wanted state it would do the opposite.
  if (type === 'PushPowerButton' && stateOf(system) === want) return;
  try {
    await session.post(target, { ResetType: type });
  } catch (refusal) {
    // iDRAC (409) and iLO (400) refuse what is so already.
    if (!(refusal instanceof RedfishRefusal) || want === 'reset') throw refusal;
    if (![400, 409].includes(refusal.status) || stateOf(await session.get(system.path)) !== want) throw refusal;
  }
}

async function bootdev(talk: Talk, device: BootDevice, bootMode: string): Promise<void> {
  const { session, system, where } = talk;
  const target = device === 'none' ? 'None' : bootTargetOf(system, device, where);
  const mode = modeOf(system, bootMode);
  const Boot = {
    BootSourceOverrideEnabled: device === 'none' ? 'Disabled' : 'Once',
    BootSourceOverrideTarget: target,
    ...(mode === undefined ? {} : { BootSourceOverrideMode: mode }),
  };
  const changed = await change(session, system, { Boot });
  const now = (await session.get(changed)).json;
  const isCleared = textAt(now, 'Boot', 'BootSourceOverrideEnabled') === 'Disabled';
  const isSet = textAt(now, 'Boot', 'BootSourceOverrideTarget') === target && !isCleared;
  if (device === 'none' ? !isCleared && !isSet : !isSet)
    throw new PowerError('no-effect', `${where}: boot device "${device}" was taken but is not set`);
}

function bootTargetOf(system: RedfishResource, device: 'pxe' | 'disk', where: string): string {
  const allowed = textsAt(system.json, 'Boot', 'BootSourceOverrideTarget@Redfish.AllowableValues');
  const [first] = BOOT_TARGETS[device];
  if (allowed.length === 0) return first;
  const found = BOOT_TARGETS[device].flatMap((name) =>
    allowed.filter((each) => each.toLowerCase() === name.toLowerCase()),
  );
  if (found[0] !== undefined) return found[0];
  throw new PowerError('refused', `${where}: boots from ${allowed.join(', ')}, not from "${device}"`.slice(0, 300));
}

function modeOf({ json }: RedfishResource, bootMode: string): string | undefined {
  if (bootMode !== 'as-is') return bootMode === 'uefi' ? 'UEFI' : 'Legacy';
  const maker = textAt(json, 'Manufacturer')?.toLowerCase() ?? '';
  return ECHO_BOOT_MODE.some((each) => maker.includes(each))
    ? textAt(json, 'Boot', 'BootSourceOverrideMode')
    : undefined;
}

/** Changes the system, or its settings where the system itself may not be written; gives the path that was changed. */
async function change(session: RedfishSession, system: RedfishResource, body: object): Promise<string> {
  const settings = textAt(system.json, '@Redfish.Settings', 'SettingsObject', '@odata.id');
  try {
    await session.patch(system, body);
    return system.path;
  } catch (refusal) {
    if (!(refusal instanceof RedfishRefusal) || settings === undefined || ![400, 405].includes(refusal.status))
      throw refusal;
    await session.patch(await session.get(settings), body);
    return settings;
  }
}

/** Lights the system or its chassis. Redfish knows no time after which the light goes out by itself. */
async function identify({ session, system, where }: Talk, lit: boolean): Promise<void> {
  for (const path of [undefined, ...linksAt(system.json, 'Links', 'Chassis').slice(0, 4)]) {
    const resource = path === undefined ? system : await session.get(path);
    const body = lightOf(resource, lit);
    if (body === undefined) continue;
    await session.patch(resource, body);
    return;
  }
  throw new PowerError('refused', `${where}: neither its system nor its chassis has a light to identify it`);
}

function lightOf({ json }: RedfishResource, lit: boolean): object | undefined {
  if (typeof jsonAt(json, 'LocationIndicatorActive') === 'boolean') return { LocationIndicatorActive: lit };
  if (textAt(json, 'IndicatorLED') === undefined) return undefined;
  const allowed = textsAt(json, 'IndicatorLED@Redfish.AllowableValues');
  return { IndicatorLED: lit ? (allowed.length > 0 && !allowed.includes('Blinking') ? 'Lit' : 'Blinking') : 'Off' };
}

async function info({ session, root, system }: Talk): Promise<Readonly<Record<string, string>>> {
  const [path] = linksAt(system.json, 'Links', 'ManagedBy');
  const manager = path === undefined ? undefined : (await session.get(path)).json;
  const found: Readonly<Record<string, string | undefined>> = {
    manufacturer: textAt(system.json, 'Manufacturer'),
    model: textAt(system.json, 'Model'),
    'serial number': textAt(system.json, 'SerialNumber'),
    bios: textAt(system.json, 'BiosVersion'),
    controller: textAt(manager, 'Model'),
    firmware: textAt(manager, 'FirmwareVersion'),
    redfish: textAt(root, 'RedfishVersion'),
  };
  const words: Record<string, string> = {};
  for (const [label, text] of Object.entries(found)) if (text !== undefined) words[label] = text;
  return words;
}
