import type { PowerSeen } from '../core/machine.ts';
import type { PowerErrorCode } from '../ports/power-driver.ts';

/** Orders that change the power. */
export type PowerVerb = 'on' | 'off' | 'cycle' | 'reset';

/** How an order, a question or a wish ended. */
export type PowerOutcome =
  /** The state was seen after the order; `seen.atMs` says when. A driver without eyes leaves it `unknown`. */
  | { readonly is: 'done'; readonly seen: PowerSeen }
  | { readonly is: 'failed'; readonly code: PowerErrorCode; readonly because: string; readonly seen: PowerSeen }
  /** The machine changed hands while the order waited: the driver was not called. */
  | { readonly is: 'dropped'; readonly because: string }
  | { readonly is: 'refused'; readonly because: string };
