import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { decodeFdt } from '../../../server/wire/fdt/decode.ts';
import { cellsOf, nodeAt, textsOf } from '../../../server/wire/fdt/tree.ts';
import { crc32 } from '../../../server/wire/uboot/crc32.ts';
import { fitPieces, type FitOrder, type FitPart } from '../../../server/wire/uboot/fit.ts';

interface Stored {
  readonly octets: Uint8Array;
}
const part = (octets: Uint8Array): FitPart<Stored> => ({
  content: { octets },
  octets: octets.length,
  sha256: new Uint8Array(32).fill(octets.length),
});
const order = (change: Partial<FitOrder<Stored>> = {}): FitOrder<Stored> => ({
  arch: 'arm64',
  kernel: part(new Uint8Array(2000).fill(1)),
  packing: 'gzip',
  load: 0x80080000,
  entry: 0x80080040,
  initrd: undefined,
  dtb: undefined,
  ...change,
});
function write(given: FitOrder<Stored>): Uint8Array {
  return new Uint8Array(
    Buffer.concat(fitPieces(given).map((piece) => (piece instanceof Uint8Array ? piece : piece.octets))),
  );
}
function rootOf(given: FitOrder<Stored>) {
  const tree = decodeFdt(write(given));
  assert.ok(tree.ok, tree.ok ? '' : tree.error);
  return tree.value.root;
}
const textOf = (given: FitOrder<Stored>, path: string, name: string): string =>
  textsOf(nodeAt(rootOf(given), path)?.properties.get(name) ?? new Uint8Array()).join(' ');

describe('a FIT', () => {
  it('says of its kernel what it is, how it is packed and where it goes', () => {
    for (const [name, want] of [
      ['type', 'kernel'],
      ['arch', 'arm64'],
      ['os', 'linux'],
      ['compression', 'gzip'],
    ] as const)
      assert.equal(textOf(order(), '/images/kernel', name), want);
    const kernel = nodeAt(rootOf(order()), '/images/kernel');
    assert.deepEqual(cellsOf(kernel?.properties.get('load') ?? new Uint8Array()), [0x80080000]);
    assert.deepEqual(cellsOf(kernel?.properties.get('entry') ?? new Uint8Array()), [0x80080040]);
  });

  it('its one configuration names the parts that are there', () => {
    const all = order({ initrd: part(new Uint8Array(10)), dtb: part(new Uint8Array(900)) });
    assert.equal(textOf(all, '/configurations', 'default'), 'board');
    for (const name of ['kernel', 'ramdisk', 'fdt']) assert.equal(textOf(all, '/configurations/board', name), name);
    assert.equal(textOf(order(), '/configurations/board', 'ramdisk'), '');
    assert.deepEqual(nodeAt(rootOf(order()), '/images')?.nodes.length, 1);
  });

  it('an address above 4 GiB takes two cells', () => {
    const high = order({ load: 0x880080000, entry: 0x880080000 });
    const root = rootOf(high);
    assert.deepEqual(cellsOf(root.properties.get('#address-cells') ?? new Uint8Array()), [2]);
    assert.deepEqual(
      cellsOf(nodeAt(root, '/images/kernel')?.properties.get('load') ?? new Uint8Array()),
      [8, 0x80080000],
    );
  });

  it('property: whatever the lengths, the parts come out whole and begin at multiples of 8', () => {
    const lengths = fc.integer({ min: 512, max: 3000 });
    fc.assert(
      fc.property(lengths, lengths, lengths, (a, b, c) => {
        const parts = [a, b, c].map((length, nth) => part(new Uint8Array(length).fill(nth + 1)));
        const [kernel, initrd, dtb] = parts;
        assert.ok(kernel);
        const octets = write(order({ kernel, initrd, dtb }));
        const tree = decodeFdt(octets);
        assert.ok(tree.ok);
        for (const [nth, name] of ['kernel', 'ramdisk', 'fdt'].entries()) {
          const data: Uint8Array | undefined = nodeAt(tree.value.root, `/images/${name}`)?.properties.get('data');
          assert.ok(data && Buffer.from(data).equals(parts[nth]?.content.octets ?? Buffer.alloc(0)));
          assert.equal((data.byteOffset - octets.byteOffset) % 8, 0);
        }
      }),
    );
  });
});

describe('a sum over pieces', () => {
  it('property: is the sum of the whole', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), (a, b) => {
        assert.equal(crc32(b, crc32(a)), crc32(Uint8Array.of(...a, ...b)));
      }),
    );
  });
});
