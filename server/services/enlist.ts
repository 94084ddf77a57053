import type { Ipv4, Mac } from '../core/address.ts';
import type { BootRequest } from '../core/boot-plan.ts';
import type { Network } from '../core/lease.ts';
import type { Machine } from '../core/machine.ts';

export type AgentOutcome =
  | { readonly is: 'done'; readonly machine: Machine }
  /** No such token, or void: 403. */
  | { readonly is: 'forbidden'; readonly because: string }
  | { readonly is: 'bad-value'; readonly field: string; readonly because: string };

/** How machines come to be known: from their packets alone, then from their agent. */
export interface EnlistService {
  /** The machine with this MAC; where policy allows, a stranger becomes a `new` one. Nothing: flood limit or policy. */
  meet(mac: Mac, network: Network, request: BootRequest): Promise<Machine | undefined>;
  /** One step of an agent, in its own words (bounded), shown on the timeline. */
  agentStep(token: string, from: Ipv4, step: string): Promise<AgentOutcome>;
  /** The raw facts: a map of section name to text. The token is void afterwards. */
  agentFacts(token: string, from: Ipv4, raw: Readonly<Record<string, string>>): Promise<AgentOutcome>;
}
