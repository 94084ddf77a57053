import { formatIpv4, type Mac } from '../core/address.ts';
import type { BootPlan } from '../core/boot-plan.ts';
import type { FarrierEvent } from '../core/event.ts';
import { findingText } from '../core/lint-args.ts';
import type { Machine, MachineId } from '../core/machine.ts';
import type { HttpDeps } from './deps.ts';
import { planWords, viewOfMachine, type MachineView } from './views.ts';

type Deps = Pick<HttpDeps, 'store' | 'power' | 'explain' | 'clock'>;

async function currentAddresses(deps: Deps): Promise<ReadonlyMap<Mac, string>> {
  const nowMs = deps.clock.now();
  const leases = await deps.store.leases.list();
  const current = leases.filter((lease) => lease.state === 'bound' && lease.expiresMs > nowMs);
  return new Map(current.map((lease) => [lease.mac, formatIpv4(lease.address)]));
}

async function lastEvents(deps: Deps, machines: readonly Machine[]): Promise<ReadonlyMap<MachineId, FarrierEvent>> {
  const [only] = machines;
  if (machines.length !== 1 || !only) return deps.store.events.lastOfEach();
  const [last] = await deps.store.events.list({ machine: only.id, limit: 1 });
  return new Map(last ? [[only.id, last]] : []);
}

/** Machines as the API tells them, in the order given. */
export async function viewMachines(deps: Deps, machines: readonly Machine[]): Promise<readonly MachineView[]> {
  const [addresses, last] = await Promise.all([currentAddresses(deps), lastEvents(deps, machines)]);
  return machines.map((machine) =>
    viewOfMachine(withLastLook(deps, machine), {
      address: machine.macs.map((mac) => addresses.get(mac)).find((address) => address !== undefined),
      lastEvent: last.get(machine.id),
      underWay: deps.power.underWay(machine),
      bootable: undefined,
    }),
  );
}

const withLastLook = ({ power }: Deps, machine: Machine): Machine => ({ ...machine, powerSeen: power.seen(machine) });

/** One machine as the API tells it, with what its next boot gets. */
export async function viewOneMachine(deps: Deps, machine: Machine): Promise<MachineView> {
  const [view] = await viewMachines(deps, [machine]);
  const explained = await deps.explain({ ref: machine.id });
  const bootable = explained.is === 'done' ? wordsWithRemedy(explained.explanation.plan) : explained.because;
  const findings = explained.is === 'done' ? explained.explanation.findings.map(findingText) : [];
  return { ...(view ?? viewOfMachine(machine, NOTHING_BESIDE)), bootable, findings };
}

const wordsWithRemedy = (plan: BootPlan): string =>
  plan.do === 'refuse' ? `${planWords(plan)}; what to do: ${plan.remedy}` : planWords(plan);

const NOTHING_BESIDE = { address: undefined, lastEvent: undefined, underWay: undefined, bootable: undefined };

/** By name. */
export function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name.localeCompare(b.name, 'en', { numeric: true });
}
