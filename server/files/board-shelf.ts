import type { Sha256 } from '../core/address.ts';
import type { Board, BoardDtb } from '../core/board.ts';
import { strangeTo } from '../core/dtb-version.ts';
import { err, ok, type Result } from '../core/result.ts';
import { contentInMemory } from '../ports/artefacts.ts';
import type { Boards, DtbShelf, HeldDtb } from '../ports/boards.ts';
import { digestOf, readDtb } from './board-dtb.ts';
import { mergeOverlays } from './merge-dtb.ts';

/** Boards that may be built on each other. */
const EXTENDS_MAX = 8;

/** The catalogue, as far as the shelf asks it. */
export interface ShelfCatalogue extends Boards {
  /** Paths of a board's own DTB and overlays, whether they are there or not. */
  pathsOf(name: string): { readonly dtb: string | undefined; readonly overlays: readonly string[] };
}

/** A board as it is served, and what it was made of. */
interface Served {
  readonly from: Board;
  readonly held: HeldDtb | undefined;
  readonly board: Board;
  /** The octets of its DTB, when the catalogue's own file is not what is served. */
  readonly octets: Uint8Array | undefined;
}

/** A DTB that is ready to be served. */
interface Ready {
  readonly dtb: BoardDtb | undefined;
  readonly octets: Uint8Array | undefined;
}

/**
 * The boards with what was imported for them: an imported DTB goes before the file beside `board.yaml`, then the
 * board's overlays are merged in, and the result is what has a digest and is served.
 */
export function createBoardShelf(catalogue: ShelfCatalogue): Boards & DtbShelf {
  const held = new Map<string, HeldDtb>();
  const served = new Map<string, Served>();
  const byDigest = (): ReadonlyMap<Sha256, Uint8Array> =>
    new Map(
      catalogue.list().flatMap((board) => {
        const { octets, board: shown } = serve(board);
        return octets && shown.dtb ? [[shown.dtb.sha256, octets] as const] : [];
      }),
    );
  const heldFor = (board: Board, stepsLeft = EXTENDS_MAX): HeldDtb | undefined => {
    const own = held.get(board.name);
    const above = board.extends === undefined || stepsLeft === 0 ? undefined : catalogue.byName(board.extends);
    // What is imported for a board is lent to those that take its DTB from it.
    const path = catalogue.pathsOf(board.name).dtb;
    const isLent = above && path !== undefined && path === catalogue.pathsOf(above.name).dtb;
    return own ?? (isLent && above.name !== board.name ? heldFor(above, stepsLeft - 1) : undefined);
  };
  const serve = (board: Board): Served => {
    const known = served.get(board.name);
    const dtb = heldFor(board);
    if (known?.from === board && known.held === dtb) return known;
    const fresh = serveBoard(catalogue, board, dtb);
    served.set(board.name, fresh);
    return fresh;
  };
  return {
    hold: (board, dtb) => {
      if (dtb) held.set(board, dtb);
      else held.delete(board);
    },
    list: () => catalogue.list().map((board) => serve(board).board),
    byName: (name) => {
      const board = catalogue.byName(name);
      return board && serve(board).board;
    },
    findDtb: (start) => {
      const found = start.length < 16 ? [] : [...byDigest().keys()].filter((digest) => digest.startsWith(start));
      return found.length === 1 ? found[0] : catalogue.findDtb(start);
    },
    openDtb: (sha256) => {
      const octets = byDigest().get(sha256);
      return octets ? Promise.resolve(contentInMemory(sha256, octets)) : catalogue.openDtb(sha256);
    },
  };
}

function serveBoard(catalogue: ShelfCatalogue, from: Board, held: HeldDtb | undefined): Served {
  const ready = held ? heldDtb(from, held) : ownDtb(from);
  const laid = ready.ok ? layOverlays(catalogue, from, ready.value) : ready;
  if (!laid.ok) {
    const dtbMissing = laid.error;
    return { from, held, board: { ...from, dtb: undefined, dtbMissing }, octets: undefined };
  }
  const { dtb, octets } = laid.value;
  return { from, held, board: { ...from, dtb, dtbMissing: undefined }, octets };
}

function ownDtb(board: Board): Result<Ready> {
  return board.dtbMissing === undefined ? ok({ dtb: board.dtb, octets: undefined }) : err(board.dtbMissing);
}

function heldDtb(board: Board, { version, octets }: HeldDtb): Result<Ready> {
  const name = `version ${version.version} of its device tree`;
  if (!octets) return err(`${name} has gone from the data folder; import it again, or roll back`);
  const stranger = strangeTo(board.compatible, version.compatible);
  if (stranger !== undefined) return err(`${name} ${stranger}`);
  const { sha256, source, licence } = version;
  const dtb = { name: version.file, sha256, octets: version.octets, source, licence, version: version.version };
  return ok({ dtb, octets });
}

/** A tree with overlays has a digest of its own. Without a tree there is nothing to lay them over. */
function layOverlays(catalogue: ShelfCatalogue, board: Board, ready: Ready): Result<Ready> {
  const { overlays = [] } = board;
  if (overlays.length === 0) return ok(ready);
  const paths = catalogue.pathsOf(board.name);
  const base = ready.octets ?? (paths.dtb === undefined ? undefined : readDtb(paths.dtb));
  if (!ready.dtb || !base)
    return err(`board "${board.name}" has overlays, but the device tree under them is not there`);
  const merged = mergeOverlays(
    base,
    overlays.map((file, at) => ({ file, octets: readDtb(paths.overlays[at] ?? '') })),
  );
  if (!merged.ok) return err(`board "${board.name}": ${merged.error}`);
  const octets = merged.value;
  return ok({ dtb: { ...ready.dtb, sha256: digestOf(octets), octets: octets.length }, octets });
}
