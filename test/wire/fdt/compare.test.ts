import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { compareTrees } from '../../../server/wire/fdt/compare.ts';
import { encodeFdt } from '../../../server/wire/fdt/encode.ts';
import { fdtNode, type FdtNode } from '../../../server/wire/fdt/tree.ts';
import { processorMs } from '../../support/processor-ms.ts';

const text = (value: string): Uint8Array => new TextEncoder().encode(`${value}\0`);
const blob = (root: FdtNode): Uint8Array => encodeFdt({ bootCpuId: 0, reservations: [], root });
const board = (more: readonly FdtNode[] = [], sata = 'okay'): FdtNode =>
  fdtNode(
    '',
    [['model', text('A board')]],
    [
      fdtNode('memory@0', [['reg', Uint8Array.of(0, 0)]]),
      fdtNode('chosen'),
      fdtNode('soc', [], [fdtNode('sata@1a800000', [['compatible', text(sata)]])]),
      ...more,
    ],
  );
const differences = (served: FdtNode, seen: FdtNode): readonly string[] => {
  const compared = compareTrees(blob(served), blob(seen));
  assert.ok(compared.ok);
  return compared.value;
};

describe('the device tree a kernel saw beside the one it was served', () => {
  it('a tree is the same as itself', () => {
    assert.deepEqual(differences(board(), board()), []);
  });

  it('what firmware fills in is no difference', () => {
    const filled = fdtNode(
      '',
      [
        ['model', text('A board')],
        ['serial-number', text('42')],
      ],
      [
        fdtNode('memory@80000000', [['reg', Uint8Array.of(9, 9)]]),
        fdtNode('chosen', [['bootargs', text('quiet')]]),
        fdtNode('reserved-memory', [], [fdtNode('tz@0')]),
        fdtNode(
          'soc',
          [],
          [
            fdtNode('sata@1a800000', [
              ['compatible', text('okay')],
              ['status', text('disabled')],
            ]),
          ],
        ),
      ],
    );
    assert.deepEqual(differences(board(), filled), []);
  });

  it('a node that is gone, one that nobody served, and another value are told with their place', () => {
    assert.deepEqual(differences(board([fdtNode('marker')]), board()), ['the kernel saw no node /marker']);
    assert.deepEqual(differences(board(), board([fdtNode('other')])), [
      'the kernel saw a node /other that was not served',
    ]);
    assert.deepEqual(differences(board(), board([], 'other')), [
      'the kernel saw another value of /soc/sata@1a800000: compatible',
    ]);
    const bare = fdtNode('', [], board().nodes);
    assert.deepEqual(differences(board(), bare), ['the kernel saw no /: model']);
  });

  it('trees of two boards tell twenty differences and no more', () => {
    const many = Array.from({ length: 300 }, (_, n) => fdtNode(`node@${String(n)}`));
    assert.equal(differences(board(many), board()).length, 20);
  });

  it('two trees as wide as is read are compared in one go through each', () => {
    const wide = (letter: string): FdtNode =>
      fdtNode(
        '',
        [],
        Array.from({ length: 16_000 }, (_, n) => fdtNode(`${letter}@${String(n)}`)),
      );
    const [one, other] = [blob(wide('a')), blob(wide('b'))];
    const costMs = processorMs(() => {
      assert.ok(compareTrees(one, other).ok);
    });
    // Each beside each other takes many seconds.
    assert.ok(costMs < 4000, `${String(costMs)} ms`);
  });

  it('property: hostile octets give a reason, never an exception', () => {
    const own = blob(board());
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.nat(own.length - 1), (junk, at) => {
        assert.equal(compareTrees(own, junk).ok, false);
        const spoilt = own.map((octet, index) => (index === at ? octet ^ 0x55 : octet));
        compareTrees(own, spoilt);
      }),
    );
  });
});
