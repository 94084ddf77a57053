import type { Request, Response } from 'express';
import type { Clock } from '../../ports/clock.ts';

/** A comment line goes out this often, so that proxies and browsers keep the stream. */
const COMMENT_EVERY_MS = 15_000;
/** A reader who is this far behind is cut off; on coming back it gets the full set. */
const BEHIND_OCTETS_MAX = 4 << 20;

/** One message of a stream (HTML Standard, "Server-sent events"). */
export interface SseMessage {
  readonly id?: number;
  readonly event: string;
  readonly data: unknown;
}

/** An open event stream. */
export interface EventStream {
  send(message: SseMessage): void;
  close(): void;
  /** Called once, however it ended. */
  onEnd(call: () => void): void;
}

/** How a message looks on the wire. */
export function formatMessage(message: SseMessage): string {
  const id = message.id === undefined ? '' : `id: ${message.id}\n`;
  return `${id}event: ${message.event}\ndata: ${JSON.stringify(message.data)}\n\n`;
}

/**
 * Opens an event stream on a response. `isStillAllowed` is asked with each comment line: a session that ends takes
 * its streams with it.
 */
export function openStream(
  request: Request,
  response: Response,
  clock: Clock,
  isStillAllowed: () => Promise<boolean>,
): EventStream {
  let isOpen = true;
  let cancel: () => void = () => undefined;
  const enders: (() => void)[] = [];
  const end = (): void => {
    if (!isOpen) return;
    isOpen = false;
    cancel();
    for (const call of enders) call();
    response.end();
  };
  const write = (text: string): void => {
    if (!isOpen) return;
    if (response.writableLength > BEHIND_OCTETS_MAX) response.destroy();
    else response.write(text);
  };
  const beat = async (): Promise<void> => {
    const isAllowed = await isStillAllowed().catch(() => false);
    if (!isAllowed) end();
    write(':\n\n');
    if (isOpen) cancel = clock.after(COMMENT_EVERY_MS, () => void beat());
  };
  request.socket.setTimeout(0);
  request.socket.setNoDelay(true);
  response.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8', 'X-Accel-Buffering': 'no' });
  response.on('close', end);
  response.on('error', end);
  write('retry: 1000\n\n');
  cancel = clock.after(COMMENT_EVERY_MS, () => void beat());
  return {
    send: (message) => {
      write(formatMessage(message));
    },
    close: end,
    onEnd: (call) => {
      if (isOpen) enders.push(call);
      else call();
    },
  };
}

/** Counts open streams and refuses those over the limit. */
export class StreamSet {
  readonly #open = new Set<EventStream>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  get isFull(): boolean {
    return this.#open.size >= this.#max;
  }

  add(stream: EventStream): void {
    this.#open.add(stream);
    stream.onEnd(() => this.#open.delete(stream));
  }

  closeAll(): void {
    for (const stream of [...this.#open]) stream.close();
  }
}
