import type { Field, FieldValues } from '../core/field.ts';
import type { MachineId } from '../core/machine.ts';
import type { Result } from '../core/result.ts';
import type { Clock } from './clock.ts';
import type { Rng } from './rng.ts';

/** Why a console could not be opened or ended; `auth` is never tried again by itself. */
export type ConsoleErrorCode = 'unreachable' | 'busy' | 'timeout' | 'auth' | 'refused' | 'config' | 'tool-missing';

/** The error every transport throws; the message says what was tried on what, without secrets. */
export class ConsoleError extends Error {
  override readonly name = 'ConsoleError';
  readonly code: ConsoleErrorCode;
  constructor(code: ConsoleErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** An open serial line: octets as the board sends them, unchanged and in order. */
export interface ConsoleLine {
  /** Octets from the board; the first are given as soon as somebody listens. One listener. */
  listen(heard: (octets: Uint8Array) => void): void;
  /** Resolves when the transport has taken them: the writer waits, so that a slow line is not flooded. */
  write(octets: Uint8Array): Promise<void>;
  /** A serial break, where the transport has one. */
  sendBreak?(): Promise<void>;
  /** Ends it; harmless after the end. */
  close(): Promise<void>;
  /** Resolves when the line has ended, with the reason in words; never rejects. */
  readonly ended: Promise<string>;
}

/** The world, as far as a transport may touch it. */
export interface ConsoleEdges {
  readonly clock: Clock;
  readonly rng: Rng;
  /** How the machine's power driver opens it (serial over LAN, a virtual machine's port), where it declares `console`. */
  readonly byPowerDriver: ((signal: AbortSignal) => Promise<ConsoleLine>) | undefined;
}

/** A way to a board's serial line. One file in `server/consoles/`. */
export interface ConsoleTransport {
  readonly name: string;
  readonly summary: string;
  readonly fields: Readonly<Record<string, Field>>;
  /** Set only by an administrator: it opens what else belongs to this host alone. */
  readonly needs?: 'admin';
  /** `signal` ends the opening only. Throws `ConsoleError`. */
  open(parameters: FieldValues, edges: ConsoleEdges, signal: AbortSignal): Promise<ConsoleLine>;
}

/** What is asked of consoles before power goes on. */
export interface ConsoleDesk {
  /**
   * Resolves when the machine's console is open and recorded, or at once when none is set. An error says in words why
   * it is not open; it is given at the latest when `signal` is.
   */
  ready(machine: MachineId, signal: AbortSignal): Promise<Result<void>>;
}
