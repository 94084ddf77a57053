import type { Sha256 } from '../core/address.ts';
import { DTB_OCTETS_MAX, strangeTo } from '../core/dtb-version.ts';
import { boardNameOf, type Machine } from '../core/machine.ts';
import type { Artefacts } from '../ports/artefacts.ts';
import type { Boards, ReadTree } from '../ports/boards.ts';
import type { Store } from '../ports/store.ts';
import type { BadField, MachineEdit } from './machine-edit.ts';

/** Where the device trees an edit names are looked up and read. */
export interface TreeDeps {
  readonly store: Pick<Store, 'artefacts'>;
  readonly artefacts: Pick<Artefacts, 'open'>;
  readonly boards: Pick<Boards, 'byName'>;
  readonly readTree: ReadTree;
}

/**
 * What is wrong with the device tree and the overlays an edit names: they are not stored, are no device trees, or the tree
 * is another board's. Whether the overlays fit is seen when they are merged, which the plan of the next boot tells.
 */
export async function checkTrees(deps: TreeDeps, machine: Machine, edit: MachineEdit): Promise<BadField | undefined> {
  for (const sha256 of edit.overlays ?? []) {
    const because = (await readOne(deps, sha256)).because;
    if (because !== undefined) return { field: 'overlays', because };
  }
  if (typeof edit.dtb !== 'string') return undefined;
  const { because, compatible = [] } = await readOne(deps, edit.dtb);
  if (because !== undefined) return { field: 'dtb', because };
  const name = typeof edit.board === 'string' ? edit.board : boardNameOf(machine);
  const board = name === undefined ? undefined : deps.boards.byName(name);
  const stranger = board && strangeTo(board.compatible, compatible);
  if (stranger === undefined) return undefined;
  return { field: 'dtb', because: `the device tree ${stranger}; look whether it is for board "${name ?? ''}"` };
}

async function readOne(
  { store, artefacts, readTree }: TreeDeps,
  sha256: Sha256,
): Promise<{ readonly because?: string; readonly compatible?: readonly string[] }> {
  const known = await store.artefacts.bySha256(sha256);
  const content = known && (await artefacts.open(sha256));
  if (!content) return { because: `${sha256.slice(0, 16)} is not stored; send it to POST /api/v1/artefacts` };
  try {
    if (content.octets > DTB_OCTETS_MAX)
      return { because: `${known.name} has ${content.octets} octets; a device tree may have ${DTB_OCTETS_MAX}` };
    const tree = readTree(await content.read(0, content.octets));
    return tree.ok ? { compatible: tree.value.compatible } : { because: `${known.name}: ${tree.error}` };
  } finally {
    content.close();
  }
}
