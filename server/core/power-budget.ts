/** Times machinery may switch one machine on or over within the span, without a person in between looking at it. */
export const MACHINERY_CYCLES_MAX = 3;
/** Milliseconds in which they are counted. */
export const BUDGET_SPAN_MS = 3_600_000;

/** What counts of an order that was given. */
export interface CountedOrder {
  readonly verb: 'on' | 'off' | 'cycle' | 'reset';
  readonly isMachinery: boolean;
  readonly step: string;
}

/**
 * Why machinery may not switch a machine once more, from its orders of the span; nothing when it may. A board that
 * never boots must not be cycled for ever: relays and power supplies wear out. People are not counted, but told.
 */
export function overBudget(orders: readonly CountedOrder[]): string | undefined {
  const boots = orders.filter(({ verb, step }) => verb !== 'off' && step !== 'dropped');
  const own = boots.filter(({ isMachinery }) => isMachinery).length;
  if (own < MACHINERY_CYCLES_MAX) return undefined;
  const others = boots.length - own;
  const people = others === 0 ? '' : `, and people ${others === 1 ? 'once' : `${others} times`}`;
  return `Farrier by itself switched it ${own} times within an hour${people}; find out why it does not boot, then order it by hand`;
}
