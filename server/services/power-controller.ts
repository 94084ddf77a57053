import type { Machine } from '../core/machine.ts';
import type { Clock } from '../ports/clock.ts';
import { PowerError, type PowerDriver } from '../ports/power-driver.ts';

/** Calls that may wait for one controller; beyond that it is `busy`. */
const WAITING_MAX = 64;
/** Silences in a row after which a controller is left alone for a while. */
const FAILURES_MAX = 5;
const REST_MS = 30_000;

/** Our own side gave up: says nothing about the device. */
export class Stopped extends PowerError {
  constructor() {
    super('timeout', 'stopped waiting');
  }
}

/** A device that takes one command at a time: a BMC, a PDU, a chassis manager. */
export interface Controller {
  /** Runs when all calls before it have ended. Throws `busy` when too many wait, `unreachable` while it is left alone. */
  run<T>(call: () => Promise<T>): Promise<T>;
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

/** One controller's queue and circuit breaker. */
export function createController(clock: Clock): Controller {
  let tail: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  let failures = 0;
  let restUntilMs = 0;
  const restsMs = (): number => Math.max(0, restUntilMs - clock.monotonicMs());
  const judged = async <T>(call: () => Promise<T>): Promise<T> => {
    if (restsMs() > 0) throw leftAlone(failures, restsMs());
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
  };
  return {
    restsMs,
    run: <T>(call: () => Promise<T>): Promise<T> => {
      if (waiting >= WAITING_MAX)
        return Promise.reject(new PowerError('busy', `${waiting} commands wait for this controller already`));
      waiting += 1;
      const mine = tail.then(() => judged(call));
      tail = mine.catch(() => undefined).finally(() => (waiting -= 1));
      return mine;
    },
  };
}

function leftAlone(failures: number, restsMs: number): PowerError {
  const again = `asked again in ${Math.round(restsMs / 1000)} s`;
  return new PowerError('unreachable', `the controller was silent ${failures} times in a row; ${again}`);
}
