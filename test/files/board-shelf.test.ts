import { strict as assert } from 'node:assert';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { openBoards, type BoardCatalogue } from '../../server/files/board-catalogue.ts';
import { digestOf } from '../../server/files/board-dtb.ts';
import { createBoardShelf } from '../../server/files/board-shelf.ts';
import { lintBoards } from '../../server/files/lint-boards.ts';
import type { HeldDtb } from '../../server/ports/boards.ts';
import { decodeFdt } from '../../server/wire/fdt/decode.ts';
import { encodeFdt } from '../../server/wire/fdt/encode.ts';
import { fdtNode, fromCells, fromTexts, nodeAt, textsOf, type FdtNode } from '../../server/wire/fdt/tree.ts';

const blob = (...nodes: readonly FdtNode[]): Uint8Array =>
  encodeFdt({
    bootCpuId: 0,
    reservations: [],
    root: fdtNode('', [['compatible', fromTexts('acme,bench')]], nodes),
  });
const uart = fdtNode('uart@9', [
  ['status', fromTexts('disabled')],
  ['phandle', fromCells(1)],
]);
const symbols = fdtNode('__symbols__', [['uart0', fromTexts('/uart@9')]]);
const base = blob(uart, symbols);
const overlayOf = (label: string): Uint8Array =>
  blob(
    fdtNode(
      'fragment@0',
      [['target', fromCells(0xffffffff)]],
      [fdtNode('__overlay__', [['status', fromTexts('okay')]])],
    ),
    fdtNode('__fixups__', [[label, fromTexts('/fragment@0:target:0')]]),
  );

const BENCH = `title: Bench
arch: arm64
signs: { clientArch: [22] }
compatible: ["acme,bench"]
loaders:
  - { loader: u-boot, formats: [extlinux], argOctetsMax: { extlinux: 255 } }
kernelFormat: Image
sources: ["a test: tree, loader, overlays"]
dtb: { file: bench.dtb, source: the bench, licence: none }
`;

const heldOf = (octets: Uint8Array | undefined, compatible = ['acme,bench'], board = 'bench'): HeldDtb => ({
  octets,
  version: {
    ...{ board, version: 3, file: 'imported.dtb', model: undefined, compatible, source: 's', licence: 'l', atMs: 0 },
    ...{ by: 'alice', sha256: digestOf(octets ?? new Uint8Array(1)), octets: octets?.length ?? 1 },
  },
});

describe('boards with what was imported for them', () => {
  let root = '';
  let catalogue: BoardCatalogue;
  const put = (path: string, octets: string | Uint8Array): void => {
    const file = join(root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, octets);
  };
  const lay = (): ReturnType<typeof createBoardShelf> => {
    catalogue = openBoards([root]);
    return createBoardShelf(catalogue);
  };
  const statusOf = (octets: Uint8Array | undefined): readonly string[] => {
    const tree = decodeFdt(octets ?? new Uint8Array());
    assert.ok(tree.ok);
    return textsOf(nodeAt(tree.value.root, '/uart@9')?.properties.get('status') ?? new Uint8Array());
  };
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'farrier-shelf-'));
  });
  afterEach(() => {
    rmSync(root, { recursive: true });
  });

  it('the imported tree goes before the file, and gives way to it again', async () => {
    put('bench/board.yaml', BENCH);
    put('bench/bench.dtb', base);
    const shelf = lay();
    assert.deepEqual(shelf.byName('bench')?.dtb?.name, 'bench.dtb');
    const other = blob(uart);
    shelf.hold('bench', heldOf(other));
    const dtb = shelf.byName('bench')?.dtb;
    assert.deepEqual([dtb?.name, dtb?.version, dtb?.sha256], ['imported.dtb', 3, digestOf(other)]);
    assert.equal(shelf.list()[0], shelf.byName('bench'), 'made once');
    const found = shelf.findDtb(digestOf(other).slice(0, 16));
    assert.equal(found, digestOf(other));
    assert.deepEqual((await shelf.openDtb(digestOf(other)))?.whole, other);
    assert.equal((await shelf.openDtb(digestOf(base)))?.octets, base.length, 'a boot under way still gets the file');
    shelf.hold('bench', undefined);
    assert.equal(shelf.byName('bench')?.dtb?.sha256, digestOf(base));
    assert.equal(shelf.findDtb(digestOf(other).slice(0, 16)), undefined);
  });

  it('heals what was missing, and refuses what is gone or of another board', () => {
    put('bench/board.yaml', BENCH);
    const shelf = lay();
    assert.match(shelf.byName('bench')?.dtbMissing ?? '', /is not there/);
    assert.ok(lintBoards([root], shelf).some((each) => /boots of this board are refused/.test(each.words)));
    shelf.hold('bench', heldOf(base));
    assert.equal(shelf.byName('bench')?.dtbMissing, undefined);
    assert.deepEqual(lintBoards([root], shelf), []);
    shelf.hold('bench', heldOf(undefined));
    assert.match(shelf.byName('bench')?.dtbMissing ?? '', /version 3 .* has gone .*import it again/);
    shelf.hold('bench', heldOf(base, ['other,board']));
    assert.match(shelf.byName('bench')?.dtbMissing ?? '', /version 3 .* is of "other,board", not of "acme,bench"/);
  });

  it('an optional tree is the firmware’s until one is imported', () => {
    put('bench/board.yaml', BENCH.replace('licence: none', 'licence: none, optional: true'));
    const shelf = lay();
    assert.deepEqual([shelf.byName('bench')?.dtb, shelf.byName('bench')?.dtbMissing], [undefined, undefined]);
    assert.equal(shelf.byName('bench')?.dtbWish?.optional, true);
    shelf.hold('bench', heldOf(base));
    assert.equal(shelf.byName('bench')?.dtb?.version, 3);
  });

  it('overlays are merged into the file’s tree and into the imported one', async () => {
    put('bench/board.yaml', `${BENCH}overlays: [on.dtbo]\n`);
    put('bench/bench.dtb', base);
    put('bench/on.dtbo', overlayOf('uart0'));
    const shelf = lay();
    const first = shelf.byName('bench')?.dtb;
    assert.ok(first && first.sha256 !== digestOf(base));
    const content = await shelf.openDtb(first.sha256);
    assert.deepEqual([content?.octets, content?.sha256], [first.octets, first.sha256]);
    assert.deepEqual(statusOf(content?.whole), ['okay']);
    shelf.hold('bench', heldOf(blob(fdtNode('more'), uart, symbols)));
    const second = shelf.byName('bench')?.dtb;
    assert.ok(second && second.sha256 !== first.sha256 && second.version === 3);
    assert.deepEqual(statusOf((await shelf.openDtb(second.sha256))?.whole), ['okay']);
  });

  it('an overlay that changes on disk changes what is served', () => {
    put('bench/board.yaml', `${BENCH}overlays: [on.dtbo]\n`);
    put('bench/bench.dtb', base);
    const shelf = lay();
    assert.match(shelf.byName('bench')?.dtbMissing ?? '', /board "bench": the overlay on\.dtbo is not there/);
    put('bench/on.dtbo', overlayOf('uart0'));
    assert.equal(catalogue.refresh(), true);
    assert.equal(shelf.byName('bench')?.dtbMissing, undefined);
  });

  it('an overlay that does not fit names board, overlay and label', () => {
    put('bench/board.yaml', `${BENCH}overlays: [on.dtbo, bad.dtbo]\n`);
    put('bench/bench.dtb', base);
    put('bench/on.dtbo', overlayOf('uart0'));
    put('bench/bad.dtbo', overlayOf('spi7'));
    assert.match(lay().byName('bench')?.dtbMissing ?? '', /board "bench": the overlay bad\.dtbo: .*spi7/);
    put('bench/bad.dtbo', '<html>'.padEnd(100));
    assert.match(lay().byName('bench')?.dtbMissing ?? '', /the overlay bad\.dtbo: no device tree/);
  });

  it('overlays wait for a tree rather than be left out', () => {
    put('bench/board.yaml', `${BENCH.replace('none }', 'none, optional: true }')}overlays: [on.dtbo]\n`);
    put('bench/on.dtbo', overlayOf('uart0'));
    assert.match(lay().byName('bench')?.dtbMissing ?? '', /has overlays, but the device tree under them is not there/);
  });

  it('a board that takes its tree from another is lent what was imported for that one', () => {
    put('bench/board.yaml', BENCH);
    put('bench-b/board.yaml', 'title: B\nextends: bench\nsources: [x]\n');
    put('bench-c/board.yaml', 'title: C\nextends: bench\nsources: [x]\ndtb: { file: c.dtb, source: s, licence: l }\n');
    const shelf = lay();
    shelf.hold('bench', heldOf(base));
    assert.equal(shelf.byName('bench-b')?.dtb?.sha256, digestOf(base));
    assert.match(shelf.byName('bench-c')?.dtbMissing ?? '', /c\.dtb is not there/);
    const own = blob(fdtNode('own'));
    shelf.hold('bench-b', heldOf(own, ['acme,bench'], 'bench-b'));
    assert.equal(shelf.byName('bench-b')?.dtb?.sha256, digestOf(own));
  });
});
