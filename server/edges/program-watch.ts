import { readdirSync, readFileSync } from 'node:fs';
import { hexOf } from '../core/address.ts';
import type { Clock } from '../ports/clock.ts';
import type { Rng } from '../ports/rng.ts';

/** How often the list of processes is read. */
const LOOK_MS = 25;
/** What the environment of every driver program holds, with a random number of its call. */
const MARK = 'FARRIER_CALL=';

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
  let cancel = (): void => undefined;
  const look = (): readonly string[] => {
    const fresh = pids().filter((pid) => !old.has(pid));
    for (const pid of fresh)
      for (const [file, words] of PLACES) {
        const text = read(pid, file);
        if (secrets.some((secret) => text.includes(secret))) shown.add(words);
      }
    return fresh;
  };
  const again = (): void => {
    look();
    cancel = clock.after(LOOK_MS, again);
  };
  again();
  return {
    stop: () => {
      cancel();
      const isOurs = (pid: string): boolean =>
        read(pid, 'environ')
          .split('\0')
          .some((each) => marks.has(each));
      const left = look().filter(isOurs);
      return Promise.resolve({ shown: [...shown], left: left.map((pid) => nameOf(pid)) });
    },
  };
}

const PLACES = [
  ['cmdline', 'the arguments of a process'],
  ['environ', 'the environment of a process'],
] as const;

/** Of the processes there are now; where there is no /proc, none. */
function pids(): readonly string[] {
  try {
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}

/** A process ends whenever it likes, and others' are closed to us: then nothing is read. */
function read(pid: string, file: 'cmdline' | 'environ' | 'comm'): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

function nameOf(pid: string): string {
  return `${read(pid, 'comm').trim() || 'a program'} (process ${pid})`;
}
