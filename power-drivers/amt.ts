import type { ParametersOf } from '../server/core/field.ts';
import type { PowerState } from '../server/core/machine.ts';
import { PowerError, type BootDevice, type PowerEdges } from '../server/ports/power-driver.ts';
import { controllerUrl } from './common/controller-url.ts';
import { httpCallsAs } from './common/digest-auth.ts';
import { TLS_FINGERPRINT_FIELD } from './common/http-call.ts';
import { wsManAt, xmlTextAt, type CimInstance, type WsMan } from './common/ws-man.ts';
import { definePowerDriver } from './define.ts';

const fields = {
  host: { kind: 'host', label: 'AMT address', scope: 'controller', required: true },
  port: {
    kind: 'port',
    label: 'Port',
    help: '16992, or 16993 with TLS, where nothing is given.',
    scope: 'controller',
    required: false,
  },
  scheme: {
    kind: 'choice',
    label: 'Protocol',
    help: 'The password never leaves in clear, but with http orders and answers do.',
    scope: 'controller',
    required: true,
    choices: ['http', 'https'],
    default: 'http',
  },
  user: { kind: 'text', label: 'User', scope: 'controller', required: true, default: 'admin' },
  password: { kind: 'secret', label: 'Password', scope: 'controller', required: true },
  tlsFingerprint: TLS_FINGERPRINT_FIELD,
} as const;

type Parameters = ParametersOf<typeof fields>;

/** CIM_PowerManagementService.PowerState; 8 is S5 at once, 10 a master bus reset. */
const ORDERS = { on: '2', off: '8', reset: '10' } as const;
/** What CIM_AssociatedPowerManagementService.PowerState means: 6 to 8 are S5 and hibernation; asleep (3, 4) is neither on nor off. */
const STATES: Readonly<Record<string, PowerState>> = { '2': 'on', '6': 'off', '7': 'off', '8': 'off' };
const POWER: CimInstance = {
  cimClass: 'CIM_PowerManagementService',
  selectors: { Name: 'Intel(r) AMT Power Management Service' },
};
const MACHINE: CimInstance = {
  cimClass: 'CIM_ComputerSystem',
  selectors: { CreationClassName: 'CIM_ComputerSystem', Name: 'ManagedSystem' },
};
const BOOT: CimInstance = { cimClass: 'CIM_BootService', selectors: { Name: 'Intel(r) AMT Boot Service' } };
const BOOT_CONFIG: CimInstance = {
  cimClass: 'CIM_BootConfigSetting',
  selectors: { InstanceID: 'Intel(r) AMT: Boot Configuration 0' },
};
const BOOT_SOURCES = { pxe: 'Intel(r) AMT: Force PXE Boot', disk: 'Intel(r) AMT: Force Hard-drive Boot' } as const;
/** CIM_BootService.SetBootConfigRole: the next boot only, or none. */
const ROLE = { once: '1', never: '32768' } as const;
/** What the numbers of CIM methods mean. */
const RETURNED: Readonly<Record<number, string>> = {
  1: 'not supported',
  2: 'not now, in this state',
  3: 'too late',
  4: 'it failed',
  5: 'an argument it does not take',
  6: 'in use',
};

/** PCs with Intel AMT, over WS-Management with digest authentication. */
export const amt = definePowerDriver({
  name: 'amt',
  summary: 'Intel AMT over WS-Management',
  fields,
  abilities: ['on', 'off', 'status', 'reset', 'bootdev', 'info'],
  // The engine may be asleep: its first answer takes a while.
  callTimeoutMs: 15_000,
  settleTimeoutMs: 30_000,
  open: (parameters, edges) => {
    const { where, speak } = placeOf(parameters, edges);
    return {
      set: async (want, signal) => {
        const wsMan = speak(signal);
        const value = await powerTo(wsMan, ORDERS[want]);
        // It refuses what is so already.
        if (value !== 0 && (await stateOf(wsMan)) !== want) throw refused(where, `power ${want}`, value);
      },
      query: (signal) => stateOf(speak(signal)),
      reset: async (signal) => {
        const value = await powerTo(speak(signal), ORDERS.reset);
        if (value !== 0) throw refused(where, 'reset', value);
      },
      bootdev: (device, signal) => bootdev(speak(signal), device, where),
      info: async (signal) => {
        const { headers } = await speak(signal).get({ cimClass: 'CIM_AssociatedPowerManagementService' });
        // "Intel(R) Active Management Technology 11.8.50": the web server tells the firmware.
        return { firmware: String(headers['server'] ?? 'not told').slice(0, 200) };
      },
    };
  },
});

function placeOf(
  parameters: Parameters,
  { rng }: PowerEdges,
): { where: string; speak: (signal: AbortSignal) => WsMan } {
  const { host, scheme, user, password, tlsFingerprint } = parameters;
  const port = parameters.port ?? (scheme === 'https' ? 16_993 : 16_992);
  const url = controllerUrl(scheme, host, port, '/wsman');
  const speak = (signal: AbortSignal): WsMan => {
    const call = httpCallsAs({ user, password }, rng, 'digest');
    return wsManAt(url, tlsFingerprint, (asked) => call(asked, signal));
  };
  return { where: url.host, speak };
}

function powerTo(wsMan: WsMan, state: string): Promise<number> {
  const given = [
    ['PowerState', state],
    ['ManagedElement', MACHINE],
  ] as const;
  return wsMan.invoke({ ...POWER, method: 'RequestPowerStateChange', arguments: given });
}

async function stateOf(wsMan: WsMan): Promise<PowerState> {
  const { body } = await wsMan.get({ cimClass: 'CIM_AssociatedPowerManagementService' });
  return STATES[xmlTextAt(body, 'PowerState') ?? ''] ?? 'unknown';
}

/** Names the source of the next boot, then says that this is to count once. AMT does not tell back what is set. */
async function bootdev(wsMan: WsMan, device: BootDevice, where: string): Promise<void> {
  const sources =
    device === 'none'
      ? []
      : [['Source', { cimClass: 'CIM_BootSourceSetting', selectors: { InstanceID: BOOT_SOURCES[device] } }] as const];
  const changed = await wsMan.invoke({ ...BOOT_CONFIG, method: 'ChangeBootOrder', arguments: sources });
  if (changed !== 0) throw refused(where, `boot from ${device}`, changed);
  const given = [
    ['BootConfigSetting', BOOT_CONFIG],
    ['Role', device === 'none' ? ROLE.never : ROLE.once],
  ] as const;
  const value = await wsMan.invoke({ ...BOOT, method: 'SetBootConfigRole', arguments: given });
  if (value !== 0) throw refused(where, `boot from ${device}`, value);
}

function refused(where: string, what: string, value: number): PowerError {
  const words = RETURNED[value] ?? 'for a reason of its own';
  return new PowerError(value === 6 ? 'busy' : 'refused', `${where}: refuses "${what}": ${words} (${value})`);
}
