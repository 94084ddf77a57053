import { strict as assert } from 'node:assert';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { layLan, tool, type Lan } from '../../lab/netns.ts';
import { ipv4, type Mac } from '../../server/core/address.ts';
import type { Board, BootFormat } from '../../server/core/board.ts';
import { artefactPath, planBoot, type Artefact, type BootFacts, type BootPlan } from '../../server/core/boot-plan.ts';
import { octetsOf } from '../../server/core/kernel-args.ts';
import { openBoards } from '../../server/files/board-catalogue.ts';
import { digestOf } from '../../server/files/board-dtb.ts';
import { openRender } from '../../server/render/render.ts';
import { readFdt, type FdtRoot } from '../../server/wire/fdt/fdt.ts';
import { crc32 } from '../../server/wire/uboot/crc32.ts';
import { debian, facts as someFacts, machine, macFrom, uboot } from '../core/boot-fixtures.ts';
import { echoKernel, echoKernel32 } from './echo-kernel.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SERVER = '10.79.0.1';
const render = openRender([join(ROOT, 'templates')]);

/** What survives every step when it is escaped: blanks in quotes, dollars, backslashes, semicolons, UTF-8. */
const HOSTILE = ['a="two  words"', 'b=$x${y}$(z)', 'c=\\n\\\\$\\', 'd=;&&|#{}<>*?[x]~`%!', 'e=ütf→8', '#f', 'g==='];

interface Bench {
  readonly folder: string;
  readonly facts: BootFacts;
  readonly board: Board;
}

/** u-boot's saved environment in a flash of 64 MiB: CRC-32 (little-endian here), then name=value texts. */
function writeEnvironment(path: string, lines: readonly string[]): void {
  const flash = new Uint8Array(0x40000);
  flash.set(new TextEncoder().encode(`${lines.join('\0')}\0`), 4);
  new DataView(flash.buffer).setUint32(0, crc32(flash.subarray(4)), true);
  writeFileSync(path, flash);
  truncateSync(path, 64 << 20);
}

function put(folder: string, path: string, octets: Uint8Array): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), octets);
}

/** Runs QEMU until the board switches itself off, and gives all that its serial port said. */
async function runBoard(
  bench: Bench,
  tap: string,
  mac: Mac,
  bootcmd: string,
  names: readonly string[],
  kind: 'arm64' | 'armhf' = 'arm64',
): Promise<Buffer> {
  const [env, serial] = [join(bench.folder, `${tap}.fd`), join(bench.folder, `${tap}.serial`)];
  writeEnvironment(env, ['bootdelay=0', `bootcmd=${bootcmd}; echo END-OF-BOOTCMD; poweroff`, ...names]);
  const qemu = spawn(
    'qemu-system-aarch64',
    [
      ...['-machine', 'virt', '-cpu', 'cortex-a57', '-m', '256', '-accel', 'tcg', '-display', 'none', '-nodefaults'],
      ...['-bios', '/usr/lib/u-boot/qemu_arm64/u-boot.bin', '-drive', `if=pflash,unit=1,format=raw,file=${env}`],
      ...['-netdev', `tap,id=n0,ifname=${tap},script=no,downscript=no`],
      ...['-device', `virtio-net-pci,netdev=n0,mac=${mac},disable-legacy=on,romfile=`],
      ...['-serial', `file:${serial}`],
    ],
    { stdio: ['ignore', 'ignore', 'inherit'], timeout: 50_000, killSignal: 'SIGKILL' },
  );
  await once(qemu, 'exit');
  return readFileSync(serial);
}

/** The device tree that the kernel wrote to the serial port. */
function treeSeen(serial: Buffer): FdtRoot {
  const at = serial.indexOf(Uint8Array.of(0xd0, 0x0d, 0xfe, 0xed));
  assert.ok(at >= 0, `no kernel ran: ${serial.toString('latin1').slice(-600)}`);
  const tree = readFdt(serial.subarray(at));
  assert.ok(tree.ok, tree.ok ? '' : tree.error);
  return tree.value;
}

const argumentsSeen = (serial: Buffer): string | undefined => treeSeen(serial).bootargs;

const PXE_NAMES = [
  ...['kernel_addr_r=0x40400000', 'fdt_addr_r=0x43e00000', 'ramdisk_addr_r=0x44000000', 'pxefile_addr_r=0x40300000'],
  ...['scriptaddr=0x40200000', 'fdt_high=0xffffffffffffffff', 'initrd_high=0xffffffffffffffff', 'autoload=no'],
];
const PXE = 'dhcp; pxe get && pxe boot';
const SCRIPT = 'dhcp; tftpboot ${scriptaddr} boot.scr.uimg && source ${scriptaddr}';
/** As in the stock environment of some boards: no load address has a name. */
const SCRIPT_NAMES = PXE_NAMES.filter((name) => /^(scriptaddr|autoload|.*_high)/.test(name));

describe("real u-boot and the octets of its arguments' buffer", function () {
  this.timeout(120_000);
  let lan: Lan;
  let dnsmasq: ChildProcess;
  let bench: Bench;
  let boards = 0;

  before(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'farrier-uboot-'));
    lan = await layLan('br-ubargs', `${SERVER}/24`);
    dnsmasq = spawn(
      'dnsmasq',
      [
        ...[
          '--keep-in-foreground',
          '--conf-file=/dev/null',
          '--user=root',
          '--port=0',
          '--interface=br-ubargs',
          '--no-ping',
        ],
        ...[
          '--bind-interfaces',
          '--leasefile-ro',
          '--dhcp-range=10.79.0.50,10.79.0.99',
          '--enable-tftp',
          `--tftp-root=${folder}`,
        ],
      ],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
    const dtb = Buffer.from(await dtbOf(folder, '/ { model = "bench"; compatible = "linux,dummy-virt"; };'));
    const board = openBoards([join(ROOT, 'dtbs')]).byName('qemu-virt-arm64-uboot');
    assert.ok(board);
    const store = (name: string, octets: Uint8Array): Artefact => {
      const artefact = { name, sha256: digestOf(octets), octets: octets.length };
      put(folder, artefactPath(artefact), octets);
      return artefact;
    };
    const bundle = { ...debian, kernel: store('linux', echoKernel()), initrd: store('initrd.gz', new Uint8Array(600)) };
    const tree = { ...store('bench.dtb', dtb), source: 'dtc', licence: 'none' };
    const withTree = { ...board, dtb: tree };
    const server = { address: ipv4(0x0a4f0001), httpPort: 5240 };
    bench = { folder, board: withTree, facts: { ...someFacts, board: withTree, bundle, server } };
  });

  after(async () => {
    dnsmasq.kill();
    await lan.remove();
    rmSync(bench.folder, { recursive: true, force: true });
  });

  async function dtbOf(folder: string, source: string): Promise<Uint8Array> {
    writeFileSync(join(folder, 'bench.dts'), `/dts-v1/; ${source}`);
    await tool('dtc', ['-O', 'dtb', '-o', join(folder, 'bench.dtb'), join(folder, 'bench.dts')]);
    return readFileSync(join(folder, 'bench.dtb'));
  }

  /** A plan whose arguments are exactly so many octets, on a board that is believed to hold so many. */
  function planOf(
    mac: Mac,
    format: BootFormat,
    extra: readonly string[],
    octets?: number,
    believed?: number,
  ): BootPlan {
    const board = {
      ...bench.board,
      loaders: bench.board.loaders.map((each) => ({
        ...each,
        argOctetsMax: { ...each.argOctetsMax, ...(believed === undefined ? {} : { [format]: believed }) },
      })),
    };
    const plan = (extraArgs: readonly string[]): BootPlan =>
      planBoot({ ...bench.facts, board, machine: { ...machine, extraArgs } }, { ...uboot, mac, format });
    const bare = plan(extra);
    if (octets === undefined) return bare;
    assert.equal(bare.do, 'boot');
    return plan([...extra, 'x'.repeat(octets - octetsOf(bare.args.text) - 1)]);
  }

  async function boot(
    format: 'extlinux' | 'boot-script',
    planFor: (mac: Mac) => BootPlan,
  ): Promise<{ serial: Buffer; plan: BootPlan }> {
    boards += 1;
    const mac = macFrom(`52:54:00:79:00:0${boards}`);
    await lan.addTap(`ubargs${boards}`);
    const plan = planFor(mac);
    const text = render(format, plan, 1_700_000_000);
    assert.ok(text.ok, text.ok ? '' : text.error);
    const path = format === 'extlinux' ? `pxelinux.cfg/01-${mac.replaceAll(':', '-')}` : 'boot.scr.uimg';
    put(bench.folder, path, text.value);
    const pxe = format === 'extlinux';
    const serial = await runBoard(bench, `ubargs${boards}`, mac, pxe ? PXE : SCRIPT, pxe ? PXE_NAMES : SCRIPT_NAMES);
    return { serial, plan };
  }

  it('extlinux: exactly as many octets as the board holds reach the kernel whole', async () => {
    const { serial, plan } = await boot('extlinux', (mac) => planOf(mac, 'extlinux', [], 511));
    assert.equal(plan.do, 'boot');
    assert.equal(octetsOf(plan.args.text), 511);
    assert.equal(argumentsSeen(serial), plan.args.text);
  });

  it('extlinux: one octet more is refused by the plan, and u-boot proves the refusal right', async () => {
    assert.match(JSON.stringify(planOf(uboot.mac, 'extlinux', [], 512)), /need 512 octets, .* holds 511/);
    const { serial } = await boot('extlinux', (mac) => planOf(mac, 'extlinux', [], 512, 600));
    assert.match(serial.toString('latin1'), /bootarg overflow 512\+0\+0\+1 > 512/);
    assert.match(serial.toString('latin1'), /END-OF-BOOTCMD/);
  });

  it('extlinux: words that look like macros, quotes and comments reach the kernel unchanged', async () => {
    const { serial, plan } = await boot('extlinux', (mac) => planOf(mac, 'extlinux', [...HOSTILE, "h='$q'"]));
    assert.equal(argumentsSeen(serial), plan.do === 'boot' && plan.args.text);
  });

  it('boot script: 1500 octets, hostile words among them, with load addresses from the board alone', async () => {
    const { serial, plan } = await boot('boot-script', (mac) => planOf(mac, 'boot-script', HOSTILE, 1500));
    assert.equal(plan.do === 'boot' && octetsOf(plan.args.text), 1500);
    assert.equal(argumentsSeen(serial), plan.do === 'boot' && plan.args.text);
  });

  it('a refusal is said on the console, and the board goes on', async () => {
    const because = 'kernel arguments need 512 octets; "x" $y';
    const refusal = { do: 'refuse', because, remedy: 'shorten them', args: undefined } as const;
    const seen = /Farrier refuses: kernel arguments need 512 octets, x \?y\. Remedy:/;
    for (const format of ['extlinux', 'boot-script'] as const) {
      const { serial } = await boot(format, () => refusal);
      assert.match(serial.toString('latin1'), seen);
      assert.match(serial.toString('latin1'), /END-OF-BOOTCMD/);
    }
  });
});
