import { joinedAll } from '../core/octets.ts';
import type { Sha256 } from '../core/address.ts';
import type { Board } from '../core/board.ts';
import { isServableName } from '../core/bundle.ts';
import { DTB_OCTETS_MAX, strangeTo, type DtbHistory, type DtbVersion } from '../core/dtb-version.ts';
import type { NewEvent } from '../core/event.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { Artefacts } from '../ports/artefacts.ts';
import type { Boards, DtbShelf, ReadTree } from '../ports/boards.ts';
import type { Clock } from '../ports/clock.ts';
import type { FetchUrl } from '../ports/fetch.ts';
import type { Log } from '../ports/log.ts';
import type { Store } from '../ports/store.ts';
import type { Actor } from './machines.ts';

const WORDS_MAX = 500;

/** What an import says of its device tree; what is left out comes from the board. */
export interface DtbOrder {
  readonly file?: string | undefined;
  readonly source?: string | undefined;
  readonly licence?: string | undefined;
}

/** How an order about a board's device tree ended. `changed` is false when it was current already. */
export type DtbOutcome =
  | { readonly is: 'done'; readonly version: DtbVersion | undefined; readonly changed: boolean }
  | { readonly is: 'unknown-board'; readonly because: string }
  | { readonly is: 'unknown-version'; readonly because: string }
  | { readonly is: 'bad-value'; readonly field: string; readonly because: string };

/** Imports device trees for boards and chooses which of them is served. Nothing is ever removed. */
export interface BoardDtbService {
  /** Puts the current ones where the boards see them; called once, before anything is served. */
  start(): Promise<void>;
  history(board: string): Promise<DtbHistory | undefined>;
  /** Checks the octets, keeps them and makes them current. */
  add(board: string, octets: AsyncIterable<Uint8Array>, order: DtbOrder, by: Actor): Promise<DtbOutcome>;
  /** The same from a URL. @throws FetchError */
  fetch(
    board: string,
    from: { readonly url: string; readonly sha256: Sha256 },
    order: DtbOrder,
    by: Actor,
  ): Promise<DtbOutcome>;
  /** Back to a version, 0 for the file beside `board.yaml`; to the one before the current when none is named. */
  rollback(board: string, to: number | undefined, by: Actor): Promise<DtbOutcome>;
}

/** What the service stands on. */
export interface BoardDtbDeps {
  readonly boards: Pick<Boards, 'byName'>;
  readonly shelf: DtbShelf;
  readonly store: Pick<Store, 'boardDtbs' | 'artefacts'>;
  readonly artefacts: Artefacts;
  readonly readTree: ReadTree;
  readonly fetchUrl: FetchUrl;
  readonly clock: Clock;
  readonly log: Log;
}

/** Builds the service. Orders run one after the other, so that what is held is what the store says. */
export function createBoardDtbService(deps: BoardDtbDeps): BoardDtbService {
  let tail: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(job: () => Promise<T>): Promise<T> => {
    const turn = tail.then(job);
    tail = turn.catch(() => undefined);
    return turn;
  };
  const add: BoardDtbService['add'] = async (name, octets, order, by) => {
    const board = deps.boards.byName(name);
    if (!board) return unknownBoard(name);
    const taken = await takeIn(octets);
    if (!taken.ok) return bad('file', taken.error);
    return inTurn(() => addChecked(deps, board, taken.value, order, by));
  };
  return {
    start: () => inTurn(() => holdAll(deps)),
    history: async (name) => (deps.boards.byName(name) ? deps.store.boardDtbs.ofBoard(name) : undefined),
    add,
    fetch: async (name, { url, sha256 }, order, by) => {
      if (!deps.boards.byName(name)) return unknownBoard(name);
      const source = order.source ?? url.replace(/[?#].*$/s, '').slice(0, WORDS_MAX);
      return add(name, deps.fetchUrl({ url, sha256, octetsMax: DTB_OCTETS_MAX }), { ...order, source }, by);
    },
    rollback: async (name, to, by) =>
      deps.boards.byName(name) ? inTurn(() => rollback(deps, name, to, by)) : unknownBoard(name),
  };
}

const bad = (field: string, because: string): DtbOutcome => ({ is: 'bad-value', field, because });
const unknownBoard = (name: string): DtbOutcome => ({
  is: 'unknown-board',
  because: `there is no board "${name.slice(0, 80)}"; "farrier board list" shows those there are`,
});

async function takeIn(source: AsyncIterable<Uint8Array>): Promise<Result<Uint8Array>> {
  const pieces: Uint8Array[] = [];
  let octets = 0;
  for await (const piece of source) {
    octets += piece.length;
    if (octets > DTB_OCTETS_MAX) return err(`a device tree may have ${DTB_OCTETS_MAX} octets; this one has more`);
    pieces.push(piece);
  }
  return ok(joinedAll(pieces));
}

async function addChecked(
  deps: BoardDtbDeps,
  board: Board,
  octets: Uint8Array,
  order: DtbOrder,
  by: Actor,
): Promise<DtbOutcome> {
  const tree = deps.readTree(octets);
  if (!tree.ok) return bad('file', tree.error);
  const stranger = strangeTo(board.compatible, tree.value.compatible);
  if (stranger !== undefined) return bad('file', `the device tree ${stranger}; look whether it is the right board`);
  const about = aboutOf(board, order);
  if (!about.ok) return bad(about.error.field, about.error.because);
  const artefact = await deps.artefacts.put(about.value.file, once(octets), DTB_OCTETS_MAX);
  await deps.store.artefacts.add(artefact);
  const { current, versions } = await deps.store.boardDtbs.ofBoard(board.name);
  const same = versions.find((each) => each.version === current && each.sha256 === artefact.sha256);
  if (same) return { is: 'done', version: same, changed: false };
  const { sha256 } = artefact;
  const made = {
    ...{ board: board.name, sha256, octets: artefact.octets, atMs: deps.clock.now(), by },
    ...about.value,
    ...{ model: tree.value.model, compatible: tree.value.compatible },
  };
  const version = await deps.store.boardDtbs.add(made, (number) => {
    const text = `${by} imported version ${number} of the device tree of board "${board.name}"`;
    return [tell(deps, board.name, number, sha256, text)];
  });
  deps.shelf.hold(board.name, { version, octets });
  return { is: 'done', version, changed: true };
}

interface About {
  readonly file: string;
  readonly source: string;
  readonly licence: string;
}

function aboutOf(board: Board, order: DtbOrder): Result<About, { readonly field: string; readonly because: string }> {
  const wish = board.dtbWish;
  const file = order.file ?? wish?.file ?? `${board.name}.dtb`;
  const source = order.source ?? wish?.source;
  const licence = order.licence ?? wish?.licence;
  if (!isServableName(file)) return err({ field: 'file', because: `"${file.slice(0, 80)}" cannot be a file's name` });
  if (source === undefined) return err({ field: 'source', because: 'say where it comes from' });
  if (licence === undefined) return err({ field: 'licence', because: 'say under which licence it may be passed on' });
  return ok({ file, source: source.slice(0, WORDS_MAX), licence: licence.slice(0, WORDS_MAX) });
}

async function* once(octets: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(octets);
}

function tell(
  deps: Pick<BoardDtbDeps, 'clock'>,
  board: string,
  version: number,
  sha256: string,
  text: string,
): NewEvent {
  return {
    atMs: deps.clock.now(),
    kind: 'edit',
    severity: 'note',
    machine: undefined,
    boot: undefined,
    text,
    detail: { board, version, sha256 },
  };
}

function unknownVersion(board: string, wanted: number): DtbOutcome {
  const what = wanted < 0 ? 'nothing to go back from' : `no version ${wanted} of its device tree`;
  return { is: 'unknown-version', because: `board "${board}" has ${what}; "farrier board dtb list" shows what it has` };
}

async function rollback(deps: BoardDtbDeps, name: string, to: number | undefined, by: Actor): Promise<DtbOutcome> {
  const { current, versions } = await deps.store.boardDtbs.ofBoard(name);
  const wanted = to ?? current - 1;
  const version = versions.find((each) => each.version === wanted);
  if (wanted < 0 || (wanted > 0 && !version)) return unknownVersion(name, wanted);
  if (wanted === current) return { is: 'done', version, changed: false };
  const what = version ? `version ${wanted}` : 'what its folder and its firmware have';
  const text = `${by} put the device tree of board "${name}" back to ${what}`;
  await deps.store.boardDtbs.choose(name, wanted, [tell(deps, name, wanted, version?.sha256 ?? '', text)]);
  deps.shelf.hold(name, version && { version, octets: await octetsOf(deps, version) });
  return { is: 'done', version, changed: true };
}

async function holdAll(deps: BoardDtbDeps): Promise<void> {
  for (const version of await deps.store.boardDtbs.current())
    deps.shelf.hold(version.board, { version, octets: await octetsOf(deps, version) });
}

/** The octets from the artefact folder; nothing, and a line in the log, when they are gone or damaged. */
async function octetsOf(deps: BoardDtbDeps, version: DtbVersion): Promise<Uint8Array | undefined> {
  try {
    const content = await deps.artefacts.open(version.sha256);
    const octets = content && (content.whole ?? (await content.read(0, content.octets)));
    content?.close();
    if (octets) return octets;
    deps.log.error('an imported device tree has gone', { board: version.board, sha256: version.sha256 });
  } catch (error) {
    deps.log.error('an imported device tree cannot be read', { board: version.board, because: String(error) });
  }
  return undefined;
}
