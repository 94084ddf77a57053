import { strict as assert } from 'node:assert';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { layLan, type Lan } from '../../lab/netns.ts';
import type { QemuKind, UefiBoot } from '../../lab/qemu/machine-args.ts';
import { qemuBoard, type QemuBoard } from '../../lab/qemu-board.ts';
import { memberOf } from '../../lab/socket-api.ts';
import { parseMac } from '../../server/core/address.ts';
import { listOf, startFarrier, untilApi, type FarrierProcess } from '../support/farrier-process.ts';
import { importAgent } from '../support/import-agent.ts';
import { until } from '../support/until.ts';

const LINUX_MS = 400_000;

/** One way in: a machine nobody has touched, told apart by the beginning of its MAC where it needs a board of its own. */
interface Way {
  readonly title: string;
  readonly name: string;
  readonly kind: QemuKind;
  readonly oui?: string;
  readonly uefi?: UefiBoot;
  readonly uboot?: 'pxe' | 'script' | 'stock';
  /** The site's board for it, without title, signs and sources; shipped ones do where there is none. */
  readonly board?: readonly string[];
  readonly hasDtb?: true;
  /** Boot files it must have got whole, in this order. */
  readonly gets: readonly (string | RegExp)[];
  readonly serial?: RegExp;
}

/** Option 93 of those that get a board of their own. */
const CLIENT_ARCH: Readonly<Partial<Record<QemuKind, number>>> = { 'bios-ipxe': 0, 'uefi-x64': 7, 'uboot-arm64': 22 };

const KERNEL = /^boot\/[0-9a-f]{16}\/linux$/;

const WAYS: readonly Way[] = [
  {
    ...{ title: 'UEFI x64 by HTTP boot, into iPXE', name: 'way-http64', kind: 'uefi-x64', uefi: 'http' },
    gets: ['boot/ipxe-amd64.efi', 'boot.ipxe', KERNEL],
  },
  {
    ...{ title: 'UEFI arm64 by HTTP boot, into iPXE', name: 'way-httpa64', kind: 'uefi-arm64', uefi: 'http' },
    gets: ['boot/ipxe-arm64.efi', 'boot.ipxe', KERNEL],
  },
  {
    ...{ title: 'UEFI x64 with Secure Boot enforced', name: 'way-secure', kind: 'uefi-x64', uefi: 'secure' },
    gets: ['shimx64.efi', 'grubx64.efi', 'grub/grub.cfg', KERNEL],
    serial: /Secure boot enabled/,
  },
  {
    ...{
      title: 'a BIOS by PXELINUX, where its board says so',
      name: 'way-pxelinux',
      kind: 'bios-ipxe',
      oui: '02:fa:31',
    },
    board: [
      'extends: qemu-pc-x64-bios',
      'loaders:',
      '  - { loader: pxe-bios, formats: [extlinux], argOctetsMax: { extlinux: 2046 } }',
      '  - { loader: ipxe, formats: [extlinux], argOctetsMax: { extlinux: 2046 } }',
    ],
    gets: ['pxelinux.0', 'ldlinux.c32', 'pxelinux.cfg/01-02-fa-31-00-00-01', KERNEL],
  },
  {
    ...{ title: "u-boot's EFI step, into GRUB, with its board's tree", name: 'way-efistep', kind: 'uboot-arm64' },
    ...{ oui: '02:fa:32', uboot: 'stock', hasDtb: true },
    board: ['extends: qemu-virt-arm64-uboot', 'loaders: [{ loader: u-boot, formats: [grub] }]'],
    gets: ['grubaa64.efi', 'grub/grub.cfg', KERNEL],
  },
  {
    ...{ title: "u-boot arm64's stock script", name: 'way-stock64', kind: 'uboot-arm64', uboot: 'stock' },
    gets: ['boot.scr.uimg', KERNEL],
  },
  {
    ...{ title: "u-boot armhf's stock script", name: 'way-stock32', kind: 'uboot-armhf', uboot: 'stock' },
    gets: ['boot.scr.uimg', KERNEL],
  },
  {
    ...{ title: "u-boot armhf's pxe get", name: 'way-pxe32', kind: 'uboot-armhf', uboot: 'pxe' },
    gets: [/^pxelinux\.cfg\/01-/, KERNEL],
  },
];

/** What nobody signed does not start, so the run above is no proof of a firmware that starts anything. */
const UNSIGNED: Way = {
  ...{ title: 'Secure Boot refuses iPXE', name: 'way-unsigned', kind: 'uefi-x64', uefi: 'secure', oui: '02:fa:33' },
  board: ['extends: qemu-q35-x64-uefi', 'loaders: [{ loader: uefi, formats: [ipxe] }]'],
  gets: ['ipxe-amd64.efi'],
};

describe('all ways in, from power-on to the agent, with nothing typed', function () {
  this.timeout(1_200_000);
  let folder: string;
  let lan: Lan;
  let farrier: FarrierProcess;
  const boards = new Map<Way, QemuBoard>();

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'farrier-ways-'));
    lan = await layLan('ways0', '10.98.0.1/24');
    for (const [nth, way] of [...WAYS, UNSIGNED].entries()) await makeBoard(way, nth);
    const pools = ['10.98.0.100-10.98.0.199'];
    farrier = await startFarrier({
      networks: [{ name: 'ways', interface: 'ways0', subnet: '10.98.0.0/24', address: '10.98.0.1', pools }],
      boards: [join(folder, 'boards')],
    });
    for (const arch of ['amd64', 'arm64', 'armhf'] as const) await importAgent(farrier.api, arch, { folder });
  });
  after(async () => {
    for (const board of boards.values()) await board.powerOff();
    await farrier.stop();
    await lan.remove();
    await rm(folder, { recursive: true });
  });

  async function makeBoard(way: Way, nth: number): Promise<void> {
    const { name, kind, oui = '52:54:00' } = way;
    const mac = parseMac(`${oui}:00:00:${String(way.oui === undefined ? nth + 10 : 1).padStart(2, '0')}`);
    assert.ok(mac.ok);
    const uuid = `daf5ab7e-f6f5-53cd-9583-3dd819d4360${String(nth)}`;
    await lan.addTap(name);
    const board = await qemuBoard({
      ...{ name, kind, uuid, folder, mac: mac.value, tap: name },
      ...(way.uefi ? { uefi: way.uefi } : {}),
      ...(way.uboot ? { uboot: way.uboot } : {}),
    });
    boards.set(way, board);
    if (way.board) await writeBoard(way, way.board, board);
  }

  async function writeBoard(way: Way, lines: readonly string[], board: QemuBoard): Promise<void> {
    const place = join(folder, 'boards', way.name);
    await mkdir(place, { recursive: true });
    const dtb = way.hasDtb ? ["dtb: { file: lab.dtb, source: 'dumped from QEMU', licence: GPL-2.0-only }"] : [];
    const head = [
      `title: ${way.name}`,
      `signs: { clientArch: [${String(CLIENT_ARCH[way.kind])}], oui: ['${way.oui ?? ''}'] }`,
    ];
    if (way.hasDtb) await writeFile(join(place, 'lab.dtb'), await board.dtb(way.name));
    await writeFile(join(place, 'board.yaml'), [...head, ...lines, ...dtb, "sources: ['this test']", ''].join('\n'));
  }

  async function told(
    board: QemuBoard,
  ): Promise<readonly { text: string; path: string; octets: number; outcome: string }[]> {
    const { body } = await farrier.api.call('GET', `/api/v1/machines/${board.mac}/timeline`);
    return listOf(body, 'events').map((event) => {
      const detail = memberOf(event, 'detail');
      const [path, outcome] = [memberOf(detail, 'path'), memberOf(detail, 'outcome')].map((each) => String(each));
      const octets = Number(memberOf(detail, 'octets') ?? 0);
      return { text: String(memberOf(event, 'text')), path: path ?? '', octets, outcome: outcome ?? '' };
    });
  }

  async function failing(board: QemuBoard, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (cause) {
      const lines = (await told(board)).map((each) => each.text).join('\n');
      const serial = (await board.serial()).slice(-6000);
      throw new Error(`${String(cause)}\ntimeline:\n${lines}\nserial:\n${serial}`, { cause });
    }
  }

  for (const way of WAYS)
    it(way.title, async () => {
      const board = boards.get(way)!;
      await failing(board, async () => {
        await board.powerOn();
        const path = `/api/v1/machines/${board.mac}`;
        const hasFacts = (body: unknown): boolean => memberOf(body, 'facts') !== undefined;
        const machine = await untilApi(farrier.api, path, hasFacts, LINUX_MS);
        const facts = memberOf(machine, 'facts');
        if (way.hasDtb) assert.equal(memberOf(facts, 'dtModel'), way.name);
        if (way.serial) assert.match(await board.serial(), way.serial);
        const events = await told(board);
        const got = events.filter((each) => each.outcome === 'done' && each.octets > 0).map((each) => each.path);
        let at = -1;
        for (const want of way.gets) {
          const next = got.findIndex(
            (file, nth) => nth > at && (file === want || (want instanceof RegExp && want.test(file))),
          );
          assert.ok(next > at, `${String(want)} after ${got[at] ?? 'nothing'}: ${got.join(', ')}`);
          at = next;
        }
        assert.ok(got.filter((file) => /ipxe.*\.efi$|undionly/.test(file)).length <= 1, 'iPXE is not chained twice');
        assert.deepEqual(
          events.filter((each) => each.outcome === 'failed'),
          [],
        );
        await board.powerOff();
      });
    });

  it('Secure Boot is enforced: the unsigned iPXE goes out whole and is not started', async () => {
    const board = boards.get(UNSIGNED)!;
    await failing(board, async () => {
      await board.powerOn();
      const refuses = async (): Promise<boolean> => /Access Denied|Security Violation/.test(await board.serial());
      await until('the firmware says that it refuses', refuses, LINUX_MS);
      const events = await told(board);
      assert.ok(events.some((each) => each.path === 'ipxe-amd64.efi' && each.outcome === 'done' && each.octets > 0));
      assert.ok(events.every((each) => each.path !== 'boot.ipxe'));
      await board.powerOff();
    });
  });
});
