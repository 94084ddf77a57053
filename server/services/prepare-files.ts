import type { Network } from '../core/lease.ts';
import type { Machine, MachineId } from '../core/machine.ts';
import type { MachineStore } from '../ports/store.ts';
import type { BootFactSources } from './boot-facts.ts';
import { wouldAsk } from './explain.ts';
import { oneAtATime } from './one-at-a-time.ts';
import { planMachine } from './plan-machine.ts';

/** What preparing stands on. */
export interface PrepareDeps extends BootFactSources {
  readonly machines: Pick<MachineStore, 'byId' | 'list'>;
  readonly networks: () => readonly Network[];
  readonly failed: (error: unknown) => void;
}

/** Files are waited for some seconds at a time; a chain of large ones has long ended after so many. */
const ROUNDS_MAX = 60;
/** The token of no boot; files that are made do not depend on it. */
const NO_TOKEN = '0'.repeat(32);

/**
 * Makes what machines will need in another form than it is stored in, one machine after the other, so that it is there
 * before they are switched on. Called with machines whose board or bundle may have changed; without any, for all.
 */
export function createPrepareFiles(deps: PrepareDeps): (machines?: readonly MachineId[]) => void {
  const waiting = new Set<MachineId>();
  let isForAll = false;
  const drain = oneAtATime(async () => {
    if (isForAll) for (const { id } of await deps.machines.list()) waiting.add(id);
    isForAll = false;
    for (const id of waiting) {
      waiting.delete(id);
      const machine = await deps.machines.byId(id);
      if (machine) await prepare(deps, machine);
    }
  }, deps.failed);
  return (machines) => {
    if (machines) for (const id of machines) waiting.add(id);
    else isForAll = true;
    drain();
  };
}

async function prepare(deps: PrepareDeps, machine: Machine): Promise<void> {
  const mac = machine.macs[0];
  const networks = deps.networks();
  const network = networks.find((each) => each.name === machine.network) ?? networks[0];
  if (mac === undefined || !network) return;
  const request = wouldAsk(deps, machine, mac, undefined);
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    const { facts } = await planMachine(deps, { machine, request, network, token: NO_TOKEN });
    if (![...(facts.derived?.values() ?? [])].some((each) => each.is === 'making')) return;
  }
}
