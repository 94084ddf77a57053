import type { Mac } from './address.ts';
import type { Board, BoardSigns } from './board.ts';
import type { Facts } from './facts.ts';
import type { Recognition } from './machine.ts';
import { requesterOf, type RequesterSigns } from './requester.ts';

/** Everything seen of a machine that may tell its board: its packets, and its agent's facts once it has run. */
export interface Evidence extends RequesterSigns {
  readonly mac: Mac;
  /** Option 60. */
  readonly vendorClass: string | undefined;
  readonly facts: Pick<Facts, 'vendor' | 'product' | 'dtCompatible'> | undefined;
}

/** One kind of sign: what the board wants, what was seen, and the words for the two agreeing. */
interface Sign {
  readonly agrees: boolean;
  readonly words: string;
}

/** How well a board agrees. More signs are more specific; among device trees the earlier entry is. */
interface Match {
  readonly board: Board;
  readonly words: readonly string[];
  readonly dtRank: number;
  readonly depth: number;
}

/**
 * The board that agrees with most of what was seen, and the words that say why; nothing when none does. All signs a
 * board gives must have been seen and agree, so a board known by its device tree is found only after the agent ran.
 * A spoofed packet can bring any of them about: evidence, never proof.
 */
export function recognise(boards: readonly Board[], seen: Evidence): Recognition | undefined {
  const byName = new Map(boards.map((board) => [board.name, board]));
  const matches = boards.flatMap((board) => matchOf(board, seen, byName));
  const best = matches.sort(moreSpecific)[0];
  return best && { board: best.board.name, evidence: best.words };
}

function moreSpecific(a: Match, b: Match): number {
  return (
    b.words.length - a.words.length ||
    a.dtRank - b.dtRank ||
    b.depth - a.depth ||
    (a.board.name < b.board.name ? -1 : 1)
  );
}

function matchOf(board: Board, seen: Evidence, byName: ReadonlyMap<string, Board>): readonly Match[] {
  const signs = signsOf(board.signs, seen);
  if (signs.length === 0 || signs.some((sign) => !sign.agrees)) return [];
  const ranks = board.signs.dtCompatible.map((entry) => seen.facts?.dtCompatible.indexOf(entry) ?? -1);
  const dtRank = Math.min(...ranks.filter((rank) => rank >= 0), Number.MAX_SAFE_INTEGER);
  return [{ board, words: signs.map((sign) => sign.words), dtRank, depth: depthOf(board, byName) }];
}

function depthOf(board: Board, byName: ReadonlyMap<string, Board>): number {
  let depth = 0;
  for (let up = board; up.extends !== undefined && depth < byName.size; depth += 1)
    up = byName.get(up.extends) ?? board;
  return depth;
}

function signsOf(wanted: BoardSigns, seen: Evidence): readonly Sign[] {
  const { clientArch } = requesterOf(seen);
  const facts = seen.facts;
  return [
    ...anyOf(
      wanted.clientArch,
      (want) => want === clientArch,
      (want) => `option 93 is ${want}`,
    ),
    ...anyOf(
      wanted.vendorClass,
      (want) => seen.vendorClass?.startsWith(want),
      (want) => `option 60 begins with "${want}"`,
    ),
    ...anyOf(
      wanted.oui,
      (want) => seen.mac.startsWith(want.toLowerCase()),
      (want) => `the MAC begins with ${want}`,
    ),
    ...anyOf(
      wanted.systemUuid ?? [],
      (want) => seen.systemUuid?.startsWith(want),
      (want) => `option 97 begins with ${want}`,
    ),
    ...anyOf(
      wanted.smbiosVendor,
      (want) => facts?.vendor === want,
      (want) => `SMBIOS names the vendor "${want}"`,
    ),
    ...anyOf(
      wanted.smbiosProduct,
      (want) => facts?.product === want,
      (want) => `SMBIOS names the product "${want}"`,
    ),
    ...anyOf(
      wanted.dtCompatible,
      (want) => facts?.dtCompatible.includes(want),
      (want) => `the device tree says "${want}"`,
    ),
  ];
}

/** One sign when the board gives wishes of this kind, none when it does not care. */
function anyOf<T>(
  wanted: readonly T[],
  agrees: (want: T) => boolean | undefined,
  words: (want: T) => string,
): readonly Sign[] {
  if (wanted.length === 0) return [];
  const found = wanted.find((want) => agrees(want) === true);
  return [found === undefined ? { agrees: false, words: '' } : { agrees: true, words: words(found) }];
}
