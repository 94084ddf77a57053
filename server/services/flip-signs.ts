import type { Ipv4 } from '../core/address.ts';
import { longestPauseMs, silentAfterMs } from '../core/asking-rhythm.ts';
import type { FlipSign } from '../core/flip-judge.ts';
import type { Machine, MachineId } from '../core/machine.ts';
import type { AnswersNow } from '../ports/answers-now.ts';
import type { Clock } from '../ports/clock.ts';
import type { Askings } from './dhcp-askings.ts';

/** One way in which a machine shows that it has power. */
export interface Sign {
  readonly is: FlipSign;
  /** Looks in a row, a second apart, without it that count as silence. */
  readonly rounds: number;
  /** For how long a look may still find the sign after it has stopped, in milliseconds. */
  readonly lingersMs: number;
  there(): Promise<boolean>;
}

/** The signs of machines, as far as they can be judged by somebody who waits `withinMs` for a silence. */
export interface Signs {
  /** The surest first. */
  of(machine: Machine, withinMs: number): readonly Sign[];
  /** Why what is heard of it is no sign, in words; nothing where nothing is heard. */
  doubt(machine: Machine, withinMs: number): string | undefined;
  /** It was silent by our hand, which says nothing of its habits. */
  excuse(machine: Machine): void;
}

/** What signs are looked for with. */
export interface SignsDeps {
  readonly answers: AnswersNow;
  /** Which address a machine has now. */
  readonly addressOf: (machine: Machine) => Ipv4 | undefined;
  readonly askings: Askings;
  /** Octets its console has said so far; nothing where it has none. */
  readonly consoles: { heardOctets(machine: MachineId): number | undefined };
  readonly clock: Pick<Clock, 'monotonicMs'>;
}

/** One lost answer is no silence, and no death. */
export const ROUNDS = 3;
/** A board that talks all the time (a loader in its loop, a noisy kernel) pauses now and then. */
const CONSOLE_MS = 12_000;
/** A BMC by which a machine is switched lives on when the machine is off: it shows nothing. */
const BY_BMC = ['ipmi', 'redfish', 'amt'];

/**
 * The signs of a machine, the surest first: its own address, its BMC's (an outlet takes the BMC's power too), DHCP
 * packets that come in a rhythm, and a console that goes on talking.
 */
export function createSigns(deps: SignsDeps): Signs {
  const { answers, addressOf } = deps;
  const answering = (is: FlipSign, address: Ipv4 | undefined): readonly Sign[] =>
    address === undefined ? [] : [{ is, rounds: ROUNDS, lingersMs: 0, there: () => answers(address) }];
  return {
    of: (machine, withinMs) => {
      const isByBmc = BY_BMC.includes(machine.power?.driver ?? '');
      return [
        ...answering('link', addressOf(machine)),
        ...answering('BMC', isByBmc ? undefined : machine.facts?.bmcAddress),
        ...asking(machine, deps),
        ...talking(machine, deps),
      ].filter(({ lingersMs }) => lingersMs <= withinMs);
    },
    doubt: (machine, withinMs) => doubt(machine, withinMs, deps),
    excuse: ({ id }) => {
      deps.askings.excuse(id);
    },
  };
}

/** Whether it still asks by DHCP as it did before; nothing where its rhythm is not known. */
function asking({ id }: Machine, { askings, clock }: SignsDeps): readonly Sign[] {
  const known = askings.of(id);
  const lingersMs = known && silentAfterMs(known);
  if (lingersMs === undefined) return [];
  const there = (): Promise<boolean> => {
    const now = askings.of(id);
    const silenceMs = (now && silentAfterMs(now)) ?? lingersMs;
    return Promise.resolve(now !== undefined && clock.monotonicMs() - now.heardMs <= silenceMs);
  };
  return [{ is: 'DHCP', rounds: 1, lingersMs, there }];
}

/** Whether its console goes on talking; nothing where it has none. */
function talking({ id }: Machine, { consoles, clock }: SignsDeps): readonly Sign[] {
  let heard = consoles.heardOctets(id);
  if (heard === undefined) return [];
  let heardMs: number | undefined;
  const there = (): Promise<boolean> => {
    const now = consoles.heardOctets(id);
    if (now !== heard) heardMs = clock.monotonicMs();
    heard = now;
    return Promise.resolve(heardMs !== undefined && clock.monotonicMs() - heardMs < CONSOLE_MS);
  };
  return [{ is: 'console', rounds: 1, lingersMs: CONSOLE_MS, there }];
}

const seconds = (ms: number): string => `${Math.ceil(ms / 1000)} s`;

function doubt({ id }: Machine, withinMs: number, { askings, consoles, clock }: SignsDeps): string | undefined {
  const known = askings.of(id);
  const agoMs = known ? clock.monotonicMs() - known.heardMs : Infinity;
  const silenceMs = known && silentAfterMs(known);
  if (known && agoMs <= Math.max(withinMs, silenceMs ?? 0)) {
    if (silenceMs === undefined)
      return `it asked by DHCP ${seconds(agoMs)} ago, but its silence could not be told from a pause; try when it has asked some more times`;
    if (silenceMs > withinMs)
      return `only its DHCP is heard, with pauses of ${seconds(longestPauseMs(known))}: give it ${seconds(silenceMs)} to fall silent (--silent)`;
  }
  const isConsole = consoles.heardOctets(id) !== undefined && CONSOLE_MS > withinMs;
  return isConsole ? `a console needs ${seconds(CONSOLE_MS)} to fall silent (--silent)` : undefined;
}
