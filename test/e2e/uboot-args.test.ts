import { strict as assert } from 'node:assert';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Mac } from '../../server/core/address.ts';
import type { Board, BootFormat } from '../../server/core/board.ts';
import type { BootFacts, BootPlan } from '../../server/core/boot-plan.ts';
import { planBoot } from '../../server/core/plan-boot.ts';
import { octetsOf } from '../../server/core/kernel-args.ts';
import { openBoards } from '../../server/files/board-catalogue.ts';
import { openRender } from '../../server/render/render.ts';
import { readFdt, type FdtRoot } from '../../server/wire/fdt/fdt.ts';
import { debian, facts as someFacts, machine, macFrom, pcBoard, uboot, uefi } from '../core/boot-fixtures.ts';
import { carriedWords } from '../support/arg-samples.ts';
import { echoKernel, echoKernel32, echoKernelPc } from './echo-kernel.ts';
import { BENCH_SERVER, layBench, type LoaderBench } from './loader-bench.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const render = openRender([join(ROOT, 'templates')]);
const shipped = openBoards([join(ROOT, 'dtbs')]);

/** What survives every step when it is escaped: blanks in quotes, dollars, backslashes, semicolons, UTF-8. */
const HOSTILE = ['a="two  words"', 'b=$x${y}$(z)', 'c=\\n\\\\$\\', 'd=;&&|#{}<>*?[x]~`%!', 'e=ütf→8', '#f', 'g==='];

const NAMES = [
  ...['kernel_addr_r=0x40400000', 'fdt_addr_r=0x43e00000', 'ramdisk_addr_r=0x44000000', 'pxefile_addr_r=0x40300000'],
  ...['scriptaddr=0x40200000', 'autoload=no'],
];
const HIGH = { arm64: '0xffffffffffffffff', armhf: '0xffffffff' } as const;
const BOOTCMD = {
  extlinux: 'dhcp; pxe get && pxe boot',
  'boot-script': 'dhcp; tftpboot ${scriptaddr} boot.scr.uimg && source ${scriptaddr}',
} as const;

/** A saved environment; for scripts without a name for any load address, as some stock ones are. */
function environmentFor(arch: 'arm64' | 'armhf', format: keyof typeof BOOTCMD): readonly string[] {
  const names = format === 'extlinux' ? NAMES : NAMES.filter((name) => /^(scriptaddr|autoload)/.test(name));
  const high = [`fdt_high=${HIGH[arch]}`, `initrd_high=${HIGH[arch]}`];
  return ['bootdelay=0', `bootcmd=${BOOTCMD[format]}; echo END-OF-BOOTCMD; poweroff`, ...names, ...high];
}

/** The device tree that the kernel wrote to the serial port. */
function treeSeen(serial: Buffer): FdtRoot {
  const at = serial.indexOf(Uint8Array.of(0xd0, 0x0d, 0xfe, 0xed));
  assert.ok(at >= 0, `no kernel ran: ${serial.toString('latin1').slice(-600)}`);
  const tree = readFdt(serial.subarray(at));
  assert.ok(tree.ok, tree.ok ? '' : tree.error);
  return tree.value;
}

function boardOf(name: string): Board {
  const board = shipped.byName(name);
  assert.ok(board, name);
  return board;
}

/** A plan with these words and, where asked, one more that makes the arguments exactly so many octets. */
function planOf(facts: BootFacts, format: BootFormat, mac: Mac, extra: readonly string[], octets?: number): BootPlan {
  const ask =
    facts.board?.arch === 'amd64' ? { ...uefi, clientArch: 0, userClass: 'iPXE' } : { ...uboot, clientArch: undefined };
  const plan = (extraArgs: readonly string[]): BootPlan =>
    planBoot({ ...facts, machine: { ...machine, extraArgs } }, { ...ask, mac, format });
  const bare = plan(extra);
  if (octets === undefined) return bare;
  assert.equal(bare.do, 'boot');
  return plan([...extra, 'x'.repeat(octets - octetsOf(bare.args.text) - 1)]);
}

const argsOf = (plan: BootPlan): string => (plan.do === 'boot' ? plan.args.text : `not a boot: ${plan.because}`);

describe('real loaders and the octets of kernel arguments', function () {
  this.timeout(700_000);
  let bench: LoaderBench;
  let arm64: BootFacts;
  let boards = 0;
  const nextMac = (): Mac => macFrom(`52:54:00:79:00:${String((boards += 1)).padStart(2, '0')}`);

  before(async () => {
    bench = await layBench('brldr');
    const dtb = await bench.dtb('/ { model = "bench marker"; compatible = "linux,dummy-virt"; };');
    const tree = { ...bench.store('bench.dtb', dtb), source: 'dtc', licence: 'none' };
    const bundle = {
      ...debian,
      kernel: bench.store('linux', echoKernel()),
      initrd: bench.store('initrd.gz', new Uint8Array(600)),
    };
    const board = boardOf('qemu-virt-arm64-uboot');
    // Else what is too long for a format would travel in the tree; test/e2e/uboot-forms.test.ts shows that.
    const loaders = board.loaders.map((each) => ({ ...each, dtbArgs: undefined }));
    arm64 = { ...someFacts, board: { ...board, loaders, dtb: tree }, bundle, server: BENCH_SERVER };
  });

  after(() => bench.remove());

  function putRendered(format: BootFormat, plan: BootPlan, path: string): void {
    const octets = render(format, plan);
    assert.ok(octets.ok, octets.ok ? '' : octets.error);
    bench.put(path, octets.value);
  }

  async function boot(
    format: keyof typeof BOOTCMD,
    plan: BootPlan,
    mac: Mac,
    arch: 'arm64' | 'armhf' = 'arm64',
  ): Promise<Buffer> {
    const path = format === 'extlinux' ? `pxelinux.cfg/01-${mac.replaceAll(':', '-')}` : 'boot.scr.uimg';
    putRendered(format, plan, path);
    return bench.runUboot(arch, mac, environmentFor(arch, format));
  }

  it('u-boot, extlinux: exactly as many octets as the board holds reach the kernel whole, and so does the DTB', async () => {
    const mac = nextMac();
    const plan = planOf(arm64, 'extlinux', mac, [], 511);
    assert.equal(octetsOf(argsOf(plan)), 511);
    const tree = treeSeen(await boot('extlinux', plan, mac));
    assert.equal(tree.bootargs, argsOf(plan));
    assert.equal(tree.model, 'bench marker');
  });

  it('u-boot, extlinux: one octet more is refused by the plan, and u-boot proves the refusal right', async () => {
    const mac = nextMac();
    const refused = planOf(arm64, 'extlinux', mac, [], 512);
    assert.match(argsOf(refused), /not a boot: kernel arguments need 512 octets, .* holds 511/);
    const { board } = arm64;
    assert.ok(board);
    const loaders = board.loaders.map((each) => ({ ...each, argOctetsMax: { extlinux: 600 } }));
    const believed = planOf({ ...arm64, board: { ...board, loaders } }, 'extlinux', mac, [], 512);
    const said = (await boot('extlinux', believed, mac)).toString('latin1');
    assert.match(said, /bootarg overflow 512\+0\+0\+1 > 512/);
    assert.match(said, /END-OF-BOOTCMD/);
  });

  it('u-boot, extlinux: words that look like macros, quotes and comments reach the kernel unchanged', async () => {
    const mac = nextMac();
    const plan = planOf(arm64, 'extlinux', mac, [...HOSTILE, "h='$q'"]);
    assert.equal(treeSeen(await boot('extlinux', plan, mac)).bootargs, argsOf(plan));
  });

  it('u-boot, extlinux: random words that are said to pass do pass, behind a first one that looks like a comment', async () => {
    const mac = nextMac();
    const words = carriedWords('extlinux', 340, 1);
    assert.ok(words.length >= 12);
    const bundle = { ...debian, kernelArgs: [], kernel: arm64.bundle?.kernel ?? debian.kernel, initrd: undefined };
    const plan = planOf({ ...arm64, bundle, siteArgs: ['#first'] }, 'extlinux', mac, words);
    assert.match(argsOf(plan), /^#first /);
    assert.equal(treeSeen(await boot('extlinux', plan, mac)).bootargs, argsOf(plan));
  });

  it('u-boot, script: random words that are said to pass do pass', async () => {
    const mac = nextMac();
    const words = carriedWords('boot-script', 1000, 2);
    assert.ok(words.length >= 30);
    const plan = planOf(arm64, 'boot-script', mac, words);
    assert.equal(treeSeen(await boot('boot-script', plan, mac)).bootargs, argsOf(plan));
  });

  it('u-boot, script: 1500 octets, hostile words among them, with load addresses from the board alone', async () => {
    const mac = nextMac();
    const plan = planOf(arm64, 'boot-script', mac, HOSTILE, 1500);
    assert.equal(octetsOf(argsOf(plan)), 1500);
    const tree = treeSeen(await boot('boot-script', plan, mac));
    assert.equal(tree.bootargs, argsOf(plan));
    assert.equal(tree.model, 'bench marker');
  });

  it("u-boot, script, 32 bits: a zImage without a DTB of ours gets u-boot's own tree", async () => {
    const mac = nextMac();
    const bundle = {
      ...debian,
      arch: 'armhf',
      kernel: bench.store('zImage', echoKernel32()),
      initrd: undefined,
    } as const;
    const armhf = { ...arm64, board: boardOf('qemu-virt-armhf-uboot'), bundle };
    const plan = planOf(armhf, 'boot-script', mac, HOSTILE, 1023);
    const tree = treeSeen(await boot('boot-script', plan, mac, 'armhf'));
    assert.equal(tree.bootargs, argsOf(plan));
    assert.deepEqual(tree.compatible, ['linux,dummy-virt']);
  });

  it('u-boot: a refusal is said on the console, and the board goes on', async () => {
    const because = 'kernel arguments need 512 octets; "x" $y';
    const refusal = { do: 'refuse', because, remedy: 'shorten them', args: undefined } as const;
    for (const format of ['extlinux', 'boot-script'] as const) {
      const said = (await boot(format, refusal, nextMac())).toString('latin1');
      assert.match(said, /Farrier refuses: kernel arguments need 512 octets, x \?y\. Remedy:/);
      assert.match(said, /END-OF-BOOTCMD/);
    }
  });

  it('iPXE on a BIOS: as many octets as the kernel takes, hostile words among them, reach it whole', async () => {
    const mac = nextMac();
    const hostile = [
      ...['a="two   words"', 'b=$x$(z)', 'c=\\n\\\\$\\', 'd=;&&|#{}<>*?[x]~`%!', 'e=ütf→8', "f='", 'g==='],
      ...['h="a || b && c ; # d  #e"', '#i', '||', '&&', ';', 'j=${', 'k="${ x }  "'],
    ];
    const words = [...hostile, ...carriedWords('ipxe', 1500, 3)];
    assert.ok(words.length >= 50);
    const kernel = bench.store('linux', echoKernelPc());
    const bundle = { ...debian, arch: 'amd64', kernel, initrd: bench.store('initrd.gz', new Uint8Array(600)) } as const;
    const plan = planOf({ ...arm64, board: pcBoard, bundle }, 'ipxe', mac, words, 2047);
    assert.equal(octetsOf(argsOf(plan)), 2047);
    putRendered('ipxe', plan, 'boot.ipxe');
    const said = await bench.runPc(mac);
    assert.equal(said.subarray(0, said.indexOf(0)).toString().slice(-argsOf(plan).length), argsOf(plan));
    assert.equal(octetsOf(said.subarray(said.length - 2048, said.length - 1).toString()), 2047);
  });
});
