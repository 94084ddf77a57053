import {
  flipWords,
  judgeFlips,
  silenceWords,
  type FlipFinding,
  type FlipVerdict,
  type Silenced,
} from '../core/flip-judge.ts';
import type { Machine } from '../core/machine.ts';
import { isInUse } from '../core/outlet.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import type { Store } from '../ports/store.ts';
import type { Signs } from './flip-signs.ts';
import type { FlipWatch, Watched } from './flip-watch.ts';
import type { Actor, MachineService } from './machines.ts';
import { Stopped } from './power-controller.ts';
import { powerEvent } from './power-order.ts';
import type { PowerService } from './power.ts';

/** What flip tests stand on. */
export interface FlipDeps {
  readonly store: Pick<Store, 'machines' | 'events'>;
  readonly machines: Pick<MachineService, 'find'>;
  readonly power: Pick<PowerService, 'order' | 'whyNot'>;
  readonly signs: Signs;
  readonly watch: FlipWatch;
  readonly clock: Clock;
  readonly log: Log;
}

/** What is tried, and how long each step may take, in milliseconds. */
export interface FlipOrder {
  readonly refs: readonly string[];
  readonly by: Actor;
  readonly silentMs: number;
  readonly backMs: number;
}

/** One outlet of a test. */
export interface FlippedOutlet {
  readonly machine: string;
  readonly step: 'waiting' | 'off' | 'on' | 'done';
  readonly silent: readonly Silenced[];
  /** Who went silent and has given no sign of life since. */
  readonly missing: readonly string[];
  /** Why it could not be tried. */
  readonly trouble: string | undefined;
  /** Preliminary while the test runs: another outlet may show that two are swapped. */
  readonly verdict: FlipVerdict | undefined;
}

/** A flip test as it stands. */
export interface FlipTest {
  readonly state: 'running' | 'done' | 'aborted';
  readonly by: Actor;
  readonly startedMs: number;
  readonly outlets: readonly FlippedOutlet[];
}

/** What became of the wish for a test. */
export type FlipOutcome =
  | { readonly is: 'begun'; readonly test: FlipTest }
  | { readonly is: 'unknown-machine'; readonly because: string }
  | { readonly is: 'refused'; readonly because: string };

/** Proves which machine hangs on which outlet: one is switched off, and who falls silent is watched. One test at a time. */
export interface FlipTests {
  begin(order: FlipOrder): Promise<FlipOutcome>;
  /** The test under way, or the last one. */
  now(): FlipTest | undefined;
  /** Ends the test; what is off is switched on again. */
  abort(): void;
  stop(): Promise<void>;
}

/** Machines that are watched at once, those of the test first: each costs a question a second. */
const WATCHED_MAX = 128;
/** Tries to switch an outlet on again that the test switched off. */
const ON_TRIES = 3;

/** The flip tests over these parts. */
export function createFlipTests(deps: FlipDeps): FlipTests {
  let running: Run | undefined;
  let isStopping = false;
  return {
    begin: async (order) => {
      const targets: Machine[] = [];
      for (const ref of new Set(order.refs)) {
        const machine = await deps.machines.find(ref);
        if (!machine) return { is: 'unknown-machine', because: `no machine is called "${ref.slice(0, 80)}"` };
        if (!targets.some(({ id }) => id === machine.id)) targets.push(machine);
      }
      const because = isStopping ? 'Farrier is stopping' : whyNot(deps, targets, running);
      if (because !== undefined) return { is: 'refused', because };
      const run = new Run(deps, order, targets);
      running = run;
      run.begin();
      return { is: 'begun', test: run.test() };
    },
    now: () => running?.test(),
    abort: () => running?.abort(),
    stop: async () => {
      isStopping = true;
      running?.abort();
      await running?.ended;
    },
  };
}

function whyNot(deps: FlipDeps, targets: readonly Machine[], running: Run | undefined): string | undefined {
  if (running?.test().state === 'running') return 'a flip test is under way; wait for it or abort it';
  if (targets.length === 0) return 'name the machines whose outlets are to be tried';
  const busy = targets.filter(isInUse).map(({ name, state }) => `${name} is ${state}`);
  if (busy.length > 0) return `${busy.join(', ')}: a machine in use is not switched off for a test`;
  const whys = targets.map((machine) => deps.power.whyNot(machine, 'cycle'));
  return whys.find((why) => why !== undefined);
}

class Run {
  readonly #deps: FlipDeps;
  readonly #order: FlipOrder;
  readonly #targets: readonly Machine[];
  readonly #stop = new AbortController();
  readonly #startedMs: number;
  readonly #outlets: Map<string, Omit<FlippedOutlet, 'machine' | 'verdict'>>;
  #state: FlipTest['state'] = 'running';
  ended: Promise<void> = Promise.resolve();

  constructor(deps: FlipDeps, order: FlipOrder, targets: readonly Machine[]) {
    this.#deps = deps;
    this.#order = order;
    this.#targets = targets;
    this.#startedMs = deps.clock.now();
    const waiting = { step: 'waiting', silent: [], missing: [], trouble: undefined } as const;
    this.#outlets = new Map(targets.map(({ name }) => [name, waiting]));
  }

  test(): FlipTest {
    const verdicts = judgeFlips(this.#findings());
    const outlets = [...this.#outlets].map(([machine, outlet]) => ({
      ...{ machine, ...outlet },
      verdict: verdicts.get(machine),
    }));
    return { state: this.#state, by: this.#order.by, startedMs: this.#startedMs, outlets };
  }

  abort(): void {
    this.#stop.abort();
  }

  begin(): void {
    this.ended = this.#run().catch((error: unknown) => {
      this.#deps.log.error(`the flip test broke: ${String(error)}`);
      this.#state = 'aborted';
    });
  }

  #findings(): readonly FlipFinding[] {
    return [...this.#outlets].flatMap(([machine, { step, silent, trouble }]) =>
      step === 'done' ? [{ machine, silent: silent.map((each) => each.machine), trouble }] : [],
    );
  }

  #note(machine: Machine, change: Partial<Omit<FlippedOutlet, 'machine' | 'verdict'>>): void {
    const now = this.#outlets.get(machine.name);
    if (now) this.#outlets.set(machine.name, { ...now, ...change });
  }

  async #run(): Promise<void> {
    for (const target of this.#targets) {
      if (this.#stop.signal.aborted) break;
      await this.#flip(target);
    }
    this.#state = this.#stop.signal.aborted ? 'aborted' : 'done';
    await this.#tell();
  }

  /** Off, who falls silent, on, who comes back. Whatever happens after "off", "on" is ordered. */
  async #flip(target: Machine): Promise<void> {
    const { watch } = this.#deps;
    const { silentMs, backMs } = this.#order;
    const { signal } = this.#stop;
    const alive = await watch.alive(await this.#everybody(), signal).catch((): readonly Watched[] => []);
    if (signal.aborted) return;
    if (!alive.some(({ machine }) => machine.id === target.id)) {
      const doubt = this.#deps.signs.doubt(target, silentMs);
      const trouble = doubt ?? 'it gives no sign of life; switch it on, and try when it has booted';
      this.#note(target, { step: 'done', trouble });
      return;
    }
    this.#note(target, { step: 'off' });
    let silent: readonly Watched[] = [];
    let trouble: string | undefined;
    try {
      trouble = await this.#switch(target, 'off');
      if (trouble === undefined) silent = await watch.goSilent(alive, silentMs, signal);
    } catch (error) {
      trouble = error instanceof Stopped ? 'the test was aborted' : String(error);
    }
    this.#note(target, { step: 'on', silent: silent.map(silencedOf) });
    for (const { machine } of silent) this.#deps.signs.excuse(machine);
    const returning = watch.expect(silent);
    const notOn = await this.#switchOn(target);
    trouble ??= notOn;
    const back = await returning.comeBack(backMs, signal).catch((): readonly Watched[] => []);
    returning.close();
    const missing = silent.filter((each) => !back.includes(each)).map(nameOf);
    this.#note(target, { step: 'done', missing, trouble });
  }

  /** All machines: a wrong outlet may belong to one that is not part of the test. */
  async #everybody(): Promise<readonly Watched[]> {
    const machines = await this.#deps.store.machines.list();
    const all = machines.map((machine) => ({ machine, signs: this.#deps.signs.of(machine, this.#order.silentMs) }));
    const isTarget = ({ machine }: Watched): boolean => this.#targets.some(({ id }) => id === machine.id);
    return [...all.filter(isTarget), ...all.filter((each) => !isTarget(each))].slice(0, WATCHED_MAX);
  }

  /** Why it was not switched; nothing when it was, also where the outlet cannot be seen. */
  async #switch(target: Machine, verb: 'on' | 'off'): Promise<string | undefined> {
    const machine = await this.#deps.store.machines.byId(target.id);
    if (!machine) return `${target.name} is gone`;
    if (verb === 'off' && isInUse(machine)) return `${target.name} is ${machine.state} now`;
    const way = { force: 'operator' } as const;
    const outcome = await this.#deps.power.order(machine, verb, `${this.#order.by} (flip test)`, way);
    return outcome.is === 'done' ? undefined : `power ${verb} ${outcome.is}: ${outcome.because}`;
  }

  async #switchOn(target: Machine): Promise<string | undefined> {
    let trouble: string | undefined;
    for (let tries = 0; tries < ON_TRIES; tries += 1) {
      trouble = await this.#switch(target, 'on');
      if (trouble === undefined) return undefined;
    }
    return trouble;
  }

  async #tell(): Promise<void> {
    const { store, clock } = this.#deps;
    const events = this.test().outlets.flatMap(({ machine, verdict, silent, missing }) => {
      const target = this.#targets.find(({ name }) => name === machine);
      if (!target || !verdict) return [];
      const gone = missing.length === 0 ? '' : `; ${missing.join(', ')} did not come back yet`;
      const by = silent.length === 0 ? '' : `; with it off, ${silent.map(silenceWords).join(' and ')}`;
      const text = `flip test by ${this.#order.by}: its outlet is ${flipWords(verdict)}${by}${gone}`;
      const severity = verdict.is === 'right' && gone === '' ? 'good' : 'warning';
      return [powerEvent(target.id, clock.now(), severity, text, { verb: 'flip-test', code: verdict.is })];
    });
    await store.events.append(events);
  }
}

const nameOf = ({ machine }: Watched): string => machine.name;

/** Who was watched by which sign when it fell silent. */
const silencedOf = ({ machine, signs: [sign] }: Watched): Silenced => ({
  machine: machine.name,
  sign: sign?.is ?? 'link',
});
