import { strict as assert } from 'node:assert';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { Artefact } from '../../server/core/bundle.ts';
import type { Derived, Recipe } from '../../server/core/recipe.ts';
import { openArtefactFolder } from '../../server/files/artefact-folder.ts';
import { digestOf } from '../../server/files/board-dtb.ts';
import { openDerivedFiles } from '../../server/files/derived-files.ts';
import { contentInMemory, type ArtefactHeads, type Artefacts } from '../../server/ports/artefacts.ts';
import type { DerivedFiles } from '../../server/ports/derived-files.ts';
import { decodeFdt } from '../../server/wire/fdt/decode.ts';
import { encodeFdt } from '../../server/wire/fdt/encode.ts';
import { cellsOf, fdtNode, fromCells, fromTexts, nodeAt, textsOf, type FdtNode } from '../../server/wire/fdt/tree.ts';
import { parseLegacyImage } from '../../server/wire/uboot/legacy-image.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';

/** An arm64 Image that does not pack away to nothing. */
function image(): Uint8Array {
  const octets = new Uint8Array(200_000);
  for (let at = 0; at < octets.length; at += 4) octets[at] = (at * 2654435761) >>> 24;
  octets.set(Buffer.from('ARM\x64'), 0x38);
  return octets;
}
const KERNEL = image();
const AT = { load: 0x40008000, entry: 0x40008040 };

describe('the maker of derived files', () => {
  let folder: string;
  let clock: FakeClock;
  let artefacts: Artefacts & ArtefactHeads;
  let derived: DerivedFiles;
  let kernel: Artefact;
  let initrd: Artefact;
  let puts = 0;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'farrier-derived-'));
    clock = createFakeClock();
    const opened = await openArtefactFolder({ dataDir: folder, clock });
    puts = 0;
    artefacts = {
      open: (sha256) => opened.open(sha256),
      head: (sha256, octets) => opened.head(sha256, octets),
      find: (start) => opened.find(start),
      has: (sha256) => opened.has(sha256),
      put: (name, source, octetsMax) => {
        puts += 1;
        return opened.put(name, source, octetsMax);
      },
    };
    derived = open();
    kernel = await store('linux', KERNEL);
    initrd = await store('initrd.gz', new Uint8Array(1000).fill(7));
    puts = 0;
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  function open(): DerivedFiles {
    return openDerivedFiles({ dataDir: folder, artefacts, openDtb: () => Promise.resolve(undefined), clock });
  }
  async function store(name: string, octets: Uint8Array): Promise<Artefact> {
    async function* source(): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(octets);
    }
    return artefacts.put(name, source(), 1 << 30);
  }
  async function read(made: Derived): Promise<Uint8Array> {
    assert.ok(made.is === 'there', made.is === 'failed' ? made.because : made.is);
    const content = await artefacts.open(made.artefact.sha256);
    assert.ok(content);
    const octets = await content.read(0, content.octets);
    content.close();
    return octets;
  }

  const tree = (...nodes: readonly FdtNode[]): Uint8Array =>
    encodeFdt({ bootCpuId: 0, reservations: [], root: fdtNode('', [], nodes) });
  /** As dtc -@ writes `&uart0 { status = …; };`. */
  const overlayFor = (label: string, status: string): Uint8Array =>
    tree(
      fdtNode(
        'fragment@0',
        [['target', fromCells(0xffffffff)]],
        [fdtNode('__overlay__', [['status', fromTexts(status)]])],
      ),
      fdtNode('__fixups__', [[label, fromTexts('/fragment@0:target:0')]]),
    );
  const base = tree(
    fdtNode('uart', [['phandle', fromCells(1)]]),
    fdtNode('__symbols__', [['uart0', fromTexts('/uart')]]),
  );

  it('merges overlays into a device tree in their order, under the name of the tree', async () => {
    const from = await store('board.dtb', base);
    const overlays = [
      await store('off.dtbo', overlayFor('uart0', 'disabled')),
      await store('on.dtbo', overlayFor('uart0', 'okay')),
    ];
    const made = await derived.make({ make: 'merged', from, overlays });
    const merged = decodeFdt(await read(made));
    assert.ok(merged.ok);
    const status = nodeAt(merged.value.root, '/uart')?.properties.get('status');
    assert.deepEqual(status && textsOf(status), ['okay']);
    assert.equal(made.is === 'there' && made.artefact.name, 'board.dtb');
    const turned = await derived.make({ make: 'merged', from, overlays: [...overlays].reverse() });
    assert.ok(turned.is === 'there' && made.is === 'there' && turned.artefact.sha256 !== made.artefact.sha256);
  });

  it('says which overlay cannot be merged, and for want of which label', async () => {
    const from = await store('board.dtb', base);
    const overlay = await store('i2c.dtbo', overlayFor('i2c7', 'okay'));
    const plain = await store('plain.dtb', tree(fdtNode('uart')));
    const because = async (...overlays: readonly Artefact[]): Promise<string> => {
      const made = await derived.make({ make: 'merged', from, overlays });
      return made.is === 'failed' ? made.because : made.is;
    };
    assert.equal(
      await because(overlay),
      'the overlay i2c.dtbo: the overlay needs the label "i2c7", which the base does not have',
    );
    assert.match(await because(plain), /^the overlay plain\.dtb has no fragment to merge; compile it .* dtc -@$/);
    assert.match(await because({ ...overlay, octets: 3 << 20 }), /^i2c\.dtbo has 3145728 octets, more than any/);
    assert.match(await because({ ...overlay, sha256: kernel.sha256 }), /^the overlay i2c\.dtbo: /);
  });

  it('packs an Image and unpacks it again to the very octets', async () => {
    const packed = await derived.make({ make: 'gzip', from: kernel });
    assert.ok(packed.is === 'there');
    assert.equal(packed.artefact.name, 'linux.gz');
    assert.ok(Buffer.from(gunzipSync(await read(packed))).equals(KERNEL));
    const unpacked = await derived.make({ make: 'unpacked', from: packed.artefact });
    assert.ok(unpacked.is === 'there');
    assert.deepEqual(unpacked.artefact, kernel);
  });

  it('wraps a kernel and an initrd into legacy images with right sums and no time stamp', async () => {
    const wrapped = await read(
      await derived.make({ make: 'uImage', from: kernel, arch: 'armhf', packing: 'gzip', at: AT }),
    );
    const uImage = parseLegacyImage(wrapped);
    assert.ok(uImage.ok, uImage.ok ? '' : uImage.error);
    const { payload, ...about } = uImage.value;
    const common = { os: 'linux', arch: 'armhf', name: 'Farrier', madeAtS: 0 } as const;
    assert.deepEqual(about, { ...common, type: 'kernel', compression: 'gzip', ...AT });
    assert.ok(Buffer.from(payload).equals(KERNEL));
    const uInitrd = parseLegacyImage(await read(await derived.make({ make: 'uInitrd', from: initrd, arch: 'armhf' })));
    assert.ok(uInitrd.ok);
    assert.deepEqual(uInitrd.value, {
      ...{ ...common, type: 'ramdisk', compression: 'none', load: 0, entry: 0 },
      payload: uInitrd.value.payload,
    });
    assert.equal(uInitrd.value.payload.length, 1000);
  });

  it('builds a FIT that holds every part with its digest, aligned to 8', async () => {
    const dtb = await store('b.dtb', new Uint8Array(700).fill(9));
    const recipe: Recipe = { make: 'FIT', from: kernel, arch: 'arm64', packing: 'none', at: AT, initrd, dtb };
    const octets = await read(await derived.make(recipe));
    const tree = decodeFdt(octets);
    assert.ok(tree.ok, tree.ok ? '' : tree.error);
    const images = nodeAt(tree.value.root, '/images')?.nodes ?? [];
    assert.deepEqual(
      images.map((node) => node.name),
      ['kernel', 'ramdisk', 'fdt'],
    );
    for (const node of images) {
      const data = node.properties.get('data');
      assert.ok(data);
      assert.equal((data.byteOffset - octets.byteOffset) % 8, 0, node.name);
      assert.equal(Buffer.from(node.nodes[0]?.properties.get('value') ?? []).toString('hex'), digestOf(data));
    }
    assert.deepEqual(cellsOf(images[0]?.properties.get('load') ?? new Uint8Array()), [AT.load]);
    const board = nodeAt(tree.value.root, '/configurations/board');
    assert.deepEqual([...(board?.properties.values() ?? [])].flatMap(textsOf), ['Farrier', 'kernel', 'ramdisk', 'fdt']);
  });

  it('a recipe is followed once: by all who ask at once, by those who ask later, and after a restart', async () => {
    const recipe: Recipe = { make: 'gzip', from: kernel };
    const all = await Promise.all([derived.make(recipe), derived.make(recipe), derived.make(recipe)]);
    assert.equal(new Set(all.map((each) => JSON.stringify(each))).size, 1);
    assert.deepEqual(await derived.make(recipe), all[0]);
    assert.deepEqual(await open().make(recipe), all[0]);
    assert.equal(puts, 1);
  });

  it('what was made and is gone, or whose entry is broken, is made again', async () => {
    const recipe: Recipe = { make: 'gzip', from: kernel };
    const made = await derived.make(recipe);
    assert.ok(made.is === 'there');
    rmSync(join(folder, 'artefacts', made.artefact.sha256.slice(0, 2), made.artefact.sha256));
    assert.deepEqual(await open().make(recipe), made);
    for (const entry of readdirSync(join(folder, 'derived')))
      writeFileSync(join(folder, 'derived', entry), '{"sha256":1}');
    assert.deepEqual(await open().make(recipe), made);
    assert.equal(puts, 3);
  });

  it('who has waited long enough is told that it is being made, and it is made all the same', async () => {
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const slow = openDerivedFiles({
      dataDir: folder,
      artefacts: { ...artefacts, put: (...order) => held.then(() => artefacts.put(...order)) },
      openDtb: () => Promise.resolve(undefined),
      clock,
    });
    const recipe: Recipe = { make: 'gzip', from: initrd };
    const first = slow.make(recipe);
    clock.advance(4000);
    assert.deepEqual(await first, { is: 'making' });
    const second = slow.make(recipe);
    release();
    assert.equal((await second).is, 'there');
  });

  it('a failure is said in words, and is no answer for ever', async () => {
    const packed = gzipSync(KERNEL);
    const cut = await store('linux.gz', packed.subarray(0, packed.length >> 1));
    const failed = await derived.make({ make: 'unpacked', from: cut });
    assert.ok(failed.is === 'failed');
    assert.match(failed.because, /unexpected end of file/);
    const gone: Artefact = { name: 'gone', sha256: digestOf(Uint8Array.of(1)), octets: 1 };
    const missing = await derived.make({ make: 'uInitrd', from: gone, arch: 'armhf' });
    assert.match(missing.is === 'failed' ? missing.because : '', /gone \(sha256 .* is not stored/);
    await store('gone', Uint8Array.of(1));
    assert.equal((await derived.make({ make: 'uInitrd', from: gone, arch: 'armhf' })).is, 'there');
  });

  it('tells a stored file’s form, of a gzip what it holds, and of what is not stored nothing', async () => {
    assert.deepEqual(await derived.formOf(kernel.sha256), { is: 'Image', arch: 'arm64' });
    const packed = await store('linux.gz', gzipSync(KERNEL));
    const inside = { is: 'gzip', arch: 'arm64', kernel: { is: 'Image', arch: 'arm64' } };
    assert.deepEqual(await derived.formOf(packed.sha256), inside);
    assert.deepEqual(await derived.formOf(packed.sha256), inside);
    const broken = await store('broken.gz', Uint8Array.of(0x1f, 0x8b, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10));
    assert.deepEqual(await derived.formOf(broken.sha256), { is: 'gzip', arch: undefined, kernel: undefined });
    const empty = await store('empty', new Uint8Array());
    assert.equal((await derived.formOf(empty.sha256))?.is, 'unknown');
    assert.equal(await derived.formOf(digestOf(Uint8Array.of(9))), undefined);
  });

  it('finds a board’s DTB where boards keep theirs', async () => {
    const octets = new Uint8Array(600).fill(3);
    const sha256 = digestOf(octets);
    const withDtb = openDerivedFiles({
      dataDir: folder,
      artefacts,
      openDtb: (asked) => Promise.resolve(asked === sha256 ? contentInMemory(sha256, octets) : undefined),
      clock,
    });
    const dtb = { name: 'b.dtb', sha256, octets: octets.length };
    const recipe: Recipe = {
      make: 'FIT',
      from: initrd,
      arch: 'armhf',
      packing: 'none',
      at: AT,
      initrd: undefined,
      dtb,
    };
    assert.equal((await withDtb.make(recipe)).is, 'there');
    assert.equal((await derived.make({ ...recipe, at: { load: 1, entry: 1 } })).is, 'failed');
  });
});
