import { strict as assert } from 'node:assert';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Board, BootFormat } from '../../server/core/board.ts';
import { chosenDtbPath } from '../../server/core/boot-path.ts';
import type { BootFacts, BootPlan } from '../../server/core/boot-plan.ts';
import { artefactPath, type Artefact } from '../../server/core/bundle.ts';
import { octetsOf } from '../../server/core/kernel-args.ts';
import { planBoot } from '../../server/core/plan-boot.ts';
import { recipeKey, type Derived } from '../../server/core/recipe.ts';
import { realClock } from '../../server/edges/real-clock.ts';
import { openArtefactFolder } from '../../server/files/artefact-folder.ts';
import { openBoards } from '../../server/files/board-catalogue.ts';
import { openDerivedFiles } from '../../server/files/derived-files.ts';
import type { ArtefactHeads, Artefacts } from '../../server/ports/artefacts.ts';
import type { DerivedFiles } from '../../server/ports/derived-files.ts';
import { writeBootargs } from '../../server/render/bootargs-dtb.ts';
import { openRender } from '../../server/render/render.ts';
import { decodeFdt } from '../../server/wire/fdt/decode.ts';
import { encodeFdt } from '../../server/wire/fdt/encode.ts';
import { readFdt, type FdtRoot } from '../../server/wire/fdt/fdt.ts';
import { applyOverlay } from '../../server/wire/fdt/overlay.ts';
import { debian, facts as someFacts, machine, macFrom, uboot } from '../core/boot-fixtures.ts';
import { echoKernel, echoKernel32 } from './echo-kernel.ts';
import { BENCH_SERVER, layBench, type LoaderBench } from './loader-bench.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const render = openRender([join(ROOT, 'templates')]);
const shipped = openBoards([join(ROOT, 'dtbs')]);

const NAMES = [
  ...['kernel_addr_r=0x44400000', 'fdt_addr_r=0x43e00000', 'ramdisk_addr_r=0x44000000', 'pxefile_addr_r=0x43d00000'],
  ...['scriptaddr=0x43c00000', 'autoload=no', 'kernel_comp_addr_r=0x48000000', 'kernel_comp_size=0x4000000'],
];
const HIGH = { arm64: '0xffffffffffffffff', armhf: '0xffffffff' } as const;
const BOOTCMD = {
  extlinux: 'dhcp; pxe get && pxe boot',
  'boot-script': 'dhcp; tftpboot ${scriptaddr} boot.scr.uimg && source ${scriptaddr}',
} as const;
type Format = keyof typeof BOOTCMD;

/** Where the wrapped kernels of these tests are put: 2 MiB into memory, clear of all that is loaded. */
const AT = { load: 0x40200000, entry: 0x40200000 };

interface Case {
  readonly title: string;
  readonly board: 'qemu-virt-arm64-uboot' | 'qemu-virt-armhf-uboot';
  readonly kernelFormat: Board['kernelFormat'];
  readonly format: Format;
}
const CASES: readonly Case[] = [
  { title: "a gzip'd Image", board: 'qemu-virt-arm64-uboot', kernelFormat: 'Image.gz', format: 'extlinux' },
  { title: "a gzip'd Image", board: 'qemu-virt-arm64-uboot', kernelFormat: 'Image.gz', format: 'boot-script' },
  { title: 'a FIT', board: 'qemu-virt-arm64-uboot', kernelFormat: 'FIT', format: 'extlinux' },
  { title: 'a FIT', board: 'qemu-virt-arm64-uboot', kernelFormat: 'FIT', format: 'boot-script' },
  { title: 'a FIT', board: 'qemu-virt-armhf-uboot', kernelFormat: 'FIT', format: 'boot-script' },
  { title: 'a uImage and a uInitrd', board: 'qemu-virt-armhf-uboot', kernelFormat: 'uImage', format: 'extlinux' },
  { title: 'a uImage and a uInitrd', board: 'qemu-virt-armhf-uboot', kernelFormat: 'uImage', format: 'boot-script' },
];

describe('real u-boot and what is made of a kernel', function () {
  this.timeout(700_000);
  let bench: LoaderBench;
  let folder: string;
  let store: Artefacts & ArtefactHeads;
  let derived: DerivedFiles;
  let dtb: Artefact;
  let boards = 0;

  before(async () => {
    bench = await layBench('brfrm');
    folder = mkdtempSync(join(tmpdir(), 'farrier-forms-'));
    store = await openArtefactFolder({ dataDir: folder, clock: realClock });
    derived = openDerivedFiles({
      dataDir: folder,
      artefacts: store,
      openDtb: () => Promise.resolve(undefined),
      clock: realClock,
    });
    dtb = await stored('bench.dtb', await markedTree());
  });
  after(async () => {
    await bench.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  /** A tree whose model an overlay of ours has changed. */
  async function markedTree(): Promise<Uint8Array> {
    const base = decodeFdt(await bench.dtb('/ { model = "bench"; compatible = "linux,dummy-virt"; };'));
    const overlay = decodeFdt(await bench.dtb('/plugin/; &{/} { model = "bench, overlaid"; };'));
    assert.ok(base.ok && overlay.ok);
    const merged = applyOverlay(base.value, overlay.value);
    assert.ok(merged.ok, merged.ok ? '' : merged.error);
    return encodeFdt(merged.value);
  }

  async function stored(name: string, octets: Uint8Array): Promise<Artefact> {
    async function* source(): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(octets);
    }
    return store.put(name, source(), 1 << 20);
  }

  async function read(file: Artefact): Promise<Uint8Array> {
    const content = await store.open(file.sha256);
    assert.ok(content, file.name);
    const octets = await content.read(0, content.octets);
    content.close();
    return octets;
  }

  /** Plans as the daemon does: what is needed is made, then planned again. */
  async function planOf(board: Board, format: BootFormat, extraArgs: readonly string[]): Promise<BootPlan> {
    boards += 1;
    const mac = macFrom(`52:54:00:79:01:${String(boards).padStart(2, '0')}`);
    const kernel = await stored('linux', board.arch === 'arm64' ? echoKernel() : echoKernel32());
    const initrd = await stored('initrd.gz', new Uint8Array(600));
    const forms = new Map();
    for (const file of [kernel, initrd]) forms.set(file.sha256, await derived.formOf(file.sha256));
    const made = new Map<string, Derived>();
    const facts: BootFacts = {
      ...someFacts,
      board: { ...board, dtb: { ...dtb, source: 'dtc', licence: 'none' } },
      bundle: { ...debian, arch: board.arch, kernel, initrd },
      machine: { ...machine, extraArgs },
      server: BENCH_SERVER,
      forms,
      derived: made,
    };
    for (;;) {
      const plan = planBoot(facts, { ...uboot, clientArch: undefined, mac, format });
      if (plan.do !== 'refuse' || !plan.needs?.length) return plan;
      for (const recipe of plan.needs) made.set(recipeKey(recipe), await derived.make(recipe));
    }
  }

  async function boot(plan: BootPlan, format: Format, arch: 'arm64' | 'armhf'): Promise<string> {
    assert.ok(plan.do === 'boot', plan.because);
    for (const file of [plan.kernel, plan.initrd, plan.dtb]) if (file) bench.put(artefactPath(file), await read(file));
    if (plan.argsIn === 'dtb' && plan.dtb) {
      const written = writeBootargs(await read(plan.dtb), plan.args.text);
      assert.ok(written.ok);
      bench.put(chosenDtbPath(plan.mac), written.value);
    }
    const octets = render(format, plan);
    assert.ok(octets.ok, octets.ok ? '' : octets.error);
    bench.put(
      format === 'extlinux' ? `pxelinux.cfg/01-${plan.mac.replaceAll(':', '-')}` : 'boot.scr.uimg',
      octets.value,
    );
    const high = [`fdt_high=${HIGH[arch]}`, `initrd_high=${HIGH[arch]}`];
    const environment = ['bootdelay=0', `bootcmd=${BOOTCMD[format]}; echo END-OF-BOOTCMD; poweroff`, ...NAMES, ...high];
    return (await bench.runUboot(arch, plan.mac, environment)).toString('latin1');
  }

  /** The device tree that the kernel wrote to the serial port. */
  function treeSeen(serial: string): FdtRoot {
    const octets = Buffer.from(serial, 'latin1');
    const at = octets.indexOf(Uint8Array.of(0xd0, 0x0d, 0xfe, 0xed));
    assert.ok(at >= 0, `no kernel ran: ${serial.slice(-1500)}`);
    const tree = readFdt(octets.subarray(at));
    assert.ok(tree.ok, tree.ok ? '' : tree.error);
    return tree.value;
  }

  function boardOf(name: string, change: Partial<Board>): Board {
    const board = shipped.byName(name);
    assert.ok(board, name);
    return { ...board, loadAddresses: undefined, kernelLoad: AT, ...change };
  }

  for (const { title, board, kernelFormat, format } of CASES)
    it(`${board}: ${title} made by Farrier starts by ${format}, with its arguments and an overlaid DTB`, async () => {
      const plan = await planOf(boardOf(board, { kernelFormat }), format, ['lab.form=1']);
      const serial = await boot(plan, format, board.includes('arm64') ? 'arm64' : 'armhf');
      const tree = treeSeen(serial);
      assert.ok(plan.do === 'boot');
      assert.equal(tree.bootargs, plan.args.text);
      assert.equal(tree.model, 'bench, overlaid');
      if (kernelFormat === 'FIT') assert.match(serial, /sha256\+/);
    });

  for (const format of ['extlinux', 'boot-script'] as const)
    it(`arguments too long for ${format} reach the kernel in /chosen/bootargs of a DTB made for the boot`, async () => {
      const loaders = [
        { loader: 'u-boot' as const, formats: [format], argOctetsMax: { [format]: 511 }, dtbArgs: [format] },
      ];
      const plan = await planOf(boardOf('qemu-virt-arm64-uboot', { loaders }), format, [
        `lab.long=${'x'.repeat(1800)}`,
      ]);
      assert.ok(plan.do === 'boot', plan.because);
      assert.equal(plan.argsIn, 'dtb');
      assert.ok(octetsOf(plan.args.text) > 1800);
      const tree = treeSeen(await boot(plan, format, 'arm64'));
      assert.equal(tree.bootargs, plan.args.text);
      assert.equal(tree.model, 'bench, overlaid');
    });
});
