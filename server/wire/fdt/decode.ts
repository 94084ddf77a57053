import { err, ok, type Result } from '../../core/result.ts';
import { FDT_TOKEN, readFdtHeader, viewOf, type FdtHeader } from './header.ts';
import type { FdtNode, FdtReservation, FdtTree } from './tree.ts';

const DEPTH_MAX = 64;
/** The largest tree of Debian's kernels has 997. */
const NODES_MAX = 16_384;
/** The specification allows 31; trees in the field go beyond it. */
const NAME_OCTETS_MAX = 255;
const RESERVATIONS_MAX = 1024;

/**
 * Reads a whole device tree. Property values are views of the octets, not copies. Hostile octets give a reason, never
 * an exception nor more work than their length (Devicetree Specification v0.4 §5).
 */
export function decodeFdt(octets: Uint8Array): Result<FdtTree> {
  const header = readFdtHeader(octets);
  if (!header.ok) return header;
  const reservations = readReservations(octets, header.value);
  if (!reservations.ok) return reservations;
  const root = new StructureReader(octets, header.value).read();
  if (!root.ok) return root;
  return ok({ bootCpuId: header.value.bootCpuId, reservations: reservations.value, root: root.value });
}

function readReservations(octets: Uint8Array, header: FdtHeader): Result<readonly FdtReservation[]> {
  const view = viewOf(octets);
  const found: FdtReservation[] = [];
  for (let at = header.reservationsAt; at + 16 <= header.totalOctets; at += 16) {
    const entry = { address: view.getBigUint64(at), octets: view.getBigUint64(at + 8) };
    if (entry.address === 0n && entry.octets === 0n) return ok(found);
    if (found.length === RESERVATIONS_MAX)
      return err(`the device tree reserves more than ${RESERVATIONS_MAX} pieces of memory`);
    found.push(entry);
  }
  return err('the list of reserved memory in the device tree has no end');
}

interface OpenNode extends FdtNode {
  readonly properties: Map<string, Uint8Array>;
  readonly nodes: FdtNode[];
  readonly names: Set<string>;
}

/** Walks the structure block once, front to back. */
class StructureReader {
  readonly #octets: Uint8Array;
  readonly #view: DataView;
  readonly #strings: Uint8Array;
  readonly #end: number;
  readonly #open: OpenNode[] = [];
  #at: number;
  #count = 0;
  #root: FdtNode | undefined;

  constructor(octets: Uint8Array, header: FdtHeader) {
    this.#octets = octets;
    this.#view = viewOf(octets);
    this.#strings = octets.subarray(header.stringsAt, header.stringsAt + header.stringsOctets);
    this.#at = header.structAt;
    this.#end = header.structAt + header.structOctets;
  }

  read(): Result<FdtNode> {
    while (this.#at + 4 <= this.#end) {
      const token = this.#view.getUint32(this.#at);
      this.#at += 4;
      if (token === FDT_TOKEN.end) return this.#finish();
      const fault = this.#take(token);
      if (fault !== undefined) return err(fault);
    }
    return err('the device tree has no end');
  }

  #finish(): Result<FdtNode> {
    if (this.#open.length > 0) return err('the device tree ends inside a node');
    return this.#root ? ok(this.#root) : err('the device tree has no root');
  }

  #take(token: number): string | undefined {
    switch (token) {
      case FDT_TOKEN.beginNode:
        return this.#beginNode();
      case FDT_TOKEN.endNode:
        return this.#endNode();
      case FDT_TOKEN.property:
        return this.#property();
      case FDT_TOKEN.nop:
        return undefined;
      default:
        return `token ${token} in the device tree is unknown`;
    }
  }

  #beginNode(): string | undefined {
    const parent = this.#open.at(-1);
    if (!parent && this.#root) return 'the device tree has two roots';
    if (this.#open.length >= DEPTH_MAX) return `the device tree is deeper than ${DEPTH_MAX} nodes`;
    this.#count += 1;
    if (this.#count > NODES_MAX) return `the device tree has more than ${NODES_MAX} nodes`;
    const name = nameIn(this.#octets.subarray(this.#at, this.#end));
    if (name === undefined) return 'a node name of the device tree has no end or is no plain text';
    if (parent && (name === '' || name.includes('/'))) return `a node of the device tree is named "${name}"`;
    if (parent?.names.has(name)) return `the device tree has the node ${this.#path(name)} twice`;
    this.#at = aligned(this.#at + name.length + 1);
    const node = { name: parent ? name : '', properties: new Map(), nodes: [], names: new Set<string>() };
    parent?.names.add(name);
    this.#open.push(node);
    return undefined;
  }

  #endNode(): string | undefined {
    const done = this.#open.pop();
    if (!done) return 'a node of the device tree ends twice';
    const { name, properties, nodes } = done;
    const parent = this.#open.at(-1);
    if (parent) parent.nodes.push({ name, properties, nodes });
    else this.#root = { name, properties, nodes };
    return undefined;
  }

  #property(): string | undefined {
    if (this.#at + 8 > this.#end) return 'a property of the device tree is cut off';
    const [length, nameAt] = [this.#view.getUint32(this.#at), this.#view.getUint32(this.#at + 4)];
    const from = this.#at + 8;
    if (from + length > this.#end) return 'a property of the device tree is longer than the tree';
    this.#at = aligned(from + length);
    const node = this.#open.at(-1);
    if (!node) return 'a property of the device tree stands outside of every node';
    const name = nameIn(this.#strings.subarray(nameAt));
    if (name === undefined || name === '') return `a property of ${this.#path()} has no name`;
    if (node.names.size > 0) return `the property ${this.#path(name)} stands behind a node`;
    if (node.properties.has(name)) return `the device tree has the property ${this.#path(name)} twice`;
    node.properties.set(name, this.#octets.subarray(from, from + length));
    return undefined;
  }

  #path(name = ''): string {
    const above = this.#open.map((node) => node.name);
    return [...above, name].join('/').slice(0, NAME_OCTETS_MAX) || '/';
  }
}

/** A text of printable ASCII up to its NUL; nothing when there is no NUL in time or it holds other octets. */
function nameIn(octets: Uint8Array): string | undefined {
  const length = octets.subarray(0, NAME_OCTETS_MAX + 1).indexOf(0);
  if (length < 0) return undefined;
  const name = octets.subarray(0, length);
  return name.every((octet) => octet > 0x20 && octet < 0x7f) ? String.fromCharCode(...name) : undefined;
}

function aligned(at: number): number {
  return (at + 3) & ~3;
}
