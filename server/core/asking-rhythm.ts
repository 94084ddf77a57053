/** How a machine asks by DHCP, as it was heard. Times on one clock that never goes back. */
export interface Asking {
  /** When its last asking began; what follows within a second belongs to it. */
  readonly beganMs: number;
  /** When it was heard last. */
  readonly heardMs: number;
  /** Milliseconds between askings, the newest last. */
  readonly gapsMs: readonly number[];
  /** Whether it is silent by our hand: the pause it is in says nothing of it. */
  readonly isExcused: boolean;
}

/** DISCOVER and REQUEST, and the retransmissions of a hurried loader, are one asking. */
const ONE_ASKING_MS = 1000;
/** A boot that goes well asks some times, too; a rhythm is more than that. */
const GAPS_MIN = 5;
const GAPS_MAX = 32;
/** A client that doubles its pauses (RFC 2131 §4.1) is not silent yet. */
const PATIENCE = 2.5;
/** Packets are on their way, batched, written down. */
const SLACK_MS = 2000;

/** What is known of it now that a packet of it was heard at `atMs`. */
export function heardAsking(before: Asking | undefined, atMs: number): Asking {
  const fresh: Asking = { beganMs: atMs, heardMs: atMs, gapsMs: [], isExcused: false };
  if (!before) return fresh;
  if (before.isExcused) return { ...fresh, gapsMs: before.gapsMs };
  const gapMs = atMs - before.beganMs;
  if (gapMs < ONE_ASKING_MS) return { ...before, heardMs: atMs };
  return { ...fresh, gapsMs: [...before.gapsMs, gapMs].slice(-GAPS_MAX) };
}

/**
 * After how many milliseconds without a word it is silent, judged by its own rhythm: two and a half of its longest
 * pause. Nothing where there is no rhythm: too few askings, or a longest pause that did not come twice.
 */
export function silentAfterMs({ gapsMs }: Asking): number | undefined {
  const [longest = 0, second = 0] = [...gapsMs].sort((a, b) => b - a);
  if (gapsMs.length < GAPS_MIN || second * 2 < longest) return undefined;
  return longest * PATIENCE + SLACK_MS;
}

/** Its longest pause in milliseconds; 0 where there was none yet. */
export function longestPauseMs({ gapsMs }: Asking): number {
  return Math.max(0, ...gapsMs);
}
