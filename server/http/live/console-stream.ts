import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { RawData, WebSocket, WebSocketServer } from 'ws';
import { z } from 'zod';
import type { ConsoleRoom, ConsoleSeat } from '../../services/console-room.ts';
import { whoAsks, type Trust, type Who } from '../auth.ts';
import type { HttpDeps } from '../deps.ts';
import { whyNotAllowed } from '../gate.ts';
import { isCrossSite } from '../headers.ts';
import { suffices } from '../rights.ts';
import { consoleStreamQuery } from '../schemas.ts';

type Deps = Pick<HttpDeps, 'machines' | 'consoles' | 'users' | 'clock' | 'log'>;

/** Streams that may be open at once, of all consoles together. */
const STREAMS_MAX = 400;
/** One account leaves room for others. */
const STREAMS_OF_ONE_MAX = 200;
const MESSAGE_OCTETS_MAX = 64 << 10;
const PIECE_OCTETS = 64 << 10;
/** Who was level once and is so far behind is too slow. */
const BEHIND_OCTETS_MAX = 4 << 20;
/** One piece must be taken by the network within so long. */
const TAKEN_WITHIN_MS = 30_000;
const LOOK_EVERY_MS = 10_000;
/** Orders, and keys that were refused, between two looks: each is answered, and nobody needs so many answers. */
const ASKED_MAX = 1000;
/** Closing codes (RFC 6455 §7.4.2: 4000 to 4999 are an application's own). */
const CODES = { goingAway: 1001, badMessage: 4000, notAllowed: 4001, tooSlow: 4008, tooMany: 4029 } as const;

const PATH = /^\/api\/v1\/machines\/([^/?]{1,200})\/console\/stream$/;

const wish = z.discriminatedUnion('do', [
  z.strictObject({ do: z.literal('take'), over: z.boolean().optional() }),
  z.strictObject({ do: z.literal('release') }),
  z.strictObject({ do: z.literal('break') }),
]);

/** Console streams over WebSockets, for every listener. */
export interface ConsoleStreams {
  /** What a listener does with a request to upgrade. */
  upgrade(trust: Trust, request: IncomingMessage, socket: Duplex, head: Buffer): void;
  close(): void;
}

interface Wanted {
  readonly who: Who;
  readonly room: ConsoleRoom;
  readonly from: number | undefined;
}

/** Makes them. */
export function createConsoleStreams(deps: Deps): ConsoleStreams {
  let server: Promise<WebSocketServer> | undefined;
  let isClosed = false;
  const open = new Set<Stream>();
  const join = async (trust: Trust, request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
    const wanted = await whatIsWanted(deps, trust, request);
    if ('status' in wanted) {
      refuse(socket, wanted);
      return;
    }
    const upgrades = await (server ??= webSockets());
    const own = [...open].filter(({ name }) => name === wanted.who.name).length;
    if (open.size >= STREAMS_MAX || own >= STREAMS_OF_ONE_MAX) {
      refuse(socket, { status: 503, words: 'too many streams are open' });
      return;
    }
    if (isClosed) {
      refuse(socket, { status: 503, words: 'Farrier is stopping' });
      return;
    }
    upgrades.handleUpgrade(request, socket, head, (peer) => {
      const whoNow = (): Promise<Who | undefined> => whoAsks(trust, deps.users, request);
      const stream = new Stream(deps, peer, wanted, whoNow);
      open.add(stream);
      peer.once('close', () => open.delete(stream));
      stream.begin();
    });
  };
  return {
    upgrade: (trust, request, socket, head) => {
      socket.on('error', () => socket.destroy());
      join(trust, request, socket, head).catch((error: unknown) => {
        deps.log.error('a console stream could not begin', { error: String(error) });
        refuse(socket, { status: 500, words: 'Farrier made a mistake' });
      });
    },
    close: () => {
      isClosed = true;
      for (const stream of [...open]) stream.end(CODES.goingAway, 'Farrier is stopping');
    },
  };
}

/** Loaded with the first stream, not with the daemon. */
async function webSockets(): Promise<WebSocketServer> {
  const { WebSocketServer } = await import('ws');
  return new WebSocketServer({ noServer: true, maxPayload: MESSAGE_OCTETS_MAX, perMessageDeflate: false });
}

interface Refusal {
  readonly status: number;
  readonly words: string;
}

function refuse(socket: Duplex, { status, words }: Refusal): void {
  if (socket.destroyed) return;
  const head = `HTTP/1.1 ${status} Refused\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8`;
  // Nobody else watches this socket any more: one whose other side stays open would be kept for ever.
  socket.end(`${head}\r\nContent-Length: ${Buffer.byteLength(words)}\r\n\r\n${words}`, () => socket.destroy());
}

async function whatIsWanted(deps: Deps, trust: Trust, request: IncomingMessage): Promise<Wanted | Refusal> {
  const [path = '', query = ''] = (request.url ?? '').split('?');
  const ref = PATH.exec(path)?.[1];
  if (ref === undefined) return { status: 404, words: 'nothing is here' };
  if (isCrossSite(request))
    return { status: 403, words: 'another site’s page asked for this; open Farrier’s own page' };
  const who = await whoAsks(trust, deps.users, request);
  if (!who) return { status: 401, words: 'log in first' };
  if (!suffices(who.role, 'console-read', who.console))
    return { status: 403, words: whyNotAllowed('console-read', who) };
  const asked = consoleStreamQuery.safeParse(Object.fromEntries(new URLSearchParams(query)));
  if (!asked.success) return { status: 400, words: 'from: must be a whole number' };
  const machine = await deps.machines.find(decoded(ref));
  if (!machine) return { status: 404, words: 'no such machine; name it by name, MAC or id' };
  return { who, room: await deps.consoles.room(machine), from: asked.data.from };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return '';
  }
}

/** One viewer's WebSocket. Octets are pulled from the recording as fast as the peer takes them: nothing piles up. */
class Stream {
  readonly #deps: Deps;
  readonly #peer: WebSocket;
  readonly #room: ConsoleRoom;
  readonly #whoNow: () => Promise<Who | undefined>;
  readonly #ends = new Set<() => void>();
  #who: Who;
  #seat: ConsoleSeat | undefined;
  #offset: number;
  #wasLevel = false;
  #isSending = false;
  #isOver = false;
  #hasAnswered = true;
  #asked = 0;

  constructor(deps: Deps, peer: WebSocket, { who, room, from }: Wanted, whoNow: () => Promise<Who | undefined>) {
    this.#deps = deps;
    this.#peer = peer;
    this.#who = who;
    this.#room = room;
    this.#whoNow = whoNow;
    const recorded = room.recording.range();
    this.#offset = Math.min(Math.max(from ?? recorded.to, recorded.from), recorded.to);
  }

  get name(): string {
    return this.#who.name;
  }

  begin(): void {
    this.#peer.on('error', () => {
      this.#peer.terminate();
    });
    this.#peer.once('close', () => {
      this.#leave();
    });
    this.#seat = this.#room.sit(this.#who.name, (news) => {
      this.#tell(news.is === 'writer' ? { ...news, writer: news.writer ?? null } : news);
    });
    if (!this.#seat) {
      this.end(CODES.tooMany, 'too many watch this console already');
      return;
    }
    const you = { mayWrite: this.#mayWrite() };
    const { to } = this.#room.recording.range();
    const writer = this.#room.writer() ?? null;
    this.#tell({ is: 'hello', from: this.#offset, to, line: this.#room.line(), writer, you });
    this.#peer.on('message', (data, isBinary) => {
      this.#hear(data, isBinary);
    });
    this.#peer.on('pong', () => {
      this.#hasAnswered = true;
    });
    this.#ends.add(
      this.#room.recording.subscribe(() => {
        this.#pump();
      }),
    );
    this.#lookAgain();
    this.#pump();
  }

  end(code: number, words: string): void {
    if (this.#isOver) return;
    this.#leave();
    this.#peer.close(code, words);
    // One that takes nothing does not take the end either.
    const cancel = this.#deps.clock.after(2000, () => {
      this.#peer.terminate();
    });
    this.#peer.once('close', cancel);
  }

  #leave(): void {
    this.#isOver = true;
    for (const end of [...this.#ends]) end();
    this.#ends.clear();
    this.#seat?.leave();
  }

  #hasEnded(): boolean {
    return this.#isOver;
  }

  #mayWrite(): boolean {
    return suffices(this.#who.role, 'console-write', this.#who.console);
  }

  #tell(message: object): void {
    if (this.#isOver) return;
    this.#peer.send(JSON.stringify(message), noAnswer);
  }

  #pump(): void {
    const { to } = this.#room.recording.range();
    if (this.#wasLevel && to - this.#offset > BEHIND_OCTETS_MAX) this.#tooSlow();
    if (this.#isSending || this.#isOver) return;
    this.#isSending = true;
    this.#sendAll()
      .catch((error: unknown) => {
        this.#deps.log.error('a console stream broke', { error: String(error) });
        this.end(CODES.goingAway, 'Farrier made a mistake; come back with the last offset');
      })
      .finally(() => {
        this.#isSending = false;
        if (!this.#isOver && this.#offset < this.#room.recording.range().to) this.#pump();
      });
  }

  async #sendAll(): Promise<void> {
    while (!this.#isOver) {
      const pieces = await this.#room.recording.read(this.#offset, PIECE_OCTETS);
      if (pieces.length === 0) break;
      for (const { at, atMs, octets } of pieces) {
        this.#tell({ is: 'at', offset: at, atMs });
        await this.#sent(octets);
        this.#offset = at + octets.length;
        if (this.#hasEnded()) return;
      }
    }
    this.#wasLevel = true;
  }

  /** Resolves when the network has taken the octets. */
  async #sent(octets: Uint8Array): Promise<void> {
    const cancel = this.#deps.clock.after(TAKEN_WITHIN_MS, () => {
      this.#tooSlow();
    });
    await new Promise<void>((resolve) => {
      const taken = (): void => {
        this.#ends.delete(taken);
        resolve();
      };
      this.#ends.add(taken);
      this.#peer.send(octets, { binary: true }, taken);
    });
    cancel();
  }

  #tooSlow(): void {
    this.end(CODES.tooSlow, 'too slow; come back with the last offset');
  }

  #hear(data: RawData, isBinary: boolean): void {
    if (this.#isOver || !this.#seat) return;
    const octets = octetsOf(data);
    if (!isBinary) {
      this.#count();
      if (!this.#hasEnded()) this.#obey(octets.toString(), this.#seat);
      return;
    }
    const typed = this.#seat.keys(octets);
    if (typed.ok) return;
    this.#count();
    this.#tell({ is: 'refused', because: typed.error });
  }

  #count(): void {
    this.#asked += 1;
    if (this.#asked > ASKED_MAX) this.end(CODES.tooMany, 'too many orders; come back and send fewer');
  }

  #obey(text: string, seat: ConsoleSeat): void {
    const order = wish.safeParse(parsed(text));
    if (!order.success) {
      this.end(CODES.badMessage, 'send {"do":"take"}, {"do":"release"} or {"do":"break"}');
      return;
    }
    switch (order.data.do) {
      case 'take': {
        const taken = this.#mayWrite()
          ? seat.take(order.data.over === true)
          : { ok: false as const, error: whyNotAllowed('console-write', this.#who) };
        if (!taken.ok) this.#tell({ is: 'refused', because: taken.error });
        return;
      }
      case 'release':
        seat.release();
        return;
      case 'break':
        void seat.sendBreak().then((sent) => {
          if (!sent.ok) this.#tell({ is: 'refused', because: sent.error });
        });
    }
  }

  /** A session that ends takes its streams with it; so does a right that is taken away, and a peer that is gone. */
  #lookAgain(): void {
    const cancel = this.#deps.clock.after(LOOK_EVERY_MS, () => {
      this.#ends.delete(cancel);
      void this.#look().then(() => {
        if (!this.#isOver) this.#lookAgain();
      });
    });
    this.#ends.add(cancel);
  }

  async #look(): Promise<void> {
    const who = await this.#whoNow().catch(() => undefined);
    if (this.#isOver) return;
    if (!who || !suffices(who.role, 'console-read', who.console)) {
      this.end(CODES.notAllowed, 'the session has ended, or the right to read consoles');
      return;
    }
    this.#who = who;
    this.#asked = 0;
    if (!this.#mayWrite()) this.#seat?.release();
    if (!this.#hasAnswered) {
      this.#peer.terminate();
      return;
    }
    this.#hasAnswered = false;
    this.#peer.ping();
  }
}

function noAnswer(): void {
  // A peer that is gone is noticed by its "close".
}

function octetsOf(data: RawData): Buffer {
  if (Array.isArray(data)) return Buffer.concat(data);
  return Buffer.isBuffer(data) ? data : Buffer.from(data);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
