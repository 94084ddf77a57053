import type { Machine, PowerSeen } from '../core/machine.ts';
import type { BootDevice, PowerErrorCode } from '../ports/power-driver.ts';
import type { Actor } from './machines.ts';

export type PowerVerb = 'on' | 'off' | 'cycle' | 'reset';

export type PowerOutcome =
  /** The state was seen after the order; `seen.atMs` says when. */
  | { readonly is: 'done'; readonly seen: PowerSeen }
  | { readonly is: 'failed'; readonly code: PowerErrorCode; readonly because: string; readonly seen: PowerSeen }
  /** The machine changed hands while the order waited: the driver was not called. */
  | { readonly is: 'dropped'; readonly because: string }
  | { readonly is: 'refused'; readonly because: string };

/** Switches machines: one queue per controller, retries by error kind, every order verified. */
export interface PowerService {
  /** Returns when the wished state has been seen, or with the named reason. */
  order(machine: Machine, verb: PowerVerb, by: Actor): Promise<PowerOutcome>;
  /** Asks now and records what was seen. */
  status(machine: Machine): Promise<PowerOutcome>;
  bootdev(machine: Machine, device: BootDevice): Promise<PowerOutcome>;
  /** Whether an order is under way for it, and which. */
  underWay(machine: Machine): PowerVerb | undefined;
  /** Stops waiting for the order under way; the state is asked afresh. */
  abort(machine: Machine): void;
  /** Settles what a previous run left open: asks the state, never repeats an order (invariant I9). */
  recover(): Promise<void>;
  stop(): Promise<void>;
}
