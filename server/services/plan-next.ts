import type { BootPlan } from '../core/boot-plan.ts';
import type { Network } from '../core/lease.ts';
import { boardNameOf, type Machine } from '../core/machine.ts';
import type { BootFactSources } from './boot-facts.ts';
import { wouldAsk } from './explain.ts';
import { planMachine } from './plan-machine.ts';

/** Files are waited for some seconds at a time; somebody waits for the answer, so not for long. */
const ROUNDS_MAX = 5;
/** The token of no boot: a plan's length counts it, and nothing else of it matters. */
const NO_TOKEN = '0'.repeat(32);

/**
 * What a machine's next boot gets, as `explain` shows it; with a bundle (`name@version`) what it would get with that on
 * trial. Nothing for a machine that nobody plans for: without a board, or met and recognised but not accepted.
 */
export type PlanNext = (machine: Machine, trial?: string) => Promise<BootPlan | undefined>;

/** Builds it over the facts of every boot decision. */
export function createPlanNext(deps: BootFactSources & { readonly networks: () => readonly Network[] }): PlanNext {
  return async (machine, trial) => {
    const mac = machine.macs[0];
    const networks = deps.networks();
    const network = networks.find((each) => each.name === machine.network) ?? networks[0];
    const isPlanned = machine.state === 'new' ? machine.board !== undefined : boardNameOf(machine) !== undefined;
    if (!isPlanned || mac === undefined || !network) return undefined;
    const sources = trial === undefined ? deps : { ...deps, trialOf: () => trial };
    const request = wouldAsk(deps, machine, mac, undefined);
    for (let round = 1; ; round += 1) {
      const about = { machine, request, network, token: NO_TOKEN, boot: undefined };
      const { facts, plan } = await planMachine(sources, about);
      const isMaking = [...(facts.derived?.values() ?? [])].some((each) => each.is === 'making');
      if (plan.do !== 'refuse' || !isMaking || round === ROUNDS_MAX) return plan;
    }
  };
}

/** Why a boot is refused, with its remedy; nothing for every other plan. */
export function whyRefused(plan: BootPlan | undefined): string | undefined {
  return plan?.do === 'refuse' ? `${plan.because}; ${plan.remedy}` : undefined;
}
