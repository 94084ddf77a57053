import type { Ipv4, Mac, Sha256 } from '../core/address.ts';
import type { Artefact, Bundle } from '../core/bundle.ts';
import type { DtbHistory, DtbVersion } from '../core/dtb-version.ts';
import type { BundleContents } from '../core/bundle-contents.ts';
import type { LastGood } from '../core/bundle-keep.ts';
import type { BundleTry } from '../core/bundle-try.ts';
import type { ChannelMove } from '../core/channel.ts';
import type { BootTally } from '../core/boot-matrix.ts';
import type { BootServed, Verdict } from '../core/boot-verdict.ts';
import type { BootRecord, FarrierEvent, NewBoot, NewEvent } from '../core/event.ts';
import type { ConsoleGrant, ConsoleSetting } from '../core/console.ts';
import type { Lease } from '../core/lease.ts';
import type { Machine, MachineId, PowerSetting } from '../core/machine.ts';
import type { NewSetParameter, ParameterDeclaration, ParameterPlace, SetParameter } from '../core/parameter.ts';

/** A writer held an older revision than the store: read again and decide again. */
export class StaleWrite extends Error {
  override readonly name = 'StaleWrite';
}
/** A unique value (a name, a MAC, an address, an outlet) is already taken; the message says by whom. */
export class Taken extends Error {
  override readonly name = 'Taken';
}
/** The store cannot be written now (locked, disk full); the message names the remedy. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable';
}

/** The fields a use case may change; `rev` guards, the store counts it up. */
export type MachineChange = Partial<Omit<Machine, 'id' | 'rev' | 'createdMs'>>;

/** Machines. Every verb that changes one writes its events in the same transaction (invariant I7). */
export interface MachineStore {
  list(): Promise<readonly Machine[]>;
  byId(id: MachineId): Promise<Machine | undefined>;
  byName(name: string): Promise<Machine | undefined>;
  byMac(mac: Mac): Promise<Machine | undefined>;
  /** @throws Taken when its name or one of its MACs is known already. */
  add(machine: Machine, events: readonly NewEvent[]): Promise<Machine>;
  /** @throws StaleWrite @throws Taken */
  change(seen: Pick<Machine, 'id' | 'rev'>, change: MachineChange, events: readonly NewEvent[]): Promise<Machine>;
  /**
   * Sets how it is switched, or forgets it, with its secrets in the same transaction: each named one is kept, or dropped
   * where it is undefined. What was seen of its power goes. @throws StaleWrite @throws Taken
   */
  setPower(
    seen: Pick<Machine, 'id' | 'rev'>,
    power: PowerSetting | undefined,
    secrets: ReadonlyMap<string, string | undefined>,
    events: readonly NewEvent[],
  ): Promise<Machine>;
  /** Its events stay, its secrets and its boot records' tokens go. @throws StaleWrite */
  remove(seen: Pick<Machine, 'id' | 'rev'>, events: readonly NewEvent[]): Promise<void>;
  /** Drops the oldest `new` machines so that at most `keep` are left; says which went. */
  trimCandidates(keep: number, events: (gone: Machine) => NewEvent): Promise<readonly Machine[]>;
}

/** Events in order; also the hub that tells who listens. */
export interface EventStore {
  append(events: readonly NewEvent[]): Promise<readonly FarrierEvent[]>;
  /** Ascending; those after `afterId` (0: from the start), of one machine or boot if named, the newest `limit`. */
  list(filter: {
    afterId?: number;
    machine?: MachineId;
    boot?: string;
    limit: number;
  }): Promise<readonly FarrierEvent[]>;
  /** The last event of each machine. */
  lastOfEach(): Promise<ReadonlyMap<MachineId, FarrierEvent>>;
  /** Drops what is older than the newest `keep`, at most `atMost` in one transaction; says how many went. */
  trim(keep: number, atMost: number): Promise<number>;
  /** Called after each commit with what it added; the answer unsubscribes. */
  subscribe(listener: (events: readonly FarrierEvent[]) => void): () => void;
}

/** Leases. `commit` returns only when all are on disk (WAL, synchronous FULL): one transaction, one fsync. */
export interface LeaseStore {
  list(): Promise<readonly Lease[]>;
  commit(leases: readonly Lease[]): Promise<void>;
  /** Forgets addresses of a network, for instance when they left its pools. */
  forget(network: string, addresses: readonly Ipv4[]): Promise<void>;
}

/** Boots, one record each, with the hash of the token their agent holds. */
export interface BootStore {
  /** The machine's earlier boots are over and their tokens void from then on, in the same transaction. */
  add(boot: NewBoot): Promise<void>;
  byId(id: string): Promise<BootRecord | undefined>;
  /** Boots without a verdict that nothing has ended, oldest first. */
  underWay(): Promise<readonly BootRecord[]>;
  /** Newest first. */
  ofMachine(machine: MachineId, limit: number): Promise<readonly BootRecord[]>;
  byTokenHash(hash: string): Promise<BootRecord | undefined>;
  setToken(id: string, hash: string | undefined): Promise<void>;
  setPlan(id: string, plan: string, served: BootServed | undefined): Promise<void>;
  /** Keeps the verdict (nothing: it was taken back) with the events that tell it. */
  decide(id: string, verdict: Verdict | undefined, events: readonly NewEvent[]): Promise<void>;
  /** How boots that were served something and have a verdict ended, by board and bundle. */
  tallies(): Promise<readonly BootTally[]>;
  /** The boots of a machine are over. */
  end(machine: MachineId, atMs: number): Promise<void>;
  /**
   * Drops all but the newest `keep` of each machine, and those of machines that are gone; at most `atMost` in one
   * transaction; says how many went.
   */
  trim(keep: number, atMost: number): Promise<number>;
}

/** What machines boot: kernel, initrd and arguments under `name@version`, and the channels that point at versions. */
export interface BundleStore {
  list(): Promise<readonly Bundle[]>;
  byRef(ref: string): Promise<Bundle | undefined>;
  /** @throws Taken when name@version exists: bundles are immutable. */
  add(bundle: Bundle, events: readonly NewEvent[], contents?: BundleContents): Promise<void>;
  /** @throws Taken when a machine, a channel or a try still needs it, naming who (`whyKept`). */
  remove(ref: string, events: readonly NewEvent[]): Promise<void>;
  /** What is in it; nothing when that was never looked at. */
  contents(ref: string): Promise<BundleContents | undefined>;
  /** The kernel release of each bundle that has a known one, by `name@version`. */
  releases(): Promise<ReadonlyMap<string, string>>;
  /** All moves of all channels, oldest first. */
  moves(): Promise<readonly ChannelMove[]>;
  /** @throws Taken when the version is not there any more, or the channel moved meanwhile from where `from` saw it. */
  move(
    move: Omit<ChannelMove, 'id' | 'undoneMs'>,
    from: string | undefined,
    events: readonly NewEvent[],
  ): Promise<void>;
  /** Takes a move back that is the channel's newest. @throws Taken when it is not, or has been taken back. */
  undo(id: number, atMs: number, events: readonly NewEvent[]): Promise<void>;
}

/** Bundles on trial, and those that machines have called home from. Both go with their machine. */
export interface TryStore {
  list(): Promise<readonly BundleTry[]>;
  /** The one try of its machine. @throws Taken when the bundle is not there any more. */
  put(attempt: BundleTry, events: readonly NewEvent[]): Promise<void>;
  end(machine: MachineId, events: readonly NewEvent[]): Promise<void>;
  goods(): Promise<readonly LastGood[]>;
  setGood(good: LastGood): Promise<void>;
}

/** The known artefacts by digest, with the name they were given. */
export interface ArtefactStore {
  add(artefact: Artefact): Promise<void>;
  bySha256(sha256: Sha256): Promise<Artefact | undefined>;
}

/** Parameters: declarations of the site, and values by place. */
export interface ParameterStore {
  /** Those that an operator declared, by name. */
  declarations(): Promise<readonly ParameterDeclaration[]>;
  /** Puts a declaration in place of one of the same name. */
  declare(declaration: ParameterDeclaration, events: readonly NewEvent[]): Promise<void>;
  /** @throws Taken when a value is still set, naming the place. */
  undeclare(name: string, events: readonly NewEvent[]): Promise<void>;
  /** All values that wait or last, none that went to a boot, by name and place. */
  list(): Promise<readonly SetParameter[]>;
  /** The values of these places and of the site; one-shot ones also when they went to a boot. */
  at(places: readonly ParameterPlace[]): Promise<readonly SetParameter[]>;
  /** Puts a value in place of the one that is set there. A machine's place must be one of a machine there is. @throws StaleWrite */
  set(value: NewSetParameter, events: readonly NewEvent[]): Promise<SetParameter>;
  /** False when nothing was set there. */
  unset(place: ParameterPlace, name: string, events: readonly NewEvent[]): Promise<boolean>;
  /** One-shot values go to a boot, for good: says which of them still waited. The events commit with it if any did. */
  spend(ids: readonly number[], boot: string, events: readonly NewEvent[]): Promise<readonly number[]>;
  /** Values that went to this boot wait again, but where another one was set meanwhile. */
  giveBack(ids: readonly number[], boot: string): Promise<void>;
}

/** Device trees imported for boards, and which of them is served. Nothing ever removes one. */
export interface BoardDtbStore {
  ofBoard(board: string): Promise<DtbHistory>;
  /** The current version of each board that has one. */
  current(): Promise<readonly DtbVersion[]>;
  /** Numbers it, keeps it and makes it current, with the events that tell of it. */
  add(made: Omit<DtbVersion, 'version'>, events: (version: number) => readonly NewEvent[]): Promise<DtbVersion>;
  /** Makes an earlier version current; 0 is the file beside `board.yaml`. The version must be there. */
  choose(board: string, version: number, events: readonly NewEvent[]): Promise<void>;
}

/** Sealed secrets of power settings: opaque text under (machine, field). */
export interface SecretStore {
  put(machine: MachineId, field: string, sealed: string): Promise<void>;
  ofMachine(machine: MachineId): Promise<ReadonlyMap<string, string>>;
  remove(machine: MachineId, field: string): Promise<void>;
  count(): Promise<number>;
}

/** A machine's console setting as it is kept. */
export interface KeptConsole {
  readonly machine: MachineId;
  readonly setting: ConsoleSetting;
}

/** How machines' serial lines are reached, with sealed secrets under (machine, field). All goes with the machine. */
export interface ConsoleStore {
  list(): Promise<readonly KeptConsole[]>;
  ofMachine(machine: MachineId): Promise<ConsoleSetting | undefined>;
  /** Puts the setting and all its sealed secrets in place of what was there. @throws StaleWrite when the machine is gone. */
  put(kept: KeptConsole, sealed: ReadonlyMap<string, string>, events: readonly NewEvent[]): Promise<void>;
  /** Forgets setting and secrets. */
  remove(machine: MachineId, events: readonly NewEvent[]): Promise<void>;
  secretsOf(machine: MachineId): Promise<ReadonlyMap<string, string>>;
  /** Keeps the last octets of a boot that ended badly; one tail a boot, the first counts. Goes with the boot's record. */
  keepTail(boot: string, octets: Uint8Array): Promise<void>;
  tailOf(boot: string): Promise<Uint8Array | undefined>;
}

/** One power order, from intent to end, so that a restart knows what was under way (invariant I9). */
export interface PowerOrder {
  readonly id: string;
  readonly machine: MachineId;
  readonly verb: 'on' | 'off' | 'cycle' | 'reset';
  readonly ownerEpoch: number;
  readonly askedMs: number;
  readonly by: string;
  /** How far it came; `cycle` passes through all. */
  readonly step: 'asked' | 'started' | 'off-ordered' | 'off-seen' | 'on-ordered' | 'done' | 'failed' | 'dropped';
  readonly because: string | undefined;
  /** Whether Farrier ordered it by itself; such orders have a budget (`core/power-budget.ts`). */
  readonly isMachinery: boolean;
}

/** Power orders from intent to end (invariant I9). */
export interface PowerOrderStore {
  add(order: PowerOrder): Promise<void>;
  /**
   * Marks the next step, only when the machine's owner epoch still is the order's; false means it is not.
   * `done`, `failed` and `dropped` end an order whatever the epoch. The events commit with it.
   */
  step(
    id: string,
    step: PowerOrder['step'],
    because: string | undefined,
    events: readonly NewEvent[],
  ): Promise<boolean>;
  /** Orders that were neither done, failed nor dropped when the daemon stopped. */
  open(): Promise<readonly PowerOrder[]>;
  /** Those of one machine that were asked since, oldest first. */
  ofMachine(machine: MachineId, sinceMs: number): Promise<readonly PowerOrder[]>;
  /**
   * Drops ended orders but the newest `keep` of each machine, and those of machines that are gone; at most `atMost` in
   * one transaction; says how many went.
   */
  trim(keep: number, atMost: number): Promise<number>;
}

/** What a user may do; the table of rights is in `http/rights.ts`. */
export type Role = 'admin' | 'operator' | 'viewer';

/** Somebody who logs in. */
export interface User {
  readonly name: string;
  readonly role: Role;
  /** What it may do with consoles, where that is not what its role may. */
  readonly console?: ConsoleGrant | undefined;
  /** scrypt, self-describing; never leaves the store but to be compared. */
  readonly passwordHash: string;
  /** Grows on password or role change; sessions of an earlier one are void. */
  readonly epoch: number;
}

/** A log-in that holds. */
export interface Session {
  /** SHA-256 of the cookie's value. */
  readonly hash: string;
  readonly user: string;
  readonly epoch: number;
  readonly expiresMs: number;
}

/** Users and their sessions. A removed user's sessions go with him. */
export interface UserStore {
  list(): Promise<readonly User[]>;
  byName(name: string): Promise<User | undefined>;
  put(user: User, events: readonly NewEvent[]): Promise<void>;
  remove(name: string, events: readonly NewEvent[]): Promise<void>;
  addSession(session: Session): Promise<void>;
  session(hash: string): Promise<Session | undefined>;
  endSession(hash: string): Promise<void>;
}

/** All of Farrier's memory. */
export interface Store {
  readonly machines: MachineStore;
  readonly events: EventStore;
  readonly leases: LeaseStore;
  readonly boots: BootStore;
  readonly bundles: BundleStore;
  readonly tries: TryStore;
  readonly artefacts: ArtefactStore;
  readonly parameters: ParameterStore;
  readonly boardDtbs: BoardDtbStore;
  readonly secrets: SecretStore;
  readonly consoles: ConsoleStore;
  readonly powerOrders: PowerOrderStore;
  readonly users: UserStore;
  /** Writes something without meaning, to see whether it can be written now. @throws StoreUnavailable */
  probe(): Promise<void>;
  close(): Promise<void>;
}
