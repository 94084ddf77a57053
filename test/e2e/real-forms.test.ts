import { strict as assert } from 'node:assert';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { layLan, type Lan } from '../../lab/netns.ts';
import { qemuBoard, type QemuBoard } from '../../lab/qemu-board.ts';
import type { QemuKind } from '../../lab/qemu/machine-args.ts';
import { memberOf, type SocketApi } from '../../lab/socket-api.ts';
import { fetchLoaders } from '../../agent/loaders.ts';
import { macOf } from '../../server/core/address.ts';
import { decodeFdt } from '../../server/wire/fdt/decode.ts';
import { encodeFdt } from '../../server/wire/fdt/encode.ts';
import { applyOverlay } from '../../server/wire/fdt/overlay.ts';
import { fdtNode, fromTexts } from '../../server/wire/fdt/tree.ts';
import { agentFor, TEST_CACHE } from '../support/agent-boot.ts';
import { listOf, startFarrier, untilApi, type FarrierProcess } from '../support/farrier-process.ts';
import { until } from '../support/until.ts';

/** Longer than u-boot's extlinux holds, shorter than the kernel's own limit on 32 bits. */
const LONG = `lab.long=${'y'.repeat(700)}`;
/** Firmware and Linux under TCG on a busy host; the usual is a quarter of it or less. */
const FIRMWARE_MS = 300_000;

interface Case {
  readonly name: string;
  readonly title: string;
  readonly kind: QemuKind;
  readonly arch: 'arm64' | 'armhf';
  readonly uboot?: 'pxe' | 'script';
  /** Lines of its board.yaml beside the common ones. */
  readonly board: readonly string[];
  readonly extraArgs: readonly string[];
  /** What its timeline must tell of the files that were served. */
  readonly served: readonly RegExp[];
}
const UBOOT = (format: string): string =>
  `loaders: [{ loader: u-boot, formats: [${format}], argOctetsMax: { ${format}: 511 }, dtbArgs: [${format}] }]`;
const CASES: readonly Case[] = [
  {
    ...{ name: 'form-0', title: 'a FIT by extlinux', kind: 'uboot-arm64', arch: 'arm64', uboot: 'pxe' },
    board: [UBOOT('extlinux'), 'kernelFormat: FIT', "kernelLoad: { load: '0x48000000' }"],
    extraArgs: ['lab.short=1'],
    served: [/kernel\.itb: \d+ octets in/],
  },
  {
    ...{ name: 'form-1', title: 'arguments in the DTB, by extlinux', kind: 'uboot-arm64', arch: 'arm64', uboot: 'pxe' },
    board: [UBOOT('extlinux')],
    extraArgs: [LONG],
    served: [/chosen\/01-[0-9a-f-]+\.dtb: \d+ octets in/],
  },
  {
    ...{ name: 'form-2', title: "a gzip'd Image and arguments in the DTB, by script", kind: 'uboot-arm64' },
    ...{ arch: 'arm64', uboot: 'script' },
    board: [
      UBOOT('boot-script'),
      'kernelFormat: Image.gz',
      "loadAddresses: { kernel: '0x40400000', initrd: '0x44000000', dtb: '0x43e00000', unpack: '0x48000000', unpackOctets: '0x4000000' }",
    ],
    extraArgs: [LONG],
    served: [/linux\.gz: \d+ octets in/, /chosen\/01-[0-9a-f-]+\.dtb: \d+ octets in/],
  },
  {
    ...{ name: 'form-3', title: 'a uImage and a uInitrd, by script', kind: 'uboot-armhf', arch: 'armhf' },
    uboot: 'script',
    board: [UBOOT('boot-script'), 'kernelFormat: uImage', "kernelLoad: { load: '0x42000000' }"],
    extraArgs: ['lab.short=1'],
    served: [/uImage: \d+ octets in/, /uInitrd: \d+ octets in/],
  },
  {
    ...{ name: 'form-4', title: "an overlaid DTB by GRUB's devicetree", kind: 'uefi-arm64', arch: 'arm64' },
    board: [],
    extraArgs: ['lab.short=1'],
    served: [/lab\.dtb: \d+ octets in/],
  },
];
const EXTENDS: Readonly<Partial<Record<QemuKind, string>>> = {
  'uboot-arm64': 'qemu-virt-arm64-uboot',
  'uboot-armhf': 'qemu-virt-armhf-uboot',
  'uefi-arm64': 'qemu-virt-arm64-uefi',
};

describe('Linux behind real firmware, in every form a kernel and its arguments take', function () {
  this.timeout(1_200_000);
  let folder: string;
  let lan: Lan;
  let farrier: FarrierProcess;
  const boards: QemuBoard[] = [];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'farrier-forms-'));
    lan = await layLan('forms0', '10.98.0.1/24');
    for (const [nth, { name, kind, uboot }] of CASES.entries()) {
      await lan.addTap(name);
      boards.push(
        await qemuBoard({
          ...{ name, kind, tap: name, folder, acpi: false, mac: macOf(Uint8Array.of(0x52, 0x54, 0, 0x98, 0, nth + 1)) },
          uuid: `daf5ab7e-f6f5-53cd-9583-3dd819d4360${String(nth)}`,
          ...(uboot ? { uboot } : {}),
        }),
      );
    }
    for (const [nth, each] of CASES.entries()) await writeBoard(each, boards[nth]!);
    farrier = await startFarrier({
      networks: [
        {
          ...{ name: 'forms', interface: 'forms0', subnet: '10.98.0.0/24', address: '10.98.0.1' },
          pools: ['10.98.0.100-10.98.0.199'],
        },
      ],
      boards: [join(folder, 'boards')],
    });
    for (const arch of ['arm64', 'armhf'] as const) await importSystem(farrier.api, arch);
  });
  after(async () => {
    for (const board of boards) await board.powerOff();
    await farrier.stop();
    await lan.remove();
    await rm(folder, { recursive: true });
  });

  const modelOf = (name: string): string => `Farrier lab ${name}, overlaid`;

  /** QEMU's own tree with an overlay of ours on it, as a board of a site would bring it. */
  async function writeBoard({ name, kind, board }: Case, machine: QemuBoard): Promise<void> {
    const place = join(folder, 'boards', name);
    await mkdir(place, { recursive: true });
    const base = decodeFdt(await machine.dtb('before the overlay'));
    assert.ok(base.ok, base.ok ? '' : base.error);
    const content = fdtNode('__overlay__', [['model', fromTexts(modelOf(name))]], [fdtNode('farrier-lab')]);
    const root = fdtNode('', [], [fdtNode('fragment@0', [['target-path', fromTexts('/')]], [content])]);
    const merged = applyOverlay(base.value, { bootCpuId: 0, reservations: [], root });
    assert.ok(merged.ok, merged.ok ? '' : merged.error);
    await writeFile(join(place, 'lab.dtb'), encodeFdt(merged.value));
    const lines = [
      ...[`title: Lab ${name}`, `extends: ${EXTENDS[kind] ?? ''}`, "signs: { oui: ['02:fa:22'] }", ...board],
      ...["dtb: { file: lab.dtb, source: 'dumped from QEMU', licence: GPL-2.0-only }", "sources: ['this test']", ''],
    ];
    await writeFile(join(place, 'board.yaml'), lines.join('\n'));
  }

  async function importSystem(api: SocketApi, arch: 'arm64' | 'armhf'): Promise<void> {
    const built = await agentFor(arch);
    const file = async (name: string, path: string): Promise<{ name: string; sha256: string }> => ({
      name,
      sha256: await api.upload(name, await readFile(path)),
    });
    const loaders = [];
    for (const each of await fetchLoaders({ arch, cacheDir: TEST_CACHE, outDir: join(folder, `loaders-${arch}`) }))
      loaders.push(await file(each.name, each.file));
    const kernel = await file('linux', built.kernel);
    const initrd = await file('initrd.gz', built.initrd);
    const common = { version: '1', arch, kernel, initrd, loaders, source: 'built by this test' };
    const { kernelArgs } = built;
    await api.must('POST', '/api/v1/bundles', { ...common, name: `agent-${arch}`, role: 'agent', kernelArgs });
    await api.must('POST', '/api/v1/bundles', { ...common, name: `system-${arch}`, role: 'system', kernelArgs });
  }

  async function timelineOf(board: QemuBoard): Promise<string> {
    const timeline = await farrier.api.call('GET', `/api/v1/machines/${board.mac}/timeline`);
    return listOf(timeline.body, 'events')
      .map((event) => String(memberOf(event, 'text')))
      .join('\n');
  }

  async function untilSaid(board: QemuBoard, words: RegExp): Promise<string> {
    await until(
      `on the serial line: ${String(words)}`,
      async () => words.test(await board.serial()),
      FIRMWARE_MS,
      async () => `${await timelineOf(board)}\n${(await board.serial()).slice(-3000)}`,
    );
    return board.serial();
  }

  for (const [nth, { name, title, arch, extraArgs, served }] of CASES.entries())
    it(`${title}: Linux has its arguments and its overlaid tree`, async () => {
      const board = boards[nth]!;
      const { api } = farrier;
      const path = `/api/v1/machines/${board.mac}`;
      await board.powerOn();
      await untilApi(api, path, () => true, FIRMWARE_MS);
      await board.powerOff();
      await api.must('PATCH', path, { board: name, extraArgs });
      await api.must('POST', `${path}/accept`, { name, bundle: `system-${arch}@1` });

      await board.powerOn();
      const serial = await untilSaid(board, /farrier-agent: started/);
      await board.powerOff();
      assert.ok(serial.includes(`Machine model: ${modelOf(name)}`), serial.slice(-3000));
      const line = /Kernel command line: (.*)/.exec(serial)?.[1] ?? '';
      for (const word of extraArgs) assert.ok(line.includes(word), line);
      const told = await timelineOf(board);
      for (const words of served) assert.match(told, words);
    });
});
