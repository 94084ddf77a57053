import type { BootFacts, BootPlan } from '../core/boot-plan.ts';
import { planBoot } from '../core/plan-boot.ts';
import { recipeKey, type Derived } from '../core/recipe.ts';
import { bootFacts, type BootFactSources } from './boot-facts.ts';

/** A FIT of a gzip'd kernel is made of a file that is made itself; nothing needs more rounds. */
const ROUNDS_MAX = 3;

/**
 * The plan with the facts it was made from. Files that a board needs in another form than they are stored in are made
 * on the way, or found made: who asks gets a refusal in words when that takes longer than firmware waits.
 */
export async function planMachine(
  sources: BootFactSources,
  about: Parameters<typeof bootFacts>[1],
): Promise<{ readonly facts: BootFacts; readonly plan: BootPlan }> {
  const derived = new Map<string, Derived>();
  const facts = { ...(await bootFacts(sources, about)), derived };
  for (let round = 0; ; round += 1) {
    const plan = planBoot(facts, about.request);
    const needs = (plan.do === 'refuse' && plan.needs) || [];
    if (needs.length === 0 || round === ROUNDS_MAX) return { facts, plan };
    for (const recipe of needs) derived.set(recipeKey(recipe), await sources.derived.make(recipe));
  }
}
