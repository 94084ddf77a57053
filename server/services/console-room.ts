import type { ConsoleLineSeen } from '../core/console.ts';
import type { MachineId } from '../core/machine.ts';
import type { NewEvent } from '../core/event.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { Clock } from '../ports/clock.ts';
import type { ConsoleRecording } from '../ports/console-recordings.ts';
import type { ConsoleKeeper } from './console-keeper.ts';
import { createTryLimit } from './login-limit.ts';

/** Who types at a console, and since when. */
export interface ConsoleWriter {
  readonly name: string;
  readonly sinceMs: number;
}

/** What those who watch are told beside the octets. */
export type ConsoleNews =
  | { readonly is: 'line'; readonly line: ConsoleLineSeen }
  | { readonly is: 'writer'; readonly writer: ConsoleWriter | undefined; readonly you: boolean };

/** A place at a console. */
export interface ConsoleSeat {
  /** Asks to type; `over` takes it from whoever does. */
  take(over: boolean): Result<void>;
  /** Types no more; harmless when one did not. */
  release(): void;
  /** Keys for the board; an error when they were dropped. */
  keys(octets: Uint8Array): Result<void>;
  sendBreak(): Promise<Result<void>>;
  leave(): void;
}

/** One machine's console: its recording, its line, those who watch and the one who types. */
export interface ConsoleRoom {
  readonly recording: ConsoleRecording;
  line(): ConsoleLineSeen;
  writer(): ConsoleWriter | undefined;
  viewers(): number;
  canBreak(): boolean;
  /** Nothing when there are too many already. */
  sit(name: string, hear: (news: ConsoleNews) => void): ConsoleSeat | undefined;
}

const SEATS_MAX = 32;
/** One account leaves room for others. */
const SEATS_OF_ONE_MAX = 16;
/** What somebody does at a console and the timeline tells of: so often, that nobody fills it. */
const TOLD = { triesMax: 30, windowMs: 60_000 };

interface Sitting {
  readonly name: string;
  readonly hear: (news: ConsoleNews) => void;
  hasStrayed: boolean;
}

interface Typing {
  readonly by: Sitting;
  readonly sinceMs: number;
  octets: number;
}

/** The room itself; its line comes and goes. */
export class Room implements ConsoleRoom {
  readonly recording: ConsoleRecording;
  readonly #machine: MachineId;
  readonly #clock: Clock;
  readonly #tell: (event: NewEvent) => void;
  readonly #seats = new Set<Sitting>();
  readonly #told;
  readonly #sinceMs: number;
  #typing: Typing | undefined;
  keeper: ConsoleKeeper | undefined;

  constructor(parts: {
    readonly machine: MachineId;
    readonly recording: ConsoleRecording;
    readonly clock: Clock;
    readonly tell: (event: NewEvent) => void;
  }) {
    this.recording = parts.recording;
    this.#machine = parts.machine;
    this.#clock = parts.clock;
    this.#tell = parts.tell;
    this.#sinceMs = parts.clock.now();
    this.#told = createTryLimit(parts.clock, TOLD);
  }

  line(): ConsoleLineSeen {
    return this.keeper?.seen() ?? { is: 'none', sinceMs: this.#sinceMs, because: 'no console is set' };
  }

  writer(): ConsoleWriter | undefined {
    return this.#typing && { name: this.#typing.by.name, sinceMs: this.#typing.sinceMs };
  }

  viewers(): number {
    return this.#seats.size;
  }

  canBreak(): boolean {
    return this.keeper?.canBreak() ?? false;
  }

  /** Tells everybody how the line stands now. */
  tellLine(): void {
    const line = this.line();
    for (const seat of [...this.#seats]) seat.hear({ is: 'line', line });
  }

  sit(name: string, hear: (news: ConsoleNews) => void): ConsoleSeat | undefined {
    const own = [...this.#seats].filter((seat) => seat.name === name).length;
    if (this.#seats.size >= SEATS_MAX || own >= SEATS_OF_ONE_MAX) return undefined;
    const sitting: Sitting = { name, hear, hasStrayed: false };
    this.#seats.add(sitting);
    return {
      take: (over) => this.#take(sitting, over),
      release: () => {
        this.#release(sitting);
      },
      keys: (octets) => this.#keys(sitting, octets),
      sendBreak: async () => {
        if (this.#typing?.by !== sitting) return err(this.#whyNot());
        const early = this.#tooOften(sitting);
        if (early !== undefined) return err(early);
        const sent = (await this.keeper?.sendBreak()) ?? err('no console is set');
        if (sent.ok) this.note(`${name} sent a break`, { by: name });
        return sent;
      },
      leave: () => {
        this.#release(sitting);
        this.#seats.delete(sitting);
      },
    };
  }

  #take(sitting: Sitting, over: boolean): Result<void> {
    const holder = this.#typing;
    if (holder?.by === sitting) return ok(undefined);
    if (holder && !over) return err(`${holder.by.name} types here; take it over to type yourself`);
    const early = this.#tooOften(sitting);
    if (early !== undefined) return err(early);
    if (holder) this.#account(holder);
    this.#typing = { by: sitting, sinceMs: this.#clock.now(), octets: 0 };
    const from = holder ? `, taken over from ${holder.by.name}` : '';
    this.note(`${sitting.name} types at the console${from}`, { by: sitting.name });
    this.#tellWriter();
    return ok(undefined);
  }

  /** Counted by name: a new seat is no new beginning. */
  #tooOften({ name }: Sitting): string | undefined {
    const waitMs = this.#told.take(name);
    return waitMs === undefined ? undefined : `too often; wait ${Math.ceil(waitMs / 1000)} s`;
  }

  #release(sitting: Sitting): void {
    if (this.#typing?.by !== sitting) return;
    this.#account(this.#typing);
    this.#typing = undefined;
    this.#tellWriter();
  }

  /** What was typed is told by count only: passwords are typed at consoles. */
  #account({ by, sinceMs, octets }: Typing): void {
    const forS = Math.round((this.#clock.now() - sinceMs) / 1000);
    this.note(`${by.name} typed ${octets} octets in ${forS} s`, { by: by.name, typedOctets: octets });
  }

  #keys(sitting: Sitting, octets: Uint8Array): Result<void> {
    const typing = this.#typing;
    if (typing?.by !== sitting) {
      if (!sitting.hasStrayed && this.#tooOften(sitting) === undefined)
        this.note(`keys of ${sitting.name}, who only watches, were dropped`, { by: sitting.name });
      sitting.hasStrayed = true;
      return err(this.#whyNot());
    }
    const written = this.keeper?.write(octets) ?? err('no console is set');
    if (written.ok) typing.octets += octets.length;
    return written;
  }

  #whyNot(): string {
    const holder = this.#typing?.by.name;
    return holder === undefined ? 'nobody types here; take the console first' : `${holder} types here; you only watch`;
  }

  #tellWriter(): void {
    const writer = this.writer();
    for (const seat of [...this.#seats]) seat.hear({ is: 'writer', writer, you: this.#typing?.by === seat });
  }

  /** A line on the machine's timeline. */
  note(text: string, detail: NewEvent['detail'], severity: NewEvent['severity'] = 'note'): void {
    const about = { kind: 'console', machine: this.#machine, boot: undefined } as const;
    this.#tell({ ...about, atMs: this.#clock.now(), severity, text, detail });
  }
}
