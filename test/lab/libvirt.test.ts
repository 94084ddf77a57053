import { strict as assert } from 'node:assert';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FIRMWARE_FILES } from '../../lab/qemu/machine-args.ts';
import type { PowerHandle } from '../../server/ports/power-driver.ts';
import { hear } from '../support/hear-line.ts';
import { realEdges } from '../support/ipmi-crypto.ts';
import { startLibvirt, type LibvirtHost } from '../support/libvirt-host.ts';
import { failureOf, forever } from '../support/power-failure.ts';
import { until } from '../support/until.ts';

const FIRMWARE_MS = 120_000;

describe('the driver libvirt and a real libvirtd with QEMU', function () {
  this.timeout(600_000);
  let folder: string;
  let host: LibvirtHost;
  let handle: PowerHandle;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'farrier-libvirt-'));
    host = await startLibvirt(folder);
    await writeFile(join(folder, 'domain.xml'), domainXml(folder));
    await host.virsh('define', join(folder, 'domain.xml'));
    handle = host.driver.open({ domain: 'board1' }, realEdges);
  });
  after(async () => {
    await handle.set('off', forever);
    await host.stop();
    await rm(folder, { recursive: true });
  });

  it('off, on, reset and off again are read back, and the console has every octet from the first', async () => {
    assert.equal(await handle.query(forever), 'off');
    await handle.set('off', forever);
    const line = await handle.console?.(forever);
    assert.ok(line);
    const heard = hear(line);
    await handle.set('on', forever);
    assert.equal(await handle.query(forever), 'on');
    await heard.has('Hit any key to stop autoboot', FIRMWARE_MS);
    await line.write(Buffer.from('\r'));
    await heard.has('=> ', FIRMWARE_MS);
    await line.write(Buffer.from('echo mark${none}er\r'));
    await heard.has('\nmarker', FIRMWARE_MS);

    await handle.set('on', forever);
    const beforeReset = heard.octets().length;
    await handle.reset?.(forever);
    await until('it boots again', () => heard.octets().subarray(beforeReset).includes('U-Boot 20'), FIRMWARE_MS);
    assert.equal(await handle.query(forever), 'on');

    await handle.set('off', forever);
    assert.equal(await handle.query(forever), 'off');
    assert.match(await line.ended, /board1/);
    // QEMU's own log of the line has all it ever said: the judge.
    assert.deepEqual(heard.octets(), await readFile(join(folder, 'serial.log')));
  });

  it('a domain that somebody holds is neither on nor off, and an order for "on" lets it go on', async () => {
    await handle.set('on', forever);
    await host.virsh('suspend', 'board1');
    assert.equal(await handle.query(forever), 'unknown');
    await handle.set('on', forever);
    assert.equal(await handle.query(forever), 'on');
    assert.equal((await handle.info?.(forever))?.['State'], 'running');
    await handle.set('off', forever);
  });

  it('a reset of what is off, and a domain that is not there, are refused with the reason', async () => {
    assert.equal((await failureOf(handle.reset?.(forever))).code, 'refused');
    const absent = await failureOf(host.driver.open({ domain: 'absent' }, realEdges).query(forever));
    assert.equal(absent.code, 'config');
    assert.match(absent.message, /failed to get domain 'absent'/);
    const nobody = host.driver.open({ domain: 'board1', uri: 'qemu+tcp://127.0.0.1:1/system' }, realEdges);
    assert.equal((await failureOf(nobody.query(forever))).code, 'unreachable');
  });

  it("a domain of libvirt's own test hypervisor is switched too", async () => {
    const test = host.driver.open({ domain: 'test', uri: 'test+unix:///default' }, realEdges);
    assert.equal(await test.query(forever), 'on');
    await test.set('off', forever);
  });
});

/** A machine in QEMU (no KVM) with Debian's u-boot, whose serial line is a socket with a log beside it. */
function domainXml(folder: string): string {
  return `<domain type='qemu'><name>board1</name><memory unit='MiB'>128</memory><vcpu>1</vcpu>
<os><type arch='aarch64' machine='virt'>hvm</type><loader type='rom'>${FIRMWARE_FILES['uboot-arm64'].file}</loader></os>
<cpu mode='custom'><model>cortex-a57</model></cpu>
<devices><emulator>/usr/bin/qemu-system-aarch64</emulator>
<controller type='usb' model='none'/>
<serial type='unix'><source mode='bind' path='${folder}/serial.sock'/><log file='${folder}/serial.log' append='on'/></serial>
</devices></domain>
`;
}
