import { formatIpv4, type Ipv4, type Mac, type Sha256 } from '../core/address.ts';
import { bundleRef, type Bundle } from '../core/bundle.ts';
import { channelRef, type Channel } from '../core/channel.ts';
import type { Lease, Network } from '../core/lease.ts';
import { parseMachineName, type Machine } from '../core/machine.ts';
import { formatRackSlot, overlaps, parseRackName, parseRackSlot, type RackSlot } from '../core/rack-slot.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { Boards } from '../ports/boards.ts';
import type { MachineChange } from '../ports/store.ts';
import { pickReservation, whyNotReservable } from './reservations.ts';

/** What an operator may change. An absent field stays, `null` clears. */
export interface MachineEdit {
  readonly name?: string;
  readonly board?: string | null;
  readonly bundle?: string | null;
  readonly extraArgs?: readonly string[];
  /** A stored device tree of its own, and stored overlays that are merged into it or into its board's. */
  readonly dtb?: Sha256 | null;
  readonly overlays?: readonly Sha256[];
  readonly reserved?: Ipv4 | null;
  readonly macs?: readonly Mac[];
  /** Where it sits; see `parseRackSlot`. Without a rack there is no slot. */
  readonly rack?: string | null;
  readonly slot?: string | null;
}

/** A field that cannot be what was asked, and the remedy in words. */
export interface BadField {
  readonly field: string;
  readonly because: string;
}

/** What an edit is checked against. */
export interface EditWorld {
  readonly boards: Pick<Boards, 'byName' | 'list'>;
  readonly bundles: readonly Bundle[];
  readonly channels: readonly Channel[];
  readonly machines: readonly Machine[];
  readonly networks: readonly Network[];
}

const WORD_OCTETS_MAX = 1024;

/** Turns an operator's edit into a change, or names the first field that cannot be. */
export function checkEdit(machine: Machine, edit: MachineEdit, world: EditWorld): Result<MachineChange, BadField> {
  const change: { -readonly [K in keyof MachineChange]: MachineChange[K] } = {};
  if (edit.name !== undefined) {
    const name = parseMachineName(edit.name);
    if (!name.ok) return bad('name', name.error);
    change.name = name.value;
  }
  if (edit.board !== undefined) {
    const because = whyNoBoard(world, machine, edit.board);
    if (because !== undefined) return bad('board', because);
    change.board = edit.board ?? undefined;
  }
  if (edit.bundle !== undefined) {
    const bundle = edit.bundle === null ? ok(undefined) : findBundle(world.bundles, world.channels, edit.bundle);
    if (!bundle.ok) return bad('bundle', bundle.error);
    change.bundle = bundle.value;
  }
  if (edit.extraArgs !== undefined) {
    const wrong = edit.extraArgs.find((word) => !isArgWord(word));
    if (wrong !== undefined) return bad('extraArgs', `"${wrong.slice(0, 80)}" cannot be one kernel-argument word`);
    change.extraArgs = edit.extraArgs;
  }
  if (edit.dtb !== undefined) change.dtb = edit.dtb ?? undefined;
  if (edit.overlays !== undefined) change.overlays = edit.overlays;
  if (edit.macs !== undefined) {
    if (edit.macs.length === 0) return bad('macs', 'a machine has at least one MAC; name the one it boots from first');
    change.macs = [...new Set(edit.macs)];
  }
  const place = checkPlace(machine, edit, world.machines);
  if (!place.ok) return place;
  return withReservation({ ...change, ...place.value }, machine, edit, world);
}

function withReservation(
  change: MachineChange,
  machine: Machine,
  edit: MachineEdit,
  world: EditWorld,
): Result<MachineChange, BadField> {
  if (edit.reserved === undefined) return ok(change);
  if (edit.reserved === null) return ok({ ...change, reserved: undefined });
  const because = whyNoReservation(world, machine, edit.reserved);
  return because === undefined ? ok({ ...change, reserved: edit.reserved }) : bad('reserved', because);
}

/** Where it will sit: nowhere without a rack, and nowhere another machine sits. */
function checkPlace(
  machine: Machine,
  edit: MachineEdit,
  machines: readonly Machine[],
): Result<Pick<MachineChange, 'rack' | 'slot'>, BadField> {
  if (edit.rack === undefined && edit.slot === undefined) return ok({});
  const rackText = edit.rack === undefined ? machine.rack : (edit.rack ?? undefined);
  if (rackText === undefined)
    return edit.slot ? bad('slot', 'a slot needs its rack; name both') : ok({ rack: undefined, slot: undefined });
  const rack = parseRackName(rackText);
  if (!rack.ok) return bad('rack', rack.error);
  const slotText = edit.slot === undefined ? machine.slot : (edit.slot ?? undefined);
  if (slotText === undefined) return ok({ rack: rack.value, slot: undefined });
  const slot = parseRackSlot(slotText);
  if (!slot.ok) return bad('slot', slot.error);
  const there = machines.find((each) => each.id !== machine.id && sitsIn(each, rack.value, slot.value));
  if (there) return bad('slot', `${there.name} sits in slot ${there.slot ?? ''} of ${rack.value} already`);
  return ok({ rack: rack.value, slot: formatRackSlot(slot.value) });
}

function sitsIn(machine: Machine, rack: string, slot: RackSlot): boolean {
  if (machine.rack !== rack || machine.slot === undefined) return false;
  const own = parseRackSlot(machine.slot);
  return own.ok && overlaps(own.value, slot);
}

const bad = (field: string, because: string): Result<never, BadField> => err({ field, because });

function whyNoBoard(world: EditWorld, machine: Machine, name: string | null): string | undefined {
  if (name === null) return undefined;
  const board = world.boards.byName(name);
  if (!board) return `there is no board "${name.slice(0, 80)}"; "farrier board list" shows those there are`;
  if (machine.arch !== undefined && board.arch !== machine.arch)
    return `board ${name} is ${board.arch}, but the machine said that it is ${machine.arch}`;
  return undefined;
}

/**
 * What a machine is given: `name@version` for good, `name:channel` for what the channel points at when it boots, and a
 * name alone for its newest version, for good.
 */
export function findBundle(bundles: readonly Bundle[], channels: readonly Channel[], ref: string): Result<string> {
  const exact = bundles.find((bundle) => bundleRef(bundle) === ref);
  if (exact) return ok(bundleRef(exact));
  const channel = channels.find((each) => channelRef(each) === ref);
  if (channel) return ok(channelRef(channel));
  const named = bundles.filter((bundle) => bundle.name === ref).sort((a, b) => b.createdMs - a.createdMs)[0];
  if (named) return ok(bundleRef(named));
  const list = ref.includes(':') ? 'farrier bundle channel' : 'farrier bundle list';
  return err(`there is no bundle "${ref.slice(0, 128)}"; "${list}" shows those there are`);
}

/** Whether text can be one word of kernel arguments: no control characters, not empty, not endless. */
export function isArgWord(word: string): boolean {
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  return word !== '' && word.length <= WORD_OCTETS_MAX && !/[\u0000-\u001f\u007f]/.test(word);
}

function whyNoReservation(world: EditWorld, machine: Machine, address: Ipv4): string | undefined {
  const network = world.networks.find((each) => each.name === machine.network);
  if (!network) return `its network "${machine.network}" is not in the configuration any more`;
  const holder = world.machines.find((each) => each.id !== machine.id && each.reserved === address);
  if (holder) return `${formatIpv4(address)} is kept for ${holder.name}`;
  const because = whyNotReservable(network, address);
  return because === undefined ? undefined : `${formatIpv4(address)} cannot be kept: ${because}`;
}

/** The address an accepted machine will keep, where we give them: one outside of the pools, else the one it leases now. */
export function reservationFor(machine: Machine, world: EditWorld, leases: readonly Lease[]): Ipv4 | undefined {
  const network = world.networks.find((each) => each.name === machine.network);
  if (network?.dhcp !== 'full') return undefined;
  const kept = world.machines.flatMap((each) => (each.id === machine.id ? [] : (each.reserved ?? [])));
  const inUse = leases.filter((lease) => !machine.macs.includes(lease.mac)).map((lease) => lease.address);
  const mine = leases.find((lease) => lease.network === network.name && machine.macs.includes(lease.mac));
  return pickReservation(network, new Set([...kept, ...inUse])) ?? mine?.address;
}
