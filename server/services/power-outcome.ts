import type { PowerSeen } from '../core/machine.ts';
import type { PowerErrorCode } from '../ports/power-driver.ts';

/** Orders that change the power. */
export type PowerVerb = 'on' | 'off' | 'cycle' | 'reset';

/** Whose word lets an order pass that is refused for its consequences: that of whoever orders, or an administrator's. */
export type Forcing = 'operator' | 'admin';

/** How an order is given. */
export interface OrderWay {
  /** Switches although the order would be refused for its consequences, as far as this reaches. */
  readonly force?: Forcing | undefined;
  /** Farrier orders it by itself: it has a budget, and a refusal is told on the timeline, for nobody waits for it. */
  readonly isMachinery?: boolean;
  /** Many orders given at once: a refusal is told on the timeline. */
  readonly isOneOfMany?: boolean;
  /** Milliseconds until its turn; it is under way, and may be aborted, from now on. */
  readonly delayMs?: number;
}

/** How an order, a question or a wish ended. */
export type PowerOutcome =
  /**
   * The state was seen after the order; `seen.atMs` says when. A driver without eyes leaves it `unknown`. `info`: what
   * the controller said of itself, where that was asked.
   */
  | { readonly is: 'done'; readonly seen: PowerSeen; readonly info?: Readonly<Record<string, string>> }
  | { readonly is: 'failed'; readonly code: PowerErrorCode; readonly because: string; readonly seen: PowerSeen }
  /** The machine changed hands while the order waited: the driver was not called. */
  | { readonly is: 'dropped'; readonly because: string }
  /** Nothing was switched; `forcedBy` says whose "all the same" would let it pass. */
  | { readonly is: 'refused'; readonly because: string; readonly forcedBy?: Forcing };
