import type { Layer } from './boot-verdict.ts';
import type { Loader } from './arch.ts';
import type { Severity } from './event.ts';
import { err, ok, type Result } from './result.ts';

/** Something that a console says and that means something, as data. */
export interface ConsolePattern {
  readonly name: string;
  /** Literal text with named gaps: `U-Boot {version} (`. No regular expression, so nothing that is said can hang it. */
  readonly text: string;
  /** What the timeline says of it; gaps may stand in it. */
  readonly says: string;
  readonly severity: Severity;
  /** The loader whose banner this is; the gap `version` then is its version. */
  readonly loader: Loader | undefined;
  /** The boot stops here, in this layer. */
  readonly stops: Layer | undefined;
  readonly remedy: string | undefined;
  /** Whether the last octets are kept with the boot. */
  readonly tail: boolean;
}

/** A pattern's text taken apart. */
export type PatternPiece =
  { readonly is: 'text'; readonly text: string } | { readonly is: 'gap'; readonly name: string };

/** Letters of the first literal, so that a pattern does not look everywhere for nearly nothing. */
const FIRST_LETTERS_MIN = 4;
const GAP_LETTERS_MAX = 80;

/** Takes a pattern's text apart, or says what is wrong with it. */
export function parsePattern(text: string): Result<readonly PatternPiece[]> {
  const parts = text.split(/(\{[a-z]{1,20}\})/).filter((part) => part !== '');
  const pieces = parts.map((part): PatternPiece =>
    /^\{[a-z]{1,20}\}$/.test(part) ? { is: 'gap', name: part.slice(1, -1) } : { is: 'text', text: part },
  );
  const [first] = pieces;
  if (first?.is !== 'text' || first.text.length < FIRST_LETTERS_MIN)
    return err(`must begin with ${FIRST_LETTERS_MIN} letters or more of literal text`);
  if (pieces.some((piece, at) => piece.is === 'gap' && pieces[at + 1]?.is === 'gap'))
    return err('must have literal text between two gaps');
  const gaps = gapsOf(pieces);
  if (new Set(gaps).size !== gaps.length) return err('names a gap twice');
  return ok(pieces);
}

/** The names of a pattern's gaps. */
export function gapsOf(pieces: readonly PatternPiece[]): readonly string[] {
  return pieces.flatMap((piece) => (piece.is === 'gap' ? [piece.name] : []));
}

/**
 * What stands in the gaps, when the line says it. Each literal is looked for once, after the one before: time grows with
 * the line and with nothing else. What is in a gap is bounded, printable ASCII.
 */
export function matchPattern(
  pieces: readonly PatternPiece[],
  line: string,
): Readonly<Record<string, string>> | undefined {
  const found: Record<string, string> = {};
  let at = 0;
  let gap: { readonly name: string; readonly from: number } | undefined;
  for (const piece of pieces) {
    if (piece.is === 'gap') {
      gap = { name: piece.name, from: at };
      continue;
    }
    const where = line.indexOf(piece.text, at);
    if (where < 0) return undefined;
    if (gap) found[gap.name] = gapText(line.slice(gap.from, where));
    gap = undefined;
    at = where + piece.text.length;
  }
  if (gap) found[gap.name] = gapText(line.slice(gap.from));
  return found;
}

function gapText(text: string): string {
  const plain = text.slice(0, GAP_LETTERS_MAX).replace(/[^ -~]/g, '');
  return plain.trim();
}

/** Puts what stood in the gaps into a text; a gap that was not there stays empty. */
export function fillGaps(text: string, gaps: Readonly<Record<string, string>>): string {
  return text.replace(/\{([a-z]{1,20})\}/g, (_, name: string) => gaps[name] ?? '');
}
