import type { Machine } from '../core/machine.ts';
import { isInUse, sharersOf } from '../core/outlet.ts';
import { BUDGET_SPAN_MS, overBudget } from '../core/power-budget.ts';
import { whyRefused } from './plan-next.ts';
import type { PowerDeps } from './power-lines.ts';
import type { Forcing, OrderWay, PowerOutcome, PowerVerb } from './power-outcome.ts';

type Refusal = Extract<PowerOutcome, { is: 'refused' }>;

/** Why an order cannot be given at all, from the machine's setting alone; nothing when it can. */
export function whyImpossible({ drivers }: Pick<PowerDeps, 'drivers'>, machine: Machine, verb: PowerVerb) {
  if (!machine.power)
    return `${machine.name} has no power setting; give it one on its page or with "farrier power set"`;
  const driver = drivers.byName(machine.power.driver);
  if (!driver) return `there is no power driver "${machine.power.driver}"`;
  if (verb === 'reset' && !driver.abilities.includes('reset')) return `driver "${driver.name}" cannot reset; use cycle`;
  if ((verb === 'off' || verb === 'cycle') && !driver.abilities.includes('off'))
    return `driver "${driver.name}" cannot switch off, so it cannot ${verb}; switch it off by hand or in its system`;
  return undefined;
}

/**
 * Why an order must not be given now, asked before anything is switched: the plan refuses what it would boot, machinery
 * has used up its budget, or another machine that is in use hangs on the same outlet.
 */
export async function whyUnwise(
  deps: Pick<PowerDeps, 'store' | 'planNext' | 'clock'>,
  machine: Machine,
  verb: PowerVerb,
  way: OrderWay,
): Promise<Refusal | undefined> {
  return (
    (await sharedRefusal(deps, machine, verb, way.force)) ??
    (await planRefusal(deps, machine, verb, way.force)) ??
    (await budgetRefusal(deps, machine, verb, way))
  );
}

/** Refuses to cut the power of others: whatever is not "on" may, a reset of an outlet included. */
export async function sharedRefusal(
  { store }: Pick<PowerDeps, 'store'>,
  machine: Machine,
  verb: PowerVerb,
  force: Forcing | undefined,
): Promise<Refusal | undefined> {
  if (verb === 'on') return undefined;
  if (force === 'admin' || machine.power?.shared !== true) return undefined;
  const busy = sharersOf(machine, await store.machines.list()).filter(isInUse);
  if (busy.length === 0) return undefined;
  const names = busy.map((other) => `${other.name} (${other.state})`).join(', ');
  const because = `its outlet is shared with ${names}; release that first, or an administrator may force it`;
  return { is: 'refused', because, forcedBy: 'admin' };
}

async function planRefusal(
  { planNext }: Pick<PowerDeps, 'planNext'>,
  machine: Machine,
  verb: PowerVerb,
  force: Forcing | undefined,
): Promise<Refusal | undefined> {
  if (verb === 'off' || force !== undefined) return undefined;
  const why = whyRefused(await planNext(machine));
  if (why === undefined) return undefined;
  const because = `${machine.name} would not boot: ${why}; or force it`;
  return { is: 'refused', because, forcedBy: 'operator' };
}

async function budgetRefusal(
  { store, clock }: Pick<PowerDeps, 'store' | 'clock'>,
  machine: Machine,
  verb: PowerVerb,
  way: OrderWay,
): Promise<Refusal | undefined> {
  if (way.isMachinery !== true || verb === 'off') return undefined;
  const because = overBudget(await store.powerOrders.ofMachine(machine.id, clock.now() - BUDGET_SPAN_MS));
  return because === undefined ? undefined : { is: 'refused', because };
}
