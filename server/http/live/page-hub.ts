import type { FarrierEvent } from '../../core/event.ts';
import type { MachineId } from '../../core/machine.ts';
import type { HttpDeps } from '../deps.ts';
import {
  changesNextBoot,
  countsFragment,
  machineFragment,
  machinePageFragments,
  noticesFragment,
  type Fragment,
  type Looker,
} from '../pages/fragments.ts';
import type { Pages } from '../pages/render.ts';
import { wallFragments } from '../pages/wall-page.ts';
import { byName, viewMachines } from '../read-machines.ts';
import type { EventStream } from './sse.ts';

/** Events that come within this time are told together: 200 machines that enlist at once are a handful of patches. */
const GATHER_MS = 150;
/** So often the page is compared with what is: leases that end and power that is seen anew tell no event. */
const COMPARE_MS = 5000;
/** Drawing takes at most a quarter of the time, however much happens. */
const REST_PER_WORK = 3;
/** More sentences than this at once are told as a number: a screen reader cannot follow more. */
const SAID_MAX = 3;

/** Which page looks on. */
type Watched =
  | { readonly is: 'rack'; readonly canOperate: boolean }
  | { readonly is: 'wall' }
  | ({ readonly is: 'machine'; readonly id: MachineId } & Looker);

/** What a page is told: pieces to put in place, ids of pieces that are gone, sentences for screen readers. */
interface Patch {
  /** All there is: whatever live piece is not in it is gone. */
  readonly full: boolean;
  readonly parts: readonly Fragment[];
  readonly gone: readonly string[];
  readonly say: readonly string[];
  /** The daemon's clock, so that "12 s ago" is right on a browser whose clock is not. */
  readonly nowMs: number;
}

type Drawing = Omit<Patch, 'nowMs'>;

/** Keeps open pages in step with the store. */
export interface PageHub {
  /** Sends the full set and then every change. */
  attach(stream: EventStream, watched: Watched): void;
  close(): void;
}

interface Viewer {
  readonly stream: EventStream;
  readonly watched: Watched;
}

class Hub implements PageHub {
  readonly #deps: HttpDeps;
  readonly #pages: Pages;
  readonly #viewers = new Set<Viewer>();
  readonly #unsubscribe: () => void;
  #pending: FarrierEvent[] = [];
  #cancel: (() => void) | undefined;
  #cancelCompare: (() => void) | undefined;
  /** What pages of each kind were last sent, by the piece's id. */
  readonly #shown = new Map<string, Map<string, string>>();
  #lastWorkMs = 0;
  /** One job after the other: a full set drawn earlier must never arrive after a newer patch. */
  #work: Promise<void> = Promise.resolve();

  constructor(deps: HttpDeps, pages: Pages) {
    this.#deps = deps;
    this.#pages = pages;
    this.#unsubscribe = deps.store.events.subscribe((events) => {
      this.#heard(events);
    });
  }

  attach(stream: EventStream, watched: Watched): void {
    const viewer = { stream, watched };
    this.#viewers.add(viewer);
    stream.onEnd(() => this.#viewers.delete(viewer));
    this.#compareLater();
    this.#do(async () => {
      const drawing = await this.#full(watched);
      if (!this.#shown.has(keyOf(watched))) this.#remember(watched, drawing);
      this.#send(stream, drawing);
    });
  }

  close(): void {
    this.#unsubscribe();
    this.#cancel?.();
    this.#cancelCompare?.();
    for (const { stream } of [...this.#viewers]) stream.close();
  }

  #send(stream: EventStream, drawing: Drawing): void {
    const data: Patch = { ...drawing, nowMs: this.#deps.clock.now() };
    stream.send({ event: 'patch', data });
  }

  #heard(events: readonly FarrierEvent[]): void {
    if (this.#viewers.size === 0) return;
    this.#pending.push(...events);
    this.#cancel ??= this.#deps.clock.after(Math.max(GATHER_MS, this.#lastWorkMs * REST_PER_WORK), () => {
      this.#cancel = undefined;
      this.#do(() => this.#flush());
    });
  }

  #do(job: () => Promise<void>): void {
    this.#work = this.#work.then(job).catch((error: unknown) => {
      this.#deps.log.error('http: a live page could not be drawn', {
        error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
    });
  }

  async #flush(): Promise<void> {
    const beganMs = this.#deps.clock.monotonicMs();
    const events = this.#pending;
    this.#pending = [];
    await this.#sendEach(async (watched) => {
      const drawing = await this.#changed(watched, events);
      if (drawing) this.#remember(watched, drawing);
      return drawing;
    });
    this.#lastWorkMs = this.#deps.clock.monotonicMs() - beganMs;
  }

  /** Draws once for all pages that show the same, and sends it to each. */
  async #sendEach(draw: (watched: Watched) => Promise<Drawing | undefined>): Promise<void> {
    const drawings = new Map<string, Drawing | undefined>();
    for (const { stream, watched } of [...this.#viewers]) {
      const key = keyOf(watched);
      if (!drawings.has(key)) drawings.set(key, await draw(watched));
      const drawing = drawings.get(key);
      if (drawing) this.#send(stream, drawing);
    }
  }

  #remember(watched: Watched, drawing: Drawing): void {
    const shown = this.#shown.get(keyOf(watched)) ?? new Map<string, string>();
    for (const part of drawing.parts) shown.set(part.id, part.html);
    for (const id of drawing.gone) shown.delete(id);
    this.#shown.set(keyOf(watched), shown);
  }

  /** Only while somebody looks: an idle daemon draws nothing. */
  #compareLater(): void {
    this.#cancelCompare ??= this.#deps.clock.after(COMPARE_MS, () => {
      this.#cancelCompare = undefined;
      const watched = new Set([...this.#viewers].map((viewer) => keyOf(viewer.watched)));
      for (const key of this.#shown.keys()) if (!watched.has(key)) this.#shown.delete(key);
      if (watched.size === 0) return;
      this.#do(() => this.#sendEach((each) => this.#differing(each)));
      this.#compareLater();
    });
  }

  async #differing(watched: Watched): Promise<Drawing | undefined> {
    const shown = this.#shown.get(keyOf(watched));
    const now = await this.#full(watched);
    const ids = new Set(now.parts.map((part) => part.id));
    const parts = now.parts.filter((part) => shown?.get(part.id) !== part.html);
    const gone = [...(shown?.keys() ?? []), ...now.gone].filter((id) => !ids.has(id));
    if (parts.length + gone.length === 0) return undefined;
    const drawing = { full: false, parts, gone, say: [] };
    this.#remember(watched, drawing);
    return drawing;
  }

  #full(watched: Watched): Promise<Drawing> {
    switch (watched.is) {
      case 'rack':
        return this.#fullRack(watched.canOperate);
      case 'wall':
        return this.#fullWall();
      case 'machine':
        return this.#machine(watched.id, watched, true);
    }
  }

  async #fullWall(): Promise<Drawing> {
    return { full: true, parts: await wallFragments(this.#deps, this.#pages), gone: [], say: [] };
  }

  async #fullRack(canOperate: boolean): Promise<Drawing> {
    const machines = [...(await this.#deps.store.machines.list())].sort(byName);
    const views = await viewMachines(this.#deps, machines);
    const parts = views.map((view) => machineFragment(this.#deps, this.#pages, view, canOperate));
    const head = [noticesFragment(this.#deps, this.#pages), countsFragment(this.#pages, views)];
    return { full: true, parts: [...head, ...parts], gone: [], say: [] };
  }

  async #machine(id: MachineId, watched: Watched, full: boolean): Promise<Drawing> {
    const machine = await this.#deps.store.machines.byId(id);
    if (!machine) return { full: false, parts: [], gone: ['summary'], say: ['This machine was removed'] };
    const options = { ...lookerOf(watched), withNextBoot: full };
    const parts = await machinePageFragments(this.#deps, this.#pages, machine, options);
    return { full, parts, gone: [], say: [] };
  }

  async #changed(watched: Watched, events: readonly FarrierEvent[]): Promise<Drawing | undefined> {
    if (watched.is === 'rack') return this.#changedRack(watched.canOperate, events);
    if (watched.is === 'wall') {
      const drawing = await this.#differing(watched);
      return drawing && { ...drawing, say: sentences(events) };
    }
    const own = events.filter((event) => event.machine === watched.id);
    if (own.length === 0) return undefined;
    const patch = await this.#machine(watched.id, watched, own.some(changesNextBoot));
    return { ...patch, full: false, say: sentences(own) };
  }

  async #changedRack(canOperate: boolean, events: readonly FarrierEvent[]): Promise<Drawing | undefined> {
    const ids = new Set(events.flatMap((event) => event.machine ?? []));
    if (ids.size === 0) return undefined;
    const all = await this.#deps.store.machines.list();
    const machines = all.filter((machine) => ids.has(machine.id));
    const views = await viewMachines(this.#deps, machines);
    const rows = views.map((view) => machineFragment(this.#deps, this.#pages, view, canOperate));
    const kept = new Set(rows.map((row) => row.id));
    const gone = [...ids].flatMap((id) => [`row-${id}`, `new-${id}`]).filter((id) => !kept.has(id));
    return { full: false, parts: [countsFragment(this.#pages, all), ...rows], gone, say: sentences(events) };
  }
}

function lookerOf(watched: Watched): Looker {
  return {
    canOperate: watched.is !== 'wall' && watched.canOperate,
    isAdmin: watched.is === 'machine' && watched.isAdmin,
  };
}

function keyOf(watched: Watched): string {
  const { canOperate, isAdmin } = lookerOf(watched);
  return `${watched.is === 'machine' ? watched.id : watched.is} ${canOperate} ${isAdmin}`;
}

function sentences(events: readonly FarrierEvent[]): readonly string[] {
  const worth = events.filter(
    (event) =>
      event.kind === 'state' || event.kind === 'power' || event.severity === 'bad' || event.severity === 'warning',
  );
  if (worth.length > SAID_MAX) return [`${worth.length} changes`];
  return worth.map((event) => event.text);
}

/** Starts to listen to the store for the sake of open pages. */
export function createPageHub(deps: HttpDeps, pages: Pages): PageHub {
  return new Hub(deps, pages);
}
