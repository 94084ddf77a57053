import { strict as assert } from 'node:assert';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fetchLoaders } from '../../agent/loaders.ts';
import { importDemoFiles } from '../../lab/demo-bundles.ts';
import { layLan, type Lan } from '../../lab/netns.ts';
import { qemuBoard, type QemuBoard } from '../../lab/qemu-board.ts';
import type { QemuKind } from '../../lab/qemu/machine-args.ts';
import { memberOf } from '../../lab/socket-api.ts';
import { macOf } from '../../server/core/address.ts';
import { agentFor, TEST_CACHE } from '../support/agent-boot.ts';
import { listOf, startFarrier, untilApi, type FarrierProcess } from '../support/farrier-process.ts';
import { startForeign, type Foreign } from '../support/foreign-dhcp.ts';

const BRIDGE = 'proxy0';
const OURS = '10.96.0.1';
const THEIRS = '10.96.0.9';
const THEIR_MAC = '52:54:00:96:00:99';
/** Firmware under TCG on a busy host; the usual is 30 s to 60 s. */
const BOOT_MS = 300_000;
const CASES: readonly { readonly kind: QemuKind; readonly first: string }[] = [
  { kind: 'bios-ipxe', first: 'boot.ipxe' },
  { kind: 'uefi-x64', first: 'ipxe-amd64.efi' },
];

describe('proxy mode: real firmware beside dnsmasq, which gives the addresses', function () {
  this.timeout(600_000);
  let folder: string;
  let lan: Lan;
  let foreign: Foreign;
  let farrier: FarrierProcess;
  const boards: QemuBoard[] = [];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'farrier-proxy-'));
    lan = await layLan(BRIDGE, `${OURS}/24`);
    const host = await lan.addHost('proxy-dhcp', { mac: THEIR_MAC, address: `${THEIRS}/24` });
    foreign = await startForeign('dnsmasq', host, { prefix24: '10.96.0', folder });
    for (const [nth, { kind }] of CASES.entries()) {
      const tap = `proxytap${String(nth)}`;
      await lan.addTap(tap);
      const mac = macOf(Uint8Array.of(0x52, 0x54, 0, 0x96, 0, nth + 1));
      const uuid = `daf5ab7e-f6f5-53cd-9583-3dd819d4960${String(nth)}`;
      boards.push(await qemuBoard({ name: tap, kind, mac, uuid, tap, folder }));
    }
    farrier = await startFarrier({
      networks: [{ name: 'rack', interface: BRIDGE, subnet: '10.96.0.0/24', address: OURS, dhcp: 'proxy' }],
    });
    const { kernel, initrd, kernelArgs, arch } = await agentFor('amd64');
    const loaders = await fetchLoaders({ arch, cacheDir: TEST_CACHE, outDir: join(folder, 'loaders') });
    const files = { kernelFile: kernel, initrdFile: initrd, kernelArgs, loaders };
    await importDemoFiles(farrier.api, { ...files, version: '1', arch, source: 'built by this test' });
  });
  after(async () => {
    for (const board of boards) await board.powerOff();
    await farrier.stop();
    await foreign.stop();
    await lan.remove();
    await rm(folder, { recursive: true });
  });

  async function timeline(board: QemuBoard): Promise<readonly string[]> {
    const answer = await farrier.api.call('GET', `/api/v1/machines/${board.mac}/timeline`);
    return listOf(answer.body, 'events').map((event) => String(memberOf(event, 'text')));
  }

  for (const [nth, { kind, first }] of CASES.entries())
    it(`${kind}: takes its address from dnsmasq and its files from us, boots the agent, and is enlisted`, async () => {
      const board = boards[nth]!;
      await board.powerOn();
      try {
        const path = `/api/v1/machines/${board.mac}`;
        const machine = await untilApi(farrier.api, path, (body) => memberOf(body, 'facts') !== undefined, BOOT_MS);
        assert.equal(memberOf(memberOf(machine, 'facts'), 'arch'), 'amd64');
      } catch (cause) {
        const serial = (await board.serial()).slice(-4000);
        const words = [...(await timeline(board)), serial, foreign.log().slice(-4000), farrier.output().slice(-4000)];
        throw new Error(`${String(cause)}\n${words.join('\n')}`, { cause });
      } finally {
        await board.powerOff();
      }
      const told = (await timeline(board)).join('\n');
      assert.match(told, new RegExp(`DHCP DISCOVER → OFFER, first file ${first}`));
      assert.match(
        told,
        new RegExp(`takes 10\\.96\\.0\\.1\\d\\d from the DHCP server ${THEIRS.replaceAll('.', '\\.')}`),
      );
      assert.doesNotMatch(told, /OFFER 10\./);
    });
});
