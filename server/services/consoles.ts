import { bootTurn } from '../core/boot-turn.ts';
import type { ConsoleLineSeen } from '../core/console.ts';
import type { FarrierEvent } from '../core/event.ts';
import type { Machine, MachineId } from '../core/machine.ts';
import { ok, type Result } from '../core/result.ts';
import type { ConsoleDesk, ConsoleErrorCode, ConsoleTransport } from '../ports/console.ts';
import type { ConsoleRecordings } from '../ports/console-recordings.ts';
import type { Log } from '../ports/log.ts';
import type { Store } from '../ports/store.ts';
import { keepConsole } from './console-keeper.ts';
import type { ConsolePattern } from '../core/console-pattern.ts';
import { createConsoleWatch, type Banner } from './console-watch.ts';
import { openConsole, type OpenDeps } from './console-open.ts';
import { Room, type ConsoleRoom } from './console-room.ts';
import {
  setConsole,
  showConsole,
  type ConsoleChoice,
  type ConsoleSetOutcome,
  type ConsoleSettingShown,
} from './console-settings.ts';
import type { EventBuffer } from './event-buffer.ts';
import { createTryLimit } from './login-limit.ts';
import type { Actor } from './machines.ts';

/** What the service stands on. */
export interface ConsoleDeps extends OpenDeps {
  readonly store: Pick<Store, 'consoles' | 'secrets' | 'machines' | 'events' | 'boots'>;
  readonly recordings: ConsoleRecordings;
  /** What consoles say and what it means, as it stands now. */
  readonly patterns: () => readonly ConsolePattern[];
  readonly timeline: Pick<EventBuffer, 'add'>;
  readonly log: Log;
}

/** Consoles: kept open, recorded, shown. */
export interface ConsoleService extends ConsoleDesk {
  /** The recording and the line of a machine, whether a console is set or was once. */
  room(machine: Machine): Promise<ConsoleRoom>;
  /** Octets said so far at a console that is set; nothing where none is. */
  heardOctets(machine: MachineId): number | undefined;
  setting(machine: Machine): Promise<ConsoleSettingShown>;
  set(machine: Machine, choice: ConsoleChoice | undefined, by: Actor): Promise<ConsoleSetOutcome>;
  transports(): readonly ConsoleTransport[];
  /** Lets go of all lines; the recordings are their owner's. */
  stop(): Promise<void>;
}

/** A power setting's secrets are written after the event that tells of it. */
const AFTER_EDIT_MS = 250;
/** How long a loader may take from its banner to its first packet. */
const BANNER_MS = 120_000;
/** Of a line that comes and goes the timeline tells this often. */
const TOLD_MAX = 6;
const TOLD_WINDOW_MS = 10 * 60_000;

/** Starts to keep all consoles that are set. */
export async function startConsoles(deps: ConsoleDeps): Promise<ConsoleService> {
  const consoles = new Consoles(deps);
  await consoles.start();
  return consoles;
}

interface Kept {
  /** All that the line depends on: when it changes, the line is opened anew. */
  readonly key: string;
  readonly stop: () => Promise<void>;
}

class Consoles implements ConsoleService {
  readonly #deps: ConsoleDeps;
  readonly #rooms = new Map<MachineId, Room>();
  readonly #kept = new Map<MachineId, Kept>();
  readonly #orderedAt = new Map<MachineId, number>();
  readonly #bannerAt = new Map<MachineId, Banner>();
  readonly #watch;
  readonly #toldLimit;
  #turn: Promise<void> = Promise.resolve();
  #unsubscribe: () => void = () => undefined;
  readonly #timers = new Set<() => void>();
  #isStopping = false;

  constructor(deps: ConsoleDeps) {
    this.#deps = deps;
    this.#watch = createConsoleWatch(deps);
    this.#toldLimit = createTryLimit(deps.clock, { triesMax: TOLD_MAX, windowMs: TOLD_WINDOW_MS });
  }

  async start(): Promise<void> {
    this.#unsubscribe = this.#deps.store.events.subscribe((events) => {
      for (const event of events) this.#heard(event);
    });
    for (const { machine } of await this.#deps.store.consoles.list()) await this.#refresh(machine);
  }

  async ready(machine: MachineId, signal: AbortSignal): Promise<Result<void>> {
    await this.#turn;
    return (await this.#rooms.get(machine)?.keeper?.ready(signal)) ?? ok(undefined);
  }

  room(machine: Machine): Promise<ConsoleRoom> {
    return this.#roomOf(machine.id);
  }

  heardOctets(machine: MachineId): number | undefined {
    return this.#kept.has(machine) ? this.#rooms.get(machine)?.recording.range().to : undefined;
  }

  setting(machine: Machine): Promise<ConsoleSettingShown> {
    return showConsole(this.#deps, machine);
  }

  async set(machine: Machine, choice: ConsoleChoice | undefined, by: Actor): Promise<ConsoleSetOutcome> {
    const outcome = await setConsole(this.#deps, machine, choice, by);
    await this.#refresh(machine.id);
    return outcome;
  }

  transports(): readonly ConsoleTransport[] {
    return this.#deps.transports.list();
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#unsubscribe();
    for (const cancel of this.#timers) cancel();
    await this.#turn;
    await Promise.all([...this.#kept.values()].map((kept) => kept.stop()));
  }

  async #roomOf(machine: MachineId): Promise<Room> {
    const { recordings, clock, timeline } = this.#deps;
    const recording = await recordings.open(machine);
    const known = this.#rooms.get(machine);
    if (known) return known;
    const room = new Room({
      ...{ machine, recording, clock },
      tell: (event) => {
        timeline.add(event);
      },
    });
    this.#rooms.set(machine, room);
    tellOfPauses(room);
    return room;
  }

  /** One change after the other. */
  #refresh(machine: MachineId): Promise<void> {
    this.#turn = this.#turn
      .then(() => this.#adjust(machine))
      .catch((error: unknown) => {
        this.#deps.log.error('a console could not be kept', { machine, error: String(error) });
      });
    return this.#turn;
  }

  async #adjust(id: MachineId): Promise<void> {
    if (this.#isStopping) return;
    const { store } = this.#deps;
    const machine = await store.machines.byId(id);
    const setting = machine && (await store.consoles.ofMachine(id));
    const byDriver = setting?.transport === 'power-driver';
    const secrets = [...(await store.consoles.secretsOf(id)), ...(byDriver ? await store.secrets.ofMachine(id) : [])];
    const key = JSON.stringify([setting ?? null, secrets, byDriver ? machine?.power : null]);
    const kept = this.#kept.get(id);
    if (kept?.key === key) return;
    await this.#letGo(id);
    if (machine && setting) await this.#keep(machine, setting.transport, key);
    if (!machine) {
      this.#rooms.delete(id);
      await this.#deps.recordings.remove(id);
    }
  }

  async #letGo(id: MachineId): Promise<void> {
    await this.#kept.get(id)?.stop();
    this.#kept.delete(id);
    const room = this.#rooms.get(id);
    if (!room) return;
    room.keeper = undefined;
    room.tellLine();
  }

  async #keep(machine: Machine, transport: string, key: string): Promise<void> {
    const room = await this.#roomOf(machine.id);
    const { store, clock, rng } = this.#deps;
    const tell = this.#lineTeller(room, machine.id, transport);
    const watch = this.#watch(machine.id, room.recording, (banner) => {
      this.#bannerAt.set(machine.id, banner);
    });
    const keeper = keepConsole({
      ...{ clock, rng },
      open: async (signal) => {
        const now = (await store.machines.byId(machine.id)) ?? machine;
        const setting = await store.consoles.ofMachine(machine.id);
        return openConsole(this.#deps, now, setting ?? { transport, parameters: {} }, signal);
      },
      heard: (octets) => {
        watch(octets);
        room.recording.append(octets);
      },
      changed: tell,
    });
    room.keeper = keeper;
    room.tellLine();
    this.#kept.set(machine.id, { key, stop: () => keeper.stop() });
  }

  #lineTeller(
    room: Room,
    machine: MachineId,
    transport: string,
  ): (seen: ConsoleLineSeen, code: ConsoleErrorCode | undefined) => void {
    let [wasOpen, told] = [false, ''];
    return (seen, code) => {
      if (seen.is === 'open') room.recording.mark('opened', transport);
      if (seen.is === 'closed' && wasOpen) room.recording.mark('closed', seen.because ?? '');
      wasOpen = seen.is === 'open' || (wasOpen && seen.is !== 'closed');
      room.tellLine();
      if (seen.is === 'connecting' || told === seen.is || this.#isStopping) return;
      if (this.#toldLimit.take(machine) !== undefined) return;
      told = seen.is;
      const again = code === 'auth' ? 'not tried again until its setting changes' : 'tried again by itself';
      const words = seen.is === 'open' ? `console open (${transport})` : `no console: ${seen.because ?? ''}; ${again}`;
      const detail = { console: seen.is, transport, ...(code === undefined ? {} : { code }) };
      room.note(words, detail, seen.is === 'open' ? 'note' : 'warning');
    };
  }

  #heard(event: FarrierEvent): void {
    const { machine, boot } = event;
    if (machine === undefined) return;
    const room = this.#rooms.get(machine);
    if (room && bootTurn(event) === 'begins') this.#orderedAt.set(machine, room.recording.range().to);
    if (room && boot !== undefined) this.#markBoot(room, machine, boot);
    if (event.kind === 'edit' || event.kind === 'state') this.#refreshSoon(machine);
  }

  /** A boot's part begins where the recording was when power was ordered, or when the boot was first heard of. */
  #markBoot(room: Room, machine: MachineId, boot: string): void {
    const isKnown = room.recording.marks().some((mark) => mark.is === 'boot' && mark.words === boot);
    if (isKnown) return;
    const at = this.#orderedAt.get(machine) ?? this.#recentBanner(room, machine) ?? room.recording.range().to;
    const mark = async (): Promise<void> => {
      const [newest] = await this.#deps.store.boots.ofMachine(machine, 1);
      const again = room.recording.marks().some((each) => each.is === 'boot' && each.words === boot);
      // An event may still tell of a boot from before.
      if (newest?.id !== boot || again) return;
      room.recording.mark('boot', boot, at);
      this.#orderedAt.delete(machine);
    };
    mark().catch((error: unknown) => {
      this.#deps.log.error('a boot could not be marked in a recording', { machine, error: String(error) });
    });
  }

  /** A boot that nobody ordered begins with its loader's banner, where one was heard since the boot before. */
  #recentBanner(room: Room, machine: MachineId): number | undefined {
    const banner = this.#bannerAt.get(machine);
    const before = room.recording.marks().findLast((mark) => mark.is === 'boot');
    if (!banner || this.#deps.clock.now() - banner.atMs > BANNER_MS) return undefined;
    return before && before.at >= banner.at ? undefined : banner.at;
  }

  #refreshSoon(machine: MachineId): void {
    if (this.#isStopping || (!this.#kept.has(machine) && !this.#rooms.has(machine))) return;
    const cancel = this.#deps.clock.after(AFTER_EDIT_MS, () => {
      this.#timers.delete(cancel);
      void this.#refresh(machine);
    });
    this.#timers.add(cancel);
  }
}

/** The console goes on while nothing can be kept; operators learn it from the timeline. */
function tellOfPauses(room: Room): void {
  let told: string | undefined;
  const look = (): void => {
    const because = room.recording.pausedBecause();
    if (because === told) return;
    const detail = { recording: because === undefined ? 'on' : 'paused' };
    if (because === undefined) room.note('the console is recorded again', detail, 'good');
    else if (told === undefined) room.note(`the console is not recorded: ${because}`, detail, 'bad');
    told = because;
  };
  room.recording.subscribe(look);
  look();
}
