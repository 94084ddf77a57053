import type { Response } from 'express';
import { EscapeFilter } from '../core/console-lines.ts';
import type { ConsoleRecording, RecordedPiece } from '../ports/console-recordings.ts';

/** A part of a recording: octets from `from` up to, not including, `to`. */
export interface LogPart {
  readonly recording: Pick<ConsoleRecording, 'read'>;
  readonly from: number;
  readonly to: number;
}

/** Turns pieces into what is sent; `end` gives what is left over. */
interface Shaper {
  take(piece: RecordedPiece): string;
  end(): string;
}

const READ_OCTETS = 256 << 10;
/** One answer of timed pieces; whoever wants more goes on from its `to`. */
const TIMED_OCTETS_MAX = 4 << 20;
const LINE_LETTERS_MAX = 4096;
const LF = 10;

/** The pieces of a part, in order. */
async function* piecesOf({ recording, from, to }: LogPart): AsyncGenerator<RecordedPiece> {
  for (let offset = from; offset < to;) {
    const pieces = await recording.read(offset, Math.min(READ_OCTETS, to - offset));
    const last = pieces.at(-1);
    if (!last) return;
    for (const piece of pieces) {
      if (piece.at >= to) return;
      yield { ...piece, octets: piece.octets.subarray(0, to - piece.at) };
    }
    offset = last.at + last.octets.length;
  }
}

/** Sends a part as its octets, unchanged, or as what `shape` makes of it. */
export async function sendLog(part: LogPart, response: Response, shape: Shaper | undefined): Promise<void> {
  response.type(shape ? 'text/plain; charset=utf-8' : 'application/octet-stream');
  response.setHeader('Console-From', part.from);
  response.setHeader('Console-To', part.to);
  for await (const piece of piecesOf(part)) {
    const out = shape ? shape.take(piece) : piece.octets;
    if (out.length > 0 && !response.write(out)) await drained(response);
    if (response.destroyed) return;
  }
  response.end(shape?.end());
}

/** Resolves when the peer takes more, or is gone. */
function drained(response: Response): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.on('drain', done);
    response.on('close', done);
    if (response.destroyed) done();
  });
}

/** A part as pieces for a replay, at most 4 MiB of it. */
export async function timedLog(part: LogPart): Promise<object> {
  const chunks: { at: number; atMs: number; octets: string }[] = [];
  let to = part.from;
  for await (const { at, atMs, octets } of piecesOf({ ...part, to: Math.min(part.to, part.from + TIMED_OCTETS_MAX) })) {
    chunks.push({ at, atMs, octets: Buffer.from(octets).toString('base64') });
    to = at + octets.length;
  }
  return { from: part.from, to, chunks };
}

/**
 * Lines for people: each with the time its first octet came in front, without escape sequences and control characters,
 * cut at 4096 characters, so that a terminal shows nothing that the board made up.
 */
export function consoleLines(): Shaper {
  const decoder = new TextDecoder();
  const filter = new EscapeFilter();
  let line = '';
  let sinceMs: number | undefined;
  const finished = (): string => {
    const text = `${new Date(sinceMs ?? 0).toISOString()} ${line.replace(/\p{Cc}/gu, '')}\n`;
    line = '';
    sinceMs = undefined;
    return text;
  };
  const isShown = (octet: number): boolean => {
    if (octet !== LF) return filter.isText(octet);
    filter.reset();
    return true;
  };
  return {
    take: ({ atMs, octets }) => {
      let out = '';
      for (const part of decoder.decode(octets.filter(isShown), { stream: true }).split(/(?<=\n)/)) {
        if (part === '') continue;
        sinceMs ??= atMs;
        line += part.slice(0, Math.max(0, LINE_LETTERS_MAX - line.length));
        if (part.endsWith('\n')) out += finished();
      }
      return out;
    },
    end: () => (sinceMs === undefined ? '' : finished()),
  };
}
