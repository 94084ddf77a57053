import { ConsoleLines } from '../core/console-lines.ts';
import {
  fillGaps,
  matchPattern,
  parsePattern,
  type ConsolePattern,
  type PatternPiece,
} from '../core/console-pattern.ts';
import type { MachineId } from '../core/machine.ts';
import type { Clock } from '../ports/clock.ts';
import type { ConsoleRecording } from '../ports/console-recordings.ts';
import type { Log } from '../ports/log.ts';
import { StaleWrite, type Store } from '../ports/store.ts';
import type { EventBuffer } from './event-buffer.ts';
import { createTryLimit } from './login-limit.ts';

/** What watching needs. */
export interface ConsoleWatchDeps {
  readonly store: Pick<Store, 'machines' | 'consoles'>;
  readonly patterns: () => readonly ConsolePattern[];
  readonly timeline: Pick<EventBuffer, 'add'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Looks at what one console says; to be given each octet once, before it is recorded. */
export type ConsoleWatcher = (octets: Uint8Array) => void;

/** A loader's banner: a boot that begins without an order begins there. */
export type Banner = { readonly at: number; readonly atMs: number };

interface Compiled {
  readonly pattern: ConsolePattern;
  readonly pieces: readonly PatternPiece[];
}

interface Match {
  readonly pattern: ConsolePattern;
  readonly gaps: Readonly<Record<string, string>>;
}

/** Of one boot each thing is told so often; a console that repeats itself must not fill the timeline. */
const TOLD_MAX = 3;
const TOLD_WINDOW_MS = 10 * 60_000;
/** Banners of other versions than the one before: a board that makes them up must not keep the store busy. */
const VERSIONS_MAX = 20;
/** The trace of a panic comes after its first line. */
const TAIL_AFTER_MS = 2000;
const TAIL_OCTETS = 4096;
/** Of writing down a version while others change the machine. */
const VERSION_TRIES = 5;

/** Watchers with the patterns as they stand, one for each console. */
export function createConsoleWatch(
  deps: ConsoleWatchDeps,
): (machine: MachineId, recording: ConsoleRecording, banner: (seen: Banner) => void) => ConsoleWatcher {
  const limit = createTryLimit(deps.clock, { triesMax: TOLD_MAX, windowMs: TOLD_WINDOW_MS });
  const versions = createTryLimit(deps.clock, { triesMax: VERSIONS_MAX, windowMs: TOLD_WINDOW_MS });
  const first = firstMatch(deps.patterns);
  return (machine, recording, banner) => {
    const lines = new ConsoleLines();
    let told: ConsolePattern | undefined;
    let version: string | undefined;
    let tailed: string | undefined;
    return (octets) => {
      for (const { text, isWhole } of lines.take(octets)) {
        const match = first(text);
        // A prompt may have been told of already when its line ends.
        if (match && match.pattern !== told) {
          if (match.pattern.loader !== undefined) {
            banner({ at: recording.range().to, atMs: deps.clock.now() });
            const now = `${match.pattern.loader} ${match.gaps['version'] ?? ''}`;
            if (now !== version && versions.take(machine) === undefined) keepVersion(deps, machine, match);
            version = now;
          }
          const boot = recording.marks().findLast((mark) => mark.is === 'boot')?.words;
          if (limit.take(`${machine} ${match.pattern.name} ${boot ?? ''}`) === undefined)
            tell(deps, machine, boot, match);
          // Of a boot the first tail is kept; a board that panics without end is asked no more.
          if (match.pattern.tail && boot !== undefined && boot !== tailed) {
            tailed = boot;
            keepTailSoon(deps, recording, boot);
          }
        }
        told = isWhole ? undefined : (match?.pattern ?? told);
      }
    };
  };
}

function firstMatch(patterns: ConsoleWatchDeps['patterns']): (line: string) => Match | undefined {
  let known: readonly ConsolePattern[] = [];
  let compiled: readonly Compiled[] = [];
  return (line) => {
    const now = patterns();
    if (now !== known) {
      known = now;
      compiled = now.flatMap((pattern) => {
        const pieces = parsePattern(pattern.text);
        return pieces.ok ? [{ pattern, pieces: pieces.value }] : [];
      });
    }
    for (const { pattern, pieces } of compiled) {
      const gaps = matchPattern(pieces, line);
      if (gaps) return { pattern, gaps };
    }
    return undefined;
  };
}

/** Of what a console said only the pattern's words and what stood in its gaps go into an event. */
function tell(deps: ConsoleWatchDeps, machine: MachineId, boot: string | undefined, { pattern, gaps }: Match): void {
  const { name, severity, stops, remedy } = pattern;
  deps.timeline.add({
    ...{ atMs: deps.clock.now(), kind: 'console', severity, machine, boot },
    text: fillGaps(pattern.says, gaps),
    detail: {
      pattern: name,
      ...(stops === undefined ? {} : { stops }),
      ...(remedy === undefined ? {} : { remedy }),
      ...(gaps['version'] === undefined ? {} : { version: gaps['version'] }),
    },
  });
}

function keepVersion(deps: ConsoleWatchDeps, id: MachineId, { pattern, gaps }: Match): void {
  const keep = async (): Promise<void> => {
    const machine = await deps.store.machines.byId(id);
    const { loader } = pattern;
    const loaderVersion = gaps['version'];
    const old = machine?.firmware;
    if (!machine || (old?.loader === loader && old?.loaderVersion === loaderVersion)) return;
    const nothing = { clientArch: undefined, vendorClass: undefined, userClass: undefined };
    await deps.store.machines.change(machine, { firmware: { ...nothing, ...old, loader, loaderVersion } }, []);
  };
  // Banners come while the power order itself writes what it sees of the machine.
  const keepAtLast = async (triesLeft: number): Promise<void> => {
    try {
      await keep();
    } catch (error) {
      if (!(error instanceof StaleWrite) || triesLeft === 0) throw error;
      await keepAtLast(triesLeft - 1);
    }
  };
  keepAtLast(VERSION_TRIES - 1).catch((error: unknown) => {
    deps.log.warn('a loader version could not be kept', { error: String(error) });
  });
}

function keepTailSoon(deps: ConsoleWatchDeps, recording: ConsoleRecording, boot: string): void {
  deps.clock.after(TAIL_AFTER_MS, () => {
    const keep = async (): Promise<void> => {
      const { to } = recording.range();
      const pieces = await recording.read(Math.max(0, to - TAIL_OCTETS), TAIL_OCTETS);
      const tail = new Uint8Array(pieces.reduce((sum, { octets }) => sum + octets.length, 0));
      let at = 0;
      for (const { octets } of pieces) {
        tail.set(octets, at);
        at += octets.length;
      }
      await deps.store.consoles.keepTail(boot, tail);
    };
    keep().catch((error: unknown) => {
      deps.log.warn('the last words of a boot could not be kept', { boot, error: String(error) });
    });
  });
}
