import type { FieldValues } from '../core/field.ts';
import type { Machine } from '../core/machine.ts';
import type { State } from '../core/lifecycle.ts';
import { PowerError, type PowerDriver } from '../ports/power-driver.ts';
import type { PowerDrivers } from '../ports/power-drivers.ts';
import type { Store } from '../ports/store.ts';
import type { Vault } from '../ports/vault.ts';
import { checkSetting } from './check-setting.ts';
import { daemonTarget } from './driver-kit/daemon-target.ts';
import type { OpenStandIn } from './driver-kit/stand-ins.ts';
import type { KitEdges, KitTarget } from './driver-kit/kit-rule.ts';
import { parametersOfPretend, pretendTarget, truthOf, type PretendDevice } from './driver-kit/pretend-target.ts';
import { runKit, type KitResult } from './driver-kit/run-kit.ts';
import { findMachine } from './machines.ts';
import { controllerKey } from './power-controller.ts';
import { openSetting } from './power-secrets.ts';
import type { PowerService } from './power.ts';

/** What is to be tried. */
export interface DriverTestOrder {
  readonly driver: string;
  /** A machine whose own power setting is used; then there are no parameters. */
  readonly machine: string | undefined;
  readonly parameters: FieldValues;
  readonly secrets: Readonly<Record<string, string>>;
  /** Whether the device may really be switched. */
  readonly switches: boolean;
}

/** How it ended. */
export type DriverTestOutcome =
  | { readonly is: 'done'; readonly on: string; readonly results: readonly KitResult[] }
  | { readonly is: 'unknown-driver' | 'unknown-machine'; readonly because: string }
  | { readonly is: 'bad-value'; readonly field: string; readonly because: string }
  | { readonly is: 'refused'; readonly because: string };

/** Tries drivers by the rules that every driver keeps. */
export interface DriverTests {
  run(order: DriverTestOrder): Promise<DriverTestOutcome>;
}

/** What it stands on. */
export interface DriverTestDeps {
  readonly store: Pick<Store, 'machines' | 'secrets'>;
  readonly vault: Pick<Vault, 'open'>;
  readonly drivers: PowerDrivers;
  readonly power: Pick<PowerService, 'underWay' | 'status'>;
  /**
   * A world for one run, with the pretend device beside the driver where there is one and `wantsPretend`. Throws a
   * `PowerError` when that may not be run or does not start.
   */
  readonly openWorld: (driver: string, wantsPretend: boolean) => Promise<KitWorld>;
  readonly openStandIn: OpenStandIn;
}

/** What one run stands on. */
export interface KitWorld {
  readonly edges: KitEdges;
  readonly pretend: PretendDevice | undefined;
  /** Ends the pretend device and takes away what it left. */
  close(): Promise<void>;
}

/** States in which nobody uses a machine. */
const UNUSED: readonly State[] = ['new', 'ready', 'broken', 'retired'];

/**
 * The driver, asked before each time it switches whether the device may still be tried: a test takes minutes, and somebody
 * may take a machine into use or switch it meanwhile.
 */
function whileFree(deps: DriverTestDeps, driver: PowerDriver, parameters: FieldValues | undefined): PowerDriver {
  const check = async (): Promise<void> => {
    const taken = parameters && (await whyTaken(deps, driver, parameters));
    if (taken !== undefined) throw new PowerError('refused', taken);
  };
  return {
    ...driver,
    open: (given, edges) => {
      const handle = driver.open(given, edges);
      const reset = handle.reset?.bind(handle);
      return {
        ...handle,
        query: (signal) => handle.query(signal),
        set: async (want, signal) => {
          await check();
          await handle.set(want, signal);
        },
        ...(reset && {
          reset: async (signal) => {
            await check();
            await reset(signal);
          },
        }),
      };
    },
  };
}

interface Device {
  /** Nothing where the driver is tried without one. */
  readonly parameters: FieldValues | undefined;
  /** In words. */
  readonly on: string;
  readonly machine: Machine | undefined;
}

type Refusal = Exclude<DriverTestOutcome, { is: 'done' }>;

/** The service; it runs one test at a time. */
export function createDriverTests(deps: DriverTestDeps): DriverTests {
  let isBusy = false;
  const run = async (order: DriverTestOrder): Promise<DriverTestOutcome> => {
    const driver = deps.drivers.byName(order.driver);
    if (!driver) return { is: 'unknown-driver', because: `there is no power driver "${order.driver}"` };
    const opened = await openWorld(deps, order);
    if ('is' in opened) return opened;
    try {
      return await runIn(deps, driver, order, opened);
    } finally {
      await opened.close();
    }
  };
  return {
    run: async (order) => {
      if (isBusy) return { is: 'refused', because: 'another driver is being tested; try again when that has ended' };
      isBusy = true;
      try {
        return await run(order);
      } finally {
        isBusy = false;
      }
    },
  };
}

/** Whether no device was named: then it is the pretend one, where there is one. */
function isBare({ machine, parameters, secrets }: DriverTestOrder): boolean {
  return machine === undefined && Object.keys(parameters).length === 0 && Object.keys(secrets).length === 0;
}

async function openWorld(deps: DriverTestDeps, order: DriverTestOrder): Promise<KitWorld | Refusal> {
  try {
    return await deps.openWorld(order.driver, isBare(order));
  } catch (thrown) {
    if (thrown instanceof PowerError) return { is: 'refused', because: thrown.message };
    throw thrown;
  }
}

async function runIn(
  deps: DriverTestDeps,
  driver: PowerDriver,
  order: DriverTestOrder,
  { edges, pretend }: KitWorld,
): Promise<DriverTestOutcome> {
  const device = pretend ? await deviceOfPretend(driver, pretend) : await deviceOf(deps, driver, order);
  if ('is' in device) return device;
  const { parameters, on, machine } = device;
  const taken = parameters && (await whyTaken(deps, driver, parameters));
  if (taken !== undefined) return { is: 'refused', because: taken };
  const careful = whileFree(deps, driver, parameters);
  const target: KitTarget =
    pretend && parameters
      ? pretendTarget(careful, pretend, parameters, deps.openStandIn)
      : daemonTarget({ driver: careful, parameters, maySwitch: order.switches }, deps.openStandIn);
  const results = await runKit(target, edges);
  // Whatever was switched past the engine, the page says what is seen now.
  if (order.switches && machine) await deps.power.status(machine);
  return { is: 'done', on, results };
}

async function deviceOfPretend(driver: PowerDriver, pretend: PretendDevice): Promise<Device | Refusal> {
  const parameters = parametersOfPretend(driver, pretend);
  if (!parameters.ok) return { is: 'refused', because: parameters.error };
  try {
    await truthOf(pretend);
  } catch (thrown) {
    return { is: 'refused', because: thrown instanceof Error ? thrown.message : String(thrown) };
  }
  return { parameters: parameters.value, on: `the pretend device ${pretend.file}`, machine: undefined };
}

async function deviceOf(deps: DriverTestDeps, driver: PowerDriver, order: DriverTestOrder): Promise<Device | Refusal> {
  if (order.machine !== undefined) return deviceOfMachine(deps, driver, order, order.machine);
  const hasNeeds = Object.values(driver.fields).some(({ required, default: given }) => required && given === undefined);
  if (isBare(order) && hasNeeds) return { parameters: undefined, on: 'no device', machine: undefined };
  const checked = checkSetting(driver, order.parameters, order.secrets, []);
  if (!checked.ok) return { is: 'bad-value', ...checked.error };
  return {
    parameters: { ...checked.value, ...order.secrets },
    on: placeOf(driver, checked.value),
    machine: undefined,
  };
}

async function deviceOfMachine(
  { store, vault }: DriverTestDeps,
  driver: PowerDriver,
  order: DriverTestOrder,
  ref: string,
): Promise<Device | Refusal> {
  const machine = await findMachine(store, ref);
  if (!machine) return { is: 'unknown-machine', because: `no machine "${ref}"; name it by name, MAC or id` };
  if (Object.keys(order.parameters).length > 0 || Object.keys(order.secrets).length > 0)
    return { is: 'refused', because: `${machine.name} has a power setting of its own: give it or fields, not both` };
  if (machine.power?.driver !== driver.name) {
    const now = machine.power ? `is switched by ${machine.power.driver}` : 'has no power setting';
    return { is: 'refused', because: `${machine.name} ${now}, not by ${driver.name}` };
  }
  try {
    const { parameters } = await openSetting(machine, Object.keys(driver.fields), { secrets: store.secrets, vault });
    return { parameters, on: `${machine.name}: ${placeOf(driver, machine.power.parameters)}`, machine };
  } catch (thrown) {
    if (thrown instanceof PowerError) return { is: 'refused', because: thrown.message };
    throw thrown;
  }
}

/** `host 10.0.0.7, outlet 3`: what is tried, without secrets. */
function placeOf(driver: PowerDriver, parameters: FieldValues): string {
  const told = Object.entries(driver.fields).flatMap(([name, { kind }]) =>
    kind === 'secret' || parameters[name] === undefined ? [] : [`${name} ${String(parameters[name])}`],
  );
  return told.join(', ') || 'a device without fields';
}

/**
 * Why a device may not be tried now: the machine on this outlet is in use, or a machine on the same controller is being
 * switched. Nothing when it may.
 */
async function whyTaken(
  { store, power }: DriverTestDeps,
  driver: PowerDriver,
  parameters: FieldValues,
): Promise<string | undefined> {
  const own = Object.keys(driver.fields).filter((name) => driver.fields[name]?.scope === 'machine');
  const all = (await store.machines.list()).filter((machine) => machine.power?.driver === driver.name);
  for (const machine of all) {
    const given = { ...machine, power: { driver: driver.name, parameters } };
    if (controllerKey(driver, machine) !== controllerKey(driver, given)) continue;
    if (power.underWay(machine))
      return `${machine.name} on the same controller is being switched; try again after that`;
    const theirs = machine.power?.parameters ?? {};
    const valueOf = (from: FieldValues, name: string): string =>
      String(from[name] ?? driver.fields[name]?.default ?? '');
    const isSame = own.every((name) => valueOf(parameters, name) === valueOf(theirs, name));
    if (isSame && !UNUSED.includes(machine.state))
      return `${machine.name} is in use (${machine.state}); release it first, or test with another machine`;
  }
  return undefined;
}
