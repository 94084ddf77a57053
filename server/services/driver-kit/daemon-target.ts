import type { Field, FieldValues } from '../../core/field.ts';
import type { PowerDriver } from '../../ports/power-driver.ts';
import type { KitFault, KitTarget } from './kit-rule.ts';

/** Something at a port that behaves as no device should. */
export interface StandInAt {
  readonly host: string;
  readonly port: number;
  close(): Promise<void>;
}

/** How a stand-in can behave; what only a device can do (lies, a late effect) it cannot. */
export type StandInFault = Exclude<KitFault, 'lies' | 'late'>;

/** Opens one; `behind` is the device it lets through to, where there is one. */
export type OpenStandIn = (
  how: StandInFault,
  behind: { readonly host: string; readonly port: number } | undefined,
) => Promise<StandInAt>;

/** A driver to be tried from a running daemon. */
export interface DaemonTry {
  readonly driver: PowerDriver;
  /** Parameters of a real device, secrets among them; nothing where there is none. */
  readonly parameters: FieldValues | undefined;
  readonly maySwitch: boolean;
}

/** A secret nobody uses: it is looked for in all that is said and shown. */
const CANARY = 'canary0a1b2c3d';

/**
 * A driver before a real device, with a stand-in on a port of this host for everything a real device will not do. The
 * stand-in serves drivers with a field of kind `host` and one of kind `port`.
 */
export function daemonTarget(order: DaemonTry, openStandIn: OpenStandIn): KitTarget {
  const { driver } = order;
  const parameters = order.parameters ?? samplesOf(driver.fields);
  const address = addressFields(driver.fields);
  let standIn: StandInAt | undefined;
  return {
    driver,
    device: order.parameters ? 'real' : 'none',
    parameters,
    secretField: order.parameters && secretFieldOf(driver.fields, parameters),
    maySwitch: order.maySwitch,
    misbehave: async (how) => {
      if (!address || how === 'lies' || how === 'late') return undefined;
      const behind = order.parameters && behindOf(parameters, driver.fields, address);
      // Coming and going needs a device that is there half of the time.
      if (how === 'flapping' && !behind) return undefined;
      standIn = await openStandIn(how, behind);
      return { ...parameters, [address.host]: standIn.host, [address.port]: standIn.port };
    },
    behave: async () => {
      await standIn?.close();
      standIn = undefined;
    },
  };
}

interface AddressFields {
  readonly host: string;
  readonly port: string;
}

function addressFields(fields: PowerDriver['fields']): AddressFields | undefined {
  const first = (kind: Field['kind']): string | undefined =>
    Object.entries(fields).find(([, field]) => field.kind === kind && field.scope === 'controller')?.[0];
  const [host, port] = [first('host'), first('port')];
  return host === undefined || port === undefined ? undefined : { host, port };
}

function behindOf(
  parameters: FieldValues,
  fields: PowerDriver['fields'],
  address: AddressFields,
): { readonly host: string; readonly port: number } {
  const port = parameters[address.port] ?? fields[address.port]?.default;
  return { host: String(parameters[address.host]), port: Number(port) };
}

function secretFieldOf(fields: PowerDriver['fields'], parameters: FieldValues): string | undefined {
  return Object.keys(fields).find((name) => fields[name]?.kind === 'secret' && parameters[name] !== undefined);
}

/** Something that fits each required field, as far as its declaration tells what fits. */
function samplesOf(fields: PowerDriver['fields']): FieldValues {
  const needed = Object.entries(fields).filter(([, field]) => field.required && field.default === undefined);
  return Object.fromEntries(needed.map(([name, field]) => [name, sampleOf(field)] as const));
}

function sampleOf(field: Field): string | number {
  switch (field.kind) {
    case 'host':
      return '127.0.0.1';
    case 'port':
      return 9;
    case 'integer':
      return field.min ?? 1;
    case 'choice':
      return field.choices?.[0] ?? '';
    case 'secret':
      return CANARY.slice(0, field.max ?? CANARY.length);
    case 'text':
      return '1';
    case 'file':
      return '/nonexistent';
  }
}
