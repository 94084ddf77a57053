import type { ConsoleMark } from '../../server/core/console.ts';
import type { MachineId } from '../../server/core/machine.ts';
import { PieceRing } from '../../server/files/consoles/ring.ts';
import type { Clock } from '../../server/ports/clock.ts';
import type { ConsoleRecording, ConsoleRecordings } from '../../server/ports/console-recordings.ts';

/** A recording that keeps everything in memory; `fail` makes it say that its disk is full. */
export interface MemoryRecording extends ConsoleRecording {
  fail(because: string | undefined): void;
}

function createMemoryRecording(clock: Clock): MemoryRecording {
  const ring = new PieceRing(Infinity, 0);
  const marks: ConsoleMark[] = [];
  const listeners = new Set<() => void>();
  let paused: string | undefined;
  const changed = (): void => {
    for (const listener of [...listeners]) listener();
  };
  return {
    range: () => ({ from: 0, to: ring.end }),
    append: (octets) => {
      ring.add(octets.slice(), clock.now());
      changed();
    },
    mark: (is, words, at = ring.end) => {
      marks.push({ at, atMs: clock.now(), is, words });
      changed();
    },
    marks: () => marks,
    read: (from, octetsMax) => Promise.resolve(ring.from(from, octetsMax)),
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    pausedBecause: () => paused,
    flush: () => Promise.resolve(),
    fail: (because) => {
      paused = because;
      changed();
    },
  };
}

/** Recordings that are gone with the process. */
export function createMemoryRecordings(
  clock: Clock,
): ConsoleRecordings & { of(machine: MachineId): MemoryRecording | undefined } {
  const all = new Map<MachineId, MemoryRecording>();
  return {
    open: (machine) => {
      const recording = all.get(machine) ?? createMemoryRecording(clock);
      all.set(machine, recording);
      return Promise.resolve(recording);
    },
    of: (machine) => all.get(machine),
    remove: (machine) => {
      all.delete(machine);
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
}
