import { Router, type Request, type Response } from 'express';
import { parseIpv4, type Ipv4 } from '../core/address.ts';
import type { Content } from '../ports/artefacts.ts';
import type { BootFiles, FileAnswer, TransferReport } from '../ports/boot-files.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import { cleanBootPath } from '../wire/boot-path.ts';
import { namesTag, readRange, type ByteRange } from './byte-range.ts';

/** What boot files over HTTP stand on. */
export interface BootFilesDeps {
  readonly files: BootFiles;
  readonly clock: Clock;
  readonly log: Log;
  /** A client that takes nothing for so long is given up; 60 s unless said. */
  readonly stallTimeoutMs?: number;
}

/** Octets handed to the socket at once; more of what lies in memory, where a piece is only a view. */
const PIECE_OCTETS = 1024 * 1024;
const PIECE_IN_MEMORY_OCTETS = 4 * PIECE_OCTETS;
const STALL_TIMEOUT_MS = 60_000;

/**
 * Boot files over HTTP: GET and HEAD of everything under `/boot/`, with single ranges and strong ETags. What a path means is
 * for `files` to say; how the transfer ended is told to it once, whatever happens.
 */
export function bootFilesRouter(deps: BootFilesDeps): Router {
  const router = Router();
  // Not a wildcard route: express would decode the path itself, and answer 400 with a stack where it cannot.
  router.use('/boot', async (req, res, next) => {
    if (req.method !== 'GET' && req.method !== 'HEAD') {
      next();
      return;
    }
    const asked = requestOf(req);
    if (!asked) {
      notFound(res);
      return;
    }
    const answer = await deps.files.open({ via: 'http', ...asked });
    if (answer.is === 'file') await new BootFileAnswer(deps, req, res, answer).run();
    else notFound(res);
  });
  return router;
}

function requestOf(req: Request): { readonly path: string; readonly peer: Ipv4; readonly local: Ipv4 } | undefined {
  const octets = percentDecoded(req.baseUrl + req.path);
  const path = octets ? cleanBootPath(octets) : undefined;
  const [peer, local] = [ipv4Of(req.socket.remoteAddress), ipv4Of(req.socket.localAddress)];
  if (!path?.ok || peer === undefined || local === undefined) return undefined;
  return { path: path.value, peer, local };
}

function percentDecoded(text: string): Uint8Array | undefined {
  try {
    return new TextEncoder().encode(decodeURIComponent(text));
  } catch {
    return undefined;
  }
}

function ipv4Of(address: string | undefined): Ipv4 | undefined {
  const parsed = parseIpv4((address ?? '').replace(/^::ffff:/, ''));
  return parsed.ok ? parsed.value : undefined;
}

function notFound(res: Response): void {
  res.status(404).type('text/plain').send('not found\n');
}

type FileFound = Extract<FileAnswer, { is: 'file' }>;

/** One answer with a file in it, from headers to report. */
class BootFileAnswer {
  readonly #deps: BootFilesDeps;
  readonly #req: Request;
  readonly #res: Response;
  readonly #file: FileFound;
  readonly #startedMs: number;
  #octetsSent = 0;
  #isReported = false;

  constructor(deps: BootFilesDeps, req: Request, res: Response, file: FileFound) {
    this.#deps = deps;
    this.#req = req;
    this.#res = res;
    this.#file = file;
    this.#startedMs = deps.clock.monotonicMs();
  }

  async run(): Promise<void> {
    try {
      await this.#answer();
    } catch (error) {
      this.#deps.log.error('a boot file cannot be sent', { path: this.#req.path, error: String(error) });
      this.#report('failed', String(error));
      // Content-Length is out already: only a broken connection tells the client that this is not the file.
      this.#res.destroy();
    } finally {
      this.#file.content.close();
    }
  }

  async #answer(): Promise<void> {
    const { content } = this.#file;
    const tag = `"${content.sha256}"`;
    this.#res.set({ ETag: tag, 'Accept-Ranges': 'bytes', 'Cache-Control': 'no-cache' });
    if (namesTag(this.#req.get('If-None-Match'), tag)) {
      this.#res.status(304).end();
      this.#report('done', 'not modified');
      return;
    }
    const range = this.#range(content, tag);
    if (range.is === 'unsatisfiable') {
      this.#res.status(416).set('Content-Range', `bytes */${content.octets}`).set('Content-Length', '0').end();
      this.#report('failed', `range ${this.#req.get('Range') ?? ''} lies beyond ${content.octets} octets`);
      return;
    }
    await this.#send(content, range);
  }

  #range(content: Content, tag: string): ByteRange {
    const condition = this.#req.get('If-Range');
    const isCurrent = condition === undefined || condition === tag;
    return this.#req.method === 'GET' && isCurrent
      ? readRange(this.#req.get('Range'), content.octets)
      : { is: 'whole' };
  }

  async #send(content: Content, range: Extract<ByteRange, { is: 'whole' | 'part' }>): Promise<void> {
    const [first, end] = range.is === 'part' ? [range.first, range.last + 1] : [0, content.octets];
    this.#res.setHeader('Content-Type', 'application/octet-stream');
    this.#res.setHeader('Content-Length', end - first);
    this.#res.status(range.is === 'part' ? 206 : 200);
    if (range.is === 'part') this.#res.setHeader('Content-Range', `bytes ${first}-${end - 1}/${content.octets}`);
    const isBodyWanted = this.#req.method !== 'HEAD';
    const pieceOctets = content.whole ? PIECE_IN_MEMORY_OCTETS : PIECE_OCTETS;
    for (let at = first; isBodyWanted && at < end; at += pieceOctets) {
      const piece = await this.#piece(content, at, Math.min(pieceOctets, end - at));
      const taken = await this.#write(piece);
      if (taken !== 'taken') {
        this.#report(taken === 'gone' ? 'aborted-by-peer' : 'gave-up', `the client is ${taken}`);
        this.#res.destroy();
        return;
      }
      this.#octetsSent += piece.length;
    }
    const sent = range.is === 'part' ? `range ${first}-${end - 1}` : 'whole';
    await this.#finish(isBodyWanted ? sent : 'asked only for the size');
  }

  async #piece(content: Content, at: number, octets: number): Promise<Uint8Array> {
    const piece = content.whole?.subarray(at, at + octets) ?? (await content.read(at, octets));
    if (piece.length !== octets) throw new Error(`${piece.length} of ${octets} octets could be read at ${at}`);
    return piece;
  }

  /** Hands over one piece and waits until the socket has taken it. */
  async #write(piece: Uint8Array): Promise<'taken' | 'gone' | 'stalled'> {
    if (this.#res.destroyed) return 'gone';
    if (this.#res.write(piece)) return 'taken';
    return this.#until('drain');
  }

  async #finish(words: string): Promise<void> {
    this.#res.end();
    const taken = this.#res.writableFinished ? 'taken' : await this.#until('finish');
    if (taken === 'taken') this.#report('done', words);
    else this.#report(taken === 'gone' ? 'aborted-by-peer' : 'gave-up', `the client is ${taken}`);
    if (taken === 'stalled') this.#res.destroy();
  }

  /** Waits for the response to say so, for the client to leave, or for the patience to end. Once a piece, so no frills. */
  #until(event: 'drain' | 'finish'): Promise<'taken' | 'gone' | 'stalled'> {
    const { clock, stallTimeoutMs } = this.#deps;
    const res = this.#res;
    return new Promise((resolve) => {
      const settle = (word: 'taken' | 'gone' | 'stalled'): void => {
        cancel();
        res.off(event, taken).off('close', gone);
        resolve(word);
      };
      const taken = (): void => {
        settle('taken');
      };
      const gone = (): void => {
        settle('gone');
      };
      const cancel = clock.after(stallTimeoutMs ?? STALL_TIMEOUT_MS, () => {
        settle('stalled');
      });
      res.once(event, taken).once('close', gone);
    });
  }

  #report(outcome: TransferReport['outcome'], words: string): void {
    if (this.#isReported) return;
    this.#isReported = true;
    this.#file.ended({
      outcome,
      octetsSent: this.#octetsSent,
      durationMs: this.#deps.clock.monotonicMs() - this.#startedMs,
      retransmits: 0,
      words,
    });
  }
}
