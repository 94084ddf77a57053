/** A node of a device tree for tests; property values are written as they are, a text with its own NUL. */
export interface FdtNode {
  readonly name: string;
  readonly properties: Readonly<Record<string, string>>;
  readonly nodes: readonly FdtNode[];
}

/** Flattens a tree (Devicetree Specification v0.4 §5): header, empty reservation map, structure, strings. */
export function buildFdt(root: FdtNode): Uint8Array<ArrayBuffer> {
  const strings: string[] = [];
  const structure = Buffer.concat([...flatten(root, strings), u32(9)]);
  const texts = Buffer.from(strings.map((name) => `${name}\0`).join(''), 'latin1');
  const structAt = 40 + 16;
  const stringsAt = structAt + structure.length;
  const header = [
    0xd00dfeed,
    stringsAt + texts.length,
    structAt,
    stringsAt,
    40,
    17,
    16,
    0,
    texts.length,
    structure.length,
  ];
  return new Uint8Array(Buffer.concat([...header.map(u32), Buffer.alloc(16), structure, texts]));
}

function flatten(node: FdtNode, strings: string[]): readonly Buffer[] {
  const properties = Object.entries(node.properties).flatMap(([name, value]) => {
    if (!strings.includes(name)) strings.push(name);
    const at = strings.slice(0, strings.indexOf(name)).reduce((sum, each) => sum + each.length + 1, 0);
    return [u32(3), u32(value.length), u32(at), padded(value)];
  });
  return [
    u32(1),
    padded(`${node.name}\0`),
    ...properties,
    ...node.nodes.flatMap((each) => flatten(each, strings)),
    u32(2),
  ];
}

function u32(value: number): Buffer {
  const octets = Buffer.alloc(4);
  octets.writeUInt32BE(value);
  return octets;
}

function padded(text: string): Buffer {
  return Buffer.from(text.padEnd(Math.ceil(text.length / 4) * 4, '\0'), 'latin1');
}
