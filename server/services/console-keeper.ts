import type { ConsoleLineSeen } from '../core/console.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { Clock } from '../ports/clock.ts';
import { ConsoleError, type ConsoleErrorCode, type ConsoleLine } from '../ports/console.ts';
import type { Rng } from '../ports/rng.ts';

const OPEN_MS = 15_000;
const FIRST_PAUSE_MS = 1000;
const PAUSE_MAX_MS = 30_000;
/** A line that lasted so long was a good one: the next pause is the first again. */
const GOOD_MS = 10_000;
/** What may wait for a slow line. */
const TYPED_OCTETS_MAX = 16 << 10;

/** What a keeper needs. */
export interface KeeperDeps {
  readonly open: (signal: AbortSignal) => Promise<ConsoleLine>;
  readonly heard: (octets: Uint8Array) => void;
  readonly changed: (seen: ConsoleLineSeen, code: ConsoleErrorCode | undefined) => void;
  readonly clock: Clock;
  readonly rng: Rng;
}

/** Keeps one console connected, always: the line is open before power is ordered. */
export interface ConsoleKeeper {
  seen(): ConsoleLineSeen;
  canBreak(): boolean;
  /** Resolves when it is open, or with the reason why it is not. */
  ready(signal: AbortSignal): Promise<Result<void>>;
  /** Sends keys to the board, in order; an error when there is no line, or it is slower than what is typed. */
  write(octets: Uint8Array): Result<void>;
  sendBreak(): Promise<Result<void>>;
  stop(): Promise<void>;
}

/** Starts to keep it. */
export function keepConsole(deps: KeeperDeps): ConsoleKeeper {
  const keeper = new Keeper(deps);
  keeper.start();
  return keeper;
}

class Keeper implements ConsoleKeeper {
  readonly #deps: KeeperDeps;
  readonly #stop = new AbortController();
  readonly #waiting = new Set<() => void>();
  #seen: ConsoleLineSeen;
  #line: ConsoleLine | undefined;
  #run: Promise<void> = Promise.resolve();
  #wake: () => void = () => undefined;
  /** Counts the tries that ended, so that whoever waits knows that one began after he asked. */
  #tries = 0;
  #isTrying = false;
  #isHeld = false;
  #typedOctets = 0;
  #typing: Promise<void> = Promise.resolve();

  constructor(deps: KeeperDeps) {
    this.#deps = deps;
    this.#seen = { is: 'connecting', sinceMs: deps.clock.now(), because: undefined };
  }

  start(): void {
    this.#run = this.#keep();
  }

  seen(): ConsoleLineSeen {
    return this.#seen;
  }

  canBreak(): boolean {
    return this.#line?.sendBreak !== undefined;
  }

  async ready(signal: AbortSignal): Promise<Result<void>> {
    // A try that is under way may have begun before what hindered it was mended.
    const enough = this.#tries + (this.#isTrying ? 2 : 1);
    while (this.#seen.is !== 'open') {
      if (this.#isHeld || this.#tries >= enough || this.#stop.signal.aborted || signal.aborted)
        return err(this.#seen.because ?? 'it did not open in time');
      this.#wake();
      await this.#change(signal);
    }
    return ok(undefined);
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#waiting.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.#waiting.add(done);
      signal.addEventListener('abort', done, { once: true });
      if (signal.aborted) done();
    });
  }

  write(octets: Uint8Array): Result<void> {
    const line = this.#line;
    if (!line) return err(this.#seen.because ?? 'the console is not open');
    if (this.#typedOctets + octets.length > TYPED_OCTETS_MAX) return err('the line is slower than what is typed');
    this.#typedOctets += octets.length;
    const copy = octets.slice();
    this.#typing = this.#typing
      .then(() => line.write(copy))
      .catch(() => undefined)
      .finally(() => (this.#typedOctets -= copy.length));
    return ok(undefined);
  }

  async sendBreak(): Promise<Result<void>> {
    const line = this.#line;
    if (!line) return err(this.#seen.because ?? 'the console is not open');
    if (!line.sendBreak) return err('this console cannot send a break');
    try {
      await line.sendBreak();
      return ok(undefined);
    } catch (error) {
      return err(`the break was not sent: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    this.#wake();
    await this.#line?.close().catch(() => undefined);
    await this.#run;
    for (const waiting of [...this.#waiting]) waiting();
  }

  #isStopped(): boolean {
    return this.#stop.signal.aborted;
  }

  async #keep(): Promise<void> {
    for (let failures = 0; !this.#isStopped();) {
      const openedMs = this.#deps.clock.monotonicMs();
      const wasOpen = await this.#once();
      const isGood = wasOpen && this.#deps.clock.monotonicMs() - openedMs >= GOOD_MS;
      failures = isGood ? 0 : failures + 1;
      if (!this.#isStopped()) await this.#pause(failures);
    }
  }

  /** One life of the line, from its opening to its end; whether it was open at all. */
  async #once(): Promise<boolean> {
    this.#isTrying = true;
    this.#say('connecting', this.#seen.because);
    let line: ConsoleLine;
    try {
      line = await this.#open();
    } catch (error) {
      const code = error instanceof ConsoleError ? error.code : undefined;
      // Credentials that were refused are not tried again by themselves: that is how accounts are locked out.
      this.#isHeld = code === 'auth';
      this.#end(error instanceof Error ? error.message : String(error), code);
      return false;
    }
    // It may have opened in the very moment in which it was given up.
    if (this.#stop.signal.aborted) void line.close().catch(() => undefined);
    this.#line = line;
    this.#isTrying = false;
    this.#tries += 1;
    this.#say('open', undefined);
    line.listen(this.#deps.heard);
    const because = await line.ended;
    this.#line = undefined;
    this.#say('closed', because);
    return true;
  }

  #end(because: string, code: ConsoleErrorCode | undefined): void {
    this.#isTrying = false;
    this.#tries += 1;
    this.#say('closed', because, code);
  }

  async #open(): Promise<ConsoleLine> {
    const own = new AbortController();
    const pass = (): void => {
      own.abort();
    };
    this.#stop.signal.addEventListener('abort', pass, { once: true });
    let cancel = (): void => undefined;
    const late = new Promise<never>((_, reject) => {
      own.signal.addEventListener('abort', () => {
        reject(new ConsoleError('timeout', 'stopped waiting'));
      });
      cancel = this.#deps.clock.after(OPEN_MS, () => {
        reject(new ConsoleError('timeout', `it did not open within ${OPEN_MS / 1000} s`));
        own.abort();
      });
    });
    const opening = this.#deps.open(own.signal);
    try {
      return await Promise.race([opening, late]);
    } catch (error) {
      // One that opens after all has nobody to listen to it.
      opening.then((line) => line.close()).catch(() => undefined);
      throw error;
    } finally {
      cancel();
      this.#stop.signal.removeEventListener('abort', pass);
    }
  }

  #say(is: ConsoleLineSeen['is'], because: string | undefined, code?: ConsoleErrorCode): void {
    this.#seen = { is, sinceMs: this.#deps.clock.now(), because };
    this.#deps.changed(this.#seen, code);
    for (const waiting of [...this.#waiting]) waiting();
  }

  /** Half to one and a half of 1, 2, 4 … 30 s: a rack must not come back in step. */
  #pause(failures: number): Promise<void> {
    const jitter = 0.5 + (this.#deps.rng.octets(1)[0] ?? 0) / 255;
    const pauseMs = Math.min(PAUSE_MAX_MS, FIRST_PAUSE_MS * 2 ** Math.min(failures - 1, 10)) * jitter;
    return new Promise((resolve) => {
      const cancel = this.#isHeld ? (): void => undefined : this.#deps.clock.after(pauseMs, resolve);
      this.#wake = () => {
        // Only the end wakes one that was refused.
        if (this.#isHeld && !this.#stop.signal.aborted) return;
        cancel();
        resolve();
      };
      if (this.#stop.signal.aborted) this.#wake();
    });
  }
}
