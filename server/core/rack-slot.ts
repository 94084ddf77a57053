import { err, ok, type Result } from './result.ts';

/** The whole width of a rack, or one half of it: two small boards often share a tray. */
type RackSide = 'whole' | 'left' | 'right';

/** Where a machine sits in its rack, in height units counted from the bottom, as labels on racks count them. */
export interface RackSlot {
  readonly from: number;
  /** The highest unit it fills; the same as `from` for most. */
  readonly to: number;
  readonly side: RackSide;
}

/** The highest unit there is: the tallest racks sold have 58. */
export const RACK_UNITS_MAX = 60;
const RACK_NAME = /^[A-Za-z0-9]([A-Za-z0-9 ._-]{0,30}[A-Za-z0-9])?$/;

/** Reads `3`, `3-4`, `3 left` or `3-4 right`; units are counted from 1 at the bottom. */
export function parseRackSlot(text: string): Result<RackSlot> {
  const [, first = '', last = first, side = 'whole'] =
    /^(\d{1,2})(?:\s*-\s*(\d{1,2}))?(?:\s+(left|right))?$/.exec(text.trim().toLowerCase()) ?? [];
  const [from, to] = [Number(first), Number(last)];
  if (first === '') return err(`"${text.slice(0, 40)}" cannot be a slot; write it like 3, 3-4, or 3 left`);
  if (from < 1 || to > RACK_UNITS_MAX || to < from)
    return err(`slot ${text.trim()} is not in a rack; units go from 1 at the bottom up to ${RACK_UNITS_MAX}`);
  return ok({ from, to, side: side === 'left' || side === 'right' ? side : 'whole' });
}

/** A slot as `parseRackSlot` reads it. */
export function formatRackSlot({ from, to, side }: RackSlot): string {
  return `${from === to ? String(from) : `${from}-${to}`}${side === 'whole' ? '' : ` ${side}`}`;
}

/** Whether two slots of one rack share a place. */
export function overlaps(a: RackSlot, b: RackSlot): boolean {
  const sameSide = a.side === 'whole' || b.side === 'whole' || a.side === b.side;
  return sameSide && a.from <= b.to && b.from <= a.to;
}

/** Reads a rack's name: 1 to 32 letters, digits, blanks, dots, dashes and underlines. */
export function parseRackName(text: string): Result<string> {
  const name = text.trim();
  if (RACK_NAME.test(name)) return ok(name);
  return err(`"${text.slice(0, 40)}" cannot name a rack; use 1 to 32 letters, digits, blanks, dots and dashes`);
}
