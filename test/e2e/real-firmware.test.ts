import { strict as assert } from 'node:assert';
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AgentArch } from '../../agent/build.ts';
import { endChild, saidBy } from '../../lab/child-process.ts';
import { layLan, type Lan } from '../../lab/netns.ts';
import type { QemuKind } from '../../lab/qemu/machine-args.ts';
import type { QemuBoard } from '../../lab/qemu-board.ts';
import { buildQemuRack } from '../../lab/qemu-rack.ts';
import type { Rack, RackSlot } from '../../lab/rack.ts';
import { memberOf } from '../../lab/socket-api.ts';
import { macOf, type Mac } from '../../server/core/address.ts';
import { acksIn, assertExplained } from '../support/explained.ts';
import { importAgent } from '../support/import-agent.ts';
import { listOf, startFarrier, untilApi, type FarrierProcess } from '../support/farrier-process.ts';
import { until } from '../support/until.ts';

const SECOND_BOOT = 'lab.second=1';
/** A parameter of the second boot only, with letters that every loader's language knows. */
const ONE_BOOT_ROOT = 'LABEL=$x;y#z|{*}';
/** A page that shows an enlisted machine within 5 s shows what the API shows then. */
const APPEARS_MS = 5000;
/** Firmware and Linux under TCG on a busy host; the usual is a quarter of it or less. */
const FIRMWARE_MS = 300_000;

interface Case {
  readonly kind: QemuKind;
  readonly arch: AgentArch;
  readonly extendsBoard: string;
  readonly hasDtb: boolean;
  readonly uboot?: 'pxe' | 'script';
}
const CASES: readonly Case[] = [
  { kind: 'uboot-arm64', arch: 'arm64', extendsBoard: 'qemu-virt-arm64-uboot', hasDtb: true, uboot: 'pxe' },
  { kind: 'uboot-armhf', arch: 'armhf', extendsBoard: 'qemu-virt-armhf-uboot', hasDtb: true, uboot: 'script' },
  { kind: 'uefi-x64', arch: 'amd64', extendsBoard: 'qemu-q35-x64-uefi', hasDtb: false },
  { kind: 'uefi-arm64', arch: 'arm64', extendsBoard: 'qemu-virt-arm64-uefi', hasDtb: true },
  { kind: 'bios-ipxe', arch: 'amd64', extendsBoard: 'qemu-pc-x64-bios', hasDtb: false },
];
const modelOf = (kind: QemuKind): string => `Farrier lab ${kind}, its own tree`;

describe('real firmware, powered through its BMC', function () {
  this.timeout(1_200_000);
  let folder: string;
  let lan: Lan;
  let rack: Rack<QemuBoard>;
  let farrier: FarrierProcess;
  let capture: ChildProcess;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'farrier-real-'));
    lan = await layLan('real0', '10.97.0.1/24');
    rack = await buildQemuRack(
      lan,
      folder,
      CASES.map(({ kind, uboot }, nth) => ({
        ...{ kind, name: `real-${String(nth)}`, mac: macOf(Uint8Array.of(0x52, 0x54, 0, 0x97, 0, nth + 1)) },
        uuid: `daf5ab7e-f6f5-53cd-9583-3dd819d4350${String(nth)}`,
        ...(uboot ? { uboot } : {}),
        acpi: false,
        bmc: { address: '127.0.0.1', port: 9670 + nth, password: `lab-secret-${String(nth)}` },
      })),
    );
    for (const [nth, each] of CASES.entries()) await writeBoard(each, rack.slots[nth]!.board);
    const filter = 'udp and src host 10.97.0.1 and src port 67';
    const watch = ['-i', 'real0', '-Z', 'root', '-U', '--immediate-mode', '-w', join(folder, 'acks.pcap'), filter];
    capture = spawn('tcpdump', watch, { stdio: ['ignore', 'ignore', 'pipe'] });
    await saidBy(capture).has('listening on', 30_000);
    farrier = await startFarrier({
      networks: [
        {
          ...{ name: 'real', interface: 'real0', subnet: '10.97.0.0/24', address: '10.97.0.1' },
          pools: ['10.97.0.100-10.97.0.199'],
        },
      ],
      boards: [join(folder, 'boards')],
    });
    const findings = listOf(await farrier.api.must('GET', '/api/v1/lint/boards'), 'findings');
    assert.deepEqual(
      findings.filter(
        (finding) => memberOf(finding, 'severity') === 'error' && String(memberOf(finding, 'file')).startsWith(folder),
      ),
      [],
    );
    for (const arch of ['amd64', 'arm64', 'armhf'] as const)
      await importAgent(farrier.api, arch, { folder, second: [SECOND_BOOT] });
  });
  after(async () => {
    await rack.stop();
    await farrier.stop();
    await endChild(capture);
    await lan.remove();
    await rm(folder, { recursive: true });
  });

  async function writeBoard({ kind, extendsBoard, hasDtb }: Case, board: QemuBoard): Promise<void> {
    const place = join(folder, 'boards', `lab-${kind}`);
    await mkdir(place, { recursive: true });
    const dtb = hasDtb ? ["dtb: { file: lab.dtb, source: 'dumped from QEMU', licence: GPL-2.0-only }"] : [];
    const head = [`title: Lab ${kind}`, `extends: ${extendsBoard}`];
    const lines = [...head, "signs: { oui: ['02:fa:22'] }", ...dtb, "sources: ['this test']", ''];
    if (hasDtb) await writeFile(join(place, 'lab.dtb'), await board.dtb(modelOf(kind)));
    await writeFile(join(place, 'board.yaml'), lines.join('\n'));
  }

  async function failing(slot: RackSlot<QemuBoard>, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (cause) {
      const serial = (await slot.board.serial()).slice(-6000);
      const timeline = await farrier.api.call('GET', `/api/v1/machines/${slot.board.mac}/timeline`);
      const events = listOf(timeline.body, 'events').map((event) => String(memberOf(event, 'text')));
      throw new Error(`${String(cause)}\ntimeline:\n${events.join('\n')}\nserial:\n${serial}`, { cause });
    }
  }

  /** What a board was told and given since it was switched on is what was explained just before. */
  async function isAsExplained(slot: RackSlot<QemuBoard>, explained: unknown, acksBefore: number): Promise<void> {
    const { mac } = slot.board;
    await until('its ACK is in the capture', async () => (await acksOf(mac)).length > acksBefore, 30_000);
    const ack = (await acksOf(mac))[acksBefore];
    await assertExplained(explained, { api: farrier.api, mac, ack, serial: await slot.board.serial() });
  }

  const acksOf = async (mac: Mac) => acksIn(await readFile(join(folder, 'acks.pcap')), mac);

  for (const [nth, { kind, arch, hasDtb }] of CASES.entries())
    it(`${kind}: boots the agent, enlists, is accepted, and boots another bundle on its next cycle, all as explained`, async () => {
      const slot = rack.slots[nth]!;
      const { api } = farrier;
      const path = `/api/v1/machines/${slot.board.mac}`;
      await failing(slot, async () => {
        // A stranger has no power setting yet: somebody presses its button once, and it is met by its DHCP alone.
        await slot.board.powerOn();
        await untilApi(api, path, () => true, FIRMWARE_MS);
        await api.must('PATCH', path, { board: `lab-${kind}` });
        await api.must('PUT', `${path}/power`, slot.power);
        await api.must('POST', `${path}/power/off`);
        assert.equal(slot.board.isOn(), false);

        const enlisting = await api.must('GET', `${path}/explain`);
        const acks = (await acksOf(slot.board.mac)).length;
        await api.must('POST', `${path}/power/on`);
        assert.equal(slot.board.isOn(), true);
        await until(
          'the agent has its facts accepted',
          async () => /facts accepted/.test(await slot.board.serial()),
          FIRMWARE_MS,
        );
        const machine = await untilApi(api, path, (body) => memberOf(body, 'facts') !== undefined, APPEARS_MS);
        const facts = memberOf(machine, 'facts');
        assert.equal(memberOf(facts, 'arch'), arch);
        if (hasDtb) assert.equal(memberOf(facts, 'dtModel'), modelOf(kind));

        await isAsExplained(slot, enlisting, acks);

        await api.must('POST', `${path}/accept`, { name: `real-${kind}`, bundle: `second-${arch}@1` });
        await api.must('PUT', `${path}/parameters/kernel.root`, { value: ONE_BOOT_ROOT, once: true });
        const second = await api.must('GET', `${path}/explain`);
        const acksThen = (await acksOf(slot.board.mac)).length;
        await api.must('POST', `${path}/power/cycle`);
        await until(
          'the second boot reaches Linux',
          async () => /farrier-agent: started/.test(await slot.board.serial()),
          FIRMWARE_MS,
        );
        await isAsExplained(slot, second, acksThen);
        const serial = await slot.board.serial();
        assert.match(serial, new RegExp(`Kernel command line:.*${SECOND_BOOT}`));
        assert.ok(/Kernel command line:(.*)/.exec(serial)?.[1]?.includes(` root=${ONE_BOOT_ROOT} `), 'its parameter');
        assert.deepEqual(listOf(await api.must('GET', '/api/v1/parameters'), 'settings'), [], 'used up');
        if (hasDtb) assert.ok(serial.includes(`Machine model: ${modelOf(kind)}`), 'the tree of the second boot');
        await api.must('POST', `${path}/power/off`);
        assert.equal(slot.board.isOn(), false);
      });
    });
});
