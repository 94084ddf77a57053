import type { Socket } from 'node:dgram';
import type { Clock } from '../../server/ports/clock.ts';
import { ConsoleError, type ConsoleLine } from '../../server/ports/console.ts';
import type { SolItem } from '../../server/wire/ipmi/sol-sender.ts';
import { solDueMs, stepSol, type SolAction, type SolEvent, type SolState } from '../../server/wire/ipmi/sol-line.ts';

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

type Bare<E> = E extends { readonly nowMs: number } ? Omit<E, 'nowMs'> : never;

/** A serial line over a socket on which SOL has just been activated. It owns the socket, and closes it with the end. */
export function openSolLine(socket: Socket, begin: SolState, name: string, clock: Clock): ConsoleLine {
  const site = new SolLine(socket, begin, name, clock);
  return {
    listen: (heard) => {
      site.listen(heard);
    },
    write: (octets) => (octets.length === 0 ? Promise.resolve() : site.send({ is: 'keys', octets: octets.slice() })),
    sendBreak: () => site.send({ is: 'break' }),
    close: async () => {
      site.feed({ is: 'close' });
      await site.ended;
    },
    ended: site.ended,
  };
}

/** Obeys the line: owns its one timer, what was heard before anybody listened, and who waits for a write. */
class SolLine {
  readonly ended: Promise<string>;
  readonly #socket: Socket;
  readonly #name: string;
  readonly #clock: Clock;
  readonly #waiting: Waiting[] = [];
  #unheard: Uint8Array[] = [];
  #heard: ((octets: Uint8Array) => void) | undefined;
  #state: SolState;
  #cancel = (): void => undefined;
  #over: ((because: string) => void) | undefined;

  constructor(socket: Socket, begin: SolState, name: string, clock: Clock) {
    this.#socket = socket;
    this.#state = begin;
    this.#name = name;
    this.#clock = clock;
    this.ended = new Promise((resolve) => {
      this.#over = resolve;
    });
    socket.on('message', (octets) => {
      this.feed({ is: 'datagram', octets });
    });
    // "Port unreachable": the BMC restarts, or it has lost its address.
    socket.on('error', (cause) => {
      this.#end(cause.message);
    });
    this.feed({ is: 'tick' });
  }

  listen(heard: (octets: Uint8Array) => void): void {
    this.#heard = heard;
    for (const octets of this.#unheard.splice(0)) heard(octets);
    this.feed({ is: 'listen' });
  }

  send(item: SolItem): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.feed({ is: 'send', item });
    });
  }

  feed(bare: Bare<SolEvent>): void {
    const step = stepSol(this.#state, { ...bare, nowMs: this.#clock.monotonicMs() });
    this.#state = step.state;
    this.#cancel();
    const dueMs = solDueMs(step.state);
    if (dueMs !== undefined && this.#over)
      this.#cancel = this.#clock.after(Math.max(0, dueMs - this.#clock.monotonicMs()), () => {
        this.feed({ is: 'tick' });
      });
    for (const action of step.actions) this.#do(action);
  }

  #do(action: SolAction): void {
    switch (action.do) {
      case 'send':
        if (this.#over) this.#socket.send(action.datagram);
        return;
      case 'hear':
        if (this.#heard) this.#heard(action.octets);
        else this.#unheard.push(action.octets);
        return;
      case 'taken':
        this.#waiting.shift()?.resolve();
        return;
      case 'refused':
        this.#refuse(action.because);
        return;
      case 'end':
        this.#end(action.because);
    }
  }

  #refuse(because: string): void {
    for (const each of this.#waiting.splice(0)) each.reject(new ConsoleError('refused', `${this.#name}: ${because}`));
  }

  #end(because: string): void {
    const over = this.#over;
    if (!over) return;
    this.#over = undefined;
    this.#cancel();
    this.#socket.close();
    this.#refuse(because);
    over(because === 'closed' ? because : `${this.#name}: ${because}`);
  }
}
