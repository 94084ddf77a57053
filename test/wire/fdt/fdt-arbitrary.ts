import fc from 'fast-check';
import { fdtNode, type FdtNode, type FdtTree } from '../../../server/wire/fdt/tree.ts';

const LETTERS = 'a b c x y z 0 1 9 , . _ + - #';
const name = fc.string({ unit: fc.constantFrom(...LETTERS.split(' ')), minLength: 1, maxLength: 31 });
const value = fc.uint8Array({ maxLength: 40 });
const properties = fc.uniqueArray(fc.tuple(name, value), { selector: ([key]) => key, maxLength: 5 });
const unit = fc.option(fc.nat(0xffff), { nil: undefined });
const nodeName = fc.tuple(name, unit).map(([text, at]) => (at === undefined ? text : `${text}@${at.toString(16)}`));

/** Nodes with at most so many floors of nodes in them. */
function nodeOf(floors: number): fc.Arbitrary<FdtNode> {
  const nodes =
    floors === 0
      ? fc.constant<FdtNode[]>([])
      : fc.uniqueArray(nodeOf(floors - 1), { selector: (each) => each.name, maxLength: 3 });
  return fc.tuple(nodeName, properties, nodes).map(([text, own, inner]) => fdtNode(text, own, inner));
}

const u64 = fc.bigInt({ min: 1n, max: (1n << 64n) - 1n });

/** Any lawful device tree, small. */
export const anyTree: fc.Arbitrary<FdtTree> = fc
  .tuple(
    fc.nat(0xffffffff),
    fc.array(
      fc.tuple(u64, u64).map(([address, octets]) => ({ address, octets })),
      { maxLength: 3 },
    ),
    nodeOf(3),
  )
  .map(([bootCpuId, reservations, root]) => ({ bootCpuId, reservations, root: { ...root, name: '' } }));
