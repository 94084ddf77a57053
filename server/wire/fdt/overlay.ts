import { err, ok, type Result } from '../../core/result.ts';
import { viewOf } from './header.ts';
import { cellsOf, fromCells, fromTexts, fullPath, nodeAt, partsOf, pathOfLabel, phandleOf, textsOf } from './tree.ts';
import type { FdtNode, FdtTree } from './tree.ts';

/** References of one overlay; a real one has a few dozen. */
const FIXUPS_MAX = 1024;
/** Pieces of one overlay, each of which may mean any node; a real one has a dozen. */
const FRAGMENTS_MAX = 256;
const PHANDLE_MAX = 0xfffffffe;
const PHANDLE_NAMES = ['phandle', 'linux,phandle'] as const;

/** A node that is being worked on. */
interface WorkNode extends FdtNode {
  readonly name: string;
  readonly properties: Map<string, Uint8Array>;
  readonly nodes: WorkNode[];
}

/**
 * The base with an overlay (dtc -@, `/plugin/`) applied as libfdt applies it: fragments by `target` or `target-path`,
 * references to labels of the base, references within the overlay, phandles renumbered, `__symbols__` merged. Neither
 * argument is changed. The error names the label, path or fragment that is missing. Unlike libfdt before 1.7.1, a node
 * of the base that has a phandle keeps it, so that what points at it goes on doing so.
 */
export function applyOverlay(base: FdtTree, overlay: FdtTree): Result<FdtTree> {
  const root = workOn(base.root);
  const parts = workOn(overlay.root);
  if (parts.nodes.filter(contentOf).length > FRAGMENTS_MAX)
    return err(`the overlay has more than ${FRAGMENTS_MAX} fragments`);
  const fault =
    renumber(root, parts) ?? resolveLabels(root, parts) ?? keepPhandles(root, parts) ?? mergeFragments(root, parts);
  if (fault !== undefined) return err(fault);
  return ok({ ...base, root });
}

/** The values are copied here once, so that references can be written into them where they are. */
function workOn(node: FdtNode): WorkNode {
  const properties = new Map(Array.from(node.properties, ([name, value]) => [name, new Uint8Array(value)]));
  return { name: node.name, properties, nodes: node.nodes.map(workOn) };
}

/** The children by each part of a path that means them: the first that fits, as `namesNode` has it. */
function byPart(nodes: readonly WorkNode[]): Map<string, WorkNode> {
  const found = new Map<string, WorkNode>();
  for (const node of nodes) addByPart(found, node);
  return found;
}

function addByPart(found: Map<string, WorkNode>, node: WorkNode): void {
  for (const part of [node.name, node.name.replace(/@.*$/s, '')]) if (!found.has(part)) found.set(part, node);
}

function* allNodes(node: WorkNode): Generator<WorkNode> {
  yield node;
  for (const child of node.nodes) yield* allNodes(child);
}

/** Moves the overlay's own phandles, and its references to them, above all of the base's. */
function renumber(base: WorkNode, overlay: WorkNode): string | undefined {
  let delta = 0;
  for (const node of allNodes(base)) delta = Math.max(delta, phandleOf(node) ?? 0);
  for (const node of allNodes(overlay))
    for (const name of PHANDLE_NAMES) {
      const value = node.properties.get(name);
      if (!value) continue;
      const own = cellsOf(value)[0];
      if (value.length !== 4 || own === undefined || own + delta > PHANDLE_MAX)
        return `a phandle of the overlay cannot be moved above the ${delta} of the base`;
      node.properties.set(name, fromCells(own + delta));
    }
  return eachLocalReference(overlay, (seen) => (seen + delta > PHANDLE_MAX ? undefined : seen + delta));
}

/** Rewrites every reference the overlay makes to its own nodes; `__local_fixups__` mirrors it and says where they are. */
function eachLocalReference(overlay: WorkNode, change: (seen: number) => number | undefined): string | undefined {
  const fixups = overlay.nodes.find((node) => node.name === '__local_fixups__');
  return fixups && changeReferences(fixups, overlay, '', change);
}

function changeReferences(
  fixups: WorkNode,
  node: WorkNode,
  path: string,
  change: (seen: number) => number | undefined,
): string | undefined {
  for (const [name, places] of fixups.properties)
    for (const at of cellsOf(places)) {
      const fault = changeCell(node, name, at, change);
      if (fault !== undefined) return `__local_fixups__ of the overlay: ${path || '/'} ${fault}`;
    }
  const nodes = new Map(node.nodes.map((each) => [each.name, each]));
  for (const child of fixups.nodes) {
    const meant = nodes.get(child.name);
    if (!meant) return `__local_fixups__ of the overlay names ${path}/${child.name}, which is not in it`;
    const fault = changeReferences(child, meant, `${path}/${child.name}`, change);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** Changes the 32-bit number at an offset of a property, which need not be aligned. */
function changeCell(
  node: WorkNode,
  name: string,
  at: number,
  change: (seen: number) => number | undefined,
): string | undefined {
  const value = node.properties.get(name);
  if (!value) return `has no property "${name}"`;
  if (at + 4 > value.length) return `has no number at offset ${at} of "${name}"`;
  const number = change(viewOf(value).getUint32(at));
  if (number === undefined) return `holds a phandle in "${name}" that is too large`;
  viewOf(value).setUint32(at, number);
  return undefined;
}

/** Writes the base's phandles where the overlay refers to its labels (`__fixups__`: label → `path:property:offset`). */
function resolveLabels(base: WorkNode, overlay: WorkNode): string | undefined {
  const fixups = overlay.nodes.find((node) => node.name === '__fixups__');
  let count = 0;
  for (const [label, value] of fixups?.properties ?? []) {
    const places = textsOf(value);
    count += Math.max(1, places.length);
    if (count > FIXUPS_MAX) return `the overlay makes more than ${FIXUPS_MAX} references`;
    const phandle = phandleOfLabel(base, label);
    if (!phandle.ok) return phandle.error;
    for (const place of places) {
      const fault = resolveOne(overlay, place, phandle.value);
      if (fault !== undefined) return `the overlay's reference to the label "${label}": ${fault}`;
    }
  }
  return undefined;
}

function phandleOfLabel(base: WorkNode, label: string): Result<number> {
  if (!base.nodes.some((node) => node.name === '__symbols__'))
    return err(`the overlay needs the label "${label}", but the base has no labels; build the base with dtc -@`);
  const path = pathOfLabel(base, label);
  if (path === undefined) return err(`the overlay needs the label "${label}", which the base does not have`);
  const node = nodeAt(base, path);
  if (!node) return err(`the label "${label}" of the base means ${path}, which is not there`);
  const phandle = phandleOf(node);
  return phandle === undefined
    ? err(`the label "${label}" of the base means ${path}, which has no phandle`)
    : ok(phandle);
}

function resolveOne(overlay: WorkNode, place: string, phandle: number): string | undefined {
  const [path = '', property = '', offset = '', ...rest] = place.split(':');
  if (rest.length > 0 || property === '' || !/^\d{1,8}$/.test(offset)) return `"${place.slice(0, 200)}" is no place`;
  const node = nodeAt(overlay, path);
  return node ? changeCell(node, property, Number(offset), () => phandle) : `${path} is not in the overlay`;
}

/** Where the overlay gives a phandle to a node that has one in the base, the overlay follows the base. */
function keepPhandles(base: WorkNode, overlay: WorkNode): string | undefined {
  const kept = new Map<number, number>();
  for (const fragment of overlay.nodes) {
    const content = contentOf(fragment);
    if (!content) continue;
    const target = targetOf(base, fragment);
    // A target that an earlier fragment makes is not there yet, and has no phandle to keep.
    if (target.ok) keepIn(target.value.node, content, kept);
  }
  if (kept.size === 0) return undefined;
  return eachLocalReference(overlay, (seen) => kept.get(seen) ?? seen);
}

function keepIn(base: WorkNode, overlay: WorkNode, kept: Map<number, number>): void {
  const [theirs, ours] = [phandleOf(base), phandleOf(overlay)];
  if (theirs !== undefined && ours !== undefined) {
    kept.set(ours, theirs);
    for (const name of PHANDLE_NAMES) overlay.properties.delete(name);
  }
  const known = byPart(base.nodes);
  for (const child of overlay.nodes) {
    const same = known.get(child.name);
    if (same) keepIn(same, child, kept);
  }
}

function contentOf(fragment: WorkNode): WorkNode | undefined {
  return fragment.nodes.find((node) => node.name === '__overlay__');
}

function mergeFragments(base: WorkNode, overlay: WorkNode): string | undefined {
  const targets = new Map<WorkNode, string>();
  for (const fragment of overlay.nodes) {
    const content = contentOf(fragment);
    if (!content) continue;
    const target = targetOf(base, fragment);
    if (!target.ok) return target.error;
    targets.set(fragment, target.value.path);
    mergeNode(target.value.node, content);
  }
  return mergeSymbols(base, overlay, targets);
}

/** The node a fragment is for, and its path. */
function targetOf(base: WorkNode, fragment: WorkNode): Result<{ readonly node: WorkNode; readonly path: string }> {
  const phandle = cellsOf(fragment.properties.get('target') ?? new Uint8Array())[0] ?? 0;
  if (phandle !== 0) {
    const found = byPhandle(base, phandle, '');
    return found ? ok(found) : err(`${fragment.name} of the overlay is for phandle ${phandle}, which no node has`);
  }
  const path = textsOf(fragment.properties.get('target-path') ?? new Uint8Array())[0];
  if (path === undefined) return err(`${fragment.name} of the overlay has neither target nor target-path`);
  const node = nodeAt(base, path);
  return node
    ? ok({ node, path: fullPath(base, path) })
    : err(`${fragment.name} of the overlay is for ${path}, which the base does not have`);
}

function byPhandle(node: WorkNode, phandle: number, path: string): { node: WorkNode; path: string } | undefined {
  if (phandleOf(node) === phandle) return { node, path: path || '/' };
  for (const child of node.nodes) {
    const found = byPhandle(child, phandle, `${path}/${child.name}`);
    if (found) return found;
  }
  return undefined;
}

function mergeNode(into: WorkNode, from: WorkNode): void {
  for (const [name, value] of from.properties) into.properties.set(name, value);
  const known = byPart(into.nodes);
  for (const child of from.nodes) {
    const same = known.get(child.name);
    if (same) mergeNode(same, child);
    else {
      const fresh = workOn(child);
      into.nodes.push(fresh);
      addByPart(known, fresh);
    }
  }
}

/** Adds the overlay's labels to the base's, so that a further overlay may refer to them. */
function mergeSymbols(base: WorkNode, overlay: WorkNode, targets: ReadonlyMap<WorkNode, string>): string | undefined {
  const labels = overlay.nodes.find((node) => node.name === '__symbols__');
  if (!labels) return undefined;
  const found = base.nodes.find((node) => node.name === '__symbols__');
  const symbols = found ?? { name: '__symbols__', properties: new Map<string, Uint8Array>(), nodes: [] };
  if (!found) base.nodes.push(symbols);
  const fragments = new Map(overlay.nodes.map((node) => [node.name, node]));
  for (const [label, value] of labels.properties) {
    const [name = '', inner, ...rest] = partsOf(textsOf(value)[0] ?? '');
    // A label of something that does not end up in the tree, such as the fragment itself.
    if (inner !== '__overlay__') continue;
    const fragment = fragments.get(name);
    const target = fragment && targets.get(fragment);
    if (target === undefined) return `the overlay's label "${label}" lies in ${name}, which it does not have`;
    symbols.properties.set(label, fromTexts(`/${[...partsOf(target), ...rest].join('/')}`));
  }
  return undefined;
}
