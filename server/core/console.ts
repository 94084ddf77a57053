/** How a machine's serial line is reached. Secrets are not here: they are sealed apart. */
export interface ConsoleSetting {
  readonly transport: string;
  readonly parameters: Readonly<Record<string, string | number | boolean>>;
}

/** What somebody may do with consoles, besides the role: nothing, watch, or type as well. */
export const CONSOLE_GRANTS = ['none', 'read', 'write'] as const;
export type ConsoleGrant = (typeof CONSOLE_GRANTS)[number];

/** The grant that counts: the account's own, else that of its role. */
export function consoleGrantOf(role: 'admin' | 'operator' | 'viewer', own: ConsoleGrant | undefined): ConsoleGrant {
  return own ?? (role === 'viewer' ? 'none' : 'write');
}

/** How a serial line stands, and since when (epoch milliseconds). */
export interface ConsoleLineSeen {
  readonly is: 'none' | 'connecting' | 'open' | 'closed';
  readonly sinceMs: number;
  /** Why it is not open, in words. */
  readonly because: string | undefined;
}

/** Something that happened beside the octets of a recording, at the offset where the next octet would be. */
export interface ConsoleMark {
  readonly at: number;
  readonly atMs: number;
  readonly is: 'opened' | 'closed' | 'paused' | 'resumed' | 'boot';
  /** The boot's id, or why. */
  readonly words: string;
}

/** Offsets of a recording: octets from `from` up to, not including, `to`. */
export interface ConsoleRange {
  readonly from: number;
  readonly to: number;
}

/** Where a boot stands in a recording: from its mark to the next boot's, or to the end. */
export function rangeOfBoot(
  marks: readonly ConsoleMark[],
  boot: string,
  recorded: ConsoleRange,
): ConsoleRange | undefined {
  const boots = marks.filter((mark) => mark.is === 'boot');
  const at = boots.findIndex((mark) => mark.words === boot);
  const mark = boots[at];
  if (!mark) return undefined;
  const to = boots[at + 1]?.at ?? recorded.to;
  return { from: Math.min(Math.max(mark.at, recorded.from), to), to };
}
