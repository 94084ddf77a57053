import type { Machine, MachineId } from '../core/machine.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import type { PowerDrivers } from '../ports/power-drivers.ts';
import type { Rng } from '../ports/rng.ts';
import type { Store } from '../ports/store.ts';
import { controllerKey } from './power-controller.ts';
import type { PowerOutcome } from './power-outcome.ts';
import type { PowerService } from './power.ts';

/** What polling stands on. */
export interface PollDeps {
  readonly store: { readonly machines: Pick<Store['machines'], 'list' | 'byId'> };
  readonly drivers: PowerDrivers;
  readonly power: Pick<PowerService, 'status' | 'seen' | 'underWay' | 'restsMs'>;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
}

/** How often it is looked whose turn it is. */
const TICK_MS = 500;
/** A machine that is silent again and again is asked at most this many times less often. */
const SLOWER_MAX = 16;
/** Questions under way at once, whatever the rack. */
const ASKED_AT_ONCE = 64;

/** What is remembered of a machine between two questions. */
interface Asked {
  /** On the monotonic clock. */
  readonly dueMs: number;
  readonly silences: number;
}

/** A refused login: nobody of its controller is asked until somebody else's question has changed what is known. */
interface Barred {
  readonly machine: MachineId;
  readonly atMs: number;
}

/**
 * Asks every machine whose driver can see for its power state, each about every `pollS` seconds and all of them spread
 * evenly over that time: never two at once on one controller, not while an order is under way, not while its controller
 * rests, and less and less often while it stays silent. A refused login is not repeated.
 */
export function pollPower(deps: PollDeps, pollS: number): { stop(): void } {
  if (pollS === 0) return { stop: () => undefined };
  const round = new Round(deps, pollS * 1000);
  let isStopped = false;
  let cancel = (): void => undefined;
  const again = (): void => {
    cancel = deps.clock.after(TICK_MS, () => {
      void round
        .look()
        .catch((error: unknown) => {
          deps.log.error(`power could not be polled: ${String(error)}`);
        })
        .finally(() => {
          if (!isStopped) again();
        });
    });
  };
  again();
  return {
    stop: () => {
      isStopped = true;
      cancel();
    },
  };
}

class Round {
  readonly #deps: PollDeps;
  readonly #everyMs: number;
  readonly #asked = new Map<MachineId, Asked>();
  /** Controllers that are being asked now. */
  readonly #busy = new Set<string>();
  readonly #barred = new Map<string, Barred>();

  constructor(deps: PollDeps, everyMs: number) {
    this.#deps = deps;
    this.#everyMs = everyMs;
  }

  async look(): Promise<void> {
    const { clock, store, power } = this.#deps;
    const machines = (await store.machines.list()).flatMap((machine) => {
      const key = this.#keyOf(machine);
      return key === undefined ? [] : [{ machine, key }];
    });
    this.#forget(machines.map(({ machine }) => machine.id));
    this.#unbar(machines);
    machines.forEach(({ machine, key }, place) => {
      const asked = this.#asked.get(machine.id) ?? this.#first(machine.id, place, machines.length);
      if (asked.dueMs > clock.monotonicMs() || this.#busy.has(key) || this.#busy.size >= ASKED_AT_ONCE) return;
      if (power.underWay(machine) !== undefined || power.restsMs(machine) > 0 || this.#barred.has(key)) return;
      void this.#ask(machine, key, asked);
    });
  }

  /** Nothing for a machine that cannot be asked. */
  #keyOf(machine: Machine): string | undefined {
    const driver = this.#deps.drivers.byName(machine.power?.driver ?? '');
    return driver?.abilities.includes('status') === true ? controllerKey(driver, machine) : undefined;
  }

  #forget(known: readonly MachineId[]): void {
    const still = new Set(known);
    for (const id of this.#asked.keys()) if (!still.has(id)) this.#asked.delete(id);
  }

  #unbar(machines: readonly { readonly machine: Machine; readonly key: string }[]): void {
    for (const [key, { machine, atMs }] of this.#barred) {
      const own = machines.find((each) => each.machine.id === machine && each.key === key)?.machine;
      if (!own || this.#deps.power.seen(own)?.atMs !== atMs) this.#barred.delete(key);
    }
  }

  /** The machines are set apart evenly at first; the jitter keeps racks of several daemons from falling into step. */
  #first(id: MachineId, place: number, count: number): Asked {
    const part = (place + this.#random()) / count;
    const asked = { dueMs: this.#deps.clock.monotonicMs() + this.#everyMs * part, silences: 0 };
    this.#asked.set(id, asked);
    return asked;
  }

  async #ask(machine: Machine, key: string, { dueMs, silences }: Asked): Promise<void> {
    const { clock, power, log } = this.#deps;
    this.#busy.add(key);
    try {
      const outcome = await power.status(machine);
      const isSilent = outcome.is === 'failed';
      if (isSilent && outcome.code === 'auth') await this.#bar(machine, key, outcome);
      const next = isSilent ? silences + 1 : 0;
      const waitMs = this.#everyMs * Math.min(2 ** next, SLOWER_MAX);
      // Counted from when it was due, not from when its turn came: the spread must not drift together.
      const fromMs = Math.max(dueMs, clock.monotonicMs() - this.#everyMs / 2);
      this.#asked.set(machine.id, { dueMs: fromMs + waitMs * (0.95 + this.#random() / 10), silences: next });
    } catch (error) {
      log.error(`the power of a machine could not be asked: ${String(error)}`, { machine: machine.name });
      this.#asked.set(machine.id, { dueMs: clock.monotonicMs() + this.#everyMs, silences });
    } finally {
      this.#busy.delete(key);
    }
  }

  async #bar(machine: Machine, key: string, { seen }: Extract<PowerOutcome, { is: 'failed' }>): Promise<void> {
    const now = await this.#deps.store.machines.byId(machine.id);
    const atMs = (now && this.#deps.power.seen(now))?.atMs ?? seen.atMs;
    this.#barred.set(key, { machine: machine.id, atMs });
  }

  /** From 0 to 1. */
  #random(): number {
    return (this.#deps.rng.octets(1)[0] ?? 0) / 255;
  }
}
