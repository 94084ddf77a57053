import type { Ipv4, Mac, Sha256 } from './address.ts';
import type { Arch, Loader } from './arch.ts';
import type { Facts } from './facts.ts';
import type { State } from './lifecycle.ts';
import { err, ok, type Result } from './result.ts';

declare const brand: unique symbol;
/** A machine's lasting name inside Farrier: `m-` and 10 base-32 letters. Never shown where `name` will do. */
export type MachineId = string & { readonly [brand]: 'MachineId' };

/** A new machine id from ten unpredictable octets; five bits of each count. */
export function machineIdOf(octets: Uint8Array): MachineId {
  return `m-${Array.from(octets.subarray(0, 10), (octet) => 'abcdefghijklmnopqrstuvwxyz234567'[octet & 31] ?? 'a').join('')}` as MachineId;
}

/** `unknown` is a state of its own: nobody has looked, or nobody can. */
export type PowerState = 'on' | 'off' | 'unknown';

/** What was last observed of a machine's power, and when. Never what was merely ordered. */
export interface PowerSeen {
  readonly state: PowerState;
  readonly atMs: number;
  /** Why the state is unknown, in words. */
  readonly because: string | undefined;
}

/** How a machine is switched. Secrets are not here: the vault holds them under (machine id, field name). */
export interface PowerSetting {
  readonly driver: string;
  readonly parameters: Readonly<Record<string, string | number | boolean>>;
  /** Several machines hang on this outlet, and all of them say so. */
  readonly shared?: true;
}

/** Which board a machine seems to be, and why we think so. Evidence, never proof. */
export interface Recognition {
  readonly board: string;
  readonly evidence: readonly string[];
}

/** What the firmware said of itself in DHCP. */
export interface FirmwareSeen {
  /** Option 93, as it came. */
  readonly clientArch: number | undefined;
  /** Option 60, as it came, cut at 255 octets. */
  readonly vendorClass: string | undefined;
  readonly userClass: string | undefined;
  /** Which loader asked last, and its version where it says so; nothing of machines met before this was kept. */
  readonly loader?: Loader | undefined;
  readonly loaderVersion?: string | undefined;
}

/** One racked computer. */
export interface Machine {
  readonly id: MachineId;
  /** Grows with each write; a writer names the one it saw. */
  readonly rev: number;
  /** RFC 1123 label, unique. */
  readonly name: string;
  readonly state: State;
  /** Why the last piece of work failed: a flag on a rest state, not a state. */
  readonly failed: string | undefined;
  /** Epoch ms at which a moving state falls back. */
  readonly deadlineMs: number | undefined;
  /** All known MACs; the first is the one it boots from. */
  readonly macs: readonly Mac[];
  /** A hint (SMBIOS); may be shared by a whole batch of boards. */
  readonly systemUuid: string | undefined;
  readonly arch: Arch | undefined;
  /** The board an operator set; `recognised` counts when there is none. */
  readonly board: string | undefined;
  readonly recognised: Recognition | undefined;
  readonly firmware: FirmwareSeen | undefined;
  readonly facts: Facts | undefined;
  /** Name of the network it was met on. */
  readonly network: string;
  /** The address kept for it once accepted. */
  readonly reserved: Ipv4 | undefined;
  /** The bundle its next boots get, as `name@version`. */
  readonly bundle: string | undefined;
  /** A DTB of its own in place of its board's. */
  readonly dtb: Sha256 | undefined;
  /** Compiled overlays that are merged into its DTB, its own or its board's, in order. */
  readonly overlays: readonly Sha256[];
  /** Its own kernel-argument words, after those of the bundle and the board. */
  readonly extraArgs: readonly string[];
  /** Where it sits, as labels on racks say it; the slot is written as `formatRackSlot` does. */
  readonly rack: string | undefined;
  readonly slot: string | undefined;
  readonly power: PowerSetting | undefined;
  readonly powerSeen: PowerSeen | undefined;
  /** Grows on every allocate and release: a power action of an earlier owner is dropped. */
  readonly ownerEpoch: number;
  readonly createdMs: number;
  readonly seenMs: number;
}

/** A machine of which nothing is known or set beyond what makes it one. */
export const BARE_MACHINE: Omit<Machine, 'id' | 'name' | 'state' | 'network' | 'createdMs' | 'seenMs'> = {
  rev: 1,
  failed: undefined,
  deadlineMs: undefined,
  macs: [],
  systemUuid: undefined,
  arch: undefined,
  board: undefined,
  recognised: undefined,
  firmware: undefined,
  facts: undefined,
  reserved: undefined,
  bundle: undefined,
  dtb: undefined,
  overlays: [],
  extraArgs: [],
  rack: undefined,
  slot: undefined,
  power: undefined,
  powerSeen: undefined,
  ownerEpoch: 0,
};

/** A machine that was met but not accepted: known from its packets and its agent only. */
export function isCandidate(machine: Machine): boolean {
  return machine.state === 'new';
}

/** The board whose data a machine boots with: the operator's word, else what it was recognised as. */
export function boardNameOf(machine: Machine): string | undefined {
  return machine.board ?? machine.recognised?.board;
}

/** Reads a machine name: one RFC 1123 label of up to 63 lower-case letters, digits and dashes. */
export function parseMachineName(text: string): Result<string> {
  const name = text.trim().toLowerCase();
  if (/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name)) return ok(name);
  return err(
    `"${text.slice(0, 80)}" cannot be a machine name; use 1 to 63 letters, digits and dashes, no dash at the ends`,
  );
}
