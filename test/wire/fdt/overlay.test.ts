import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { decodeFdt } from '../../../server/wire/fdt/decode.ts';
import { encodeFdt } from '../../../server/wire/fdt/encode.ts';
import { applyOverlay } from '../../../server/wire/fdt/overlay.ts';
import {
  cellsOf,
  fdtNode,
  fromCells,
  fromTexts,
  nodeAt,
  pathOfLabel,
  type FdtNode,
  type FdtTree,
} from '../../../server/wire/fdt/tree.ts';
import { anyTree } from './fdt-arbitrary.ts';
import { processorMs } from '../../support/processor-ms.ts';

const treeOf = (...nodes: readonly FdtNode[]): FdtTree => ({
  bootCpuId: 0,
  reservations: [],
  root: fdtNode('', [], nodes),
});
const base = treeOf(
  fdtNode('aliases', [['serial0', fromTexts('/soc/uart@9000')]]),
  fdtNode(
    'soc',
    [['phandle', fromCells(3)]],
    [
      fdtNode('uart@9000', [
        ['status', fromTexts('disabled')],
        ['phandle', fromCells(5)],
      ]),
      fdtNode('lonely@1'),
    ],
  ),
  fdtNode('user', [['uart', fromCells(5)]]),
  fdtNode('__symbols__', [
    ['uart0', fromTexts('/soc/uart@9000')],
    ['lonely', fromTexts('/soc/lonely@1')],
    ['gone', fromTexts('/soc/gone@2')],
  ]),
);

/** One fragment, as dtc -@ writes it. */
function fragment(at: number, target: readonly [string, Uint8Array], content: FdtNode): FdtNode {
  return fdtNode(`fragment@${at}`, [target], [{ ...content, name: '__overlay__' }]);
}
const toBeFilled: readonly [string, Uint8Array] = ['target', fromCells(0xffffffff)];

function applied(overlay: FdtTree, to = base): FdtNode {
  const result = applyOverlay(to, overlay);
  assert.ok(result.ok, result.ok ? '' : result.error);
  return result.value.root;
}
function refusal(overlay: FdtTree): string {
  const result = applyOverlay(base, overlay);
  return result.ok ? 'applied' : result.error;
}

describe('applyOverlay', () => {
  it('sets properties of a node meant by a label, and leaves its arguments as they were', () => {
    const overlay = treeOf(
      fragment(0, toBeFilled, fdtNode('', [['status', fromTexts('okay')]])),
      fdtNode('__fixups__', [['uart0', fromTexts('/fragment@0:target:0')]]),
    );
    const before = encodeFdt(overlay);
    assert.deepEqual(nodeAt(applied(overlay), '/soc/uart')?.properties.get('status'), fromTexts('okay'));
    assert.deepEqual(nodeAt(base.root, '/soc/uart')?.properties.get('status'), fromTexts('disabled'));
    assert.deepEqual(encodeFdt(overlay), before);
  });

  it('adds nodes to a node meant by a path or an alias', () => {
    for (const path of ['/soc/uart@9000', 'serial0']) {
      const overlay = treeOf(fragment(0, ['target-path', fromTexts(path)], fdtNode('', [], [fdtNode('gps')])));
      assert.equal(nodeAt(applied(overlay), '/soc/uart@9000/gps')?.name, 'gps');
    }
  });

  it("moves the overlay's phandles above the base's, with the references to them, aligned or not", () => {
    const overlay = treeOf(
      fragment(
        0,
        ['target-path', fromTexts('/')],
        fdtNode(
          '',
          [],
          [
            fdtNode('clock', [['phandle', fromCells(1)]]),
            fdtNode('device', [
              ['clocks', fromCells(1, 9)],
              ['odd', Uint8Array.of(77, 0, 0, 0, 1)],
            ]),
          ],
        ),
      ),
      fdtNode(
        '__local_fixups__',
        [],
        [
          fdtNode(
            'fragment@0',
            [],
            [
              fdtNode(
                '__overlay__',
                [],
                [
                  fdtNode('device', [
                    ['clocks', fromCells(0)],
                    ['odd', fromCells(1)],
                  ]),
                ],
              ),
            ],
          ),
        ],
      ),
    );
    const root = applied(overlay);
    assert.deepEqual(nodeAt(root, '/clock')?.properties.get('phandle'), fromCells(6));
    assert.deepEqual(nodeAt(root, '/device')?.properties.get('clocks'), fromCells(6, 9));
    assert.deepEqual(nodeAt(root, '/device')?.properties.get('odd'), Uint8Array.of(77, 0, 0, 0, 6));
  });

  it('merges labels, so that a second overlay builds on the first', () => {
    const first = treeOf(
      fragment(0, ['target-path', fromTexts('/soc')], fdtNode('', [], [fdtNode('clock', [['phandle', fromCells(1)]])])),
      fdtNode('__symbols__', [
        ['clk', fromTexts('/fragment@0/__overlay__/clock')],
        ['bus', fromTexts('/fragment@0/__overlay__')],
        ['itself', fromTexts('/fragment@0')],
      ]),
    );
    const once = applied(first);
    assert.equal(pathOfLabel(once, 'clk'), '/soc/clock');
    assert.equal(pathOfLabel(once, 'bus'), '/soc');
    assert.equal(pathOfLabel(once, 'itself'), undefined);
    const second = treeOf(
      fragment(0, toBeFilled, fdtNode('', [['rate', fromCells(24)]])),
      fdtNode('__fixups__', [['clk', fromTexts('/fragment@0:target:0')]]),
    );
    assert.deepEqual(
      nodeAt(applied(second, { ...base, root: once }), '/soc/clock')?.properties.get('rate'),
      fromCells(24),
    );
  });

  it('gives labels to a base that had none', () => {
    const overlay = treeOf(
      fragment(0, ['target-path', fromTexts('/')], fdtNode('', [], [fdtNode('led')])),
      fdtNode('__symbols__', [['led', fromTexts('/fragment@0/__overlay__/led')]]),
    );
    assert.equal(pathOfLabel(applied(overlay, treeOf()), 'led'), '/led');
  });

  it('a later fragment may be for a node an earlier one made', () => {
    const overlay = treeOf(
      fragment(0, ['target-path', fromTexts('/')], fdtNode('', [], [fdtNode('hat')])),
      fragment(1, ['target-path', fromTexts('/hat')], fdtNode('', [], [fdtNode('eeprom@50')])),
    );
    assert.equal(nodeAt(applied(overlay), '/hat/eeprom')?.name, 'eeprom@50');
  });

  it('a node of the base keeps its phandle, and the overlay follows it', () => {
    const overlay = treeOf(
      fragment(
        0,
        ['target-path', fromTexts('/')],
        fdtNode(
          '',
          [],
          [
            fdtNode('soc', [], [fdtNode('uart@9000', [['phandle', fromCells(1)]])]),
            fdtNode('peer', [['uart', fromCells(1)]]),
          ],
        ),
      ),
      fdtNode(
        '__local_fixups__',
        [],
        [fdtNode('fragment@0', [], [fdtNode('__overlay__', [], [fdtNode('peer', [['uart', fromCells(0)]])])])],
      ),
    );
    const root = applied(overlay);
    for (const path of ['/user', '/peer'])
      assert.deepEqual(cellsOf(nodeAt(root, path)?.properties.get('uart') ?? new Uint8Array()), [5], path);
    assert.deepEqual(nodeAt(root, '/soc/uart')?.properties.get('phandle'), fromCells(5));
  });

  it('what is no fragment is passed over', () => {
    const overlay = treeOf(fdtNode('notes', [['text', fromTexts('hello')]]));
    assert.deepEqual(applied(overlay), base.root);
  });

  const withFixup = (label: string, place: string): FdtTree =>
    treeOf(fragment(0, toBeFilled, fdtNode('')), fdtNode('__fixups__', [[label, fromTexts(place)]]));
  const localFixup = (node: FdtNode): FdtTree =>
    treeOf(
      fragment(0, ['target-path', fromTexts('/')], fdtNode('', [['a', fromCells(1)]])),
      fdtNode('__local_fixups__', [], [node]),
    );
  describe('hostile overlays cost no more than their size', () => {
    const many = <T>(count: number, one: (at: number) => T): readonly T[] =>
      Array.from({ length: count }, (_, at) => one(at));
    const root: readonly [string, Uint8Array] = ['target-path', fromTexts('/')];
    const costly: readonly (readonly [string, FdtTree, FdtTree])[] = [
      [
        'a property of a megabyte with a hundred thousand references in it',
        treeOf(),
        treeOf(
          fragment(0, root, fdtNode('', [['a', new Uint8Array(1 << 20)]])),
          fdtNode(
            '__local_fixups__',
            [],
            [fdtNode('fragment@0', [], [fdtNode('__overlay__', [['a', new Uint8Array(400_000)]])])],
          ),
        ),
      ],
      [
        'thousands of nodes beside thousands of others',
        treeOf(...many(8000, (at) => fdtNode(`a@${at}`))),
        treeOf(
          fragment(
            0,
            root,
            fdtNode(
              '',
              [],
              many(8000, (at) => fdtNode(`b${at}`)),
            ),
          ),
        ),
      ],
      [
        'thousands of fragments, each with a label',
        treeOf(...many(8000, (at) => fdtNode(`a${at}`, [['phandle', fromCells(at + 1)]]))),
        treeOf(
          ...many(8000, (at) => fragment(at, ['target', fromCells(8000)], fdtNode(''))),
          fdtNode(
            '__symbols__',
            many(8000, (at) => [`l${at}`, fromTexts(`/fragment@${7999 - at}/__overlay__`)] as const),
          ),
        ),
      ],
      [
        'labels by the thousand that nothing refers to',
        treeOf(
          ...many(8000, (at) => fdtNode(`a${at}`)),
          fdtNode(
            '__symbols__',
            many(20_000, (at) => [`l${at}`, fromTexts('/z')] as const),
          ),
          fdtNode('z', [['phandle', fromCells(1)]]),
        ),
        treeOf(
          fdtNode(
            '__fixups__',
            many(20_000, (at) => [`l${at}`, new Uint8Array()] as const),
          ),
        ),
      ],
    ];
    for (const [title, to, overlay] of costly)
      it(title, () => {
        const costMs = processorMs(() => applyOverlay(to, overlay));
        // Minutes each, were they looked through anew for each part of a path.
        assert.ok(costMs < 6000, `${String(costMs)} ms`);
      });
  });

  const refusals: readonly (readonly [string, FdtTree, RegExp])[] = [
    ['a label the base does not have', withFixup('i2c7', '/fragment@0:target:0'), /the label "i2c7", which the base/],
    ['a label whose node is gone', withFixup('gone', '/fragment@0:target:0'), /"gone" of the base means \/soc\/gone@2/],
    [
      'a label whose node has no phandle',
      withFixup('lonely', '/fragment@0:target:0'),
      /lonely@1, which has no phandle/,
    ],
    ['a reference that is no place', withFixup('uart0', 'fragment@0'), /"uart0": "fragment@0" is no place/],
    ['a reference to a node that is not there', withFixup('uart0', '/x:target:0'), /\/x is not in the overlay/],
    [
      'a reference beyond its property',
      withFixup('uart0', '/fragment@0:target:2'),
      /no number at offset 2 of "target"/,
    ],
    ['a reference to no property', withFixup('uart0', '/fragment@0:to:0'), /has no property "to"/],
    [
      'references without number',
      withFixup('uart0', Array.from({ length: 5000 }, () => '/fragment@0:target:0').join('\0')),
      /more than 1024 references/,
    ],
    [
      'a fragment for nobody',
      treeOf(fdtNode('fragment@0', [], [fdtNode('__overlay__')])),
      /neither target nor target-path/,
    ],
    [
      'a path that is not there',
      treeOf(fragment(4, ['target-path', fromTexts('/moon')], fdtNode(''))),
      /fragment@4 .* \/moon/,
    ],
    [
      'a phandle nobody has',
      treeOf(fragment(0, ['target', fromCells(99)], fdtNode(''))),
      /phandle 99, which no node has/,
    ],
    ['a local reference beside the tree', localFixup(fdtNode('fragment@9')), /\/fragment@9, which is not in it/],
    [
      'a local reference to no property',
      localFixup(fdtNode('fragment@0', [], [fdtNode('__overlay__', [['b', fromCells(0)]])])),
      /\/fragment@0\/__overlay__ has no property "b"/,
    ],
    [
      'a phandle that is no number',
      treeOf(fragment(0, ['target-path', fromTexts('/')], fdtNode('', [['phandle', new Uint8Array(3)]]))),
      /cannot be moved/,
    ],
    [
      'a phandle at the upper end',
      treeOf(fragment(0, ['target-path', fromTexts('/')], fdtNode('', [['phandle', fromCells(0xfffffffe)]]))),
      /cannot be moved above the 5/,
    ],
    [
      'a label in a fragment that is not there',
      treeOf(fdtNode('__symbols__', [['x', fromTexts('/fragment@3/__overlay__/x')]])),
      /label "x" lies in fragment@3/,
    ],
  ];
  for (const [title, overlay, want] of refusals)
    it(`refuses ${title}`, () => {
      assert.match(refusal(overlay), want);
    });

  it('names the missing label and the remedy where the base was built without labels', () => {
    const result = applyOverlay(treeOf(), withFixup('uart0', '/fragment@0:target:0'));
    assert.match(result.ok ? '' : result.error, /needs the label "uart0", but the base has no labels; .*dtc -@/);
  });

  it('property: any tree laid over any other gives a tree that can be written and read, or a reason', () => {
    fc.assert(
      fc.property(anyTree, anyTree, fc.array(anyTree, { maxLength: 2 }), (to, odd, contents) => {
        const fragments = contents.map(({ root }, at) => fragment(at, ['target-path', fromTexts('/')], root));
        const overlay = { ...odd, root: { ...odd.root, nodes: [...odd.root.nodes, ...fragments] } };
        const result = applyOverlay(to, overlay);
        return !result.ok || decodeFdt(encodeFdt(result.value)).ok;
      }),
    );
  });
});
