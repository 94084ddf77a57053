/** Which session sequence numbers have come in (IPMI 2.0 §6.12.13): the highest, and a bit for each of the 16 below. */
export interface SequenceWindow {
  readonly highest: number;
  readonly seen: number;
}

const BEHIND = 16;

/** Nothing has come in; the first packet of a session carries 1. */
export const FRESH_WINDOW: SequenceWindow = { highest: 0, seen: 1 };

/** The number after this one; 0 means "no session" and is passed over. */
export function nextSequence(sequence: number): number {
  return sequence >= 0xffffffff ? 1 : sequence + 1;
}

/**
 * The window with the number taken in; nothing for a duplicate or one too old. §6.12.13 also drops what is more than 16
 * ahead. Only packets with a good AuthCode come here, so that being ahead proves nothing but a loss: a console would never
 * recover from one of 17 packets.
 */
export function takeIn(window: SequenceWindow, sequence: number): SequenceWindow | undefined {
  if (sequence === 0) return undefined;
  const ahead = (sequence - window.highest) | 0;
  if (ahead < -BEHIND) return undefined;
  if (ahead > 0) return { highest: sequence, seen: ahead > BEHIND ? 1 : ((window.seen << ahead) | 1) & 0x1ffff };
  const bit = 1 << -ahead;
  return (window.seen & bit) === 0 ? { ...window, seen: window.seen | bit } : undefined;
}
