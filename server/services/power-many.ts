import type { Machine } from '../core/machine.ts';
import type { Log } from '../ports/log.ts';
import type { Store } from '../ports/store.ts';
import type { Actor, MachineService } from './machines.ts';
import type { Forcing, PowerVerb } from './power-outcome.ts';
import type { PowerService } from './power.ts';

/** What ordering many stands on. */
export interface ManyDeps {
  readonly store: Pick<Store, 'machines'>;
  readonly machines: Pick<MachineService, 'find'>;
  readonly power: Pick<PowerService, 'order' | 'whyNot'>;
  readonly log: Log;
}

/** Which machines: those named, then those of a network that have a power setting. */
export interface Many {
  readonly refs: readonly string[];
  readonly network: string | undefined;
}

/** What is ordered, and how far apart: all supplies of a rack at once trip its fuse. */
export interface ManyOrder {
  readonly verb: PowerVerb;
  readonly by: Actor;
  /** Milliseconds from one machine's turn to the next one's. */
  readonly staggerMs: number;
  readonly force: Forcing | undefined;
}

/** What became of the order for one machine. */
export interface OneOfMany {
  /** As it was named. */
  readonly machine: string;
  readonly is: 'ordered' | 'refused' | 'unknown-machine';
  /** Milliseconds until its turn, where it was ordered. */
  readonly afterMs?: number;
  readonly because?: string;
}

/**
 * Orders many machines and returns before the first has been switched: how each order ends stands on its machine's
 * timeline, refusals included. Until its turn an order can be aborted like any other.
 */
export async function orderMany(deps: ManyDeps, many: Many, order: ManyOrder): Promise<readonly OneOfMany[]> {
  const found = await findMany(deps, many);
  const seen = new Set<string>();
  let turn = 0;
  return found.flatMap(([ref, machine]): readonly OneOfMany[] => {
    if (!machine)
      return [{ machine: ref, is: 'unknown-machine', because: `no machine is called "${ref.slice(0, 80)}"` }];
    if (seen.has(machine.id)) return [];
    seen.add(machine.id);
    const because = deps.power.whyNot(machine, order.verb);
    if (because !== undefined) return [{ machine: ref, is: 'refused', because }];
    const delayMs = order.staggerMs * turn;
    turn += 1;
    begin(deps, machine, order, delayMs);
    return [{ machine: ref, is: 'ordered', afterMs: delayMs }];
  });
}

async function findMany(
  { store, machines }: ManyDeps,
  { refs, network }: Many,
): Promise<readonly (readonly [string, Machine | undefined])[]> {
  const named = await Promise.all(refs.map(async (ref) => [ref, await machines.find(ref)] as const));
  if (network === undefined) return named;
  const there = (await store.machines.list()).filter((each) => each.network === network && each.power);
  return [...named, ...there.map((machine) => [machine.name, machine] as const)];
}

function begin({ power, log }: ManyDeps, machine: Machine, { verb, by, force }: ManyOrder, delayMs: number): void {
  power.order(machine, verb, by, { force, delayMs, isOneOfMany: true }).catch((error: unknown) => {
    log.error('an order of many broke', { machine: machine.name, verb, error: String(error) });
  });
}
