import { strict as assert } from 'node:assert';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeCpio } from '../../agent/cpio.ts';
import { layLan, type Lan } from '../../lab/netns.ts';
import type { QemuBoard } from '../../lab/qemu-board.ts';
import { buildQemuRack } from '../../lab/qemu-rack.ts';
import type { Rack, RackSlot } from '../../lab/rack.ts';
import { memberOf } from '../../lab/socket-api.ts';
import { macOf } from '../../server/core/address.ts';
import { agentFor } from '../support/agent-boot.ts';
import { initThat } from '../support/own-init.ts';
import { listOf, startFarrier, untilApi, type FarrierProcess } from '../support/farrier-process.ts';
import { until } from '../support/until.ts';

const GOOD = 'lab.good=1';
const BROKEN = 'lab.broken=1';
/** Enough for u-boot and a kernel on a slow host, and little enough to wait for. */
const WITHIN_S = 90;
const MODEL = 'Farrier lab, on trial';
/** What a system of its own does when it is up (docs/boot-signals.md), with what its kernel saw. */
const CALLS_HOME = `
COMMA=''
{
  printf '{"signal":"booted",'
  section cmdline cat /proc/cmdline
  section fdt-sha256 sha256sum /sys/firmware/fdt
  SECTION_OCTETS_MAX="$TREE_OCTETS_MAX"
  section fdt cat /sys/firmware/fdt
  printf '}'
} >/run/signal.json
post /agent/v1/signal /run/signal.json && say 'told that it is up'
idle
`;
/** Two machines of one board: the firmware of the second passes over the device tree it is served. */
const MACHINES = [{ uboot: 'pxe' }, { uboot: 'pxe-own-tree' }] as const;

describe('a bundle on trial, and what its kernel saw', function () {
  this.timeout(1_300_000);
  let folder: string;
  let lan: Lan;
  let rack: Rack<QemuBoard>;
  let farrier: FarrierProcess;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'farrier-try-'));
    lan = await layLan('try0', '10.96.0.1/24');
    rack = await buildQemuRack(
      lan,
      folder,
      MACHINES.map(({ uboot }, nth) => ({
        ...{
          kind: 'uboot-arm64',
          name: `try-${nth}`,
          uboot,
          mac: macOf(Uint8Array.of(0x52, 0x54, 0, 0x96, 0, nth + 1)),
        },
        uuid: `daf5ab7e-f6f5-53cd-9583-3dd819d4360${nth + 1}`,
        bmc: { address: '127.0.0.1', port: 9690 + nth, password: 'lab-secret' },
      })),
    );
    await writeBoard();
    const network = { name: 'try', interface: 'try0', subnet: '10.96.0.0/24', address: '10.96.0.1' };
    farrier = await startFarrier({
      networks: [{ ...network, pools: ['10.96.0.100-10.96.0.199'] }],
      boards: [join(folder, 'boards')],
    });
    await importAll();
  });
  after(async () => {
    await rack.stop();
    await farrier.stop();
    await lan.remove();
    await rm(folder, { recursive: true });
  });

  async function writeBoard(): Promise<void> {
    const place = join(folder, 'boards', 'lab-try');
    await mkdir(place, { recursive: true });
    await writeFile(join(place, 'lab.dtb'), await rack.slots[0]!.board.dtb(MODEL));
    const lines = [
      ...['title: Lab on trial', 'extends: qemu-virt-arm64-uboot', "signs: { oui: ['02:fa:22'] }"],
      ...["dtb: { file: lab.dtb, source: 'dumped from QEMU', licence: GPL-2.0-only }", "sources: ['this test']", ''],
    ];
    await writeFile(join(place, 'board.yaml'), lines.join('\n'));
  }

  /**
   * One whose system runs and says nothing, one whose initrd has no init, so that the kernel stops there, and one whose
   * system calls home.
   */
  async function importAll(): Promise<void> {
    const { api } = farrier;
    const built = await agentFor('arm64');
    const linux = await readFile(built.kernel);
    const kernel = { name: 'linux', sha256: await api.upload('linux', linux) };
    const empty = writeCpio([{ kind: 'folder', path: 'dev', mode: 0o755 }]);
    const agent = await readFile(built.initrd);
    const initrds = { good: agent, broken: empty, calls: Buffer.concat([agent, await initThat(CALLS_HOME)]) };
    for (const [name, octets] of Object.entries(initrds)) {
      const initrd = { name: `${name}.gz`, sha256: await api.upload(`${name}.gz`, octets) };
      const words = [`lab.${name}=1`, 'panic=0'];
      const common = { version: '1', arch: 'arm64', kernel, initrd, source: 'built by this test' };
      const body = { ...common, name, role: 'system', kernelArgs: words, callsHome: true };
      await api.must('POST', '/api/v1/bundles', body);
    }
  }

  /** Somebody presses its button once: it is met by its DHCP alone. */
  async function meet({ board, power }: RackSlot<QemuBoard>): Promise<void> {
    const path = `/api/v1/machines/${board.mac}`;
    await board.powerOn();
    await untilApi(farrier.api, path, () => true, 300_000);
    await board.powerOff();
    await farrier.api.must('PUT', `${path}/power`, power);
    await farrier.api.must('POST', `${path}/accept`, { board: 'lab-try', bundle: 'good@1' });
  }

  /** What the timeline says of the served against the seen, once the system of a machine has spoken. */
  async function comparisons({ board }: RackSlot<QemuBoard>): Promise<readonly (readonly [string, boolean, string])[]> {
    const said = (body: unknown): unknown[] =>
      listOf(body, 'events').filter((event) => memberOf(memberOf(event, 'detail'), 'seen') !== undefined);
    const path = `/api/v1/machines/${board.mac}/timeline`;
    const timeline = await untilApi(farrier.api, path, (body) => said(body).length >= 2, 60_000);
    return said(timeline).map((event) => {
      const detail = memberOf(event, 'detail');
      const [seen, differs] = [String(memberOf(detail, 'seen')), memberOf(detail, 'differs') === true];
      return [seen, differs, String(memberOf(event, 'text'))] as const;
    });
  }

  async function serialShows(pattern: RegExp, timeoutMs: number, { board } = rack.slots[0]!): Promise<void> {
    await until(
      `on the serial line: ${String(pattern)}`,
      async () => pattern.test(await board.serial()),
      timeoutMs,
      async () => `${await told(board)}\n${(await board.serial()).slice(-4000)}`,
    );
  }

  async function told({ mac } = rack.slots[0]!.board): Promise<string> {
    const timeline = await farrier.api.call('GET', `/api/v1/machines/${mac}/timeline`);
    return listOf(timeline.body, 'events')
      .map((event) => String(memberOf(event, 'text')))
      .join('\n');
  }

  it('a broken one: the machine returns to its last good bundle with nobody there', async () => {
    const { api } = farrier;
    const { board } = rack.slots[0]!;
    const path = `/api/v1/machines/${board.mac}`;
    await meet(rack.slots[0]!);

    await api.must('POST', `${path}/trial`, { bundle: 'broken@1', withinS: WITHIN_S });
    const plan = await api.must('GET', `${path}/explain`);
    assert.match(JSON.stringify(plan), /broken@1/);
    await api.must('POST', `${path}/power/on`);
    await serialShows(new RegExp(`Kernel command line:.*${BROKEN}`), 300_000);

    // From here on nobody does anything: the deadline passes, the BMC cycles it, and it boots what it had before.
    await serialShows(new RegExp(`Kernel command line:.*${GOOD}`), 300_000);
    const events = await told();
    assert.match(events, /its next boot try broken@1/);
    assert.match(
      events,
      new RegExp(
        `broken@1 did not call home within ${String(WITHIN_S)} s: it goes back to good@1, and it is power-cycled`,
      ),
    );
    assert.match(events, /power cycle ordered by the end of its trial/);
    const machine = await api.must('GET', path);
    assert.equal(memberOf(machine, 'bundle'), 'good@1');
    assert.equal((await api.call('DELETE', '/api/v1/bundles/good@1')).status, 409);
    await api.must('POST', `${path}/power/off`);
    assert.deepEqual(listOf(await api.must('GET', '/api/v1/trials'), 'trials'), []);
  });

  it('one whose system calls home is kept, and its kernel saw just what it was served', async () => {
    const { api } = farrier;
    const slot = rack.slots[0]!;
    const path = `/api/v1/machines/${slot.board.mac}`;
    await api.must('POST', `${path}/trial`, { bundle: 'calls@1', withinS: 600 });
    await api.must('POST', `${path}/power/on`);
    await serialShows(/farrier-agent: told that it is up/, 300_000);
    await untilApi(api, path, (machine) => memberOf(machine, 'bundle') === 'calls@1', 60_000);
    assert.match(await told(), /calls@1 called home: it is good/);
    assert.deepEqual(listOf(await api.must('GET', '/api/v1/trials'), 'trials'), []);
    assert.ok((await slot.board.serial()).includes(`Machine model: ${MODEL}`));
    assert.deepEqual(await comparisons(slot), [
      ['arguments', false, 'its kernel saw the arguments it was served'],
      ['device tree', false, 'its kernel saw the device tree it was served'],
    ]);
    const boot: unknown = listOf(await api.must('GET', `${path}/timeline`), 'boots')[0];
    assert.equal(memberOf(memberOf(boot, 'verdict'), 'state'), 'ended well');
    await api.must('POST', `${path}/power/off`);
    assert.equal(memberOf(await api.must('GET', path), 'bundle'), 'calls@1', 'its next boot gets it too');
  });

  it('firmware that hands on its own device tree instead of the one it was served is flagged', async () => {
    const { api } = farrier;
    const slot = rack.slots[1]!;
    const path = `/api/v1/machines/${slot.board.mac}`;
    await meet(slot);
    await api.must('PATCH', path, { bundle: 'calls@1' });
    await api.must('POST', `${path}/power/on`);
    await serialShows(/farrier-agent: told that it is up/, 300_000, slot);
    const [args, tree] = await comparisons(slot);
    assert.deepEqual(args?.slice(0, 2), ['arguments', false]);
    assert.deepEqual(tree?.slice(0, 2), ['device tree', true]);
    assert.match(tree[2], /device tree.*the kernel saw another value of \/: model/);
    await api.must('POST', `${path}/power/off`);
  });
});
