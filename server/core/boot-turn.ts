import type { FarrierEvent } from './event.ts';

/** What a power event means for the boots of its machine. */
export type BootTurn = 'begins' | 'ends' | 'none';

/**
 * Orders begin and end boots; what was merely seen does not, for it is often seen late, while firmware already speaks.
 * Only a machine that is seen off without an order has ended what it did.
 */
export function bootTurn(event: Pick<FarrierEvent, 'kind' | 'detail'>): BootTurn {
  if (event.kind !== 'power') return 'none';
  const { verb, step, state, was } = event.detail;
  if (verb === undefined) return state === 'off' ? 'ends' : 'none';
  if (step === 'started') {
    if (verb === 'off' || verb === 'cycle') return 'ends';
    // "on" may be said to a machine that runs, and changes nothing then.
    return verb === 'on' && was === 'on' ? 'none' : 'begins';
  }
  return verb === 'cycle' && step === 'on-ordered' ? 'begins' : 'none';
}
