import { draftBoard } from '../core/board-draft.ts';
import type { Boards, SiteBoards } from '../ports/boards.ts';
import type { Clock } from '../ports/clock.ts';
import type { Store } from '../ports/store.ts';
import { findMachine, type Actor } from './machines.ts';

/** How an order for a new board ended. */
export type DraftOutcome =
  | { readonly is: 'done'; readonly name: string; readonly file: string; readonly text: string }
  | { readonly is: 'unknown-machine'; readonly because: string }
  | { readonly is: 'bad-value'; readonly field: string; readonly because: string }
  | { readonly is: 'taken'; readonly because: string }
  | { readonly is: 'refused'; readonly because: string };

/** Begins a board of the site's own from a machine that has just tried to boot. */
export interface BoardDraftService {
  draft(name: string, machine: string, by: Actor): Promise<DraftOutcome>;
}

/** What the service stands on. */
export interface BoardDraftDeps {
  readonly store: Pick<Store, 'machines' | 'boots' | 'events'>;
  readonly boards: Pick<Boards, 'byName' | 'list'>;
  readonly site: SiteBoards;
  /** Looks for boards that have changed on disk. */
  readonly reread: () => void;
  readonly clock: Clock;
}

/** Builds the service. */
export function createBoardDrafts(deps: BoardDraftDeps): BoardDraftService {
  return { draft: (name, ref, by) => draft(deps, name, ref, by) };
}

async function draft(deps: BoardDraftDeps, name: string, ref: string, by: Actor): Promise<DraftOutcome> {
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name)) {
    const because = `"${name.slice(0, 80)}" cannot name a board; use up to 63 small letters, digits and dashes`;
    return { is: 'bad-value', field: 'name', because };
  }
  const known = deps.boards.byName(name);
  if (known)
    return { is: 'taken', because: `there is a board "${name}" already, in ${known.file}; choose another name` };
  const machine = await findMachine(deps.store, ref);
  if (!machine) return { is: 'unknown-machine', because: `no machine is called "${ref.slice(0, 80)}"` };
  const [boot] = await deps.store.boots.ofMachine(machine.id, 1);
  const text = draftBoard({ machine, boot }, deps.boards.list());
  if (!text.ok) return { is: 'refused', because: text.error };
  const written = await deps.site.write(name, text.value);
  if (!written.ok) return { is: 'refused', because: written.error };
  deps.reread();
  await deps.store.events.append([
    {
      atMs: deps.clock.now(),
      kind: 'edit',
      severity: 'note',
      machine: machine.id,
      boot: undefined,
      text: `${by} began the board "${name}" from ${machine.name}`,
      detail: { board: name },
    },
  ]);
  return { is: 'done', name, file: written.value, text: text.value };
}
