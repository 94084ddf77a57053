const MAGIC = 0xd00dfeed;
const [BEGIN_NODE, END_NODE, PROP, NOP] = [1, 2, 3, 4];

/** Properties of the root node of a flattened device tree, by name; empty when the octets are no tree. */
export function rootProperties(blob: Uint8Array): ReadonlyMap<string, Uint8Array> {
  const found = new Map<string, Uint8Array>();
  if (blob.length < 40) return found;
  const view = new DataView(blob.buffer, blob.byteOffset, blob.length);
  if (view.getUint32(0) !== MAGIC) return found;
  const [structAt, stringsAt] = [view.getUint32(8), view.getUint32(12)];
  let at = structAt;
  let depth = 0;
  while (at + 4 <= blob.length) {
    const token = view.getUint32(at);
    at += 4;
    if (token === BEGIN_NODE) {
      depth += 1;
      at = aligned(blob.indexOf(0, at) + 1);
    } else if (token === PROP && at + 8 <= blob.length) {
      const [octets, name] = [view.getUint32(at), view.getUint32(at + 4)];
      if (depth === 1) found.set(textAt(blob, stringsAt + name), blob.subarray(at + 8, at + 8 + octets));
      at = aligned(at + 8 + octets);
    } else if (token === END_NODE) depth -= 1;
    else if (token !== NOP) break;
  }
  return found;
}

function aligned(at: number): number {
  return (at + 3) & ~3;
}

function textAt(blob: Uint8Array, at: number): string {
  const end = blob.indexOf(0, at);
  return new TextDecoder().decode(blob.subarray(at, end === -1 ? blob.length : end));
}
