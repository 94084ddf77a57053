import { strict as assert } from 'node:assert';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BoardKind } from '../../lab/board-kinds.ts';
import { tool } from '../../lab/netns.ts';
import { memberOf } from '../../lab/socket-api.ts';
import type { VirtualBoard } from '../../lab/virtual-board.ts';
import { rpiSerial } from '../../lab/virtual/dhcp-identity.ts';
import { macFrom } from '../core/boot-fixtures.ts';
import { listOf, untilApi } from '../support/farrier-process.ts';
import { startStormLab, type StormLab } from '../support/storm.ts';

interface Pi {
  readonly kind: BoardKind;
  readonly mac: string;
  readonly board: string;
  readonly dtb: string;
  readonly compatible: string;
  readonly firmware: readonly string[];
}

const PIS: readonly Pi[] = [
  {
    ...{ kind: 'rpi-3', mac: 'b8:27:eb:00:03:01', board: 'raspberrypi-3b', dtb: 'bcm2837-rpi-3-b.dtb' },
    compatible: 'raspberrypi,3-model-b',
    firmware: ['bootcode.bin', 'start.elf', 'fixup.dat'],
  },
  {
    ...{ kind: 'rpi-4', mac: 'dc:a6:32:00:04:01', board: 'raspberrypi-4b', dtb: 'bcm2711-rpi-4-b.dtb' },
    compatible: 'raspberrypi,4-model-b',
    firmware: ['start4.elf', 'fixup4.dat'],
  },
  {
    ...{ kind: 'rpi-5', mac: 'd8:3a:dd:00:05:01', board: 'raspberrypi-5', dtb: 'bcm2712-rpi-5-b.dtb' },
    compatible: 'raspberrypi,5-model-b',
    firmware: [],
  },
];
const SOURCE = { source: 'pretended by this test', licence: 'none needed' };

describe('Raspberry Pis, simulated, ask in the order of their ROMs', function () {
  this.timeout(300_000);
  let folder: string;
  let lab: StormLab;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'farrier-rpi-'));
    for (const pi of PIS) await writeBoard(pi);
    lab = await startStormLab('rpi0', 97, { boards: [join(folder, 'boards')] });
  });
  after(async () => {
    await lab.stop();
    await rm(folder, { recursive: true });
  });

  /** The shipped board with the files it wants beside it, as an operator would put them there. */
  async function writeBoard({ board, dtb, compatible, firmware }: Pi): Promise<void> {
    const place = join(folder, 'boards', board);
    await mkdir(place, { recursive: true });
    const source = join(place, 'source.dts');
    await writeFile(source, `/dts-v1/;\n/ { compatible = "${compatible}"; model = "Pretended ${board}"; };\n`);
    await tool('dtc', ['-q', '-I', 'dts', '-O', 'dtb', '-o', join(place, dtb), source]);
    for (const [nth, name] of firmware.entries()) await writeFile(join(place, name), Buffer.alloc(70_000 + nth, name));
    const row = {
      ...{ title: `Lab ${board}`, extends: board, sources: ['this test'] },
      dtb: { file: dtb, ...SOURCE },
      ...(firmware.length > 0 ? { firmware: firmware.map((file) => ({ file, ...SOURCE })) } : {}),
    };
    await writeFile(join(place, 'board.yaml'), JSON.stringify(row));
  }

  function plug(pi: Pick<Pi, 'kind' | 'mac'>): Promise<VirtualBoard> {
    const common = { uuid: '57024000-0000-4000-8000-000000000001', uboot: 'pxe', paceMs: 0 } as const;
    return lab.add({ ...common, name: pi.mac, kind: pi.kind, mac: macFrom(pi.mac) });
  }
  const timelineOf = (mac: string): string => `/api/v1/machines/${mac}/timeline`;
  const textsOf = (timeline: unknown): readonly string[] =>
    listOf(timeline, 'events').map((event) => String(memberOf(event, 'text')));

  for (const pi of PIS)
    it(`${pi.board}: known by DHCP alone, told the menu entry, fetches its files and enlists`, async () => {
      const made = await plug(pi);
      await made.powerOn();
      const report = await made.reaches(['agent'], 60_000);
      assert.match(report.args ?? '', /farrier\.token=[0-9a-f]{32} BOOTIF=/);
      const machine = await untilApi(
        lab.farrier.api,
        `/api/v1/machines/${pi.mac}`,
        (body) => memberOf(body, 'facts') !== null,
        30_000,
      );
      assert.match(JSON.stringify(memberOf(machine, 'recognised')), new RegExp(pi.board));
      const folderOf = `${rpiSerial(macFrom(pi.mac))}/`;
      const got = report.log.filter((entry) => entry.what === 'tftp' && entry.octets !== undefined);
      const names = got.map((entry) => entry.words);
      for (const name of ['config.txt', 'cmdline.txt']) assert.ok(names.includes(folderOf + name), names.join(' '));
      for (const name of pi.firmware.filter((each) => each !== 'bootcode.bin'))
        assert.ok(names.includes(folderOf + name), names.join(' '));
      assert.equal(names.includes('bootcode.bin'), pi.kind === 'rpi-3');
      assert.ok(!names.some((name) => /undionly|shim|ipxe/.test(name)));
      assert.ok(names.some((name) => name.startsWith(`${folderOf}boot/`) && name.endsWith(pi.dtb)));
      // The timeline is written in batches.
      await untilApi(
        lab.farrier.api,
        timelineOf(pi.mac),
        (body) => {
          const texts = textsOf(body);
          const isSearch = /(autoboot\.txt|pieeprom\.sig): not here \(a normal part of its search\)/;
          const boots = `boots demo-agent-arm64@1 as ${pi.board}`;
          return texts.some((text) => text.includes(boots)) && texts.some((text) => isSearch.test(text));
        },
        30_000,
      );
      await made.powerOff();
    });

  it('a missing firmware file is named on the timeline, with where to take it from; nothing empty is served', async () => {
    await rm(join(folder, 'boards', 'raspberrypi-4b', 'start4.elf'));
    const made = await plug({ kind: 'rpi-4', mac: 'dc:a6:32:00:04:02' });
    const path = timelineOf(made.mac);
    try {
      // A file that went missing is noticed within some seconds; until then it boots as before.
      const explained = `/api/v1/machines/${PIS[1]?.mac ?? ''}/explain`;
      const isNoticed = (body: unknown): boolean => JSON.stringify(body).includes('start4.elf is not there');
      await untilApi(lab.farrier.api, explained, isNoticed, 30_000);
      await made.powerOn();
      const suits = (body: unknown): boolean => textsOf(body).some((text) => text.includes('start4.elf is not there'));
      const timeline = await untilApi(lab.farrier.api, path, suits, 60_000);
      const told = textsOf(timeline).find((text) => text.includes('start4.elf is not there'));
      assert.match(
        told ?? '',
        /^refused: .*take it from pretended by this test; put that file beside .*raspberrypi-4b/,
      );
      assert.ok(!made.report().log.some((entry) => entry.octets === 0));
    } finally {
      await made.powerOff();
    }
  });
});
