import { strict as assert } from 'node:assert';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeCpio } from '../../agent/cpio.ts';
import { layLan, type Lan } from '../../lab/netns.ts';
import type { QemuBoard } from '../../lab/qemu-board.ts';
import { buildQemuRack } from '../../lab/qemu-rack.ts';
import type { Rack } from '../../lab/rack.ts';
import { memberOf } from '../../lab/socket-api.ts';
import { macOf } from '../../server/core/address.ts';
import { agentFor } from '../support/agent-boot.ts';
import { listOf, startFarrier, untilApi, type FarrierProcess } from '../support/farrier-process.ts';

const GOOD = 'lab.good=1';
const BROKEN = 'lab.broken=1';
/** Enough for u-boot and a kernel on a slow host, and little enough to wait for. */
const WITHIN_S = 45;

describe('a broken bundle on trial', function () {
  this.timeout(600_000);
  let folder: string;
  let lan: Lan;
  let rack: Rack<QemuBoard>;
  let farrier: FarrierProcess;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'farrier-try-'));
    lan = await layLan('try0', '10.96.0.1/24');
    rack = await buildQemuRack(lan, folder, [
      {
        ...{ kind: 'uboot-arm64', name: 'try-0', uboot: 'pxe', mac: macOf(Uint8Array.of(0x52, 0x54, 0, 0x96, 0, 1)) },
        uuid: 'daf5ab7e-f6f5-53cd-9583-3dd819d43601',
        bmc: { address: '127.0.0.1', port: 9690, password: 'lab-secret' },
      },
    ]);
    const network = { name: 'try', interface: 'try0', subnet: '10.96.0.0/24', address: '10.96.0.1' };
    farrier = await startFarrier({ networks: [{ ...network, pools: ['10.96.0.100-10.96.0.199'] }] });
    await importBoth();
  });
  after(async () => {
    await rack.stop();
    await farrier.stop();
    await lan.remove();
    await rm(folder, { recursive: true });
  });

  /** One whose system runs, and one whose initrd has no init: the kernel stops there and stays silent. */
  async function importBoth(): Promise<void> {
    const { api } = farrier;
    const built = await agentFor('arm64');
    const linux = await readFile(built.kernel);
    const kernel = { name: 'linux', sha256: await api.upload('linux', linux) };
    const empty = writeCpio([{ kind: 'folder', path: 'dev', mode: 0o755 }]);
    const initrds = { good: await readFile(built.initrd), broken: empty };
    for (const [name, octets] of Object.entries(initrds)) {
      const initrd = { name: `${name}.gz`, sha256: await api.upload(`${name}.gz`, octets) };
      const words = [name === 'good' ? GOOD : BROKEN, 'panic=0'];
      const common = { version: '1', arch: 'arm64', kernel, initrd, source: 'built by this test' };
      const body = { ...common, name, role: 'system', kernelArgs: words, callsHome: true };
      await api.must('POST', '/api/v1/bundles', body);
    }
  }

  async function serialShows(pattern: RegExp, timeoutMs: number): Promise<void> {
    const { board } = rack.slots[0]!;
    const untilMs = performance.now() + timeoutMs;
    while (!pattern.test(await board.serial())) {
      if (performance.now() > untilMs)
        throw new Error(
          `not in ${String(timeoutMs)} ms: ${String(pattern)}\n${await told()}\n${(await board.serial()).slice(-4000)}`,
        );
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  async function told(): Promise<string> {
    const timeline = await farrier.api.call('GET', `/api/v1/machines/${rack.slots[0]!.board.mac}/timeline`);
    return listOf(timeline.body, 'events')
      .map((event) => String(memberOf(event, 'text')))
      .join('\n');
  }

  it('the machine returns to its last good bundle with nobody there', async () => {
    const { api } = farrier;
    const { board, power } = rack.slots[0]!;
    const path = `/api/v1/machines/${board.mac}`;
    // Somebody presses its button once: it is met by its DHCP alone.
    await board.powerOn();
    await untilApi(api, path, () => true, 120_000);
    await board.powerOff();
    await api.must('PUT', `${path}/power`, power);
    await api.must('POST', `${path}/accept`, { board: 'qemu-virt-arm64-uboot', bundle: 'good@1' });

    await api.must('POST', `${path}/trial`, { bundle: 'broken@1', withinS: WITHIN_S });
    const plan = await api.must('GET', `${path}/explain`);
    assert.match(JSON.stringify(plan), /broken@1/);
    await api.must('POST', `${path}/power/on`);
    await serialShows(new RegExp(`Kernel command line:.*${BROKEN}`), 180_000);

    // From here on nobody does anything: the deadline passes, the BMC cycles it, and it boots what it had before.
    await serialShows(new RegExp(`Kernel command line:.*${GOOD}`), 300_000);
    const events = await told();
    assert.match(events, /its next boot try broken@1/);
    assert.match(events, /broken@1 did not call home within 45 s: it goes back to good@1, and it is power-cycled/);
    assert.match(events, /power cycle ordered by the end of its trial/);
    const machine = await untilApi(api, path, () => true, 5000);
    assert.equal(memberOf(machine, 'bundle'), 'good@1');
    assert.equal((await api.call('DELETE', '/api/v1/bundles/good@1')).status, 409);
    await api.must('POST', `${path}/power/off`);
    assert.deepEqual(listOf(await api.must('GET', '/api/v1/trials'), 'trials'), []);
  });
});
