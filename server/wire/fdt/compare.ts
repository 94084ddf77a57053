import { ok, type Result } from '../../core/result.ts';
import { decodeFdt } from './decode.ts';
import type { FdtNode } from './tree.ts';

/** So many differences are told; trees of two boards differ in thousands. */
const TOLD_MAX = 20;

/** What firmware makes of a tree by itself, on every board: memory, arguments, random seeds, what it reserved. */
const FIRMWARE_NODES = new Set(['/chosen', '/reserved-memory', '/options', '/firmware', '/psci', '/__symbols__']);
/** Properties that firmware fills in wherever they stand. */
const FIRMWARE_PROPERTIES =
  /^(local-mac-address|mac-address|serial-number|status|enable-method|cpu-release-addr|clock-frequency|timebase-frequency|phandle|linux,phandle)$/;

/**
 * Where the tree a kernel saw differs from the one it was served, in words, at most twenty. What firmware edits by
 * itself does not count: u-boot and UEFI fill in memory, `/chosen`, MACs, serial numbers and how CPUs are started.
 */
export function compareTrees(served: Uint8Array, seen: Uint8Array): Result<readonly string[]> {
  const [one, other] = [decodeFdt(served), decodeFdt(seen)];
  if (!one.ok) return one;
  if (!other.ok) return other;
  const told: string[] = [];
  compareNodes(one.value.root, other.value.root, '', told);
  return ok(told.slice(0, TOLD_MAX));
}

function compareNodes(served: FdtNode, seen: FdtNode, path: string, told: string[]): void {
  if (told.length > TOLD_MAX) return;
  compareProperties(served, seen, path, told);
  const [servedNames, seenNodes] = [namesOf(served), new Map(seen.nodes.map((node) => [node.name, node]))];
  for (const node of served.nodes) {
    const place = `${path}/${node.name}`;
    if (isFirmwares(place)) continue;
    const same = seenNodes.get(node.name);
    if (same) compareNodes(node, same, place, told);
    else told.push(`the kernel saw no node ${place}`);
  }
  for (const node of seen.nodes) {
    const place = `${path}/${node.name}`;
    if (!isFirmwares(place) && !servedNames.has(node.name))
      told.push(`the kernel saw a node ${place} that was not served`);
  }
}

const namesOf = (node: FdtNode): ReadonlySet<string> => new Set(node.nodes.map((each) => each.name));

const isFirmwares = (place: string): boolean => FIRMWARE_NODES.has(place) || /^\/memory(@|$)/.test(place);

/** Only what was served is asked for: what firmware adds to a node does not take anything away. */
function compareProperties(served: FdtNode, seen: FdtNode, path: string, told: string[]): void {
  for (const [name, value] of served.properties) {
    if (FIRMWARE_PROPERTIES.test(name)) continue;
    const found = seen.properties.get(name);
    const place = `${path === '' ? '/' : path}: ${name}`;
    if (!found) told.push(`the kernel saw no ${place}`);
    else if (!isEqual(value, found)) told.push(`the kernel saw another value of ${place}`);
  }
}

function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((octet, at) => octet === other[at]);
}
