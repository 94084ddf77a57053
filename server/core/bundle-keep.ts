import { bundleRef } from './bundle.ts';
import type { BundleTry } from './bundle-try.ts';
import { channelRef, channelsOf, type ChannelMove } from './channel.ts';
import type { Machine, MachineId } from './machine.ts';

/** The bundles a machine is known to have called home from: the last one, and the one before. */
export interface LastGood {
  readonly machine: MachineId;
  readonly bundle: string;
  readonly before: string | undefined;
}

/** Who may need a bundle. */
export interface BundleUsers {
  readonly machines: readonly Pick<Machine, 'id' | 'name' | 'bundle'>[];
  readonly moves: readonly ChannelMove[];
  readonly tries: readonly BundleTry[];
  readonly goods: readonly LastGood[];
}

/** Why a bundle must stay, naming who needs it; nothing when nobody does. */
export function whyKept(ref: string, users: BundleUsers): string | undefined {
  const nameOf = (id: MachineId): string => users.machines.find((machine) => machine.id === id)?.name ?? id;
  const machine = users.machines.find((each) => each.bundle === ref);
  if (machine) return `it is used by machine "${machine.name}"`;
  for (const channel of channelsOf(users.moves)) {
    if (bundleRef(channel) === ref) return `channel ${channelRef(channel)} points at it`;
    if (channel.previous !== undefined && bundleRef({ name: channel.name, version: channel.previous }) === ref)
      return `channel ${channelRef(channel)} would roll back to it`;
  }
  const tried = users.tries.find((each) => each.bundle === ref || each.back === ref);
  if (tried) return `machine "${nameOf(tried.machine)}" ${tried.bundle === ref ? 'tries it' : 'would go back to it'}`;
  const good = users.goods.find((each) => each.bundle === ref || each.before === ref);
  return good && `it is the last good one of machine "${nameOf(good.machine)}"`;
}
