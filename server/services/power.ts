import type { Machine, MachineId, PowerSeen, PowerState } from '../core/machine.ts';
import { PowerError, type BootDevice, type PowerHandle } from '../ports/power-driver.ts';
import type { Actor } from './machines.ts';
import { askPatiently, Dropped } from './power-calls.ts';
import { createLines, type Lines, type PowerDeps } from './power-lines.ts';
import { powerEvent, see } from './power-order.ts';
import type { Redact } from './power-redact.ts';
import { carry, told } from './power-carry.ts';
import type { OrderWay, PowerOutcome, PowerVerb } from './power-outcome.ts';
import { whyImpossible } from './power-refusal.ts';
import { settleOpenOrders } from './power-recover.ts';

export type { PowerDeps } from './power-lines.ts';
export type { OrderWay, PowerOutcome, PowerVerb } from './power-outcome.ts';

/** Switches machines: one queue per controller, retries by error kind, every order verified. */
export interface PowerService {
  /** Returns when the wished state has been seen, or with the named reason. What it would boot is asked first. */
  order(machine: Machine, verb: PowerVerb, by: Actor, way?: OrderWay): Promise<PowerOutcome>;
  /** Asks now and records what was seen. */
  status(machine: Machine): Promise<PowerOutcome>;
  /** What was seen last and when; looks that found nothing new are not in the store. */
  seen(machine: Machine): PowerSeen | undefined;
  /** What a person saw, where the driver cannot see (`manual`); refused where it can. */
  say(machine: Machine, state: PowerState, by: Actor): Promise<PowerOutcome>;
  bootdev(machine: Machine, device: BootDevice): Promise<PowerOutcome>;
  /** Makes it blink for `forS` seconds (0 to 255), so that somebody finds it in the rack. */
  identify(machine: Machine, forS: number): Promise<PowerOutcome>;
  /** What its controller says of itself and the chassis, as `info` of the outcome. */
  info(machine: Machine): Promise<PowerOutcome>;
  /** Why this order could not be given to it at all now, before anything is asked of its plan; nothing when it could. */
  whyNot(machine: Machine, verb: PowerVerb): string | undefined;
  /** Whether an order is under way for it, and which. */
  underWay(machine: Machine): PowerVerb | undefined;
  /** Milliseconds for which its controller is left alone, having been silent; 0 when it is not. */
  restsMs(machine: Machine): number;
  /** Stops waiting for the order under way; the state is asked afresh. */
  abort(machine: Machine): void;
  /** Settles what a previous run left open: asks the state, never repeats an order (invariant I9). */
  recover(): Promise<void>;
  /** Refuses what comes, stops waiting for what is under way and returns when that has ended. */
  stop(): Promise<void>;
}

interface Running {
  readonly verb: PowerVerb;
  readonly stop: AbortController;
  readonly ended: Promise<PowerOutcome>;
}

/** The power service. All time comes from `clock`; it starts nothing until it is called. */
export function createPowerService(deps: PowerDeps): PowerService {
  const lines = createLines(deps);
  const running = new Map<MachineId, Running>();
  const looking = new Set<Promise<unknown>>();
  const stops = new Set<AbortController>();
  let isStopping = false;
  /** A signal of its own for each piece of work, given when the service stops. */
  const stoppable = <T>(stop: AbortController, work: Promise<T>): Promise<T> => {
    stops.add(stop);
    if (isStopping) stop.abort();
    return work.finally(() => stops.delete(stop));
  };
  const status = (machine: Machine): Promise<PowerOutcome> => {
    const stop = new AbortController();
    return stoppable(stop, askStatus(lines, machine, stop.signal));
  };
  const wished = (machine: Machine, wish: Wish): Promise<PowerOutcome> => {
    const stop = new AbortController();
    return stoppable(stop, aside(deps, lines, machine, wish, stop.signal));
  };
  return {
    order: (machine, verb, by, way = {}) => {
      const refusal = isStopping ? 'Farrier is stopping' : refusalOf(deps, machine, verb, running);
      if (refusal !== undefined) return told(deps, { machine, verb, by, way }, { is: 'refused', because: refusal });
      const stop = new AbortController();
      const work = carry({ ...deps, lines }, { machine, verb, by, way }, stop.signal);
      const ended = stoppable(stop, work).finally(() => running.delete(machine.id));
      running.set(machine.id, { verb, stop, ended });
      return ended;
    },
    status,
    seen: (machine) => lines.latest(machine),
    say: (machine, state, by) => say(deps, lines, machine, state, by),
    bootdev: (machine, device) => wished(machine, bootdevWish(device)),
    identify: (machine, forS) => wished(machine, identifyWish(forS)),
    info: (machine) => wished(machine, infoWish),
    whyNot: (machine, verb) => (isStopping ? 'Farrier is stopping' : refusalOf(deps, machine, verb, running)),
    underWay: (machine) => running.get(machine.id)?.verb,
    restsMs: (machine) => lines.restsMs(machine),
    abort: (machine) => {
      const order = running.get(machine.id);
      if (!order) return;
      order.stop.abort();
      const look = order.ended
        .then(() => status(machine))
        .catch((error: unknown) => {
          deps.log.error('status after an abort failed', { machine: machine.name, error: String(error) });
        })
        .finally(() => looking.delete(look));
      looking.add(look);
    },
    recover: () => settleOpenOrders({ store: deps.store, clock: deps.clock, status }),
    stop: async () => {
      isStopping = true;
      for (const stop of stops) stop.abort();
      await Promise.allSettled([...[...running.values()].map(({ ended }) => ended), ...looking]);
    },
  };
}

function refusalOf(
  deps: PowerDeps,
  machine: Machine,
  verb: PowerVerb,
  running: ReadonlyMap<MachineId, Running>,
): string | undefined {
  const underWay = running.get(machine.id);
  if (underWay) return `power ${underWay.verb} of ${machine.name} is under way; wait for it or abort it`;
  return whyImpossible(deps, machine, verb);
}

function askStatus(lines: Lines, machine: Machine, signal: AbortSignal): Promise<PowerOutcome> {
  return lines.use(machine, async (driver) => {
    if (!driver.abilities.includes('status'))
      return { is: 'refused', because: `driver "${driver.name}" cannot see; say what you see` };
    const seen = await see(await lines.open(driver, machine), signal);
    await lines.note(machine, seen);
    return { is: 'done', seen };
  });
}

function say(
  { clock }: PowerDeps,
  lines: Lines,
  machine: Machine,
  state: PowerState,
  by: Actor,
): Promise<PowerOutcome> {
  return lines.use(machine, async (driver) => {
    if (driver.abilities.includes('status'))
      return { is: 'refused', because: `driver "${driver.name}" sees for itself; ask for the status` };
    const seen = { state, atMs: clock.now(), because: `${by} says so` };
    await lines.note(machine, seen);
    return { is: 'done', seen };
  });
}

/** Something a driver may be able to do that leaves the power as it is. */
interface Wish {
  readonly ability: 'bootdev' | 'identify' | 'info';
  /** Undefined when the handle has no such verb. */
  readonly ask: (handle: PowerHandle, signal: AbortSignal) => Promise<Said | undefined> | undefined;
  /** For the timeline; nothing for a mere question. */
  readonly words: string | undefined;
}

/** What a controller says, by label. */
type Said = Readonly<Record<string, string>>;

const infoWish: Wish = { ability: 'info', ask: (handle, own) => handle.info?.(own), words: undefined };

const SAID_MAX = 64;

/** Bounded, and without the secrets of the machine: a controller may say anything. */
function saidSafely(said: Said, redact: Redact): Said {
  const pairs = Object.entries(said).slice(0, SAID_MAX);
  return Object.fromEntries(pairs.map(([label, words]) => [redact(label), redact(words)]));
}

const unsaid = (doing: Promise<void> | undefined): Promise<undefined> | undefined => doing?.then(() => undefined);

function bootdevWish(device: BootDevice): Wish {
  return {
    ability: 'bootdev',
    ask: (handle, own) => unsaid(handle.bootdev?.(device, own)),
    words: `next boot from ${device === 'none' ? 'its own choice' : device}`,
  };
}

function identifyWish(forS: number): Wish {
  return {
    ability: 'identify',
    ask: (handle, own) => unsaid(handle.identify?.(forS, own)),
    words: forS === 0 ? 'blinks no longer' : `blinks for ${forS} s`,
  };
}

function aside(
  { store, clock }: PowerDeps,
  lines: Lines,
  machine: Machine,
  { ability, ask, words }: Wish,
  signal: AbortSignal,
): Promise<PowerOutcome> {
  return lines.use(machine, async (driver) => {
    if (!driver.abilities.includes(ability))
      return {
        is: 'refused',
        because: `driver "${driver.name}" cannot do "${ability}"; it can do ${driver.abilities.join(', ')}`,
      };
    const before = async (): Promise<void> => {
      const now = await store.machines.byId(machine.id);
      if (now?.ownerEpoch !== machine.ownerEpoch) throw new Dropped(`${machine.name} changed hands`);
    };
    const line = await lines.open(driver, machine);
    const act = (handle: PowerHandle, own: AbortSignal): Promise<Said | undefined> => {
      const doing = ask(handle, own);
      if (!doing) throw new PowerError('config', `the driver declares "${ability}" and has none`);
      return doing;
    };
    const said = await askPatiently(line, { before, act }, signal);
    const detail = { verb: ability, driver: driver.name };
    if (words !== undefined) await store.events.append([powerEvent(machine.id, clock.now(), 'note', words, detail)]);
    const unasked = { state: 'unknown', atMs: clock.now(), because: 'not asked yet' } as const;
    const seen = lines.latest(machine) ?? unasked;
    return said ? { is: 'done', seen, info: saidSafely(said, line.redact) } : { is: 'done', seen };
  });
}
