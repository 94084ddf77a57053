import { strict as assert } from 'node:assert';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { layLan, tool, type Lan } from '../../lab/netns.ts';
import { qemuBoard, type QemuBoard } from '../../lab/qemu-board.ts';
import { parseMac } from '../../server/core/address.ts';
import { startDnsmasq, type Dnsmasq } from '../support/dnsmasq.ts';

function mac(text: string) {
  const parsed = parseMac(text);
  assert.ok(parsed.ok);
  return parsed.value;
}

describe('QEMU board', function () {
  this.timeout(240_000);
  let folder: string;
  let lan: Lan;
  let dnsmasq: Dnsmasq;
  const boards: QemuBoard[] = [];

  async function board(kind: 'uboot-arm64' | 'uboot-armhf', nth: number): Promise<QemuBoard> {
    const tap = `qbt-${String(nth)}`;
    await lan.addTap(tap);
    const uuid = `daf5ab7e-f6f5-53cd-9583-3dd819d4341${String(nth)}`;
    const address = mac(`52:54:00:99:01:0${String(nth)}`);
    const made = await qemuBoard({ name: tap, kind, mac: address, uuid, tap, folder, uboot: 'pxe' });
    boards.push(made);
    return made;
  }

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'farrier-qemu-'));
    lan = await layLan('qbt0', '10.99.1.1/24');
    await writeFile(join(folder, 'nothing'), '');
    dnsmasq = await startDnsmasq(folder, { bridge: 'qbt0', prefix24: '10.99.1' }, []);
  });
  after(async () => {
    for (const each of boards) await each.powerOff();
    await dnsmasq.stop();
    await lan.remove();
    await rm(folder, { recursive: true });
  });

  for (const [nth, kind, option93] of [
    [1, 'uboot-arm64', 'U-Boot.armv8'],
    [2, 'uboot-armhf', 'U-Boot.armv7'],
  ] as const) {
    it(`${kind} asks for an address and its pxelinux.cfg by its own MAC, and is silent once switched off`, async () => {
      const made = await board(kind, nth);
      assert.equal(made.isOn(), false);
      await made.powerOn();
      assert.equal(made.isOn(), true);
      const dashes = made.mac.replaceAll(':', '-');
      const log = await dnsmasq.sees(new RegExp(`pxelinux\\.cfg/01-${dashes}`), 120_000);
      assert.match(log, new RegExp(`vendor class: ${option93}`));
      assert.match(log, new RegExp(`DHCPACK\\(qbt0\\) 10\\.99\\.1\\.\\d+ ${made.mac}`));
      await made.powerOff();
      assert.equal(made.isOn(), false);
      assert.match(await made.serial(), /U-Boot 2\d{3}/);
    });
  }

  it('its own device tree comes with the model it is to show', async () => {
    const octets = await (await board('uboot-arm64', 3)).dtb('Farrier lab board "three"');
    const file = join(folder, 'three.dtb');
    await writeFile(file, octets);
    assert.equal((await tool('fdtget', [file, '/', 'model'])).trim(), 'Farrier lab board "three"');
    assert.match(await tool('fdtget', [file, '/', 'compatible']), /linux,dummy-virt/);
  });
});
