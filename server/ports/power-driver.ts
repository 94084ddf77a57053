import type { PowerState } from '../core/machine.ts';
import type { Clock } from './clock.ts';
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

/** A parameter a driver needs; the form, the check, the redaction and the docs all follow from it. */
export interface PowerField {
  readonly kind: 'host' | 'port' | 'text' | 'secret' | 'integer' | 'choice' | 'file';
  readonly label: string;
  readonly help?: string;
  /** `controller` fields together name the device whose commands queue behind each other. */
  readonly scope: 'controller' | 'machine';
  readonly required: boolean;
  readonly default?: string | number;
  readonly choices?: readonly string[];
  readonly min?: number;
  readonly max?: number;
  /** A regular expression without backtracking the whole text must match. */
  readonly pattern?: string;
  readonly unit?: string;
}

/** What a driver may be able to do; `on` and `off` it must. */
export const ABILITIES = ['on', 'off', 'status', 'reset', 'bootdev', 'identify'] as const;
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
}

/** The world, as far as a driver may touch it. */
export interface PowerEdges {
  readonly clock: Clock;
  readonly rng: Rng;
}

/** A driver's fields with their values, secrets opened. */
export type PowerParameters = Readonly<Record<string, string | number | boolean>>;

/** A plug-in that switches a machine and says what it saw. One file in `power-drivers/`. */
export interface PowerDriver {
  readonly name: string;
  readonly summary: string;
  readonly fields: Readonly<Record<string, PowerField>>;
  readonly abilities: readonly PowerAbility[];
  /** Deadlines in milliseconds for one call and for an order to come true. */
  readonly callTimeoutMs: number;
  readonly settleTimeoutMs: number;
  open(parameters: PowerParameters, edges: PowerEdges): PowerHandle;
}
