import type { Machine, MachineId, PowerSeen } from '../core/machine.ts';
import type { Result } from '../core/result.ts';
import type { Boards } from '../ports/boards.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import { PowerError, type PowerDriver } from '../ports/power-driver.ts';
import type { PowerDrivers } from '../ports/power-drivers.ts';
import type { Rng } from '../ports/rng.ts';
import { StoreUnavailable, type Store } from '../ports/store.ts';
import type { Vault } from '../ports/vault.ts';
import { Dropped, type Line } from './power-calls.ts';
import { controllerKey, createController, type Controller } from './power-controller.ts';
import type { PlanNext } from './plan-next.ts';
import type { PowerOutcome } from './power-outcome.ts';
import { openSetting } from './power-secrets.ts';
import { createPowerLooks, type PowerLooks } from './power-seen.ts';

/** What the power service stands on. */
export interface PowerDeps {
  readonly store: Pick<Store, 'machines' | 'powerOrders' | 'secrets' | 'events'>;
  readonly vault: Pick<Vault, 'open'>;
  readonly drivers: PowerDrivers;
  readonly boards: Pick<Boards, 'byName'>;
  /** What its next boot would get; a refusal keeps it from being switched on. */
  readonly planNext: PlanNext;
  /** Opens the machine's console before it starts, so that its first octet is recorded. */
  readonly consoles?: { readonly ready: (machine: MachineId, signal: AbortSignal) => Promise<Result<void>> };
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
}

/** The ways to the devices: one per machine, joined where machines share a controller. */
export interface Lines {
  /**
   * Acts with a machine's driver; whatever goes wrong comes out as an outcome, and the state is then `unknown`, which
   * is written down by `record`: `note` unless the caller tells it with words of its own.
   */
  use(machine: Machine, act: (driver: PowerDriver) => Promise<PowerOutcome>, record?: Recorder): Promise<PowerOutcome>;
  /** Binds the driver to the machine, its secrets in place. Throws `config` when something does not fit. */
  open(driver: PowerDriver, machine: Machine): Promise<Line>;
  /** Milliseconds for which the machine's controller is left alone; 0 when it is not. */
  restsMs(machine: Machine): number;
  /** Keeps what was seen, with an event when it differs from what was known; where the store cannot, the log says so. */
  readonly note: Recorder;
  /** Keeps what was seen without an event. */
  readonly keep: Recorder;
  /** What was seen of a machine last, and when. */
  readonly latest: PowerLooks['latest'];
}

/** Writes down what was seen of a machine's power. */
type Recorder = (machine: Machine, seen: PowerSeen) => Promise<void>;

/** The lines over these parts. */
export function createLines(deps: PowerDeps): Lines {
  const controllers = new Map<string, Controller>();
  const controllerOf = (driver: PowerDriver, machine: Machine): Controller => {
    const key = controllerKey(driver, machine);
    const controller = controllers.get(key) ?? createController(deps.clock, driver.paceMs ?? 0);
    controllers.set(key, controller);
    return controller;
  };
  const looks = createPowerLooks(deps.store);
  const notes = createNotes(looks);
  const note = keptWherePossible(notes.note, deps.log);
  const keep = keptWherePossible(notes.keep, deps.log);
  return {
    use: (machine, act, record = note) => use(deps, { record, latest: looks.latest }, machine, act),
    open: (driver, machine) => open(deps, driver, machine, controllerOf(driver, machine)),
    restsMs: (machine) => {
      const driver = deps.drivers.byName(machine.power?.driver ?? '');
      return (driver && controllers.get(controllerKey(driver, machine))?.restsMs()) ?? 0;
    },
    note,
    keep,
    latest: looks.latest,
  };
}

/** What was seen is true and is answered, also when the store cannot keep it now. */
function keptWherePossible(record: Recorder, log: Log): Recorder {
  return async (machine, seen) => {
    try {
      await record(machine, seen);
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      log.warn('what was seen of a machine could not be kept', { machine: machine.name, state: seen.state });
    }
  };
}

/** Observations of one machine are written one after another: they must not overtake each other. */
function createNotes(looks: Pick<PowerLooks, 'note'>): Pick<Lines, 'note' | 'keep'> {
  const writing = new Map<MachineId, Promise<void>>();
  const record = ({ id }: Machine, seen: PowerSeen, tells: boolean): Promise<void> => {
    const mine = (writing.get(id) ?? Promise.resolve()).then(() => looks.note(id, { seen, tells }));
    const settled = mine
      .catch(() => undefined)
      .finally(() => {
        if (writing.get(id) === settled) writing.delete(id);
      });
    writing.set(id, settled);
    return mine;
  };
  return {
    note: (machine, seen) => record(machine, seen, true),
    keep: (machine, seen) => record(machine, seen, false),
  };
}

async function open(deps: PowerDeps, driver: PowerDriver, machine: Machine, controller: Controller): Promise<Line> {
  const { clock, rng, store, vault } = deps;
  const setting = await openSetting(machine, Object.keys(driver.fields), { secrets: store.secrets, vault });
  const { redact } = setting;
  try {
    const handle = driver.open(setting.parameters, { clock, rng });
    return { handle, controller, callTimeoutMs: driver.callTimeoutMs, redact, clock, rng };
  } catch (thrown) {
    throw new PowerError('config', redact(thrown instanceof Error ? thrown.message : String(thrown)));
  }
}

/** How what was seen is kept, and what was kept last. */
interface Kept {
  readonly record: Recorder;
  readonly latest: PowerLooks['latest'];
}

async function use(
  deps: PowerDeps,
  kept: Kept,
  machine: Machine,
  act: (driver: PowerDriver) => Promise<PowerOutcome>,
): Promise<PowerOutcome> {
  if (!machine.power)
    return {
      is: 'refused',
      because: `${machine.name} has no power setting; give it one on its page or with "farrier power set"`,
    };
  const driver = deps.drivers.byName(machine.power.driver);
  if (!driver) return { is: 'refused', because: `there is no power driver "${machine.power.driver}"` };
  try {
    return await act(driver);
  } catch (error) {
    if (error instanceof Dropped) return { is: 'dropped', because: error.message };
    if (error instanceof PowerError) return failed(deps, kept, machine, error);
    throw error;
  }
}

/** The state is no longer known after any failure but one: a device without effect was seen in the other state. */
async function failed(
  deps: PowerDeps,
  { record, latest }: Kept,
  machine: Machine,
  { code, message }: PowerError,
): Promise<PowerOutcome> {
  const now = code === 'no-effect' ? await deps.store.machines.byId(machine.id) : undefined;
  const known = now && latest(now);
  const seen = known ?? { state: 'unknown', atMs: deps.clock.now(), because: message };
  if (!known) await record(machine, seen);
  return { is: 'failed', code, because: message, seen };
}
