import type { Ipv4 } from '../core/address.ts';
import type { NewEvent } from '../core/event.ts';
import type { Machine } from '../core/machine.ts';
import type { AnswersNow } from '../ports/answers-now.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventStore } from '../ports/store.ts';
import { pauseUnless } from './power-calls.ts';

/** A machine that can be watched. */
export interface Watched {
  readonly machine: Machine;
  readonly address: Ipv4;
}

/** Whom the flip test watches, and how. */
export interface FlipWatch {
  /** Those that answer now, in one of three rounds. */
  alive(among: readonly Watched[], signal: AbortSignal): Promise<readonly Watched[]>;
  /** Those that stop answering; returns soon after the first did, at the latest after `withinMs`. */
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
/** One lost answer is no silence, and no death. */
const ROUNDS = 3;
/** Who hangs on the same outlet falls silent together, give or take this. */
const TOGETHER_MS = 3000;
/** Kinds of events that only a running machine brings about. */
const SIGNS = ['dhcp', 'tftp', 'http', 'agent'];

/** Of a console only what the board said: that its line was opened or lost says nothing of the board. */
const isSign = ({ kind, detail }: NewEvent): boolean =>
  SIGNS.includes(kind) || (kind === 'console' && detail['pattern'] !== undefined);

/** Watches by asking each address every second and by what boots say of themselves. */
export function createFlipWatch(deps: {
  readonly answers: AnswersNow;
  readonly events: Pick<EventStore, 'subscribe'>;
  readonly clock: Clock;
}): FlipWatch {
  const { answers, events, clock } = deps;
  const answering = async (among: readonly Watched[]): Promise<readonly Watched[]> => {
    const asked = await Promise.all(among.map(async (each) => ((await answers(each.address)) ? [each] : [])));
    return asked.flat();
  };
  const alive = async (among: readonly Watched[], signal: AbortSignal): Promise<readonly Watched[]> => {
    const found = new Set<Watched>();
    for (let round = 1; ; round += 1) {
      for (const each of await answering(among.filter((one) => !found.has(one)))) found.add(each);
      if (found.size === among.length || round === ROUNDS) return [...found];
      await pauseUnless(clock, EVERY_MS, signal);
    }
  };
  return {
    alive,
    goSilent: async (among, withinMs, signal) => {
      const misses = new Map<Watched, number>();
      let untilMs = clock.monotonicMs() + withinMs;
      let isFirst = true;
      for (;;) {
        const there = new Set(await answering(among));
        for (const each of among) misses.set(each, there.has(each) ? 0 : (misses.get(each) ?? 0) + 1);
        const silent = among.filter((each) => (misses.get(each) ?? 0) >= ROUNDS);
        if (silent.length > 0 && isFirst) untilMs = Math.min(untilMs, clock.monotonicMs() + TOGETHER_MS);
        isFirst &&= silent.length === 0;
        if (clock.monotonicMs() >= untilMs) return without(silent, await alive(silent, signal));
        await pauseUnless(clock, EVERY_MS, signal);
      }
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
          for (const each of await answering(without(among, [...back]))) back.add(each);
          if (back.size === among.length) return among;
          if (clock.monotonicMs() >= untilMs) return among.filter((each) => back.has(each) || spoke.has(each));
          await pauseUnless(clock, EVERY_MS, signal);
        }
      };
      return { comeBack, close };
    },
  };
}

const without = (all: readonly Watched[], some: readonly Watched[]): readonly Watched[] =>
  all.filter((each) => !some.includes(each));
