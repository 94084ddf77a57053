import type { NewEvent } from '../core/event.ts';
import type { Machine } from '../core/machine.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventStore } from '../ports/store.ts';
import { ROUNDS, type Sign } from './flip-signs.ts';
import { pauseUnless } from './power-calls.ts';

/** A machine that can be watched. */
export interface Watched {
  readonly machine: Machine;
  /** The surest first. */
  readonly signs: readonly Sign[];
}

/** Whom the flip test watches, and how. */
export interface FlipWatch {
  /** Those that show a sign now, in one of three rounds; each is then watched by the surest one it showed. */
  alive(among: readonly Watched[], signal: AbortSignal): Promise<readonly Watched[]>;
  /** Those whose sign stays away; returns when all had time after the first did, at the latest after `withinMs`. */
  goSilent(among: readonly Watched[], withinMs: number, signal: AbortSignal): Promise<readonly Watched[]>;
  /** Begins to wait for them: to be called before they are switched on, so that no first packet is missed. */
  expect(among: readonly Watched[]): Returning;
}

/** Machines that are waited for. */
export interface Returning {
  /**
   * Waits until all of them answer again, at most `withinMs`; says who came back: by then also those that do not answer,
   * but whose firmware, loader, console or agent has spoken.
   */
  comeBack(withinMs: number, signal: AbortSignal): Promise<readonly Watched[]>;
  close(): void;
}

const EVERY_MS = 1000;
/** Who hangs on the same outlet falls silent together, give or take this. */
const TOGETHER_MS = 3000;
/** Kinds of events that only a running machine brings about. */
const SIGNS = ['dhcp', 'tftp', 'http', 'agent'];
/** Of a file that was on its way when the power went we hear later, and from ourselves. */
const OURS = ['gave-up', 'failed'];

/** Of a console only what the board said: that its line was opened or lost says nothing of the board. */
const isSign = ({ kind, detail }: NewEvent): boolean =>
  kind === 'console'
    ? detail['pattern'] !== undefined
    : SIGNS.includes(kind) && !OURS.includes(String(detail['outcome']));

/** Watches by looking for each machine's signs every second and by what boots say of themselves. */
export function createFlipWatch(deps: {
  readonly events: Pick<EventStore, 'subscribe'>;
  readonly clock: Clock;
}): FlipWatch {
  const { events, clock } = deps;
  const alive = async (among: readonly Watched[], signal: AbortSignal): Promise<readonly Watched[]> =>
    [...(await signsSeen(clock, among, signal))].map(([{ machine }, sign]) => ({ machine, signs: [sign] }));
  return {
    alive,
    goSilent: async (among, withinMs, signal) => {
      const silent = await fallingSilent(clock, among, withinMs, signal);
      const again = await signsSeen(clock, silent, signal);
      return silent.filter((each) => !again.has(each));
    },
    expect: (among) => {
      const spoke = new Set<Watched>();
      const close = events.subscribe((heard) => {
        for (const event of heard) {
          const own = among.find((each) => each.machine.id === event.machine);
          if (own && isSign(event)) spoke.add(own);
        }
      });
      const comeBack: Returning['comeBack'] = async (withinMs, signal) => {
        const back = new Set<Watched>();
        const untilMs = clock.monotonicMs() + withinMs;
        for (;;) {
          for (const each of await showing(without(among, [...back]))) back.add(each);
          if (back.size === among.length) return among;
          if (clock.monotonicMs() >= untilMs) return among.filter((each) => back.has(each) || spoke.has(each));
          await pauseUnless(clock, EVERY_MS, signal);
        }
      };
      return { comeBack, close };
    },
  };
}

/** Those that missed enough looks; who did is looked for no more. */
async function fallingSilent(
  clock: Clock,
  among: readonly Watched[],
  withinMs: number,
  signal: AbortSignal,
): Promise<readonly Watched[]> {
  const silent = new Set<Watched>();
  const misses = new Map<Watched, number>();
  const beganMs = clock.monotonicMs();
  // Who is watched by a sign that lingers is waited for, too.
  const lingersMs = Math.max(0, ...among.map(({ signs: [sign] }) => sign?.lingersMs ?? 0));
  let untilMs = beganMs + withinMs;
  for (;;) {
    const before = silent.size;
    const talking = without(among, [...silent]);
    const there = new Set(await showing(talking));
    for (const each of talking) {
      misses.set(each, there.has(each) ? 0 : (misses.get(each) ?? 0) + 1);
      if ((misses.get(each) ?? 0) >= (each.signs[0]?.rounds ?? ROUNDS)) silent.add(each);
    }
    const nowMs = clock.monotonicMs();
    if (before === 0 && silent.size > before)
      untilMs = Math.min(untilMs, Math.max(nowMs, beganMs + lingersMs) + TOGETHER_MS);
    if (nowMs >= untilMs) return [...silent];
    await pauseUnless(clock, EVERY_MS, signal);
  }
}

/** Those that show any of their signs now. */
async function showing(among: readonly Watched[]): Promise<readonly Watched[]> {
  const looked = await Promise.all(among.map(async (each) => ((await surest(each.signs)) ? [each] : [])));
  return looked.flat();
}

/** The surest sign of each in up to three rounds. */
async function signsSeen(
  clock: Clock,
  among: readonly Watched[],
  signal: AbortSignal,
): Promise<ReadonlyMap<Watched, Sign>> {
  const found = new Map<Watched, Sign>();
  const open = (): readonly Watched[] => among.filter((each) => found.get(each) !== each.signs[0]);
  for (let round = 1; ; round += 1) {
    await Promise.all(
      open().map(async (each) => {
        const known = found.get(each);
        const sign = await surest(known ? each.signs.slice(0, each.signs.indexOf(known)) : each.signs);
        if (sign) found.set(each, sign);
      }),
    );
    if (open().length === 0 || round === ROUNDS) return found;
    await pauseUnless(clock, EVERY_MS, signal);
  }
}

/** The first of these signs that is there now. */
async function surest(signs: readonly Sign[]): Promise<Sign | undefined> {
  const there = await Promise.all(signs.map((sign) => sign.there()));
  return signs.find((_, nth) => there[nth]);
}

const without = (all: readonly Watched[], some: readonly Watched[]): readonly Watched[] =>
  all.filter((each) => !some.includes(each));
