import type { Machine } from '../core/machine.ts';
import { pause, type Clock } from '../ports/clock.ts';
import { PowerError, type PowerDriver } from '../ports/power-driver.ts';

/** Calls that may wait for one controller; beyond that it is `busy`. */
const WAITING_MAX = 64;
/** Silences in a row after which a controller is left alone for a while. */
const FAILURES_MAX = 5;
const REST_MS = 30_000;
/** How long a driver that does not let go after its deadline keeps its controller from everybody else. */
const HELD_MS = 60_000;

/** Our own side gave up: says nothing about the device. */
export class Stopped extends PowerError {
  constructor() {
    super('timeout', 'stopped waiting');
  }
}

/** Something to do at a controller when its turn comes. */
export interface ControllerCall<T> {
  /** Asked when the turn comes: whoever gave up meanwhile is passed over. */
  readonly isWanted: () => boolean;
  /** `holds` is given the driver's own work: the controller stays taken until that has really ended. */
  readonly act: (holds: (work: Promise<unknown>) => void) => Promise<T>;
}

/** A device that takes one command at a time: a BMC, a PDU, a chassis manager. */
export interface Controller {
  /** Runs when all calls before it have ended. Throws `busy` when too many wait, `unreachable` while it is left alone. */
  run<T>(call: ControllerCall<T>): Promise<T>;
  /** Milliseconds for which it is left alone; 0 when it is not. */
  restsMs(): number;
}

/** Names the device behind a setting: the driver and its controller-scope fields, secrets apart. */
export function controllerKey(driver: PowerDriver, machine: Machine): string {
  const own = Object.entries(driver.fields).filter(
    ([, field]) => field.scope === 'controller' && field.kind !== 'secret',
  );
  const parts = own.map(([name, field]) => `${name}=${String(machine.power?.parameters[name] ?? field.default ?? '')}`);
  return [driver.name, ...(parts.length > 0 ? parts.sort() : [machine.id])].join('\n');
}

/** One controller's queue, pace and circuit breaker. `paceMs` is what it needs between two commands. */
export function createController(clock: Clock, paceMs: number): Controller {
  const breaker = createBreaker(clock);
  let tail: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  let endedMs = Number.NEGATIVE_INFINITY;
  const inTurn = async <T>(call: ControllerCall<T>, holds: (work: Promise<unknown>) => void): Promise<T> => {
    if (!call.isWanted()) throw new Stopped();
    breaker.refuse();
    const earlyMs = endedMs + paceMs - clock.monotonicMs();
    if (earlyMs > 0) await pause(clock, earlyMs);
    return breaker.judged(() => call.act(holds));
  };
  return {
    restsMs: () => breaker.restsMs(),
    run: <T>(call: ControllerCall<T>): Promise<T> => {
      if (waiting >= WAITING_MAX)
        return Promise.reject(new PowerError('busy', `${waiting} commands wait for this controller already`));
      waiting += 1;
      let held: Promise<unknown> | undefined;
      const holds = (work: Promise<unknown>): void => {
        held = work;
      };
      const mine = tail.then(() => inTurn(call, holds));
      const freed = async (): Promise<void> => {
        if (held) {
          await endOf(clock, held);
          endedMs = clock.monotonicMs();
        }
        waiting -= 1;
      };
      tail = mine.then(freed, freed);
      return mine;
    },
  };
}

/** Waits until a driver has really ended, so that no two commands meet at its controller; but not for ever. */
async function endOf(clock: Clock, work: Promise<unknown>): Promise<void> {
  let cancel = (): void => undefined;
  const given = new Promise<void>((resolve) => {
    cancel = clock.after(HELD_MS, resolve);
  });
  const ended = work.then(nothing, nothing);
  await Promise.race([ended, given]);
  cancel();
}

function nothing(): void {
  // A late answer tells nothing any more.
}

interface Breaker {
  restsMs(): number;
  /** Throws while the controller is left alone. */
  refuse(): void;
  /** Counts how the call ended. */
  judged<T>(call: () => Promise<T>): Promise<T>;
}

function createBreaker(clock: Clock): Breaker {
  let failures = 0;
  let restUntilMs = 0;
  const restsMs = (): number => Math.max(0, restUntilMs - clock.monotonicMs());
  return {
    restsMs,
    refuse: () => {
      if (restsMs() > 0) throw leftAlone(failures, restsMs());
    },
    judged: async (call) => {
      try {
        const value = await call();
        failures = 0;
        return value;
      } catch (error) {
        if (error instanceof Stopped) throw error;
        const isSilence = error instanceof PowerError && (error.code === 'unreachable' || error.code === 'timeout');
        failures = isSilence ? failures + 1 : 0;
        // After its rest one call goes through; another silence sends it back to rest at once.
        if (failures >= FAILURES_MAX) restUntilMs = clock.monotonicMs() + REST_MS;
        throw error;
      }
    },
  };
}

function leftAlone(failures: number, restsMs: number): PowerError {
  const again = `asked again in ${Math.round(restsMs / 1000)} s`;
  return new PowerError('unreachable', `the controller was silent ${failures} times in a row; ${again}`);
}
