import type { WebSocket } from 'ws';
import { z } from 'zod';
import { pause, type Clock } from '../ports/clock.ts';
import { CliFailure, EXIT } from './failure.ts';

const writerShape = z.looseObject({ name: z.string(), sinceMs: z.number() }).nullish();
const lineShape = z.looseObject({ is: z.string(), because: z.string().nullish() });
const frameShape = z.discriminatedUnion('is', [
  z.looseObject({
    is: z.literal('hello'),
    from: z.number(),
    to: z.number(),
    line: lineShape,
    writer: writerShape,
    you: z.looseObject({ mayWrite: z.boolean() }),
  }),
  z.looseObject({ is: z.literal('line'), line: lineShape }),
  z.looseObject({ is: z.literal('writer'), writer: writerShape, you: z.boolean() }),
  z.looseObject({ is: z.literal('at'), offset: z.number(), atMs: z.number() }),
  z.looseObject({ is: z.literal('refused'), because: z.string() }),
]);
/** What the daemon says between the octets of a console. */
export type ConsoleFrame = z.infer<typeof frameShape>;

/** The daemon closes with this code when its reader does not keep up. */
const TOO_SLOW = 4008;
const WAITS_MS = [0, 500, 1000, 2000, 4000, 8000, 8000, 8000, 8000, 8000];

/** How a console is followed. */
export interface FollowOptions {
  /** Opens the stream from an offset. */
  readonly open: (from: number) => Promise<WebSocket>;
  readonly from: number;
  readonly clock: Clock;
  /** Octets of the board, in order; the next come when this has resolved. */
  readonly octets: (octets: Uint8Array) => Promise<void>;
  readonly said: (frame: ConsoleFrame) => void;
  /** The stream broke off and is opened again, or could not be yet. */
  readonly lost: (because: string) => void;
}

/** A console that is being followed. */
export interface Following {
  send(octets: Uint8Array): void;
  ask(wish: { readonly do: 'take' | 'release' | 'break'; readonly over?: boolean }): void;
  end(): void;
  /** Resolves at `end`. @throws CliFailure when the daemon refuses, or is gone for good */
  readonly ended: Promise<void>;
}

interface Session {
  /** Whether the daemon said hello. */
  readonly isOpened: boolean;
  readonly code: number;
  readonly because: string;
}

function frameOf(text: string): ConsoleFrame | undefined {
  try {
    return frameShape.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

class Follower implements Following {
  readonly ended: Promise<void>;
  readonly #options: FollowOptions;
  #next: number;
  #socket: WebSocket | undefined;
  #isEnded = false;

  constructor(options: FollowOptions) {
    this.#options = options;
    this.#next = options.from;
    this.ended = this.#run();
  }

  send(octets: Uint8Array): void {
    this.#opened()?.send(octets);
  }

  ask(wish: { readonly do: string }): void {
    this.#opened()?.send(JSON.stringify(wish));
  }

  end(): void {
    this.#isEnded = true;
    this.#socket?.close();
  }

  #opened(): WebSocket | undefined {
    const socket = this.#socket;
    return socket && socket.readyState === socket.OPEN ? socket : undefined;
  }

  async #run(): Promise<void> {
    let tries = 0;
    for (let wasOpened = false; !this.#isEnded;) {
      const session = await this.#session();
      if (this.#hasEnded()) return;
      if (!wasOpened && !session.isOpened) throw new CliFailure(EXIT.failed, `no console: ${session.because}`);
      wasOpened = true;
      tries = session.isOpened ? 0 : tries + 1;
      const waitMs = session.code === TOO_SLOW ? 0 : WAITS_MS[tries];
      if (waitMs === undefined) throw new CliFailure(EXIT.failed, `the daemon does not come back: ${session.because}`);
      this.#options.lost(session.because);
      if (waitMs > 0) await pause(this.#options.clock, waitMs);
    }
  }

  /** Asked afresh after each wait: the user may have ended it meanwhile. */
  #hasEnded(): boolean {
    return this.#isEnded;
  }

  /** One stream from its opening to its end. */
  async #session(): Promise<Session> {
    const socket = await this.#options.open(this.#next);
    this.#socket = socket;
    let [isOpened, because] = [false, ''];
    let work = Promise.resolve();
    return new Promise((resolve, reject) => {
      socket.on('message', (data: Buffer, isBinary) => {
        if (isBinary) {
          this.#next += data.length;
          // The reader's pace is the stream's pace: nothing piles up here.
          socket.pause();
          work = work
            .then(() => this.#options.octets(data))
            .finally(() => {
              socket.resume();
            });
          work.catch(reject);
          return;
        }
        const frame = frameOf(data.toString());
        if (!frame) return;
        if (frame.is === 'hello') [isOpened, this.#next] = [true, frame.from];
        if (frame.is === 'at') this.#next = frame.offset;
        work = work.then(() => {
          this.#options.said(frame);
        });
      });
      socket.on('error', (error) => {
        because ||= error.message;
      });
      socket.on('close', (code, reason) => {
        const words = reason.toString() || because || `the stream broke off (${code})`;
        void work.finally(() => {
          resolve({ isOpened, code, because: words });
        });
      });
    });
  }
}

/** Follows a console, and opens it again from the last octet when it breaks off. */
export function followConsole(options: FollowOptions): Following {
  return new Follower(options);
}
