import { formatIpv4, type Ipv4, type Mac } from '../core/address.ts';
import type { BootRequest } from '../core/boot-plan.ts';
import type { BootRecord } from '../core/event.ts';
import type { Network } from '../core/lease.ts';
import type { Machine } from '../core/machine.ts';
import { plainText, sectionOf, type RawFacts } from '../core/raw-facts.ts';
import type { AgentOutcome, EnlistDeps } from './enlist-deps.ts';
import { createAddressLimit } from './enlist-limits.ts';
import { createMeet } from './meet-machine.ts';
import { takeFacts } from './take-facts.ts';
import { takeSignal, type BootSignal } from './take-signal.ts';

export type { AgentOutcome, EnlistDeps, EnlistEvidence } from './enlist-deps.ts';

/** How machines come to be known: from their packets alone, then from their agent. */
export interface EnlistService {
  /** The machine with this MAC; where policy allows, a stranger becomes a `new` one. Nothing: flood limit or policy. */
  meet(mac: Mac, network: Network, request: BootRequest): Promise<Machine | undefined>;
  /**
   * One step of an agent, in its own words (bounded), shown on the timeline. Only from an address that is leased to the
   * machine of the token: a token that was read off another board's console is worth nothing elsewhere.
   */
  agentStep(token: string, from: Ipv4, step: string): Promise<AgentOutcome>;
  /** The raw facts: a map of section name to text. The token is void afterwards. */
  agentFacts(token: string, from: Ipv4, raw: Readonly<Record<string, string>>): Promise<AgentOutcome>;
  /** Whose boot a token is, under the same conditions. */
  whoseBoot(token: string, from: Ipv4): Promise<AgentBoot | AgentOutcome>;
  /** A booted system says how far it is, with what its kernel saw. The token is void once it has booted. */
  agentSignal(
    token: string,
    from: Ipv4,
    signal: BootSignal,
    raw: Readonly<Record<string, string>>,
  ): Promise<AgentOutcome>;
}

/** A boot under way and its machine. */
export interface AgentBoot {
  readonly is: 'boot';
  readonly boot: BootRecord;
  readonly machine: Machine;
}

const POSTS_PER_WINDOW = 10;
const WINDOW_MS = 60_000;
/** An agent that has said nothing for a day is of a boot that nobody waits for. */
const TOKEN_LIFE_MS = 86_400_000;
const VOID: AgentOutcome = { is: 'forbidden', because: 'this token is not known, or void; boot the machine again' };

const ELSEWHERE: AgentOutcome = {
  is: 'forbidden',
  because: 'this token belongs to a machine with another address; an agent speaks from the address its boot was given',
};

/**
 * Builds the service. Agents may post ten times a minute from one address; everything is bound to the one-boot token,
 * for a MAC is a name and not a proof.
 */
export function createEnlistService(deps: EnlistDeps): EnlistService {
  const limit = createAddressLimit(deps.clock, POSTS_PER_WINDOW, WINDOW_MS);
  const taking = new Set<string>();

  const bootOf = async (token: string, from: Ipv4): Promise<BootRecord | AgentOutcome> => {
    if (!limit.take(from)) return { is: 'forbidden', because: 'more than 10 posts a minute from this address' };
    if (!/^[0-9a-f]{32}$/.test(token)) return VOID;
    const boot = await deps.boots.byTokenHash(deps.sha256(token));
    if (!boot || deps.clock.now() - boot.startedMs > TOKEN_LIFE_MS) return VOID;
    const machine = await deps.machines.byId(boot.machine);
    if (!machine) return VOID;
    if (await isItsAddress(deps, machine, from)) return boot;
    await noteForeignUse(deps, boot, machine, from);
    return ELSEWHERE;
  };

  const withBoot = async (
    token: string,
    from: Ipv4,
    act: (boot: BootRecord) => Promise<AgentOutcome>,
  ): Promise<AgentOutcome> => {
    const boot = await bootOf(token, from);
    if ('is' in boot) return boot;
    try {
      return await act(boot);
    } catch (error) {
      await noteFailed(deps, boot, error);
      throw error;
    }
  };

  return {
    meet: createMeet(deps),
    whoseBoot: async (token, from) => {
      const boot = await bootOf(token, from);
      if ('is' in boot) return boot;
      const machine = await deps.machines.byId(boot.machine);
      return machine ? { is: 'boot', boot, machine } : VOID;
    },
    agentStep: (token, from, step) => withBoot(token, from, (boot) => noteStep(deps, boot, hushed(step, token))),
    agentSignal: (token, from, signal, raw) =>
      withBoot(token, from, (boot) => takeSignal(deps, boot, signal, withoutToken(raw, token))),
    agentFacts: (token, from, raw) =>
      withBoot(token, from, async (boot) => {
        // The same facts twice at once: the second comes with a token that is as good as void.
        if (taking.has(boot.id)) return VOID;
        taking.add(boot.id);
        try {
          const outcome = await takeFacts(deps, boot, withoutToken(raw, token));
          if (outcome.is === 'done') await deps.boots.setToken(boot.id, undefined);
          return outcome;
        } finally {
          taking.delete(boot.id);
        }
      }),
  };
}

const hushed = (text: string, token: string): string => text.replaceAll(token, '…');

/** What a kernel saw goes on the timeline while the token may still count; it may stand in any of its words. */
function withoutToken(raw: RawFacts, token: string): RawFacts {
  const others = Object.entries(raw).filter(([name]) => name !== 'cmdline' && name !== 'cmdline.b64');
  const cmdline = hushed(sectionOf(raw, 'cmdline'), token);
  return Object.fromEntries(cmdline === '' ? others : [...others, ['cmdline', cmdline]]);
}

/** The second condition beside the token. Where nobody can say who has an address there is only the token. */
async function isItsAddress(deps: EnlistDeps, machine: Machine, from: Ipv4): Promise<boolean> {
  if (!deps.isHolderKnown(from)) return true;
  const holder = await deps.macOfAddress(from);
  return holder !== undefined && machine.macs.includes(holder);
}

async function noteForeignUse(deps: EnlistDeps, boot: BootRecord, machine: Machine, from: Ipv4): Promise<void> {
  const holder = (await deps.macOfAddress(from)) ?? 'nobody we know';
  await deps.events.append([
    {
      ...{ atMs: deps.clock.now(), kind: 'security', severity: 'warning', machine: machine.id, boot: boot.id },
      text: `its boot token came from ${formatIpv4(from)}, which belongs to ${holder}: refused`,
      detail: { from: formatIpv4(from), holder },
    },
  ]);
}

/** The boot's timeline says that Farrier itself failed its system, as far as that can still be written. */
async function noteFailed(deps: EnlistDeps, boot: BootRecord, error: unknown): Promise<void> {
  const why = plainText(error instanceof Error ? error.message : String(error)) ?? 'no reason was given';
  const about = { machine: boot.machine, boot: boot.id, detail: { signal: 'call-failed' } };
  const text = `Farrier answered its call with an error (${why})`;
  const event = { ...about, atMs: deps.clock.now(), kind: 'boot', severity: 'bad', text } as const;
  // The one who called hears of the fault itself; a second one on the way there must not hide it.
  await deps.events.append([event]).catch(() => undefined);
}

async function noteStep(deps: EnlistDeps, boot: BootRecord, step: string): Promise<AgentOutcome> {
  const words = plainText(step);
  if (words === undefined) return { is: 'bad-value', field: 'step', because: 'a step needs at least one letter' };
  const machine = await deps.machines.byId(boot.machine);
  if (!machine) return VOID;
  const about = { machine: machine.id, boot: boot.id, detail: { step: words } };
  await deps.events.append([
    { ...about, atMs: deps.clock.now(), kind: 'agent', severity: 'note', text: `agent: ${words}` },
  ]);
  return { is: 'done', machine };
}
