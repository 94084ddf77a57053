import { err, ok, type Result } from '../../core/result.ts';

/** Octets of the header this reader needs (Devicetree Specification v0.4 §5.2). */
const HEADER_OCTETS = 40;
const MAGIC = 0xd00dfeed;
/** The version Linux and u-boot read; `last_comp_version` may not be above it. */
const VERSION = 17;
const DEPTH_MAX = 64;
const TEXT_OCTETS_MAX = 4096;

const TOKEN = { beginNode: 1, endNode: 2, property: 3, nop: 4, end: 9 } as const;

/** Where the parts of a blob lie, in octets from its start. */
export interface FdtHeader {
  readonly totalOctets: number;
  readonly structAt: number;
  readonly structOctets: number;
  readonly stringsAt: number;
  readonly stringsOctets: number;
  readonly version: number;
}

/** What tells a device tree from another one. */
export interface FdtRoot {
  readonly header: FdtHeader;
  readonly model: string | undefined;
  /** Most specific first. */
  readonly compatible: readonly string[];
  /** `/chosen/bootargs`, when the tree brings its own kernel arguments. */
  readonly bootargs: string | undefined;
}

/** Checks the header of a flattened device tree. The size in it must not exceed the octets at hand. */
export function readFdtHeader(octets: Uint8Array): Result<FdtHeader> {
  if (octets.length < HEADER_OCTETS) return err(`${octets.length} octets are too short for a device tree`);
  const view = viewOf(octets);
  if (view.getUint32(0) !== MAGIC) return err('no device tree: the magic number is not d00dfeed');
  const header = {
    totalOctets: view.getUint32(4),
    structAt: view.getUint32(8),
    structOctets: view.getUint32(36),
    stringsAt: view.getUint32(12),
    stringsOctets: view.getUint32(32),
    version: view.getUint32(20),
  };
  const { totalOctets, structAt, structOctets, stringsAt, stringsOctets } = header;
  if (totalOctets > octets.length)
    return err(`the device tree says ${totalOctets} octets, but only ${octets.length} are there`);
  if (header.version < VERSION || view.getUint32(24) > VERSION)
    return err(`device tree version ${header.version}, compatible down to ${view.getUint32(24)}; ${VERSION} is needed`);
  if (structAt % 4 !== 0 || structAt < HEADER_OCTETS || structAt + structOctets > totalOctets)
    return err('the structure block of the device tree lies outside of it');
  if (stringsAt < HEADER_OCTETS || stringsAt + stringsOctets > totalOctets)
    return err('the strings block of the device tree lies outside of it');
  return ok(header);
}

/**
 * Reads model and compatible of the root and the arguments in `/chosen`. Walks the structure block once; hostile
 * octets give a reason, never an exception nor more work than their length.
 */
export function readFdt(octets: Uint8Array): Result<FdtRoot> {
  const header = readFdtHeader(octets);
  if (!header.ok) return header;
  const walk = walkOf(octets, header.value);
  const fault = walkTree(walk);
  if (fault !== undefined) return err(fault);
  const texts = walk.found;
  return ok({
    header: header.value,
    model: texts.get('/model')?.[0],
    compatible: texts.get('/compatible') ?? [],
    bootargs: texts.get('/chosen/bootargs')?.[0],
  });
}

interface Walk {
  readonly view: DataView;
  readonly octets: Uint8Array;
  readonly end: number;
  readonly strings: Uint8Array;
  readonly found: Map<string, readonly string[]>;
  /** Names of the nodes above, the root's own empty name first. */
  readonly path: string[];
  at: number;
}

function walkOf(octets: Uint8Array, header: FdtHeader): Walk {
  const { structAt, structOctets, stringsAt, stringsOctets } = header;
  return {
    view: viewOf(octets),
    octets,
    end: structAt + structOctets,
    strings: octets.subarray(stringsAt, stringsAt + stringsOctets),
    found: new Map(),
    path: [],
    at: structAt,
  };
}

function walkTree(walk: Walk): string | undefined {
  while (walk.at + 4 <= walk.end) {
    const token = walk.view.getUint32(walk.at);
    walk.at += 4;
    if (token === TOKEN.end) return walk.path.length === 0 ? undefined : 'the device tree ends inside a node';
    const fault = takeToken(walk, token);
    if (fault !== undefined) return fault;
  }
  return 'the device tree has no end';
}

function takeToken(walk: Walk, token: number): string | undefined {
  switch (token) {
    case TOKEN.beginNode:
      return beginNode(walk);
    case TOKEN.endNode:
      return walk.path.pop() === undefined ? 'a node of the device tree ends twice' : undefined;
    case TOKEN.property:
      return takeProperty(walk);
    case TOKEN.nop:
      return undefined;
    default:
      return `token ${token} in the device tree is unknown`;
  }
}

function beginNode(walk: Walk): string | undefined {
  const rest = walk.octets.subarray(walk.at, walk.end);
  const length = rest.indexOf(0);
  if (length < 0) return 'a node name of the device tree has no end';
  if (walk.path.length >= DEPTH_MAX) return `the device tree is deeper than ${DEPTH_MAX} nodes`;
  walk.path.push(textOf(rest.subarray(0, Math.min(length, TEXT_OCTETS_MAX))));
  walk.at = aligned(walk.at + length + 1);
  return undefined;
}

function takeProperty(walk: Walk): string | undefined {
  if (walk.at + 8 > walk.end) return 'a property of the device tree is cut off';
  const [length, nameAt] = [walk.view.getUint32(walk.at), walk.view.getUint32(walk.at + 4)];
  const from = walk.at + 8;
  if (from + length > walk.end) return 'a property of the device tree is longer than the tree';
  walk.at = aligned(from + length);
  const wanted = walk.path.length === 1 || (walk.path.length === 2 && walk.path[1] === 'chosen');
  if (!wanted || length > TEXT_OCTETS_MAX) return undefined;
  const rest = walk.strings.subarray(nameAt, nameAt + 32);
  const name = textOf(rest.subarray(0, Math.max(rest.indexOf(0), 0)));
  const key = `${walk.path.join('/')}/${name}`;
  if (WANTED.has(key)) walk.found.set(key, textsOf(walk.octets.subarray(from, from + length)));
  return undefined;
}

const WANTED: ReadonlySet<string> = new Set(['/model', '/compatible', '/chosen/bootargs']);

/** A string list: texts closed by NUL each. */
function textsOf(value: Uint8Array): readonly string[] {
  return textOf(value)
    .split('\0')
    .filter((text) => text !== '');
}

function textOf(octets: Uint8Array): string {
  return new TextDecoder().decode(octets);
}

function aligned(at: number): number {
  return (at + 3) & ~3;
}

function viewOf(octets: Uint8Array): DataView {
  return new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
}
