import { readdirSync, readFileSync } from 'node:fs';
import { hexOf } from '../core/address.ts';
import { pause, type Clock } from '../ports/clock.ts';
import type { Rng } from '../ports/rng.ts';

/** How often the list of processes is read. */
const LOOK_MS = 25;
/** What the environment of every driver program holds, with a random number of its call. */
const MARK = 'FARRIER_CALL=';
/** What a pretend device and all that comes of it have there: its secrets are known to everybody. */
const PRETEND_MARK = 'FARRIER_PRETEND=';
/** How long what was killed may take to be gone. */
const GONE_WITHIN_MS = 2000;

/** What processes show while a driver is tried, and which of its own programs stay behind. */
interface Seen {
  readonly shown: readonly string[];
  readonly left: readonly string[];
}

/** Watches processes; whatever calls drivers with `rng` is known by the numbers it drew. */
export interface ProgramWatch {
  readonly rng: Rng;
  /** Reads from now on what every new process of this host shows to whoever may look. */
  watch(secrets: readonly string[]): { stop(): Promise<Seen> };
}

/** The watch over this host's processes. */
export function createProgramWatch({ clock, rng }: { readonly clock: Clock; readonly rng: Rng }): ProgramWatch {
  const drawn = new Set<string>();
  return {
    rng: {
      octets: (count) => {
        const octets = rng.octets(count);
        drawn.add(`${MARK}${hexOf(octets)}`);
        return octets;
      },
    },
    watch: (secrets) => watchPrograms(clock, secrets, drawn),
  };
}

function watchPrograms(
  clock: Clock,
  secrets: readonly string[],
  marks: ReadonlySet<string>,
): { stop(): Promise<Seen> } {
  const old = new Set(pids());
  const shown = new Set<string>();
  /** Programs of this test and their descendants, also those that shed the mark; by number, with the time of birth. */
  const kin = new Map<string, string>();
  let cancel = (): void => undefined;
  const look = (): ReadonlyMap<string, Born> => {
    const fresh = pids().filter((pid) => !old.has(pid));
    const born = new Map(fresh.flatMap((pid) => bornOf(pid)));
    for (const pid of fresh) {
      const environ = read(pid, 'environ');
      if (environ.includes(PRETEND_MARK)) continue;
      for (const [text, words] of [
        [read(pid, 'cmdline'), 'arguments'],
        [environ, 'environment'],
      ] as const)
        if (secrets.some((secret) => text.includes(secret))) shown.add(`the ${words} of a process`);
      const { parent = '', atTicks = '' } = born.get(pid) ?? {};
      const isKin =
        environ.split('\0').some((each) => marks.has(each)) ||
        (kin.has(parent) && kin.get(parent) === born.get(parent)?.atTicks);
      if (isKin && atTicks !== '') kin.set(pid, atTicks);
    }
    return born;
  };
  const left = (): readonly string[] => {
    const born = look();
    return [...kin].flatMap(([pid, atTicks]) => {
      const now = born.get(pid);
      return now?.atTicks === atTicks && now.isAlive ? [nameOf(pid)] : [];
    });
  };
  const again = (): void => {
    look();
    cancel = clock.after(LOOK_MS, again);
  };
  again();
  return {
    stop: async () => {
      cancel();
      const untilMs = clock.monotonicMs() + GONE_WITHIN_MS;
      while (left().length > 0 && clock.monotonicMs() < untilMs) await pause(clock, LOOK_MS);
      return { shown: [...shown], left: left() };
    },
  };
}

interface Born {
  readonly parent: string;
  /** When it was started, in ticks since this host was: with the number it names a process for good. */
  readonly atTicks: string;
  /** Not dead and waiting to be noticed. */
  readonly isAlive: boolean;
}

/** What `/proc/PID/stat` tells, proc(5); its second field is a name in brackets that may hold anything. */
function bornOf(pid: string): readonly (readonly [string, Born])[] {
  const text = read(pid, 'stat');
  const [state = '', parent = '', ...rest] = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const atTicks = rest[17];
  return atTicks === undefined ? [] : [[pid, { parent, atTicks, isAlive: state !== 'Z' && state !== 'X' }]];
}

/** Of the processes there are now; where there is no /proc, none. */
function pids(): readonly string[] {
  try {
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}

/** A process ends whenever it likes, and others' are closed to us: then nothing is read. */
function read(pid: string, file: 'cmdline' | 'environ' | 'comm' | 'stat'): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

function nameOf(pid: string): string {
  return `${read(pid, 'comm').trim() || 'a program'} (process ${pid})`;
}
