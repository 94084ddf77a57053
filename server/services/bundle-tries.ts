import { bundleRef } from '../core/bundle.ts';
import { isOnTrial, nextTry, type BundleTry, type TryEnd, type TryEvent } from '../core/bundle-try.ts';
import { channelsOf, resolveBundle } from '../core/channel.ts';
import type { FarrierEvent, NewEvent, Severity } from '../core/event.ts';
import type { Machine, MachineId } from '../core/machine.ts';
import { bootsItsBundle } from '../core/plan-boot.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import { StaleWrite, Taken, type Store } from '../ports/store.ts';
import { noBundle } from './bundles.ts';
import { findMachine, type Actor } from './machines.ts';
import { whyRefused, type PlanNext } from './plan-next.ts';
import type { PowerService } from './power.ts';

/** What somebody asks for who tries a bundle. */
export interface TryOrder {
  /** `name@version`, or `name:channel` for where it points now. */
  readonly bundle: string;
  readonly withinMs: number;
  /** Whether Farrier may power-cycle the machine when it stays silent. */
  readonly mayCycle: boolean;
}

/** How an order about a try ended. */
export type TryOutcome =
  | { readonly is: 'done'; readonly attempt: BundleTry; readonly machine: Machine }
  | { readonly is: 'unknown-machine'; readonly because: string }
  | { readonly is: 'unknown-bundle'; readonly because: string }
  | { readonly is: 'bad-value'; readonly field: string; readonly because: string }
  | { readonly is: 'taken'; readonly because: string };

/** Bundles on trial: one boot each, with the way back found by Farrier itself. */
export interface BundleTries {
  list(): readonly BundleTry[];
  of(machine: MachineId): BundleTry | undefined;
  /** The bundle this boot gets on trial; without a boot, what the next one would get. */
  trialOf(machine: MachineId, boot: string | undefined): string | undefined;
  ask(ref: string, order: TryOrder, by: Actor): Promise<TryOutcome>;
  abort(ref: string, by: Actor): Promise<TryOutcome>;
  /** A boot asks for its plan: if another one had the bundle on trial, that trial is over. */
  boots(machine: MachineId, boot: string): Promise<void>;
  /** The bundle on trial was given to this boot. */
  served(machine: MachineId, boot: string): Promise<void>;
  /** Ends what is too late, and goes on with what a restart interrupted; to be called every second or so. */
  look(nowMs: number): Promise<void>;
  stop(): Promise<void>;
}

/** What tries stand on. */
export interface TryDeps {
  readonly store: Pick<Store, 'machines' | 'bundles' | 'tries' | 'events'>;
  readonly power: Pick<PowerService, 'order'>;
  /** What a boot with the bundle on trial would be; one that would be refused is not tried. */
  readonly planNext: PlanNext;
  readonly clock: Clock;
  readonly log: Log;
}

const WITHIN_MS_MIN = 10_000;
const WITHIN_MS_MAX = 24 * 3_600_000;
const CHANGE_TRIES = 5;

/** Builds the service, which goes on with the tries that were under way. */
export function createBundleTries(deps: TryDeps, underWay: readonly BundleTry[]): BundleTries {
  const desk = new TryDesk(deps, underWay);
  const unsubscribe = deps.store.events.subscribe((events) => {
    for (const event of events) desk.hear(event);
  });
  return {
    list: () => [...desk.tries.values()],
    of: (machine) => desk.tries.get(machine),
    trialOf: (machine, boot) => {
      const attempt = desk.tries.get(machine);
      return attempt && isOnTrial(attempt, desk.sameBoot(attempt, boot)) ? attempt.bundle : undefined;
    },
    ask: (ref, order, by) => ask(deps, desk, ref, order, by),
    abort: (ref, by) => abort(deps, desk, ref, by),
    boots: (machine, boot) => desk.boots(machine, boot),
    served: (machine, boot) => desk.tell(machine, { is: 'served', boot, nowMs: deps.clock.now() }),
    look: (nowMs) => desk.look(nowMs),
    stop: async () => {
      unsubscribe();
      await desk.settled();
    },
  };
}

/** The tries under way, each changed by one hand at a time, in the store first. */
class TryDesk {
  readonly tries: Map<MachineId, BundleTry>;
  readonly #deps: TryDeps;
  readonly #turns = new Map<MachineId, Promise<void>>();
  /** Boots that got their bundle from this run of the daemon. */
  readonly #boots = new Set<string>();
  /** Machines whose power cycle this run ordered. */
  readonly #cycling = new Set<MachineId>();

  constructor(deps: TryDeps, tries: readonly BundleTry[]) {
    this.#deps = deps;
    this.tries = new Map(tries.map((attempt) => [attempt.machine, attempt]));
  }

  /** After a restart the boot that was under way has another name: the first one that asks is taken for it. */
  sameBoot(attempt: BundleTry, boot: string | undefined): string | undefined {
    const isOfEarlierRun = attempt.boot !== undefined && !this.#boots.has(attempt.boot);
    return boot !== undefined && isOfEarlierRun ? attempt.boot : boot;
  }

  async boots(machine: MachineId, boot: string): Promise<void> {
    const attempt = this.tries.get(machine);
    if (attempt?.boot === undefined || attempt.boot === boot) return;
    if (this.#boots.has(attempt.boot)) await this.tell(machine, { is: 'another boot' });
  }

  /** Power orders and first calls, from the events everybody writes. */
  hear(event: FarrierEvent): void {
    const { machine, boot, kind, detail } = event;
    if (machine === undefined) return;
    if (kind === 'boot' && detail['signal'] === 'booted' && boot !== undefined) {
      const isTried = this.tries.get(machine)?.boot === boot;
      if (isTried) this.#aside(machine, this.tell(machine, { is: 'called home', boot }));
      else if (typeof detail['bundle'] === 'string') this.#aside(machine, this.#noteGood(machine, detail['bundle']));
    }
    const verb = kind === 'power' ? detail['verb'] : undefined;
    // What was seen and how an order ended carries a state or a code; only the telling counts.
    const isOrder = detail['state'] === undefined && detail['code'] === undefined;
    if (!this.tries.has(machine) || !isOrder) return;
    if (verb === 'off' || verb === 'on' || verb === 'cycle' || verb === 'reset')
      this.#aside(machine, this.tell(machine, { is: 'switched', on: verb !== 'off', nowMs: this.#deps.clock.now() }));
  }

  async look(nowMs: number): Promise<void> {
    for (const attempt of this.tries.values()) {
      const machine = await this.#deps.store.machines.byId(attempt.machine);
      if (machine?.ownerEpoch !== attempt.ownerEpoch) await this.tell(attempt.machine, { is: 'changed hands' });
      else if (attempt.step === 'under way') await this.tell(attempt.machine, { is: 'time', nowMs });
      else await this.#inTurn(attempt.machine, () => this.#pursue(attempt.machine));
    }
  }

  async put(attempt: BundleTry, events: readonly NewEvent[]): Promise<void> {
    await this.#inTurn(attempt.machine, async () => {
      await this.#deps.store.tries.put(attempt, events);
      this.tries.set(attempt.machine, attempt);
    });
  }

  /** Takes an event to the rule, and does what follows. */
  tell(machine: MachineId, event: TryEvent, by?: Actor): Promise<void> {
    return this.#inTurn(machine, async () => {
      await this.#step(machine, event, by);
      await this.#pursue(machine);
    });
  }

  async settled(): Promise<void> {
    await Promise.allSettled(this.#turns.values());
  }

  async #step(machine: MachineId, event: TryEvent, by?: Actor): Promise<void> {
    const now = this.tries.get(machine);
    if (!now) return;
    if (event.is === 'served') this.#boots.add(event.boot);
    const next = nextTry(now, event);
    const { clock, store } = this.#deps;
    switch (next.is) {
      case 'same':
        return;
      case 'moved':
        await store.tries.put(next.to, wordsOf(clock, now, next.told, by, next.to));
        this.tries.set(machine, next.to);
        return;
      case 'over':
        await store.tries.end(machine, wordsOf(clock, now, next.told, by, undefined));
        this.tries.delete(machine);
    }
  }

  /** What a decided try still has to do. It may be called again at any time, after a restart too. */
  async #pursue(id: MachineId): Promise<void> {
    const attempt = this.tries.get(id);
    if (attempt?.step === 'good') {
      await takeOver(this.#deps, attempt);
      await this.#step(id, { is: 'taken over' });
    } else if (attempt?.step === 'returning') {
      await this.#step(id, { is: 'cycle ordered' });
      this.#cycling.add(id);
      // The machine boots while its cycle is under way, and must not wait for it.
      void this.#cycle(id);
    } else if (attempt?.step === 'cycling' && !this.#cycling.has(id)) {
      const text = 'a restart of Farrier cut its power cycle short; cycle it by hand if it does not come back';
      await this.#deps.store.events.append([tryEvent(this.#deps.clock, attempt, 'warning', text)]);
      await this.#step(id, { is: 'cycle ended' });
    }
  }

  async #cycle(id: MachineId): Promise<void> {
    try {
      const machine = await this.#deps.store.machines.byId(id);
      if (machine) await this.#deps.power.order(machine, 'cycle', 'the end of its trial', { isMachinery: true });
    } catch (error) {
      this.#deps.log.error(`the power cycle after a trial failed: ${String(error)}`);
    }
    this.#cycling.delete(id);
    this.#aside(id, this.tell(id, { is: 'cycle ended' }));
  }

  /** Remembers what called home, and what did before it. */
  async #noteGood(machine: MachineId, bundle: string): Promise<void> {
    const { tries, bundles } = this.#deps.store;
    const known = (await tries.goods()).find((good) => good.machine === machine);
    if (known?.bundle === bundle || !(await bundles.byRef(bundle))) return;
    await tries.setGood({ machine, bundle, before: known?.bundle });
  }

  /** Lets one change of a machine's try wait for the one before it. */
  #inTurn(machine: MachineId, job: () => Promise<void>): Promise<void> {
    const before = this.#turns.get(machine) ?? Promise.resolve();
    const turn = before.catch(() => undefined).then(job);
    this.#turns.set(machine, turn);
    const forget = (): void => {
      if (this.#turns.get(machine) === turn) this.#turns.delete(machine);
    };
    turn.then(forget, forget);
    return turn;
  }

  #aside(machine: MachineId, work: Promise<void>): void {
    work.catch((error: unknown) => {
      this.#deps.log.error(`a trial could not go on: ${String(error)}`, { machine });
    });
  }
}

/** Gives the machine the bundle that called home. */
async function takeOver({ store, clock }: TryDeps, attempt: BundleTry): Promise<void> {
  await store.tries.setGood({ machine: attempt.machine, bundle: attempt.bundle, before: attempt.back });
  for (let tries = 1; ; tries += 1) {
    const machine = await store.machines.byId(attempt.machine);
    if (!machine || machine.bundle === attempt.bundle) return;
    try {
      const event = tryEvent(clock, attempt, 'note', `its bundle is ${attempt.bundle} now, after the trial`);
      await store.machines.change(machine, { bundle: attempt.bundle }, [event]);
      return;
    } catch (error) {
      if (!(error instanceof StaleWrite) || tries >= CHANGE_TRIES) throw error;
    }
  }
}

async function ask(deps: TryDeps, desk: TryDesk, ref: string, order: TryOrder, by: Actor): Promise<TryOutcome> {
  const machine = await findMachine(deps.store, ref);
  if (!machine) return { is: 'unknown-machine', because: `no machine is called "${ref.slice(0, 80)}"` };
  const [bundles, moves] = await Promise.all([deps.store.bundles.list(), deps.store.bundles.moves()]);
  const channels = channelsOf(moves);
  const bundle = resolveBundle(order.bundle, bundles, channels);
  if (!bundle) return noBundle(order.bundle);
  const present = resolveBundle(machine.bundle, bundles, channels);
  const back = present && bundleRef(present);
  const { withinMs, mayCycle } = order;
  const fault = faultOf(machine, bundle, back, withinMs) ?? whyBusy(desk.tries.get(machine.id));
  if (fault) return fault;
  const refused = whyRefused(await deps.planNext(machine, bundleRef(bundle)));
  if (refused !== undefined) return { is: 'taken', because: `${bundleRef(bundle)} would not boot there: ${refused}` };
  const attempt: BundleTry = {
    ...{ machine: machine.id, bundle: bundleRef(bundle), back, by, askedMs: deps.clock.now(), withinMs, mayCycle },
    ...{ ownerEpoch: machine.ownerEpoch, step: 'armed', endsMs: undefined, boot: undefined, wasSwitched: false },
  };
  const text = `${by} lets its next boot try ${attempt.bundle}: it has ${spanOf(withinMs)} to call home, else ${backWords(attempt)}`;
  try {
    await desk.put(attempt, [tryEvent(deps.clock, attempt, 'note', text)]);
  } catch (error) {
    if (error instanceof Taken) return { is: 'taken', because: error.message };
    throw error;
  }
  return { is: 'done', attempt, machine };
}

function whyBusy(now: BundleTry | undefined): TryOutcome | undefined {
  if (!now || now.step === 'armed') return undefined;
  return { is: 'taken', because: `it is trying ${now.bundle} just now; wait for the outcome, or abort that` };
}

function faultOf(
  machine: Machine,
  bundle: { readonly name: string; readonly version: string; readonly callsHome: boolean; readonly role: string },
  back: string | undefined,
  withinMs: number,
): TryOutcome | undefined {
  const bad = (field: string, because: string): TryOutcome => ({ is: 'bad-value', field, because });
  const ref = bundleRef(bundle);
  if (bundle.role === 'agent') return bad('bundle', `${ref} is an agent; machines boot those by themselves`);
  if (!bundle.callsHome)
    return bad('bundle', `${ref} never calls home, so nobody could tell that it is good; import it with --calls-home`);
  if (ref === back) return bad('bundle', `${machine.name} boots ${ref} already`);
  if (withinMs < WITHIN_MS_MIN || withinMs > WITHIN_MS_MAX)
    return bad('withinMs', 'give it between 10 seconds and 24 hours to call home');
  if (bootsItsBundle(machine.state)) return undefined;
  return { is: 'taken', because: `${machine.name} is ${machine.state}, and boots no bundle of its own now` };
}

async function abort(deps: TryDeps, desk: TryDesk, ref: string, by: Actor): Promise<TryOutcome> {
  const machine = await findMachine(deps.store, ref);
  if (!machine) return { is: 'unknown-machine', because: `no machine is called "${ref.slice(0, 80)}"` };
  const attempt = desk.tries.get(machine.id);
  if (!attempt) return { is: 'taken', because: `${machine.name} tries no bundle` };
  await desk.tell(machine.id, { is: 'abort' }, by);
  if (!desk.tries.has(machine.id)) return { is: 'done', attempt, machine };
  return { is: 'taken', because: 'the outcome is known already; only its consequences are under way' };
}

/** A line of the machine's timeline about its try; the page asks afresh what the next boot gets. */
function tryEvent(clock: Clock, attempt: BundleTry, severity: Severity, text: string): NewEvent {
  return {
    ...{ atMs: clock.now(), kind: 'edit', severity, machine: attempt.machine, boot: attempt.boot, text },
    detail: { bundle: attempt.bundle, trial: attempt.step },
  };
}

function wordsOf(
  clock: Clock,
  now: BundleTry,
  told: TryEnd | undefined,
  by: Actor | undefined,
  to: BundleTry | undefined,
): readonly NewEvent[] {
  const one = (severity: Severity, text: string): readonly NewEvent[] => [tryEvent(clock, to ?? now, severity, text)];
  switch (told) {
    case 'good':
      return one('good', `${now.bundle} called home: it is good`);
    case 'silent': {
      const cycles = to?.step === 'returning' ? ', and it is power-cycled' : '; switch it off and on to have it back';
      return one('bad', `${now.bundle} did not call home within ${spanOf(now.withinMs)}: ${backWords(now)}${cycles}`);
    }
    case 'started again':
      return one('bad', `it started again before ${now.bundle} called home: ${backWords(now)}`);
    case 'aborted':
      return one('warning', `${by ?? 'somebody'} ended the trial of ${now.bundle}: ${backWords(now)}`);
    case 'changed hands':
      return one('warning', `it changed hands: the trial of ${now.bundle} is over`);
    case undefined:
      if (to?.step !== 'under way' || to.boot === now.boot) return [];
      return one('note', `this boot gets ${now.bundle} on trial`);
  }
}

const backWords = ({ back }: BundleTry): string => `it goes back to ${back ?? 'its own disk'}`;

function spanOf(ms: number): string {
  const s = Math.round(ms / 1000);
  if (s < 120) return `${s} s`;
  return s < 7200 ? `${Math.round(s / 60)} min` : `${Math.round(s / 3600)} h`;
}
