import type { Field, FieldValues } from '../../core/field.ts';
import type { PowerDriver } from '../../ports/power-driver.ts';
import type { KitTarget } from './kit-rule.ts';
import { createStandIns, type OpenStandIn } from './stand-ins.ts';

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
 * A driver before a real device, with a stand-in on a port of this host for everything a real device will not do.
 */
export function daemonTarget(order: DaemonTry, openStandIn: OpenStandIn): KitTarget {
  const { driver } = order;
  const parameters = order.parameters ?? samplesOf(driver.fields);
  const hasDevice = order.parameters !== undefined;
  const standIns = createStandIns(driver.fields, parameters, hasDevice, openStandIn);
  return {
    driver,
    device: hasDevice ? 'real' : 'none',
    parameters,
    secretField: order.parameters && secretFieldOf(driver.fields, parameters),
    maySwitch: order.maySwitch,
    misbehave: (how) => standIns.put(how),
    behave: () => standIns.away(),
  };
}

/** The first secret that has a value: the one whose wrong value is tried. */
export function secretFieldOf(fields: PowerDriver['fields'], parameters: FieldValues): string | undefined {
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
