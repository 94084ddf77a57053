import { ConsoleError, type ConsoleLine, type ConsoleTransport } from '../../server/ports/console.ts';

/** A serial line in memory: what the board says, what was typed to it, and how it ends. */
export interface PretendLine {
  readonly transport: ConsoleTransport;
  /** The board speaks; needs an open line. */
  say(text: string | Uint8Array): void;
  /** All keys the board got, of all lines. */
  typed(): string;
  breaks(): number;
  opened(): number;
  /** The parameters of the last opening. */
  parameters(): Readonly<Record<string, unknown>>;
  /** The line ends by itself. */
  end(because: string): void;
  /** Openings fail from now on; nothing: they go well again. */
  fail(error: ConsoleError | undefined): void;
  /** Openings and writings never end from now on. */
  hang(): void;
}

/** Makes one, as the transport `pretend` with a host and a secret. */
export function createPretendLine(): PretendLine {
  let heard: ((octets: Uint8Array) => void) | undefined;
  let over: ((because: string) => void) | undefined;
  let failing: ConsoleError | undefined;
  let given: Readonly<Record<string, unknown>> = {};
  let [typed, breaks, opened] = ['', 0, 0];
  let isHanging = false;
  const line = (): ConsoleLine => {
    const ended = new Promise<string>((resolve) => {
      over = (because) => {
        heard = undefined;
        over = undefined;
        resolve(because);
      };
    });
    return {
      listen: (listener) => {
        heard = listener;
      },
      write: (octets) => {
        typed += Buffer.from(octets).toString('latin1');
        return isHanging ? new Promise(() => undefined) : Promise.resolve();
      },
      sendBreak: () => {
        breaks += 1;
        return Promise.resolve();
      },
      close: () => {
        over?.('closed by us');
        return Promise.resolve();
      },
      ended,
    };
  };
  return {
    transport: {
      name: 'pretend',
      summary: 'A line in memory',
      fields: {
        host: { kind: 'host', label: 'Host', scope: 'controller', required: true },
        speed: { kind: 'integer', label: 'Speed', scope: 'machine', required: false },
        password: { kind: 'secret', label: 'Password', scope: 'controller', required: false },
      },
      open: (parameters) => {
        opened += 1;
        given = parameters;
        if (isHanging) return new Promise(() => undefined);
        return failing ? Promise.reject(failing) : Promise.resolve(line());
      },
    },
    say: (text) => {
      if (!heard) throw new Error('the line is not open');
      heard(typeof text === 'string' ? Buffer.from(text, 'latin1') : text);
    },
    typed: () => typed,
    breaks: () => breaks,
    opened: () => opened,
    parameters: () => given,
    end: (because) => over?.(because),
    fail: (error) => {
      failing = error;
    },
    hang: () => {
      isHanging = true;
    },
  };
}
