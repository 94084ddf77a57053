import { formatIpv4, type Sha256 } from '../../server/core/address.ts';
import { bundleRef, type Artefact, type Bundle } from '../../server/core/bundle.ts';
import type { DtbVersion } from '../../server/core/dtb-version.ts';
import type { BundleContents } from '../../server/core/bundle-contents.ts';
import { whyKept, type LastGood } from '../../server/core/bundle-keep.ts';
import type { BundleTry } from '../../server/core/bundle-try.ts';
import { channelRef, channelsOf, type ChannelMove } from '../../server/core/channel.ts';
import type { BootTally } from '../../server/core/boot-matrix.ts';
import type { ConsoleSetting } from '../../server/core/console.ts';
import type { BootRecord, FarrierEvent, NewEvent } from '../../server/core/event.ts';
import { rests } from '../../server/core/lifecycle.ts';
import type { Machine, MachineId } from '../../server/core/machine.ts';
import { outletOf } from '../../server/core/outlet.ts';
import type { Clock } from '../../server/ports/clock.ts';
import {
  StaleWrite,
  Taken,
  type ArtefactStore,
  type BoardDtbStore,
  type BootStore,
  type BundleStore,
  type ConsoleStore,
  type EventStore,
  type MachineStore,
  type PowerOrder,
  type PowerOrderStore,
  type SecretStore,
  type Session,
  type Store,
  type TryStore,
  type User,
  type UserStore,
} from '../../server/ports/store.ts';
import { MemoryLeaseStore } from './memory-lease-store.ts';
import { createMemoryParameters } from './memory-parameter-store.ts';

/** Runs a use case as one step: what it throws becomes a rejection. */
const step = <T>(job: () => T): Promise<T> =>
  new Promise((resolve) => {
    resolve(job());
  });

interface EventHub {
  readonly store: EventStore;
  readonly note: (events: readonly NewEvent[]) => readonly FarrierEvent[];
}

function createEvents({ machines, events: all }: MemoryTables): EventHub {
  const listeners = new Set<(events: readonly FarrierEvent[]) => void>();
  const note = (events: readonly NewEvent[]): readonly FarrierEvent[] => {
    const numbered = events.map((event, index) => ({ ...event, id: (all.at(-1)?.id ?? 0) + index + 1 }));
    all.push(...numbered);
    if (numbered.length > 0)
      for (const listener of [...listeners])
        try {
          listener(numbered);
        } catch {
          // As in the real store: a listener's fault is not the writer's.
        }
    return numbered;
  };
  const store: EventStore = {
    append: (events) => step(() => note(events)),
    list: ({ afterId = 0, machine, boot, limit }) =>
      step(() => {
        const wanted = all.filter(
          (event) =>
            event.id > afterId &&
            (machine === undefined || event.machine === machine) &&
            (boot === undefined || event.boot === boot),
        );
        return wanted.slice(Math.max(0, wanted.length - limit));
      }),
    lastOfEach: () =>
      step(
        () =>
          new Map(
            all.flatMap((event) =>
              event.machine !== undefined && machines.has(event.machine) ? [[event.machine, event] as const] : [],
            ),
          ),
      ),
    trim: (keep, atMost) =>
      step(() => {
        const last = all.at(-1)?.id ?? 0;
        const gone = all.filter((event) => event.id <= last - keep).slice(0, atMost);
        all.splice(0, gone.length);
        return gone.length;
      }),
    subscribe: (listener) => {
      const own = (events: readonly FarrierEvent[]): void => {
        listener(events);
      };
      listeners.add(own);
      return () => listeners.delete(own);
    },
  };
  return { store, note };
}

function refuseTaken(machines: Iterable<Machine>, wish: Machine): void {
  for (const other of machines) {
    if (other.id === wish.id) continue;
    const shared = wish.macs.find((mac) => other.macs.includes(mac));
    const claims: readonly (readonly [boolean, string])[] = [
      [other.name === wish.name, `the name "${wish.name}"`],
      [shared !== undefined, `the MAC ${shared ?? ''}`],
      [
        wish.reserved !== undefined && other.reserved === wish.reserved && other.network === wish.network,
        `the address ${wish.reserved === undefined ? '' : formatIpv4(wish.reserved)}`,
      ],
      [
        outletOf(wish.power) !== undefined &&
          outletOf(wish.power) === outletOf(other.power) &&
          !(wish.power?.shared && other.power?.shared),
        'this outlet or BMC (declare it shared for both)',
      ],
    ];
    const claim = claims.find(([taken]) => taken);
    if (claim) throw new Taken(`${claim[1]} belongs to machine "${other.name}" already`);
  }
}

/** What a memory store holds, for tests that look behind it. */
export interface MemoryTables {
  readonly machines: Map<MachineId, Machine>;
  readonly boots: Map<string, BootRecord>;
  readonly secrets: Map<MachineId, Map<string, string>>;
  readonly consoles: Map<MachineId, { readonly setting: ConsoleSetting; readonly sealed: ReadonlyMap<string, string> }>;
  readonly orders: Map<string, PowerOrder>;
  readonly bundles: Map<string, Bundle>;
  readonly tries: Map<MachineId, BundleTry>;
  readonly goods: Map<MachineId, LastGood>;
  readonly events: FarrierEvent[];
}

/** Tables with nothing in them. */
export function emptyTables(): MemoryTables {
  return {
    machines: new Map(),
    boots: new Map(),
    secrets: new Map(),
    consoles: new Map(),
    orders: new Map(),
    bundles: new Map(),
    tries: new Map(),
    goods: new Map(),
    events: [],
  };
}

function createMachines(
  { machines, boots, secrets, consoles, tries, goods }: MemoryTables,
  note: EventHub['note'],
): MachineStore {
  const find = (is: (machine: Machine) => boolean): Machine | undefined => [...machines.values()].find(is);
  const put = (machine: Machine): void => {
    refuseTaken(machines.values(), machine);
    if (!rests(machine.state) && machine.deadlineMs === undefined) throw new Error('a moving machine needs a deadline');
    machines.set(machine.id, machine);
  };
  const drop = (id: MachineId): void => {
    machines.delete(id);
    secrets.delete(id);
    consoles.delete(id);
    tries.delete(id);
    goods.delete(id);
    for (const boot of boots.values()) if (boot.machine === id) boots.set(boot.id, { ...boot, tokenHash: undefined });
  };
  const current = (seen: Pick<Machine, 'id' | 'rev'>): Machine => {
    const machine = machines.get(seen.id);
    if (machine?.rev !== seen.rev) throw new StaleWrite(`machine ${seen.id} is no longer at revision ${seen.rev}`);
    return machine;
  };
  return {
    list: () => step(() => [...machines.values()].sort((a, b) => (a.name < b.name ? -1 : 1))),
    byId: (id) => step(() => machines.get(id)),
    byName: (name) => step(() => find((machine) => machine.name === name)),
    byMac: (mac) => step(() => find((machine) => machine.macs.includes(mac))),
    add: (machine, events) =>
      step(() => {
        if (machines.has(machine.id)) throw new Taken(`the id ${machine.id} is in use already`);
        put(machine);
        note(events);
        return machine;
      }),
    change: (seen, change, events) =>
      step(() => {
        const before = current(seen);
        const machine = { ...before, ...change, id: before.id, rev: before.rev + 1 };
        put(machine);
        note(events);
        return machine;
      }),
    setPower: (seen, power, kept, events) =>
      step(() => {
        const before = current(seen);
        const machine = { ...before, power, powerSeen: undefined, rev: before.rev + 1 };
        put(machine);
        const own = new Map(secrets.get(machine.id));
        for (const [field, sealed] of kept)
          if (sealed === undefined) own.delete(field);
          else own.set(field, sealed);
        secrets.set(machine.id, own);
        note(events);
        return machine;
      }),
    remove: (seen, events) =>
      step(() => {
        drop(current(seen).id);
        note(events);
      }),
    trimCandidates: (keep, events) =>
      step(() => {
        const gone = [...machines.values()]
          .filter((machine) => machine.state === 'new')
          .sort((a, b) => b.createdMs - a.createdMs || (a.id < b.id ? 1 : -1))
          .slice(keep)
          .reverse();
        for (const machine of gone) drop(machine.id);
        note(gone.map(events));
        return gone;
      }),
  };
}

function createBoots({ boots, machines }: MemoryTables, note: EventHub['note']): BootStore {
  const change = (id: string, part: Partial<BootRecord>): Promise<void> =>
    step(() => {
      const boot = boots.get(id);
      if (boot) boots.set(id, { ...boot, ...part });
    });
  return {
    add: (boot) =>
      step(() => {
        for (const old of boots.values())
          if (old.machine === boot.machine)
            boots.set(old.id, { ...old, tokenHash: undefined, endedMs: old.endedMs ?? boot.startedMs });
        boots.set(boot.id, { ...boot, served: undefined, endedMs: undefined, verdict: undefined });
      }),
    byId: (id) => step(() => boots.get(id)),
    underWay: () =>
      step(() => [...boots.values()].filter((boot) => boot.endedMs === undefined && boot.verdict === undefined)),
    ofMachine: (machine, limit) =>
      step(() =>
        [...boots.values()]
          .filter((boot) => boot.machine === machine)
          .reverse()
          .sort((a, b) => b.startedMs - a.startedMs)
          .slice(0, limit),
      ),
    byTokenHash: (hash) => step(() => [...boots.values()].find((boot) => boot.tokenHash === hash)),
    setToken: (id, tokenHash) => change(id, { tokenHash }),
    setPlan: (id, plan, served) => change(id, { plan, served }),
    decide: async (id, verdict, events) => {
      await change(id, { verdict });
      note(events);
    },
    tallies: () => step(() => talliesOf([...boots.values()])),
    end: (machine, atMs) =>
      step(() => {
        for (const boot of boots.values())
          if (boot.machine === machine && boot.endedMs === undefined) boots.set(boot.id, { ...boot, endedMs: atMs });
      }),
    trim: (keep, atMost) =>
      step(() => {
        const newestFirst = [...boots.values()].reverse().sort((a, b) => b.startedMs - a.startedMs);
        const place = (boot: BootRecord): number =>
          newestFirst.filter(({ machine }) => machine === boot.machine).indexOf(boot);
        const gone = newestFirst.filter((boot) => !machines.has(boot.machine) || place(boot) >= keep).slice(0, atMost);
        for (const { id } of gone) boots.delete(id);
        return gone.length;
      }),
  };
}

function talliesOf(boots: readonly BootRecord[]): readonly BootTally[] {
  const tallies = new Map<string, BootTally>();
  for (const { served, verdict, startedMs } of boots) {
    if (!served || !verdict || verdict.state === 'under way') continue;
    const key = JSON.stringify([served.board, served.bundle, verdict.state]);
    const { board, bundle } = served;
    const before = tallies.get(key) ?? { board, bundle, state: verdict.state, boots: 0, lastMs: 0 };
    tallies.set(key, { ...before, boots: before.boots + 1, lastMs: Math.max(before.lastMs, startedMs) });
  }
  return [...tallies.keys()].sort().flatMap((key) => tallies.get(key) ?? []);
}

function createBundles({ machines, bundles, tries, goods }: MemoryTables, note: EventHub['note']): BundleStore {
  const contents = new Map<string, BundleContents>();
  const moves: ChannelMove[] = [];
  const order = (a: Bundle, b: Bundle): number =>
    a.name === b.name ? a.createdMs - b.createdMs || (a.version < b.version ? -1 : 1) : a.name < b.name ? -1 : 1;
  const byName = (): readonly Machine[] => [...machines.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  return {
    list: () => step(() => [...bundles.values()].sort(order)),
    byRef: (ref) => step(() => bundles.get(ref)),
    add: (bundle, events, inside) =>
      step(() => {
        const ref = bundleRef(bundle);
        if (bundles.has(ref)) throw new Taken(`the bundle ${ref} exists already; choose another version`);
        bundles.set(ref, bundle);
        if (inside) contents.set(ref, inside);
        note(events);
      }),
    remove: (ref, events) =>
      step(() => {
        const users = { machines: byName(), moves, tries: [...tries.values()], goods: [...goods.values()] };
        const why = whyKept(ref, users);
        if (why !== undefined) throw new Taken(`the bundle ${ref} stays: ${why}`);
        contents.delete(ref);
        if (bundles.delete(ref)) note(events);
      }),
    contents: (ref) => step(() => contents.get(ref)),
    releases: () =>
      step(
        () =>
          new Map(
            [...contents].flatMap(([ref, { kernelRelease }]) =>
              kernelRelease === undefined ? [] : [[ref, kernelRelease] as const],
            ),
          ),
      ),
    moves: () => step(() => [...moves]),
    move: (move, from, events) =>
      step(() => {
        const ref = channelRef(move);
        if (!bundles.has(bundleRef(move))) throw new Taken(`the bundle ${bundleRef(move)} is not there any more`);
        const now = channelsOf(moves).find((channel) => channelRef(channel) === ref);
        if (now?.version !== from) throw new Taken(`channel ${ref} points at ${now?.version ?? 'nothing'} by now`);
        moves.push({ ...move, id: moves.length + 1, undoneMs: undefined });
        note(events);
      }),
    undo: (id, atMs, events) =>
      step(() => {
        const at = moves.findIndex((move) => move.id === id);
        const wanted = moves[at];
        const newest = moves.findLast((move) => {
          return wanted && move.undoneMs === undefined && channelRef(move) === channelRef(wanted);
        });
        if (!wanted || newest?.id !== id) throw new Taken('the channel has moved meanwhile; look again');
        moves[at] = { ...wanted, undoneMs: atMs };
        note(events);
      }),
  };
}

function createTries({ machines, bundles, tries, goods }: MemoryTables, note: EventHub['note']): TryStore {
  const needMachine = (id: MachineId): void => {
    if (!machines.has(id)) throw new Error(`FOREIGN KEY: there is no machine ${id}`);
  };
  return {
    list: () =>
      step(() => [...tries.values()].sort((a, b) => a.askedMs - b.askedMs || (a.machine < b.machine ? -1 : 1))),
    put: (attempt, events) =>
      step(() => {
        needMachine(attempt.machine);
        if (!bundles.has(attempt.bundle)) throw new Taken(`the bundle ${attempt.bundle} is not there any more`);
        tries.set(attempt.machine, attempt);
        note(events);
      }),
    end: (machine, events) =>
      step(() => {
        if (tries.delete(machine)) note(events);
      }),
    goods: () => step(() => [...goods.values()].sort((a, b) => (a.machine < b.machine ? -1 : 1))),
    setGood: (good) =>
      step(() => {
        needMachine(good.machine);
        goods.set(good.machine, good);
      }),
  };
}

function createBoardDtbs(note: EventHub['note']): BoardDtbStore {
  const all: DtbVersion[] = [];
  const current = new Map<string, number>();
  const ofBoard = (board: string): readonly DtbVersion[] => all.filter((each) => each.board === board);
  return {
    ofBoard: (board) => step(() => ({ current: current.get(board) ?? 0, versions: ofBoard(board) })),
    current: () =>
      step(() =>
        all.filter((each) => current.get(each.board) === each.version).sort((a, b) => (a.board < b.board ? -1 : 1)),
      ),
    add: (made, events) =>
      step(() => {
        const version = { ...made, version: ofBoard(made.board).length + 1 };
        all.push(version);
        current.set(version.board, version.version);
        note(events(version.version));
        return version;
      }),
    choose: (board, version, events) =>
      step(() => {
        if (version !== 0 && !ofBoard(board).some((each) => each.version === version))
          throw new Error('FOREIGN KEY constraint failed');
        current.set(board, version);
        note(events);
      }),
  };
}

function createArtefacts(): ArtefactStore {
  const artefacts = new Map<Sha256, Artefact>();
  return {
    add: (artefact) =>
      step(() => {
        artefacts.set(artefact.sha256, artefact);
      }),
    bySha256: (sha256) => step(() => artefacts.get(sha256)),
  };
}

function createSecrets({ machines, secrets }: MemoryTables): SecretStore {
  return {
    put: (machine, field, sealed) =>
      step(() => {
        if (!machines.has(machine)) throw new StaleWrite(`machine ${machine} is gone; its secret was not stored`);
        secrets.set(machine, new Map(secrets.get(machine)).set(field, sealed));
      }),
    ofMachine: (machine) => step(() => new Map([...(secrets.get(machine) ?? [])].sort())),
    remove: (machine, field) =>
      step(() => {
        secrets.get(machine)?.delete(field);
      }),
    count: () => step(() => [...secrets.values()].reduce((sum, fields) => sum + fields.size, 0)),
  };
}

const ENDS: readonly PowerOrder['step'][] = ['done', 'failed', 'dropped'];

function createOrders({ machines, orders }: MemoryTables, note: EventHub['note']): PowerOrderStore {
  return {
    add: (order) =>
      step(() => {
        orders.set(order.id, order);
      }),
    step: (id, next, because, events) =>
      step(() => {
        const order = orders.get(id);
        if (!order) return false;
        if (!ENDS.includes(next) && machines.get(order.machine)?.ownerEpoch !== order.ownerEpoch) return false;
        orders.set(id, { ...order, step: next, because });
        note(events);
        return true;
      }),
    open: () =>
      step(() =>
        [...orders.values()].filter((order) => !ENDS.includes(order.step)).sort((a, b) => a.askedMs - b.askedMs),
      ),
    ofMachine: (machine, sinceMs) =>
      step(() =>
        [...orders.values()]
          .filter((order) => order.machine === machine && order.askedMs >= sinceMs)
          .sort((a, b) => a.askedMs - b.askedMs),
      ),
    trim: (keep, atMost) =>
      step(() => {
        const places = new Map<MachineId, number>();
        const gone = [...orders.values()]
          .sort((a, b) => b.askedMs - a.askedMs)
          .filter((order) => {
            const place = (places.get(order.machine) ?? 0) + 1;
            places.set(order.machine, place);
            return ENDS.includes(order.step) && (place > keep || !machines.has(order.machine));
          })
          .slice(0, atMost);
        for (const order of gone) orders.delete(order.id);
        return gone.length;
      }),
  };
}

function createConsoles({ machines, boots, consoles }: MemoryTables, note: EventHub['note']): ConsoleStore {
  const tails = new Map<string, Uint8Array>();
  return {
    list: () =>
      step(() =>
        [...consoles]
          .map(([machine, { setting }]) => ({ machine, setting }))
          .sort((a, b) => (a.machine < b.machine ? -1 : 1)),
      ),
    ofMachine: (machine) => step(() => consoles.get(machine)?.setting),
    put: ({ machine, setting }, sealed, events) =>
      step(() => {
        if (!machines.has(machine)) throw new StaleWrite(`machine ${machine} is gone; its console was not stored`);
        consoles.set(machine, { setting, sealed });
        note(events);
      }),
    remove: (machine, events) =>
      step(() => {
        if (consoles.delete(machine)) note(events);
      }),
    secretsOf: (machine) => step(() => new Map([...(consoles.get(machine)?.sealed ?? [])].sort())),
    keepTail: (boot, octets) =>
      step(() => {
        if (boots.has(boot) && !tails.has(boot)) tails.set(boot, octets);
      }),
    tailOf: (boot) => step(() => (boots.has(boot) ? tails.get(boot) : undefined)),
  };
}

function createUsers(clock: Clock, note: EventHub['note']): UserStore {
  const users = new Map<string, User>();
  const sessions = new Map<string, Session>();
  return {
    list: () => step(() => [...users.values()].sort((a, b) => (a.name < b.name ? -1 : 1))),
    byName: (name) => step(() => users.get(name)),
    put: (user, events) =>
      step(() => {
        users.set(user.name, user);
        note(events);
      }),
    remove: (name, events) =>
      step(() => {
        for (const session of [...sessions.values()]) if (session.user === name) sessions.delete(session.hash);
        if (users.delete(name)) note(events);
      }),
    addSession: (session) =>
      step(() => {
        sessions.set(session.hash, session);
      }),
    session: (hash) =>
      step(() => {
        const session = sessions.get(hash);
        return session && session.expiresMs > clock.now() ? session : undefined;
      }),
    endSession: (hash) =>
      step(() => {
        sessions.delete(hash);
      }),
  };
}

/** A Store over `tables` that forgets at the end of the process. It passes the same contract suite as the real one. */
export function createMemoryStore(clock: Clock, tables = emptyTables()): Store {
  const events = createEvents(tables);
  return {
    machines: createMachines(tables, events.note),
    events: events.store,
    leases: new MemoryLeaseStore(),
    boots: createBoots(tables, events.note),
    bundles: createBundles(tables, events.note),
    tries: createTries(tables, events.note),
    artefacts: createArtefacts(),
    parameters: createMemoryParameters(events.note, {
      hasMachine: (id) => tables.machines.has(id),
      newestBootMs: (id) =>
        Math.max(0, ...[...tables.boots.values()].flatMap((boot) => (boot.machine === id ? [boot.startedMs] : []))),
    }),
    boardDtbs: createBoardDtbs(events.note),
    secrets: createSecrets(tables),
    consoles: createConsoles(tables, events.note),
    powerOrders: createOrders(tables, events.note),
    users: createUsers(clock, events.note),
    probe: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}
