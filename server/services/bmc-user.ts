import { formatIpv4, type Ipv4 } from '../core/address.ts';
import { BMC_PASSWORD_LETTERS, BMC_USER, bmcUserOrders, parseBmc, type Bmc } from '../core/bmc.ts';
import type { Severity } from '../core/event.ts';
import type { Machine } from '../core/machine.ts';
import { plainText, sectionOf, type RawFacts } from '../core/raw-facts.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import type { Rng } from '../ports/rng.ts';
import type { EventStore } from '../ports/store.ts';
import type { AgentBoot, AgentOutcome, EnlistService } from './enlist.ts';
import type { MachineService } from './machines.ts';
import type { ParameterService } from './parameters.ts';
import type { PowerOutcome, PowerService } from './power.ts';

/** The parameter by which an operator wants it. */
const WISH = 'bmc.own-user';
/** An agent is done at its BMC within a minute or two; what it does not tell by then is forgotten. */
const PENDING_MS = 600_000;
const PENDING_MAX = 1000;
/** Letters that no BMC and no ipmitool takes for anything else. */
const LETTERS = 'ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789';

/** What agents have to do at their BMCs. */
export interface BmcUserService {
  /** What the BMC shows from the inside. `orders`: lines for ipmitool, empty where nothing is to be done. */
  found(
    token: string,
    from: Ipv4,
    raw: RawFacts,
  ): Promise<AgentOutcome | { readonly is: 'orders'; readonly orders: string }>;
  /** The agent has carried them out: the power setting is made of them and tried. */
  done(token: string, from: Ipv4, raw: RawFacts): Promise<AgentOutcome>;
}

/** What the service stands on. */
export interface BmcUserDeps {
  readonly enlist: Pick<EnlistService, 'whoseBoot'>;
  readonly machines: Pick<MachineService, 'setPower'>;
  readonly power: Pick<PowerService, 'status'>;
  readonly parameters: Pick<ParameterService, 'ofBoot'>;
  readonly events: Pick<EventStore, 'append'>;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
}

interface Pending {
  readonly password: string;
  readonly address: Ipv4;
  readonly untilMs: number;
}

/**
 * BMCs are found by the agent, in band, and where the parameter `bmc.own-user` says so get a user of Farrier's own with
 * a long random password. Passwords wait in memory only: after a restart in between the next boot makes a new one.
 */
export function createBmcUserService(deps: BmcUserDeps): BmcUserService {
  const pending = new Map<string, Pending>();
  const found = async (whose: AgentBoot, raw: RawFacts): Promise<string> => {
    const { machine, boot } = whose;
    const bmc = parseBmc(raw);
    const wish = (await deps.parameters.ofBoot(machine, boot.id)).find(({ declaration }) => declaration.name === WISH);
    const isWanted = wish?.value === true;
    if (!isWanted || machine.power) {
      const why = isWanted ? '; it has a power setting already, which stays' : '';
      await tell(deps, whose, 'note', `${bmcInWords(bmc)}${why}`);
      return '';
    }
    const password = newPassword(deps.rng);
    const orders = bmcUserOrders(bmc, password);
    if (!orders.ok || bmc.address === undefined) {
      const because = orders.ok ? 'it has no address' : orders.error;
      await tell(deps, whose, 'warning', `${bmcInWords(bmc)}; no user of our own: ${because}`);
      return '';
    }
    forgetOld(pending, deps.clock.now());
    pending.set(boot.id, { password, address: bmc.address, untilMs: deps.clock.now() + PENDING_MS });
    await tell(deps, whose, 'note', `${bmcInWords(bmc)}; its agent is told to make the user "${BMC_USER}"`);
    return orders.value;
  };
  return {
    found: async (token, from, raw) => {
      const whose = await deps.enlist.whoseBoot(token, from);
      return whose.is === 'boot' ? { is: 'orders', orders: await found(whose, raw) } : whose;
    },
    done: async (token, from, raw) => {
      const whose = await deps.enlist.whoseBoot(token, from);
      if (whose.is !== 'boot') return whose;
      const waiting = pending.get(whose.boot.id);
      pending.delete(whose.boot.id);
      if (!waiting || waiting.untilMs <= deps.clock.now())
        return { is: 'forbidden', because: 'nothing was ordered at this BMC, or too long ago; boot the machine again' };
      // Set by somebody meanwhile. An agent is a guest's word: it must not lead an operator's orders elsewhere.
      if (whose.machine.power) {
        await tell(
          deps,
          whose,
          'warning',
          'its BMC has a user of our own, but the power setting it got meanwhile stays',
        );
        return { is: 'done', machine: whose.machine };
      }
      return settle(deps, whose, waiting, sectionOf(raw, 'said').replaceAll(waiting.password, '…'));
    },
  };
}

function forgetOld(pending: Map<string, Pending>, nowMs: number): void {
  for (const [boot, { untilMs }] of pending) if (untilMs <= nowMs || pending.size >= PENDING_MAX) pending.delete(boot);
}

/** 16 letters of 56: 92 bits. Octets that would favour some letters are passed over. */
function newPassword(rng: Rng): string {
  const most = 256 - (256 % LETTERS.length);
  let password = '';
  while (password.length < BMC_PASSWORD_LETTERS)
    for (const octet of rng.octets(32))
      if (octet < most && password.length < BMC_PASSWORD_LETTERS) password += LETTERS[octet % LETTERS.length] ?? '';
  return password;
}

/** Believed is only a login of our own: what ipmitool said inside is shown where that fails. */
async function settle(
  deps: BmcUserDeps,
  whose: AgentBoot,
  { password, address }: Pending,
  said: string,
): Promise<AgentOutcome> {
  const parameters = { host: formatIpv4(address), user: BMC_USER };
  const choice = { driver: 'ipmi', parameters, secrets: { password } };
  const set = await deps.machines.setPower(whose.machine.id, choice, 'the agent');
  if (set.is !== 'done') {
    await tell(deps, whose, 'bad', `its BMC has a user of our own, but the power setting was refused: ${set.because}`);
    return { is: 'done', machine: whose.machine };
  }
  // The login may take the patience of a silent BMC; the agent does not wait for it.
  void tryIt(deps, whose, set.machine, said).catch((error: unknown) => {
    deps.log.error('a new BMC user could not be tried', { machine: whose.machine.name, error: String(error) });
  });
  return { is: 'done', machine: set.machine };
}

async function tryIt(deps: BmcUserDeps, whose: AgentBoot, machine: Machine, said: string): Promise<void> {
  const outcome: PowerOutcome = await deps.power.status(machine);
  if (outcome.is === 'done') {
    const words = `logged in to its BMC as "${BMC_USER}": power is ${outcome.seen.state}`;
    return tell(deps, whose, 'good', words);
  }
  const heard = plainText(said.split('\n').findLast((line) => line.trim() !== ''));
  const inside = heard === undefined ? '' : `; the last words of ipmitool inside were: ${heard}`;
  return tell(
    deps,
    whose,
    'warning',
    `its BMC has a new user "${BMC_USER}", but from here: ${outcome.because}${inside}`,
  );
}

/** `BMC 10.0.0.5 (Supermicro, firmware 1.2)`. */
function bmcInWords({ address, manufacturer, firmware }: Bmc): string {
  const about = [manufacturer, firmware === undefined ? undefined : `firmware ${firmware}`].filter(Boolean).join(', ');
  const where = address === undefined ? 'without an address' : formatIpv4(address);
  return `has a BMC: ${where}${about === '' ? '' : ` (${about})`}`;
}

async function tell(deps: BmcUserDeps, whose: AgentBoot, severity: Severity, text: string): Promise<void> {
  const about = { machine: whose.machine.id, boot: whose.boot.id, detail: { bmc: true } };
  await deps.events.append([{ ...about, atMs: deps.clock.now(), kind: 'agent', severity, text }]);
}
