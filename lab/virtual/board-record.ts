import type { Ipv4 } from '../../server/core/address.ts';
import type { Clock } from '../../server/ports/clock.ts';
import type { BoardLogEntry } from './hands.ts';

/** How far a board has come since power-on. `stuck`: its firmware has given up. */
export type BoardStage = 'off' | 'firmware' | 'kernel' | 'agent' | 'system' | 'local-disk' | 'stuck';

/** What a board tells of itself. */
export interface BoardReport {
  readonly stage: BoardStage;
  readonly address: Ipv4 | undefined;
  /** The arguments its kernel was started with. */
  readonly args: string | undefined;
  readonly log: readonly BoardLogEntry[];
}

/** What is left of earlier boots' log when the next one begins. */
const LOG_ENTRIES_KEPT = 500;

/** What is known of one board, kept where it is watched: beside the board itself or in another process. */
export class BoardRecord {
  readonly #name: string;
  readonly #clock: Clock;
  readonly #watchers = new Set<() => void>();
  #state: Omit<BoardReport, 'log'> = { stage: 'off', address: undefined, args: undefined };
  #log: BoardLogEntry[] = [];

  constructor(name: string, clock: Clock) {
    this.#name = name;
    this.#clock = clock;
  }

  report(): BoardReport {
    return { ...this.#state, log: this.#log };
  }

  note(entry: BoardLogEntry): void {
    this.#log.push(entry);
  }

  /** Forgets all but the newest of the log. */
  trim(): void {
    this.#log = this.#log.slice(-LOG_ENTRIES_KEPT);
  }

  become(state: Partial<Omit<BoardReport, 'log'>>): void {
    this.#state = { ...this.#state, ...state };
    for (const look of [...this.#watchers]) look();
  }

  /** Resolves when the board gets to one of these stages; rejects with its log when it is stuck or the time is up. */
  reaches(stages: readonly BoardStage[], timeoutMs: number): Promise<BoardReport> {
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        this.#watchers.delete(look);
        cancel();
        settle();
      };
      const fail = (why: string): void => {
        end(() => {
          reject(new Error(this.#complaint(why, stages)));
        });
      };
      const look = (): void => {
        if (stages.includes(this.#state.stage))
          end(() => {
            resolve(this.report());
          });
        else if (this.#state.stage === 'stuck') fail('is stuck');
      };
      const cancel = this.#clock.after(timeoutMs, () => {
        fail(`after ${String(timeoutMs)} ms still is`);
      });
      this.#watchers.add(look);
      look();
    });
  }

  #complaint(why: string, stages: readonly BoardStage[]): string {
    const log = this.#log.map(({ what, words }) => `  ${what}: ${words}`);
    return [`${this.#name} ${why} at "${this.#state.stage}", wanted ${stages.join(' or ')}:`, ...log].join('\n');
  }
}
