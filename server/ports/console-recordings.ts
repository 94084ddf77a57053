import type { ConsoleMark, ConsoleRange } from '../core/console.ts';
import type { MachineId } from '../core/machine.ts';

/** Octets of a recording as they came together: the first at offset `at`, heard at `atMs` (epoch milliseconds). */
export interface RecordedPiece {
  readonly at: number;
  readonly atMs: number;
  readonly octets: Uint8Array;
}

/** What one machine's serial line said: octets unchanged, append-only, of bounded size. An offset is never given twice. */
export interface ConsoleRecording {
  /** What can be read: the oldest is dropped when the recording is full. */
  range(): ConsoleRange;
  /** Takes octets at once; they are on their way to the disk when this returns. Nothing here ever throws. */
  append(octets: Uint8Array): void;
  /** Notes what happened beside the octets; `at` is the end of the recording when it is left out. */
  mark(is: ConsoleMark['is'], words: string, at?: number): void;
  marks(): readonly ConsoleMark[];
  /**
   * The pieces from an offset on, or from the first one kept after it, `octetsMax` octets at most; nothing when there
   * is no more yet.
   */
  read(from: number, octetsMax: number): Promise<readonly RecordedPiece[]>;
  /** Called after each change; the answer ends that. */
  subscribe(changed: () => void): () => void;
  /** Why nothing is kept on disk at present; nothing when all is. */
  pausedBecause(): string | undefined;
  /** Resolves when everything appended so far is on disk, or cannot be. */
  flush(): Promise<void>;
}

/** The recordings of all machines. */
export interface ConsoleRecordings {
  /** The same recording for everybody who opens it. Never rejects: what cannot be kept is paused, with the reason. */
  open(machine: MachineId): Promise<ConsoleRecording>;
  /** Deletes a machine's recording. */
  remove(machine: MachineId): Promise<void>;
  close(): Promise<void>;
}
