import { joinedAll } from '../../core/octets.ts';
import { FDT_HEADER_OCTETS, FDT_MAGIC, FDT_TOKEN, FDT_VERSION, viewOf } from './header.ts';
import type { FdtNode, FdtReservation, FdtTree } from './tree.ts';
import { fromCells } from './tree.ts';

/** Only images are this long; ordinary trees stay as dtc writes them. */
const ALIGNED_FROM = 512;

/** The oldest version whose readers understand this blob. */
const COMPATIBLE_VERSION = 16;

/** A device tree as its blob, version 17, laid out as dtc does: header, reservations, structure, strings. */
export function encodeFdt(tree: FdtTree): Uint8Array<ArrayBuffer> {
  return joinedAll(flattenFdt(tree, (value) => value.length));
}

/**
 * The blob in pieces, with each property's value left as it came: what is too large for memory can be named in its
 * place and read when the blob is written. `octetsOf` tells how long a value will be; values of `ALIGNED_FROM` octets and
 * more begin at a multiple of 8, so that a tree inside of a tree can be used where it lies.
 */
export function flattenFdt<Value>(
  tree: FdtTree<Value>,
  octetsOf: (value: Value) => number,
): readonly (Uint8Array | Value)[] {
  const strings = new Map<string, number>();
  let stringsOctets = 0;
  const nameAt = (name: string): number => {
    const known = strings.get(name);
    if (known !== undefined) return known;
    const at = stringsOctets;
    strings.set(name, at);
    stringsOctets += name.length + 1;
    return at;
  };
  const pieces: (Uint8Array | Value)[] = [];
  let structOctets = 0;
  const write = (octets: Uint8Array): void => {
    pieces.push(octets);
    structOctets += octets.length;
  };
  const writeNode = (node: FdtNode<Value>): void => {
    write(fromCells(FDT_TOKEN.beginNode));
    write(padded(`${node.name}\0`));
    for (const [name, value] of node.properties) {
      const octets = octetsOf(value);
      // Header, reservations and the property's own three words are 0, 0 and 4 modulo 8.
      if (octets >= ALIGNED_FROM && structOctets % 8 === 0) write(fromCells(FDT_TOKEN.nop));
      write(fromCells(FDT_TOKEN.property, octets, nameAt(name)));
      pieces.push(value);
      structOctets += octets;
      write(new Uint8Array(-octets & 3));
    }
    for (const child of node.nodes) writeNode(child);
    write(fromCells(FDT_TOKEN.endNode));
  };
  writeNode(tree.root);
  write(fromCells(FDT_TOKEN.end));
  const texts = new TextEncoder().encode([...strings.keys()].map((name) => `${name}\0`).join(''));
  const reservations = reservationMap(tree.reservations);
  const head = headerOf(tree.bootCpuId, reservations.length, structOctets, texts.length);
  return [head, reservations, ...pieces, texts];
}

function headerOf(
  bootCpuId: number,
  reservationOctets: number,
  structOctets: number,
  stringsOctets: number,
): Uint8Array {
  const structAt = FDT_HEADER_OCTETS + reservationOctets;
  const stringsAt = structAt + structOctets;
  return fromCells(
    FDT_MAGIC,
    stringsAt + stringsOctets,
    structAt,
    stringsAt,
    FDT_HEADER_OCTETS,
    FDT_VERSION,
    COMPATIBLE_VERSION,
    bootCpuId,
    stringsOctets,
    structOctets,
  );
}

/** Pairs of 64-bit numbers, closed by a pair of zeros. */
function reservationMap(reservations: readonly FdtReservation[]): Uint8Array {
  const octets = new Uint8Array((reservations.length + 1) * 16);
  const view = viewOf(octets);
  reservations.forEach(({ address, octets: length }, index) => {
    view.setBigUint64(index * 16, address);
    view.setBigUint64(index * 16 + 8, length);
  });
  return octets;
}

function padded(text: string): Uint8Array {
  const octets = new Uint8Array((text.length + 3) & ~3);
  new TextEncoder().encodeInto(text, octets);
  return octets;
}
