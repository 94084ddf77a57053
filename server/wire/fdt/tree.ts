import { viewOf } from './header.ts';

/** A node of a device tree. The root's name is empty; `Value` is what its properties hold, octets unless said. */
export interface FdtNode<Value = Uint8Array> {
  /** With its unit address: `uart@9000000`. */
  readonly name: string;
  readonly properties: ReadonlyMap<string, Value>;
  readonly nodes: readonly FdtNode<Value>[];
}

/** Memory that nobody may use (Devicetree Specification v0.4 §5.3). */
export interface FdtReservation {
  readonly address: bigint;
  readonly octets: bigint;
}

/** A whole device tree, as its blob holds it. */
export interface FdtTree<Value = Uint8Array> {
  readonly bootCpuId: number;
  readonly reservations: readonly FdtReservation[];
  readonly root: FdtNode<Value>;
}

/** A node from its parts: properties as name and octets. */
export function fdtNode<Value = Uint8Array>(
  name: string,
  properties: readonly (readonly [string, Value])[] = [],
  nodes: readonly FdtNode<Value>[] = [],
): FdtNode<Value> {
  return { name, properties: new Map(properties), nodes };
}

/** The parts of a path: `/soc/uart@9000000`. */
export function partsOf(path: string): readonly string[] {
  return path.split('/').filter((part) => part !== '');
}

/**
 * Whether a part of a path means a node of that name: a unit address may be left out, and the first node that fits is
 * meant, as libfdt (and with it u-boot and fdtoverlay) takes it.
 */
export function namesNode(part: string, name: string): boolean {
  return part === name || (!part.includes('@') && name.startsWith(`${part}@`));
}

/** A node whose children are of its own kind: read-only ones, or those of a tree under work. */
interface NodeOf<Node> {
  readonly name: string;
  readonly properties: ReadonlyMap<string, Uint8Array>;
  readonly nodes: readonly Node[];
}

/** The node at a path; a path without a leading slash begins with an alias. Nothing when there is none. */
export function nodeAt<Node extends NodeOf<Node>>(root: Node, path: string): Node | undefined {
  let at: Node | undefined = root;
  for (const part of partsOf(fullPath(root, path))) at = at?.nodes.find((node) => namesNode(part, node.name));
  return at;
}

/** A path from the root: one that begins with an alias (`serial0`) has it replaced by what `/aliases` says. */
export function fullPath<Node extends NodeOf<Node>>(root: Node, path: string): string {
  if (path.startsWith('/')) return path;
  const [alias = '', ...rest] = path.split('/');
  const value = root.nodes.find((node) => node.name === 'aliases')?.properties.get(alias);
  return [(value && firstText(value)) ?? `/${alias}`, ...rest].join('/');
}

/** Where a label of the source lies, by `/__symbols__` (dtc -@); nothing when the tree brings no such label. */
export function pathOfLabel(root: FdtNode, label: string): string | undefined {
  const value = nodeAt(root, '/__symbols__')?.properties.get(label);
  return value && firstText(value);
}

/** The tree with one property set; nodes of the path that are missing are made. */
export function withProperty(root: FdtNode, path: string, name: string, value: Uint8Array): FdtNode {
  const [first, ...rest] = partsOf(path);
  if (first === undefined) return { ...root, properties: new Map([...root.properties, [name, value]]) };
  const at = root.nodes.findIndex((node) => namesNode(first, node.name));
  const child = withProperty(root.nodes[at] ?? fdtNode(first), rest.join('/'), name, value);
  const nodes = at < 0 ? [...root.nodes, child] : root.nodes.map((node, index) => (index === at ? child : node));
  return { ...root, nodes };
}

/** A node's phandle, under either of its names; nothing when it has none or an unlawful one. */
export function phandleOf(node: FdtNode): number | undefined {
  const value = node.properties.get('phandle') ?? node.properties.get('linux,phandle');
  const phandle = value && cellsOf(value)[0];
  return phandle === undefined || phandle === 0 || phandle === 0xffffffff ? undefined : phandle;
}

/** A string list: texts closed by NUL each, empty ones left out. */
export function textsOf(value: Uint8Array): readonly string[] {
  return new TextDecoder()
    .decode(value)
    .split('\0')
    .filter((text) => text !== '');
}

function firstText(value: Uint8Array): string | undefined {
  return textsOf(value)[0];
}

/** Texts as a property holds them. */
export function fromTexts(...texts: readonly string[]): Uint8Array {
  return new TextEncoder().encode(texts.map((text) => `${text}\0`).join(''));
}

/** The 32-bit numbers of a property; octets that are left over at its end are left out. */
export function cellsOf(value: Uint8Array): readonly number[] {
  const view = viewOf(value);
  return Array.from({ length: Math.floor(value.length / 4) }, (_, index) => view.getUint32(index * 4));
}

/** 32-bit numbers as a property holds them. */
export function fromCells(...cells: readonly number[]): Uint8Array {
  const octets = new Uint8Array(cells.length * 4);
  const view = viewOf(octets);
  cells.forEach((cell, index) => {
    view.setUint32(index * 4, cell);
  });
  return octets;
}
