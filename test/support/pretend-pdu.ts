import type { PowerState } from '../../server/core/machine.ts';
import {
  PowerError,
  type PowerAbility,
  type PowerDriver,
  type PowerErrorCode,
} from '../../server/ports/power-driver.ts';
import type { FakeClock } from './fake-clock.ts';

/** How an outlet misbehaves; the order is right where nothing is said. */
export interface OutletHabits {
  /** Times this many orders are taken with a yes and forgotten. */
  ignores?: number;
  /** Milliseconds until an order comes true. */
  settlesMs?: number;
  /** Errors of the next calls, one each. */
  errors?: PowerErrorCode[];
  /** Errors of the next questions, one each. */
  blind?: PowerErrorCode[];
  /** Milliseconds every call takes. */
  slowMs?: number;
  /** Never answers and does not heed the abort either. */
  deaf?: boolean;
  /** What a failing call says. */
  words?: string;
}

/** A pretend PDU as a driver: outlets by number, each with its habits, and a record of every call. */
export interface PretendPdu {
  readonly driver: PowerDriver;
  readonly calls: string[];
  /** The highest number of calls that were under way at one controller at once. */
  overlap(): number;
  state(outlet: string): PowerState;
  set(outlet: string, state: PowerState): void;
  habits(outlet: string, habits: OutletHabits): void;
}

/** A PDU whose outlets are all off. */
export function createPretendPdu(
  clock: FakeClock,
  abilities: readonly PowerAbility[] = ['on', 'off', 'status', 'reset', 'bootdev', 'identify'],
): PretendPdu {
  const states = new Map<string, PowerState>();
  const habitsOf = new Map<string, OutletHabits>();
  const calls: string[] = [];
  const busy = new Map<string, number>();
  let overlap = 0;

  const during = async <T>(controller: string, outlet: string, what: string, act: () => T): Promise<T> => {
    const habits = habitsOf.get(outlet) ?? {};
    calls.push(`${controller}/${outlet} ${what}`);
    busy.set(controller, (busy.get(controller) ?? 0) + 1);
    overlap = Math.max(overlap, busy.get(controller) ?? 0);
    try {
      if (habits.deaf) await new Promise(() => undefined);
      if (habits.slowMs !== undefined) await new Promise<void>((resolve) => clock.after(habits.slowMs ?? 0, resolve));
      const code = (what === 'status' ? habits.blind : habits.errors)?.shift();
      if (code) throw new PowerError(code, habits.words ?? `pretended ${code}`);
      return act();
    } finally {
      busy.set(controller, (busy.get(controller) ?? 1) - 1);
    }
  };
  const settle = (outlet: string, state: PowerState): void => {
    const habits = habitsOf.get(outlet) ?? {};
    if (habits.ignores) {
      habits.ignores -= 1;
      return;
    }
    if (habits.settlesMs === undefined) states.set(outlet, state);
    else clock.after(habits.settlesMs, () => states.set(outlet, state));
  };
  const driver: PowerDriver = {
    name: 'pretend',
    summary: 'pretend PDU',
    fields: {
      host: { kind: 'host', label: 'PDU', scope: 'controller', required: true },
      password: { kind: 'secret', label: 'Password', scope: 'controller', required: false },
      outlet: { kind: 'text', label: 'Outlet', scope: 'machine', required: true },
    },
    abilities,
    callTimeoutMs: 5000,
    settleTimeoutMs: 10_000,
    open: (parameters) => {
      const [host, outlet] = [String(parameters['host']), String(parameters['outlet'])];
      return {
        set: (want) =>
          during(host, outlet, want, () => {
            settle(outlet, want);
          }),
        query: () => during(host, outlet, 'status', () => states.get(outlet) ?? 'off'),
        reset: () => during(host, outlet, 'reset', () => undefined),
        bootdev: (device) => during(host, outlet, `bootdev ${device}`, () => undefined),
        identify: (forS) => during(host, outlet, `identify ${forS}`, () => undefined),
        info: () => during(host, outlet, 'info', () => ({ firmware: `1.2 of ${host}` })),
      };
    },
  };
  return {
    driver,
    calls,
    overlap: () => overlap,
    state: (outlet) => states.get(outlet) ?? 'off',
    set: (outlet, state) => states.set(outlet, state),
    habits: (outlet, habits) => habitsOf.set(outlet, habits),
  };
}
