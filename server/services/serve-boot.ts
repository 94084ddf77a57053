import { formatIpv4, type Mac } from '../core/address.ts';
import type { BootPlan, BootRequest } from '../core/boot-plan.ts';
import type { BootServed } from '../core/boot-verdict.ts';
import { artefactPath } from '../core/bundle.ts';
import type { EventKind, NewEvent, Severity } from '../core/event.ts';
import type { Network } from '../core/lease.ts';
import { firstFile } from '../core/loader-file.ts';
import type { Machine } from '../core/machine.ts';
import type { Clock } from '../ports/clock.ts';
import type { DhcpAdvice, DhcpAdvisor, DhcpRecord } from '../ports/dhcp-advisor.ts';
import type { BootStore, MachineStore, ParameterStore } from '../ports/store.ts';
import type { BootFactSources } from './boot-facts.ts';
import type { BootSession, BootSessions } from './boot-sessions.ts';
import type { BundleTries } from './bundle-tries.ts';
import type { EnlistService } from './enlist.ts';
import type { EventBuffer } from './event-buffer.ts';
import { onceIds } from './parameter-lookup.ts';
import { useOnce } from './use-once.ts';
import { createIdentityWatch, type IdentityWatch } from './identity-watch.ts';
import { planMachine } from './plan-machine.ts';
import type { Reservations } from './reservations.ts';

/** What the boot decision needs of the rest of the house. */
export interface ServeBootDeps extends BootFactSources {
  readonly machines: Pick<MachineStore, 'byMac' | 'byId'>;
  readonly boots: Pick<BootStore, 'setPlan'>;
  readonly parameters: Pick<ParameterStore, 'declarations' | 'at' | 'spend' | 'giveBack'>;
  readonly sessions: BootSessions;
  readonly enlist: Pick<EnlistService, 'meet'>;
  readonly reservations: Reservations;
  readonly timeline: EventBuffer;
  /** Bundles on trial hear which boot got them. */
  readonly tries: Pick<BundleTries, 'boots' | 'served'>;
  readonly clock: Clock;
}

/** Decides for a machine and tells its timeline, once per boot and plan. */
export async function decide(
  deps: ServeBootDeps,
  session: BootSession,
  about: { readonly machine: Machine | undefined; readonly request: BootRequest; readonly network: Network },
): Promise<BootPlan> {
  const { machine } = about;
  if (machine) await deps.tries.boots(machine.id, session.id);
  const { facts, plan } = await planMachine(deps, { ...about, token: session.token, boot: session.id });
  if (machine && facts.trial && plan.do === 'boot' && plan.purpose === 'bundle')
    await deps.tries.served(machine.id, session.id);
  session.kernel = plan.do === 'boot' ? plan.kernel.sha256 : undefined;
  session.once = onceIds(facts.parameters);
  // A disk is booted without another word to us, so this is the last moment to know.
  if (plan.do === 'local-disk') await useOnce(deps, session);
  const words = planWords(plan);
  if (session.told !== words) {
    session.told = words;
    await deps.boots.setPlan(session.id, words, plan.do === 'boot' ? servedBy(plan, session.token) : undefined);
    tell(deps, session, 'boot', plan.do === 'refuse' ? 'bad' : 'note', words, planDetail(plan));
  }
  return plan;
}

/** What of a plan the timeline keeps; the paths are those its loader is told. */
function planDetail(plan: BootPlan): NewEvent['detail'] {
  const { do: what, because } = plan;
  if (plan.do === 'refuse') return { plan: what, because, remedy: plan.remedy };
  if (plan.do !== 'boot') return { plan: what, because };
  const { bundle, board, loader, format, kernel, initrd, dtb } = plan;
  return {
    ...{ plan: what, because, bundle, board, loader, format, callsHome: callsHome(plan), kernel: artefactPath(kernel) },
    ...(initrd ? { initrd: artefactPath(initrd) } : {}),
    ...(dtb ? { dtb: artefactPath(dtb) } : {}),
  };
}

/** Whether the system of a plan is given what it needs to tell that it runs. */
function callsHome(plan: Extract<BootPlan, { do: 'boot' }>): boolean {
  return plan.args.words.some(({ word, origin }) => origin === 'boot' && word.startsWith('farrier.token='));
}

function servedBy(plan: Extract<BootPlan, { do: 'boot' }>, token: string): BootServed {
  const { purpose, bundle, board, format, kernel, initrd, dtb, args } = plan;
  return {
    ...{ purpose, bundle, board, format, callsHome: callsHome(plan) },
    kernel: kernel.sha256,
    initrd: initrd?.sha256,
    dtb: dtb?.sha256,
    args: args.text.replaceAll(token, '…'),
  };
}

/** A plan as one sentence for the timeline. */
export function planWords(plan: BootPlan): string {
  switch (plan.do) {
    case 'ignore':
      return `ignored: ${plan.because}`;
    case 'local-disk':
      return `boots its own disk: ${plan.because}`;
    case 'refuse':
      return `refused: ${plan.because}; ${plan.remedy}`;
    case 'boot':
      return `boots ${plan.bundle} as ${plan.board}: ${plan.because}`;
  }
}

/** Puts one line on a boot's timeline. */
export function tell(
  deps: Pick<ServeBootDeps, 'timeline' | 'clock'>,
  session: Pick<BootSession, 'id' | 'machine'>,
  kind: EventKind,
  severity: Severity,
  text: string,
  detail: Readonly<Record<string, string | number | boolean>> = {},
): void {
  const atMs = deps.clock.now();
  deps.timeline.add({ atMs, kind, severity, machine: session.machine, boot: session.id, text, detail });
}

/** The boot decision as DHCP sees it: who is met, what first file it gets, and what goes on the timeline. */
export function createDhcpAdvisor(deps: ServeBootDeps): DhcpAdvisor {
  const watch = createIdentityWatch(deps);
  return {
    advise: async (request, network, isBootClient) =>
      isBootClient ? adviseBootClient(deps, watch, request, network) : adviseOther(deps, request.mac, network),
    reservations: (network) => deps.reservations.of(network),
    record: (record) => {
      watch.sawPort(record);
      const session = deps.sessions.byMac(record.mac);
      if (!session) return;
      const isGiven = record.sent === 'ACK' || record.takesFrom !== undefined;
      if (isGiven && record.address !== undefined) session.address = record.address;
      session.lastMs = deps.clock.now();
      tell(deps, session, 'dhcp', record.sent === 'NAK' ? 'warning' : 'note', dhcpWords(record), {
        ...dhcpDetail(record),
        by: session.speaker,
      });
    },
  };
}

async function adviseOther(deps: ServeBootDeps, mac: Mac, network: Network): Promise<DhcpAdvice> {
  const machine = await deps.machines.byMac(mac);
  const session = deps.sessions.byMac(mac);
  if (session) session.speaker = 'system';
  const answer = machine !== undefined || network.unknown !== 'ignore';
  const because = answer ? 'it does not ask to boot' : `strangers are ignored on ${network.name}`;
  return { answer, machine, file: undefined, because };
}

async function adviseBootClient(
  deps: ServeBootDeps,
  watch: IdentityWatch,
  request: BootRequest,
  network: Network,
): Promise<DhcpAdvice> {
  const machine = await deps.enlist.meet(request.mac, network, request);
  if (!machine) {
    const answer = network.unknown !== 'ignore';
    const because = answer ? 'too many new machines at once; it will be met on a later try' : 'strangers are ignored';
    return { answer, machine: undefined, file: undefined, because };
  }
  await watch.sawUuid(machine, request.mac, request.systemUuid);
  const session = await deps.sessions.firmwareSpoke(machine, request);
  session.speaker = 'firmware';
  const plan = await decide(deps, session, { machine, request, network });
  const file = firstFile(plan, request);
  if (plan.do === 'ignore') return { answer: false, machine, file: undefined, because: plan.because };
  return { answer: true, machine, file: file.file, because: file.because };
}

function dhcpWords(record: DhcpRecord): string {
  const address = record.address === undefined ? '' : ` ${formatIpv4(record.address)}`;
  const file = record.file === undefined ? '' : `, first file ${record.file}`;
  const because = record.because === undefined ? '' : ` (${record.because})`;
  if (record.takesFrom !== undefined)
    return `DHCP ${record.received}: takes${address} from the DHCP server ${formatIpv4(record.takesFrom)}`;
  return record.sent === undefined
    ? `DHCP ${record.received}: no answer${because}`
    : `DHCP ${record.received} → ${record.sent}${address}${file}${file === '' ? because : ''}`;
}

function dhcpDetail(record: DhcpRecord): Readonly<Record<string, string | number | boolean>> {
  return {
    received: record.received,
    sent: record.sent ?? 'nothing',
    durationMs: record.durationMs,
    ...(record.address === undefined ? {} : { address: formatIpv4(record.address) }),
    ...(record.file === undefined ? {} : { file: record.file }),
    ...(record.takesFrom === undefined ? {} : { takesFrom: formatIpv4(record.takesFrom) }),
  };
}
