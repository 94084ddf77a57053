import type { ParametersOf } from '../server/core/field.ts';
import type { PowerState } from '../server/core/machine.ts';
import { PowerError } from '../server/ports/power-driver.ts';
import { snmpCall, type SnmpPlace, type SnmpWho } from './common/snmp-call.ts';
import { OUTLET_MODELS, type OutletModel } from './common/snmp-outlet-models.ts';
import { definePowerDriver } from './define.ts';

const OID = '[0-2](\\.\\d{1,10}){3,40}';
const MODELS: Readonly<Record<string, OutletModel>> = OUTLET_MODELS;
/** SNMPv2-MIB: sysDescr, sysName. */
const SYSTEM = ['1.3.6.1.2.1.1.1.0', '1.3.6.1.2.1.1.5.0'];

const fields = {
  host: { kind: 'host', label: 'PDU or switch address', scope: 'controller', required: true },
  port: { kind: 'port', label: 'UDP port', scope: 'controller', required: true, default: 161 },
  version: {
    kind: 'choice',
    label: 'SNMP version',
    help: 'Versions 1 and 2c send the community in clear; take 3 with both keys where the device can.',
    scope: 'controller',
    required: true,
    choices: ['1', '2c', '3'],
    default: '2c',
  },
  community: {
    kind: 'secret',
    label: 'Write community',
    help: 'Versions 1 and 2c.',
    scope: 'controller',
    required: false,
  },
  user: { kind: 'text', label: 'User', help: 'Version 3.', scope: 'controller', required: false, max: 32 },
  authProtocol: {
    kind: 'choice',
    label: 'Authentication',
    scope: 'controller',
    required: true,
    choices: ['sha', 'sha224', 'sha256', 'sha384', 'sha512', 'md5'],
    default: 'sha',
  },
  authKey: {
    kind: 'secret',
    label: 'Authentication key',
    help: 'Version 3: 8 characters or more.',
    scope: 'controller',
    required: false,
    min: 8,
  },
  privProtocol: {
    kind: 'choice',
    label: 'Encryption',
    scope: 'controller',
    required: true,
    choices: ['aes', 'aes256b', 'aes256r', 'des'],
    default: 'aes',
  },
  privKey: {
    kind: 'secret',
    label: 'Encryption key',
    help: 'Version 3: 8 characters or more.',
    scope: 'controller',
    required: false,
    min: 8,
  },
  model: {
    kind: 'choice',
    label: 'Model',
    scope: 'controller',
    required: true,
    choices: [...Object.keys(OUTLET_MODELS), 'custom'],
  },
  bank: {
    kind: 'text',
    label: 'Bank',
    help: 'Unit, tower and feed ("1.2"), or slot before the outlet number; empty for the first.',
    scope: 'machine',
    required: false,
    pattern: '\\d{1,5}(\\.\\d{1,5}){0,3}',
  },
  outlet: { kind: 'integer', label: 'Outlet or port', scope: 'machine', required: true, min: 0, max: 65_535 },
  switchOid: {
    kind: 'text',
    label: 'Column that switches',
    help: 'Only for the model "custom", as are those below.',
    scope: 'controller',
    required: false,
    pattern: OID,
  },
  statusOid: {
    kind: 'text',
    label: 'Column of the state',
    help: 'The one that switches unless told.',
    scope: 'controller',
    required: false,
    pattern: OID,
  },
  onValue: {
    kind: 'integer',
    label: 'Value that switches on',
    scope: 'controller',
    required: true,
    default: 1,
    max: 2_147_483_647,
  },
  offValue: {
    kind: 'integer',
    label: 'Value that switches off',
    scope: 'controller',
    required: true,
    default: 2,
    max: 2_147_483_647,
  },
  rebootValue: {
    kind: 'integer',
    label: 'Value that reboots',
    scope: 'controller',
    required: false,
    max: 2_147_483_647,
  },
  statusOn: { kind: 'integer', label: 'State that is on', scope: 'controller', required: false, max: 2_147_483_647 },
  statusOff: { kind: 'integer', label: 'State that is off', scope: 'controller', required: false, max: 2_147_483_647 },
} as const;

type Parameters = ParametersOf<typeof fields>;

/** Switched outlets and PoE ports over SNMP, by a table of models. */
export const snmpOutlet = definePowerDriver({
  name: 'snmp-outlet',
  summary: 'Outlet of a switched PDU, or PoE port, over SNMP v1, v2c or v3',
  fields,
  abilities: ['on', 'off', 'status', 'reset', 'info'],
  callTimeoutMs: 10_000,
  // Outlets switched one after the other: big PDUs take their time.
  settleTimeoutMs: 30_000,
  // Their cards lose sets that follow each other at once.
  paceMs: 250,
  open: (parameters) => {
    const place: SnmpPlace = { host: parameters.host, port: parameters.port, who: whoOf(parameters) };
    const model = modelOf(parameters);
    const bank = parameters.bank ?? model.bank;
    const index = bank === undefined ? String(parameters.outlet) : `${bank}.${parameters.outlet}`;
    const order = async ({ column, value }: OutletModel['on'], once: boolean, signal: AbortSignal): Promise<void> => {
      await snmpCall(place, { set: { oid: `${column}.${index}`, value }, once }, signal);
    };
    return {
      set: (want, signal) => order(want === 'on' ? model.on : model.off, false, signal),
      query: async (signal) => {
        const [value] = await snmpCall(place, { get: [`${model.status.column}.${index}`] }, signal);
        if (value !== undefined) return stateOf(model, value);
        const remedy = 'check model, bank and outlet, and the view of this community or user';
        throw new PowerError('refused', `${place.host}:${place.port}: shows no outlet ${index}; ${remedy}`);
      },
      reset: async (signal) => {
        if (model.reboot) await order(model.reboot, true, signal);
        else throw new PowerError('refused', `${place.host}: ${model.title} knows no reboot; use a power cycle`);
      },
      info: async (signal) => {
        const [description, name] = await snmpCall(place, { get: SYSTEM }, signal);
        const words = (value: typeof name): string =>
          String(value ?? '')
            .replace(/[\p{Cc}\s]+/gu, ' ')
            .trim()
            .slice(0, 200);
        return { description: words(description), name: words(name) };
      },
    };
  },
});

function whoOf({ version, community, user, authProtocol, authKey, privProtocol, privKey }: Parameters): SnmpWho {
  if (version !== '3') {
    if (community === undefined) throw new PowerError('config', `"community" is missing: SNMP ${version} needs one`);
    return { version: version === '1' ? '1' : '2c', community };
  }
  if (user === undefined) throw new PowerError('config', '"user" is missing: SNMP 3 needs one');
  if (privKey !== undefined && authKey === undefined)
    throw new PowerError('config', '"authKey" is missing: encryption needs authentication');
  return {
    version,
    user,
    auth: authKey === undefined ? undefined : { protocol: authProtocol, key: authKey },
    priv: privKey === undefined ? undefined : { protocol: privProtocol, key: privKey },
  };
}

function modelOf(parameters: Parameters): OutletModel {
  const model = MODELS[parameters.model];
  if (model) return model;
  const { switchOid: column, statusOid = column, onValue, offValue, rebootValue } = parameters;
  if (column === undefined || statusOid === undefined)
    throw new PowerError('config', '"switchOid" is missing: the model "custom" needs it');
  const { statusOn = onValue, statusOff = offValue } = parameters;
  return {
    title: 'this device',
    on: { column, value: onValue },
    off: { column, value: offValue },
    ...(rebootValue === undefined ? {} : { reboot: { column, value: rebootValue } }),
    status: { column: statusOid, on: [statusOn], off: [statusOff] },
  };
}

/** A state that waits or is none of an outlet's is not known; the next look will tell. */
function stateOf({ status }: OutletModel, value: number | string): PowerState {
  if (status.on.some((each) => each === value)) return 'on';
  return status.off.some((each) => each === value) ? 'off' : 'unknown';
}
