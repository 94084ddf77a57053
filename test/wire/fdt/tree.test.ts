import { strict as assert } from 'node:assert';
import {
  cellsOf,
  fdtNode,
  fromCells,
  fromTexts,
  nodeAt,
  pathOfLabel,
  phandleOf,
  textsOf,
  withProperty,
} from '../../../server/wire/fdt/tree.ts';

const root = fdtNode(
  '',
  [],
  [
    fdtNode('aliases', [['serial0', fromTexts('/soc/uart@9000')]]),
    fdtNode('soc', [], [fdtNode('uart@9000', [['phandle', fromCells(7)]]), fdtNode('uart@a000')]),
    fdtNode('__symbols__', [['console', fromTexts('/soc/uart@9000')]]),
  ],
);

describe('a device tree', () => {
  const paths: readonly (readonly [string, string, string | undefined])[] = [
    ['the root', '/', ''],
    ['a whole path', '/soc/uart@a000', 'uart@a000'],
    ['a unit address left out means the first that fits', '/soc/uart', 'uart@9000'],
    ['an alias', 'serial0', 'uart@9000'],
    ['another unit address is another node', '/soc/uart@b000', undefined],
    ['an alias nobody has', 'ethernet0', undefined],
    ['a beginning of a name is no name', '/so', undefined],
  ];
  for (const [title, path, name] of paths)
    it(`finds by path: ${title}`, () => {
      assert.equal(nodeAt(root, path)?.name, name);
    });

  it('knows where a label lies', () => {
    assert.equal(pathOfLabel(root, 'console'), '/soc/uart@9000');
    assert.equal(pathOfLabel(root, 'nobody'), undefined);
    assert.equal(pathOfLabel(fdtNode(''), 'console'), undefined);
  });

  it('sets a property, making the nodes on the way, and leaves the old tree as it was', () => {
    const changed = withProperty(root, '/chosen', 'bootargs', fromTexts('console=ttyS0'));
    assert.deepEqual(nodeAt(changed, '/chosen')?.properties.get('bootargs'), fromTexts('console=ttyS0'));
    assert.equal(nodeAt(root, '/chosen'), undefined);
    const again = withProperty(changed, '/chosen', 'bootargs', fromTexts('quiet'));
    assert.deepEqual(nodeAt(again, '/chosen')?.properties.get('bootargs'), fromTexts('quiet'));
    assert.equal(again.nodes.length, changed.nodes.length);
  });

  it('reads a phandle under both of its names, and none out of 0 and -1', () => {
    assert.equal(phandleOf(fdtNode('a', [['phandle', fromCells(7)]])), 7);
    assert.equal(phandleOf(fdtNode('a', [['linux,phandle', fromCells(8)]])), 8);
    assert.equal(phandleOf(fdtNode('a', [['phandle', fromCells(0)]])), undefined);
    assert.equal(phandleOf(fdtNode('a', [['phandle', fromCells(0xffffffff)]])), undefined);
    assert.equal(phandleOf(fdtNode('a', [['phandle', new Uint8Array(2)]])), undefined);
  });

  it('texts and numbers go both ways', () => {
    assert.deepEqual(textsOf(fromTexts('a', 'bü')), ['a', 'bü']);
    assert.deepEqual(cellsOf(fromCells(0, 0xffffffff)), [0, 0xffffffff]);
    assert.deepEqual(cellsOf(Uint8Array.of(0, 0, 0, 1, 9)), [1]);
  });
});
