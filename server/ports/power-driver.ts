import type { Field, FieldValues } from '../core/field.ts';
import type { PowerState } from '../core/machine.ts';
import type { Clock } from './clock.ts';
import type { ConsoleLine } from './console.ts';
import type { Rng } from './rng.ts';

/** Why a power conversation failed. `unreachable`, `busy` and `timeout` are worth another try; the others never. */
export type PowerErrorCode =
  'unreachable' | 'busy' | 'timeout' | 'auth' | 'refused' | 'config' | 'tool-missing' | 'no-effect';

/** The error every driver throws; the message says what was tried on what, without secrets. */
export class PowerError extends Error {
  override readonly name = 'PowerError';
  readonly code: PowerErrorCode;
  constructor(code: PowerErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** What a driver may be able to do; `on` it must (wake-on-LAN can no more). */
export const ABILITIES = ['on', 'off', 'status', 'reset', 'bootdev', 'identify', 'info', 'console'] as const;
export type PowerAbility = (typeof ABILITIES)[number];

/** Where the next boot comes from; `none` leaves it to the machine. */
export type BootDevice = 'pxe' | 'disk' | 'none';

/** A driver bound to one machine's parameters. Each call is one try: the engine retries, waits and verifies. */
export interface PowerHandle {
  /** Orders the state. Returning means the device took the order, not that it came true. May be repeated freely. */
  set(want: 'on' | 'off', signal: AbortSignal): Promise<void>;
  query(signal: AbortSignal): Promise<PowerState>;
  reset?(signal: AbortSignal): Promise<void>;
  /** Sets the device of the next boot only. */
  bootdev?(device: BootDevice, signal: AbortSignal): Promise<void>;
  /** Makes the machine show itself to somebody in front of the rack for `forS` seconds (0 to 255; 0 ends it). */
  identify?(forS: number, signal: AbortSignal): Promise<void>;
  /** What the controller says of itself and the chassis, as words by label: `firmware`, `manufacturer`, `last power event`. */
  info?(signal: AbortSignal): Promise<Readonly<Record<string, string>>>;
  /** Opens the machine's serial line. `signal` ends the opening only; the line lives until it is closed. */
  console?(signal: AbortSignal): Promise<ConsoleLine>;
}

/** The world, as far as a driver may touch it. */
export interface PowerEdges {
  readonly clock: Clock;
  readonly rng: Rng;
}

/** A plug-in that switches a machine and says what it saw. One file in `power-drivers/`. */
export interface PowerDriver {
  readonly name: string;
  readonly summary: string;
  readonly fields: Readonly<Record<string, Field>>;
  readonly abilities: readonly PowerAbility[];
  /** Deadlines in milliseconds for one call and for an order to come true. */
  readonly callTimeoutMs: number;
  readonly settleTimeoutMs: number;
  /** The controller's own pace: milliseconds it needs between two commands; none: 0. */
  readonly paceMs?: number;
  /** Binds it to one machine; secrets are opened among the parameters. */
  open(parameters: FieldValues, edges: PowerEdges): PowerHandle;
}
