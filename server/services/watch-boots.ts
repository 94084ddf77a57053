import { wholeFile } from '../core/boot-progress.ts';
import { emptyStory, tellStory, type BootStory } from '../core/boot-story.ts';
import { bootTurn } from '../core/boot-turn.ts';
import { isUnderWay, type BootDeadlines, type FileFault, type Verdict } from '../core/boot-verdict.ts';
import type { BootRecord, FarrierEvent, NewEvent } from '../core/event.ts';
import type { MachineId } from '../core/machine.ts';
import { judge, verdictWords } from '../core/verdict.ts';
import type { Clock } from '../ports/clock.ts';
import type { InspectFiles } from '../ports/inspect-files.ts';
import type { Log } from '../ports/log.ts';
import type { Store } from '../ports/store.ts';
import type { BootSessions } from './boot-sessions.ts';
import { lookRegularly } from './look-regularly.ts';

/** Boots that are held in memory; the longest unheard are read again when something is heard of them. */
const WATCHED_MAX = 4000;
const EVENTS_MAX = 3000;

/** What the watch needs. */
export interface BootWatchDeps {
  readonly store: Pick<Store, 'boots' | 'events'>;
  readonly sessions: Pick<BootSessions, 'byId'>;
  readonly inspect: InspectFiles;
  readonly deadlines: BootDeadlines;
  readonly clock: Clock;
  readonly log: Log;
}

/** Judges boots as their events come in and as their deadlines pass. */
export interface BootWatch {
  /** The verdict as it stands now, that of a boot under way included. */
  of(boot: BootRecord): Verdict | undefined;
  stop(): void;
}

interface Watched {
  readonly boot: BootRecord;
  story: BootStory;
  lastId: number;
  faults: readonly FileFault[];
  /** As it stands. */
  now: Verdict;
  /** As the store has it. */
  kept: Verdict | undefined;
}

/** Starts to watch; boots that were under way when the daemon stopped are watched again. */
export async function watchBoots(deps: BootWatchDeps): Promise<BootWatch> {
  const watch = new Watch(deps);
  await watch.start();
  return watch;
}

class Watch implements BootWatch {
  readonly #deps: BootWatchDeps;
  readonly #watched = new Map<string, Watched>();
  readonly #newest = new Map<MachineId, string>();
  #unsubscribe: () => void = () => undefined;
  #looks: { stop(): void } | undefined;
  /** One batch after the other: a boot must not be judged by half of what was told. */
  #work: Promise<void> = Promise.resolve();

  constructor(deps: BootWatchDeps) {
    this.#deps = deps;
  }

  async start(): Promise<void> {
    this.#unsubscribe = this.#deps.store.events.subscribe((events) => {
      void this.#do(() => this.#heard(events));
    });
    for (const boot of await this.#deps.store.boots.underWay()) await this.#read(boot.id);
    this.#looks = lookRegularly(this.#deps, 'boots', (nowMs) => this.#do(() => this.#look(nowMs)));
  }

  of(boot: BootRecord): Verdict | undefined {
    return this.#watched.get(boot.id)?.now ?? boot.verdict;
  }

  stop(): void {
    this.#unsubscribe();
    this.#looks?.stop();
  }

  #do(job: () => Promise<void>): Promise<void> {
    this.#work = this.#work.then(job).catch((error: unknown) => {
      this.#deps.log.error(`a boot could not be judged: ${String(error)}`);
    });
    return this.#work;
  }

  async #look(nowMs: number): Promise<void> {
    for (const watched of [...this.#watched.values()])
      if (watched.now.dueMs !== undefined && watched.now.dueMs <= nowMs) await this.#judge(watched);
  }

  async #heard(events: readonly FarrierEvent[]): Promise<void> {
    const touched = new Set<Watched>();
    for (const event of events) {
      const watched = await this.#watchedFor(event);
      if (!watched) continue;
      touched.add(watched);
      if (event.id <= watched.lastId) continue;
      watched.story = tellStory(watched.story, event);
      watched.lastId = event.id;
    }
    for (const watched of touched) await this.#judge(watched);
  }

  /** Power tells of a machine, all else of a boot. */
  async #watchedFor(event: FarrierEvent): Promise<Watched | undefined> {
    // A verdict is told by us.
    if (event.detail['verdict'] !== undefined) return undefined;
    const id = event.boot ?? (event.kind === 'power' && event.machine ? this.#newest.get(event.machine) : undefined);
    return id === undefined ? undefined : (this.#watched.get(id) ?? (await this.#read(id)));
  }

  async #read(id: string): Promise<Watched | undefined> {
    const boot = await this.#deps.store.boots.byId(id);
    if (!boot) return undefined;
    const { story, lastId } = await storyOf(this.#deps.store, boot);
    const now = judge({ story, nowMs: story.startedMs, deadlines: this.#deps.deadlines, isSending: true, faults: [] });
    const watched: Watched = { boot, story, lastId, faults: [], now, kept: boot.verdict };
    this.#watched.set(id, watched);
    if (boot.endedMs === undefined) this.#newest.set(boot.machine, id);
    for (const [oldest] of this.#watched) {
      if (this.#watched.size <= WATCHED_MAX) break;
      this.#watched.delete(oldest);
    }
    return watched;
  }

  async #judge(watched: Watched): Promise<void> {
    // An order ended it: a verdict from before stands, whatever its transfers still say.
    if (watched.story.switched && !isUnderWay(watched.kept ?? watched.now) && watched.kept) {
      this.#watched.delete(watched.boot.id);
      return;
    }
    const verdict = await this.#verdictOf(watched);
    watched.now = verdict;
    const kept = isUnderWay(verdict) ? undefined : verdict;
    if (isSame(kept, watched.kept)) return;
    watched.kept = kept;
    await this.#deps.store.boots.decide(watched.boot.id, kept, [this.#told(watched.boot, verdict)]);
  }

  async #verdictOf(watched: Watched): Promise<Verdict> {
    const { story, boot } = watched;
    const { sessions, deadlines, clock, inspect, store } = this.#deps;
    const isSending = (sessions.byId(boot.id)?.sending ?? 0) > 0;
    const ask = (): Verdict => judge({ story, nowMs: clock.now(), deadlines, isSending, faults: watched.faults });
    const verdict = ask();
    const isOfFiles = verdict.layer === 'loader' || verdict.layer === 'kernel' || verdict.layer === 'initrd';
    if (!isOfFiles || isSame(verdict, watched.kept) || verdict.confidence === 'sure') return verdict;
    const served = (await store.boots.byId(boot.id))?.served;
    if (served) watched.faults = await inspect.faultsOf(served, wholeFile(story, 'loader')?.sha256);
    return ask();
  }

  #told(boot: BootRecord, verdict: Verdict): NewEvent {
    const { state, layer, remedy, rule } = verdict;
    const isBad = state === 'failed' || state === 'silent';
    const detail = {
      ...{ verdict: state, rule },
      ...(layer === undefined ? {} : { layer }),
      ...(remedy === undefined ? {} : { remedy }),
    };
    const text = state === 'under way' ? `it goes on after all: ${verdict.cause}` : verdictWords(verdict);
    return {
      ...{ atMs: this.#deps.clock.now(), kind: 'boot', machine: boot.machine, boot: boot.id, text, detail },
      severity: isBad ? 'bad' : state === 'ended well' ? 'good' : 'note',
    };
  }
}

function isSame(one: Verdict | undefined, other: Verdict | undefined): boolean {
  return one?.state === other?.state && one?.rule === other?.rule && one?.layer === other?.layer;
}

/** A boot's story from the store: its own events, and what was told of its machine's power meanwhile. */
export async function storyOf(
  store: Pick<Store, 'events'>,
  boot: BootRecord,
): Promise<{ readonly story: BootStory; readonly lastId: number }> {
  const own = await store.events.list({ boot: boot.id, limit: EVENTS_MAX });
  const ofMachine = await store.events.list({ machine: boot.machine, limit: EVENTS_MAX });
  const events = [...own, ...powerDuring(boot, ofMachine)].sort((a, b) => a.id - b.id);
  const told = events.filter((event) => event.detail['verdict'] === undefined);
  return { story: told.reduce(tellStory, emptyStory(boot.startedMs)), lastId: events.at(-1)?.id ?? 0 };
}

/** What happened to a machine's power during one of its boots; such events name no boot. */
export function powerDuring(boot: BootRecord, events: readonly FarrierEvent[]): readonly FarrierEvent[] {
  const { startedMs, endedMs = Infinity } = boot;
  // The order that begins the next boot is of the same moment as the end of this one.
  const isWithin = (event: FarrierEvent): boolean =>
    event.atMs >= startedMs && (event.atMs < endedMs || (event.atMs === endedMs && bootTurn(event) === 'ends'));
  return events.filter((event) => event.kind === 'power' && event.machine === boot.machine && isWithin(event));
}
