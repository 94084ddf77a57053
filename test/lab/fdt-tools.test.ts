import { strict as assert } from 'node:assert';
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { readDeb } from '../../agent/deb.ts';
import { decodeFdt } from '../../server/wire/fdt/decode.ts';
import { encodeFdt } from '../../server/wire/fdt/encode.ts';
import { applyOverlay } from '../../server/wire/fdt/overlay.ts';
import { nodeAt, pathOfLabel, phandleOf, type FdtTree } from '../../server/wire/fdt/tree.ts';
import { TEST_CACHE } from '../support/agent-boot.ts';
import { anyTree } from '../wire/fdt/fdt-arbitrary.ts';

const run = promisify(execFile);
/** Of the trees in Debian's kernels every so manieth is compared. */
const EVERY = 40;

describe('dtc and fdtoverlay agree with our device trees', () => {
  let folder = '';
  const real = new Map<string, Uint8Array>();
  const at = (name: string): string => join(folder, name);

  before(async function () {
    this.timeout(300_000);
    folder = mkdtempSync(join(tmpdir(), 'farrier-fdt-'));
    const packages = join(TEST_CACHE, 'packages');
    for (const arch of ['arm64', 'armhf']) {
      const deb = readdirSync(packages).find(
        (name) => name.startsWith('linux-image-') && name.endsWith(`_${arch}.deb`),
      );
      assert.ok(deb, `the ${arch} kernel package is in ${packages}`);
      await readDeb(join(packages, deb), {
        wants: (entry) => entry.path.endsWith('.dtb'),
        take: (entry, octets) => real.set(entry.path.replaceAll('/', '_'), Uint8Array.from(octets)),
      });
    }
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  /** The source of a blob, sorted: two blobs with the same one say the same. */
  async function sourceOf(octets: Uint8Array): Promise<string> {
    writeFileSync(at('in.dtb'), octets);
    const { stdout } = await run('dtc', ['-q', '-s', '-I', 'dtb', '-O', 'dts', at('in.dtb')], { maxBuffer: 64 << 20 });
    return stdout;
  }

  async function compile(source: string, name: string): Promise<Uint8Array> {
    writeFileSync(at('in.dts'), source);
    await run('dtc', ['-q', '-@', '-I', 'dts', '-O', 'dtb', '-o', at(name), at('in.dts')]);
    return new Uint8Array(readFileSync(at(name)));
  }

  function decoded(octets: Uint8Array): FdtTree {
    const tree = decodeFdt(octets);
    assert.ok(tree.ok, tree.ok ? '' : tree.error);
    return tree.value;
  }

  async function agrees(base: Uint8Array, overlays: readonly Uint8Array[]): Promise<void> {
    writeFileSync(at('base.dtb'), base);
    overlays.forEach((overlay, index) => {
      writeFileSync(at(`overlay-${String(index)}.dtbo`), overlay);
    });
    const files = overlays.map((_, index) => at(`overlay-${String(index)}.dtbo`));
    await run('fdtoverlay', ['-i', at('base.dtb'), '-o', at('theirs.dtb'), ...files]);
    let tree = decoded(base);
    for (const overlay of overlays) {
      const next = applyOverlay(tree, decoded(overlay));
      assert.ok(next.ok, next.ok ? '' : next.error);
      tree = next.value;
    }
    assert.equal(await sourceOf(encodeFdt(tree)), await sourceOf(readFileSync(at('theirs.dtb'))));
  }

  it("every tree of Debian's kernels is decoded, and what is encoded again reads the same to dtc", async function () {
    this.timeout(300_000);
    assert.ok(real.size > 1000, `${String(real.size)} trees`);
    let index = 0;
    for (const [name, octets] of real) {
      const again = encodeFdt(decoded(octets));
      assert.ok(Buffer.from(encodeFdt(decoded(again))).equals(again), name);
      if (index++ % EVERY === 0) assert.equal(await sourceOf(again), await sourceOf(octets), name);
    }
  });

  it('fdtdump takes our blobs, reservations and all', async () => {
    for (const tree of fc.sample(anyTree, { numRuns: 10, seed: 1 })) {
      writeFileSync(at('ours.dtb'), encodeFdt(tree));
      const { stdout } = await run('fdtdump', [at('ours.dtb')]);
      assert.match(stdout, /version:\s+17\b/);
      for (const { address } of tree.reservations) assert.ok(stdout.includes(address.toString(16)));
    }
  });

  const BASE = `/dts-v1/;
    /memreserve/ 0x80000000 0x1000;
    / {
      #address-cells = <1>; #size-cells = <1>;
      aliases { serial0 = &uart0; };
      intc: interrupts { phandle = <0x20>; };
      soc: soc { #address-cells = <1>; #size-cells = <1>;
        uart0: uart@9000 { reg = <0x9000 0x100>; status = "disabled"; interrupt-parent = <&intc>; };
        uart1: uart@a000 { reg = <0xa000 0x100>; };
        gpio: gpio@b000 { reg = <0xb000 0x100>; };
      };
      user { uarts = <&uart0 1 &uart1 2>; };
    };`;
  const OVERLAYS: readonly (readonly [string, readonly string[]])[] = [
    ['a property changed by label', ['&uart0 { status = "okay"; };']],
    ['two fragments, of which one is for a path', ['&uart1 { a; };', '&{/soc} { b = "x"; };']],
    [
      'nodes with labels of their own, referred to within and from a later overlay',
      ['&soc { clk: clock@1 { #clock-cells = <0>; }; dev@2 { clocks = <&clk>, <&clk>; gpios = <&gpio 3 0>; }; };'],
    ],
    ['references inside a mixed property', ['&uart0 { mixed = "text", <&gpio>, [01 02 03], <&uart1>; };']],
    ['a fragment for the root', ['&{/} { model = "Ours"; chosen { bootargs = "console=ttyS0"; }; };']],
    ['a node of the base named without its unit address', ['&soc { gpio { hog; }; };']],
  ];
  for (const [title, parts] of OVERLAYS)
    it(`an overlay as fdtoverlay applies it: ${title}`, async () => {
      const base = await compile(BASE, 'b.dtb');
      const overlay = await compile(`/dts-v1/; /plugin/;\n${parts.join('\n')}`, 'o.dtbo');
      await agrees(base, [overlay]);
    });

  it('an overlay on an overlay, whose label it uses', async () => {
    const head = '/dts-v1/; /plugin/;\n';
    const first = await compile(`${head}&soc { clk: clock@1 { #clock-cells = <0>; }; };`, '1.dtbo');
    const second = await compile(`${head}&clk { rate = <24>; }; &uart1 { clocks = <&clk>; };`, '2.dtbo');
    await agrees(await compile(BASE, 'b.dtb'), [first, second]);
  });

  it('what fdtoverlay refuses is refused here too, with the label named', async () => {
    const base = await compile(BASE, 'b.dtb');
    const overlay = await compile('/dts-v1/; /plugin/;\n&i2c7 { status = "okay"; };', 'o.dtbo');
    writeFileSync(at('base.dtb'), base);
    await assert.rejects(run('fdtoverlay', ['-i', at('base.dtb'), '-o', at('theirs.dtb'), at('o.dtbo')]));
    const ours = applyOverlay(decoded(base), decoded(overlay));
    assert.match(ours.ok ? 'applied' : ours.error, /"i2c7"/);
  });

  it("overlays made at random for real boards' trees", async function () {
    this.timeout(300_000);
    const withLabels = [...real].filter(([, octets]) => nodeAt(decoded(octets).root, '/__symbols__') !== undefined);
    assert.ok(withLabels.length > 10, `${String(withLabels.length)} trees with labels`);
    const step = Math.ceil(withLabels.length / 12);
    for (let index = 0; index < withLabels.length; index += step) {
      const [name, octets] = withLabels[index] ?? ['', new Uint8Array()];
      const { root } = decoded(octets);
      const labels = [...(nodeAt(root, '/__symbols__')?.properties.keys() ?? [])].filter((label) => {
        const node = nodeAt(root, pathOfLabel(root, label) ?? '');
        return node !== undefined && phandleOf(node) !== undefined;
      });
      const [pick] = fc.sample(fc.shuffledSubarray(labels, { minLength: 4, maxLength: 4 }), {
        numRuns: 1,
        seed: index,
      });
      assert.ok(pick && pick.length === 4, `${name} has labels`);
      const [a, b, c, d] = pick.map((label) => `&${label}`);
      const source = `/dts-v1/; /plugin/;
        ${a} { status = "okay"; farrier,peer = <${b} 1 ${c} 2>; };
        ${b} { own: farrier@0 { farrier,mixed = "x", <${d}>; farrier,self = <&own>; }; };
        ${c} { farrier,far = <&own>; };`;
      await agrees(octets, [await compile(source, 'o.dtbo')]);
    }
  });
});
