import type { Field, FieldValues } from '../../core/field.ts';
import type { PowerDriver } from '../../ports/power-driver.ts';
import type { KitFault } from './kit-rule.ts';

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

/** Stand-ins for the device of one driver, one at a time. They serve drivers with a field of kind `host` and one of kind `port`. */
export interface StandIns {
  /** Puts one in the device's place; the value is what to reach it by, nothing where it cannot be done. */
  put(how: KitFault): Promise<FieldValues | undefined>;
  away(): Promise<void>;
}

/** The stand-ins before a device with these parameters; without `hasDevice` there is nothing behind them. */
export function createStandIns(
  fields: PowerDriver['fields'],
  parameters: FieldValues,
  hasDevice: boolean,
  openStandIn: OpenStandIn,
): StandIns {
  const first = (kind: Field['kind']): string | undefined =>
    Object.entries(fields).find(([, field]) => field.kind === kind && field.scope === 'controller')?.[0];
  const [host, port] = [first('host'), first('port')];
  let standIn: StandInAt | undefined;
  return {
    put: async (how) => {
      if (host === undefined || port === undefined || how === 'lies' || how === 'late') return undefined;
      // Coming and going needs a device that is there half of the time.
      if (how === 'flapping' && !hasDevice) return undefined;
      const behind = { host: String(parameters[host]), port: Number(parameters[port] ?? fields[port]?.default) };
      standIn = await openStandIn(how, hasDevice ? behind : undefined);
      return { ...parameters, [host]: standIn.host, [port]: standIn.port };
    },
    away: async () => {
      await standIn?.close();
      standIn = undefined;
    },
  };
}
