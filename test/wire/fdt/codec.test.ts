import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { decodeFdt } from '../../../server/wire/fdt/decode.ts';
import { encodeFdt, flattenFdt } from '../../../server/wire/fdt/encode.ts';
import { fdtNode, fromCells, fromTexts, type FdtNode, type FdtTree } from '../../../server/wire/fdt/tree.ts';
import { anyTree } from './fdt-arbitrary.ts';

const treeOf = (root: FdtNode): FdtTree => ({ bootCpuId: 0, reservations: [], root });
const board = treeOf(
  fdtNode(
    '',
    [
      ['model', fromTexts('Bench')],
      ['#address-cells', fromCells(2)],
    ],
    [fdtNode('memory@40000000', [['device_type', fromTexts('memory')]]), fdtNode('empty')],
  ),
);

function reasonOf(octets: Uint8Array): string {
  const tree = decodeFdt(octets);
  return tree.ok ? 'read' : tree.error;
}

/** The blob with 32-bit numbers written over it. */
function patched(tree: FdtTree, ...words: readonly (readonly [number, number])[]): Uint8Array {
  const octets = encodeFdt(tree);
  for (const [at, word] of words) new DataView(octets.buffer).setUint32(at, word);
  return octets;
}

describe('the device-tree codec', () => {
  it('property: what was encoded is decoded, octet for octet', () => {
    fc.assert(
      fc.property(anyTree, (tree) => {
        assert.deepEqual(decodeFdt(encodeFdt(tree)), { ok: true, value: tree });
      }),
    );
  });

  it('property: encoding what was decoded gives the same blob', () => {
    fc.assert(
      fc.property(anyTree, (tree) => {
        const blob = encodeFdt(tree);
        const again = decodeFdt(blob);
        assert.ok(again.ok);
        assert.deepEqual(encodeFdt(again.value), blob);
      }),
    );
  });

  it('property: whatever is flipped, cut or added, decoding gives a value or a reason', () => {
    fc.assert(
      fc.property(
        anyTree,
        fc.array(fc.tuple(fc.nat(4000), fc.nat(255)), { maxLength: 12 }),
        fc.option(fc.nat(400)),
        (tree, flips, cut) => {
          const octets = encodeFdt(tree);
          for (const [at, to] of flips) octets[at % octets.length] = to;
          return typeof reasonOf(cut === null ? octets : octets.subarray(0, cut)) === 'string';
        },
      ),
      { numRuns: 150 },
    );
  });

  it('every block is where version 17 wants it: aligned, in order, one string a name', () => {
    const tree = treeOf(fdtNode('', [['a', fromCells(1)]], [fdtNode('x', [['a', fromCells(2)]]), fdtNode('y')]));
    const octets = encodeFdt(tree);
    const view = new DataView(octets.buffer);
    const words = Array.from({ length: 10 }, (_, index) => view.getUint32(index * 4));
    const structOctets = words[9] ?? 0;
    const structAt = 40 + 16;
    const head = [0xd00dfeed, structAt + structOctets + 2, structAt, structAt + structOctets, 40, 17, 16, 0, 2];
    assert.deepEqual(words.slice(0, 9), head);
    assert.equal(octets.length, words[1]);
  });

  it('a value that is named instead of held stands alone among the pieces', () => {
    const tree: FdtTree<Uint8Array | 'later'> = { ...treeOf(fdtNode('')), root: fdtNode('', [['data', 'later']]) };
    const pieces = flattenFdt(tree, (value) => (value === 'later' ? 5 : value.length));
    assert.equal(pieces.filter((piece) => piece === 'later').length, 1);
    const octets = new Uint8Array(
      Buffer.concat(pieces.map((piece) => (piece === 'later' ? Buffer.from('12345') : piece))),
    );
    assert.deepEqual(decodeFdt(octets), {
      ok: true,
      value: treeOf(fdtNode('', [['data', new Uint8Array(Buffer.from('12345'))]])),
    });
  });

  const structAt = 56;
  const faults: readonly (readonly [string, Uint8Array, RegExp])[] = [
    ['reservations beyond the end', patched(board, [16, 0x7ffffff0]), /reserved memory .* no end/],
    ['reservations that run on', patched(board, [40, 1], [48, 1]), /reserved memory|more than 1024/],
    ['a property outside of every node', patched(board, [structAt, 3]), /outside of every node/],
    ['the same node twice', encodeFdt(treeOf(fdtNode('', [], [fdtNode('a'), fdtNode('a')]))), /has the node \/a twice/],
    ['a node with a slash in its name', encodeFdt(treeOf(fdtNode('', [], [fdtNode('a/b')]))), /is named "a\/b"/],
    ['a node without a name', encodeFdt(treeOf(fdtNode('', [], [fdtNode('')]))), /is named ""/],
    ['a node name that is no text', encodeFdt(treeOf(fdtNode('', [], [fdtNode('a\u0001')]))), /no plain text/],
    [
      'a property name of 300 letters',
      encodeFdt(treeOf(fdtNode('', [['x'.repeat(300), fromCells(1)]]))),
      /a property of \/ has no name/,
    ],
  ];
  for (const [title, octets, want] of faults)
    it(`refuses ${title}`, () => {
      assert.match(reasonOf(octets), want);
    });

  it('refuses a property given twice, as dtc does: readers differ in which they take', () => {
    const tree = treeOf(
      fdtNode('', [
        ['ab', fromCells(1)],
        ['cd', fromCells(2)],
      ]),
    );
    const octets = encodeFdt(tree);
    octets.set(Buffer.from('ab'), octets.length - 3);
    assert.match(reasonOf(octets), /property \/ab twice/);
  });

  it('refuses a property behind a node: Linux would pass over it in silence', () => {
    const words = fromCells(1, 0, 1, 0x61000000, 2, 3, 0, 0, 2, 9);
    const octets = Buffer.concat([
      fromCells(0xd00dfeed, 56 + words.length + 2, 56, 56 + words.length, 40, 17, 16, 0, 2, words.length),
      new Uint8Array(16),
      words,
      Buffer.from('p\0'),
    ]);
    assert.match(reasonOf(octets), /\/p stands behind a node/);
  });

  it('refuses a tree with a second root', () => {
    const words = fromCells(1, 0, 2, 1, 0, 2, 9);
    const octets = Buffer.concat([
      fromCells(0xd00dfeed, 56 + words.length, 56, 56 + words.length, 40, 17, 16, 0, 0, words.length),
      new Uint8Array(16),
      words,
    ]);
    assert.match(reasonOf(octets), /two roots/);
  });

  it('passes over NOP words', () => {
    const words = fromCells(4, 1, 0, 4, 2, 4, 9);
    const octets = Buffer.concat([
      fromCells(0xd00dfeed, 56 + words.length, 56, 56 + words.length, 40, 17, 16, 0, 0, words.length),
      new Uint8Array(16),
      words,
    ]);
    assert.deepEqual(decodeFdt(octets), { ok: true, value: treeOf(fdtNode('')) });
  });

  it('refuses more nodes than any real tree has', () => {
    const nodes = Array.from({ length: 16_384 }, (_, index) => fdtNode(index.toString(36)));
    assert.match(reasonOf(encodeFdt(treeOf(fdtNode('', [], nodes)))), /more than 16384 nodes/);
  });
});
