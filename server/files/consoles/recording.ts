import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ConsoleMark, ConsoleRange } from '../../core/console.ts';
import type { Clock } from '../../ports/clock.ts';
import type { ConsoleRecording, RecordedPiece } from '../../ports/console-recordings.ts';
import { MarksFile } from './marks-file.ts';
import { PieceRing } from './ring.ts';
import { Segment, segmentOf } from './segment.ts';

const RING_OCTETS = 64 << 10;
/** What may wait for the disk; beyond that the disk counts as gone. */
const WAITING_OCTETS_MAX = 4 << 20;
const SYNC_MS = 200;
const AGAIN_MS = 5000;
/** Pieces a recording is dropped in. */
const SEGMENTS = 8;

/** One machine's recording in a folder of its own: segments of raw octets, their times, and marks. */
export class FolderRecording implements ConsoleRecording {
  readonly #folder: string;
  readonly #keepOctets: number;
  readonly #clock: Clock;
  readonly #marks: MarksFile;
  readonly #changed = new Set<() => void>();
  #segments: Segment[] = [];
  #ring = new PieceRing(RING_OCTETS, 0);
  #waitingMarks: ConsoleMark[] = [];
  #written = 0;
  #work: Promise<void> | undefined;
  #cancelSync: (() => void) | undefined;
  #paused: { readonly because: string; readonly againMs: number } | undefined;

  constructor(folder: string, keepOctets: number, clock: Clock) {
    this.#folder = folder;
    this.#keepOctets = keepOctets;
    this.#clock = clock;
    this.#marks = new MarksFile(join(folder, 'marks.jsonl'));
  }

  /** Reads what an earlier run left; goes on where that ended. */
  async load(): Promise<void> {
    try {
      await mkdir(this.#folder, { recursive: true, mode: 0o700 });
      const names = (await readdir(this.#folder)).sort();
      const found = await Promise.all(names.map((name) => segmentOf(this.#folder, name)));
      this.#segments = found.flatMap((segment) => segment ?? []);
      await this.#marks.load();
    } catch (error) {
      this.#pause(error);
    }
    this.#written = Math.max(this.#segments.at(-1)?.end ?? 0, this.#marks.marks.at(-1)?.at ?? 0);
    this.#ring = new PieceRing(RING_OCTETS, this.#written);
  }

  range(): ConsoleRange {
    return { from: this.#segments.find(({ octets }) => octets > 0)?.start ?? this.#ring.start, to: this.#shown };
  }

  /** What a killed daemon would take back is shown to nobody: the next one would give its offsets to other octets. */
  get #shown(): number {
    return this.#paused ? this.#ring.end : this.#written;
  }

  append(octets: Uint8Array): void {
    if (octets.length === 0) return;
    this.#ring.add(octets.slice(), this.#clock.now());
    if (this.#ring.end - this.#written > WAITING_OCTETS_MAX && !this.#paused)
      this.#pause(new Error('the disk is too slow'));
    this.#goOn();
  }

  mark(is: ConsoleMark['is'], words: string, at = this.#ring.end): void {
    const mark = { at, atMs: this.#clock.now(), is, words: words.slice(0, 500) };
    this.#marks.take(mark);
    this.#waitingMarks.push(mark);
    this.#goOn();
  }

  marks(): readonly ConsoleMark[] {
    return this.#marks.marks;
  }

  async read(from: number, octetsMax: number): Promise<readonly RecordedPiece[]> {
    const first = Math.max(from, this.range().from);
    for (let offset = first; offset < this.#ring.start;) {
      const segment = this.#segments.find(({ end, octets }) => octets > 0 && end > offset);
      if (!segment || segment.start >= this.#ring.start) break;
      const pieces = await segment.read(Math.max(offset, segment.start), octetsMax).catch(() => []);
      if (pieces.length > 0) return pieces;
      // Dropped while it was read: what comes after it is still there.
      offset = segment.end;
    }
    const octets = Math.min(octetsMax, this.#shown - first);
    return octets > 0 ? this.#ring.from(first, octets) : [];
  }

  subscribe(changed: () => void): () => void {
    this.#changed.add(changed);
    return () => this.#changed.delete(changed);
  }

  pausedBecause(): string | undefined {
    return this.#paused?.because;
  }

  async flush(): Promise<void> {
    while (this.#work) await this.#work;
    this.#cancelSync?.();
    this.#cancelSync = undefined;
    await this.#segments
      .at(-1)
      ?.sync()
      .catch((error: unknown) => {
        this.#pause(error);
      });
  }

  async close(): Promise<void> {
    await this.flush();
    await this.#segments
      .at(-1)
      ?.close()
      .catch(() => undefined);
  }

  #goOn(): void {
    if (!this.#paused || this.#clock.monotonicMs() >= this.#paused.againMs)
      this.#work ??= this.#write().finally(() => {
        this.#work = undefined;
        this.#ring.trim(this.#paused ? this.#ring.end : this.#written);
      });
    else this.#ring.trim(this.#ring.end);
    this.#tell();
  }

  #tell(): void {
    for (const changed of [...this.#changed]) changed();
  }

  /** One write after the other; what comes meanwhile goes together. */
  async #write(): Promise<void> {
    try {
      if (this.#paused) await this.#resume();
      while (this.#written < this.#ring.end || this.#waitingMarks.length > 0) {
        for (const mark of this.#waitingMarks.splice(0)) await this.#marks.write(mark);
        const pieces = this.#ring.from(Math.max(this.#written, this.#ring.start), this.#segmentOctets);
        const [first] = pieces;
        if (!first) continue;
        const segment = await this.#segmentFor(first.at);
        await segment.write(pieces);
        this.#written = segment.end;
        this.#syncSoon();
        this.#tell();
      }
    } catch (error) {
      this.#pause(error);
    }
  }

  get #segmentOctets(): number {
    return Math.ceil(this.#keepOctets / SEGMENTS);
  }

  async #segmentFor(at: number): Promise<Segment> {
    const last = this.#segments.at(-1);
    if (last && last.end === at && last.diskOctets < this.#segmentOctets) return last;
    await last?.sync();
    await last?.close();
    await this.#makeRoom();
    const segment = new Segment(this.#folder, at, 0);
    this.#segments.push(segment);
    return segment;
  }

  /** Drops the oldest so that another segment fits. */
  async #makeRoom(): Promise<void> {
    const kept = (): number => this.#segments.reduce((sum, { diskOctets }) => sum + diskOctets, 0);
    const before = this.#segments.length;
    while (this.#segments.length > 0 && kept() + this.#segmentOctets > this.#keepOctets)
      await this.#segments.shift()?.remove();
    const [oldest] = this.#segments;
    if (this.#segments.length < before && oldest) await this.#marks.drop(oldest.start);
  }

  #syncSoon(): void {
    this.#cancelSync ??= this.#clock.after(SYNC_MS, () => {
      this.#cancelSync = undefined;
      this.#segments
        .at(-1)
        ?.sync()
        .catch((error: unknown) => {
          this.#pause(error);
        });
    });
  }

  #pause(error: unknown): void {
    const isNew = !this.#paused;
    const because = wordsOf(error);
    this.#paused = { because, againMs: this.#clock.monotonicMs() + AGAIN_MS };
    // The console goes on: who watches sees it, and its offsets count on.
    if (isNew)
      this.#marks.take({ at: this.#written, atMs: this.#clock.now(), is: 'paused', words: because.slice(0, 500) });
    this.#tell();
  }

  /** Begins a segment where the recording is now; what came meanwhile and is not in memory any more is a gap. */
  async #resume(): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const last = this.#segments.at(-1);
    await last?.close().catch(() => undefined);
    this.#written = Math.max(this.#written, this.#ring.start);
    const segment = new Segment(this.#folder, this.#written, 0);
    const pieces = this.#ring.from(this.#written, this.#segmentOctets);
    await segment.write(pieces);
    this.#segments.push(segment);
    this.#written = segment.end;
    this.#paused = undefined;
    this.mark('resumed', 'the disk takes it again', segment.start);
  }
}

function wordsOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'ENOSPC' || code === 'EDQUOT') return 'the disk is full; free some space on it';
  if (code === 'EROFS') return 'the disk can only be read; look at its mount';
  return error instanceof Error ? error.message : String(error);
}
