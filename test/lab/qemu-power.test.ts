import { strict as assert } from 'node:assert';
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endChild } from '../../lab/child-process.ts';
import { FIRMWARE_FILES } from '../../lab/qemu/machine-args.ts';
import { createQemuDriver } from '../../power-drivers/qemu.ts';
import { vouchForFolder } from '../../power-drivers/trust.ts';
import { PowerError } from '../../server/ports/power-driver.ts';
import { hear } from '../support/hear-line.ts';
import { realEdges } from '../support/ipmi-crypto.ts';
import { failureOf, forever } from '../support/power-failure.ts';
import { until } from '../support/until.ts';

const qemu = createQemuDriver(vouchForFolder);
const FIRMWARE_MS = 120_000;

interface Kind {
  readonly title: string;
  readonly program: string;
  readonly args: readonly string[];
  /** What the firmware says on its serial line, first and later. */
  readonly says: readonly RegExp[];
}

const UBOOT = ['-M', 'virt', '-cpu', 'cortex-a57', '-m', '128', '-bios', FIRMWARE_FILES['uboot-arm64'].file];
const KINDS: readonly Kind[] = [
  {
    title: 'arm64 virt with virtio-mmio',
    program: 'qemu-system-aarch64',
    args: [...UBOOT, '-netdev', 'user,id=n0,restrict=on', '-device', 'virtio-net-device,netdev=n0'],
    says: [/U-Boot 2\d{3}/, /eth0: virtio-net#\d+/],
  },
  {
    title: 'arm64 virt with virtio-pci',
    program: 'qemu-system-aarch64',
    args: [...UBOOT, '-netdev', 'user,id=n0,restrict=on', '-device', 'virtio-net-pci,netdev=n0,romfile='],
    says: [/U-Boot 2\d{3}/, /eth0: virtio-net#\d+/],
  },
  {
    title: 'x86 with SeaBIOS',
    program: 'qemu-system-x86_64',
    args: ['-M', 'q35,graphics=off', '-m', '64'],
    says: [/SeaBIOS \(version/, /No bootable device/],
  },
];

describe('the driver qemu and a real QEMU', function () {
  this.timeout(900_000);
  let folder: string;
  let child: ChildProcess | undefined;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'farrier-qemu-'));
  });
  afterEach(async () => {
    if (child) await endChild(child);
    await rm(folder, { recursive: true });
  });

  /** Everything QEMU's serial line has said is in its log, whoever listens: the judge of what a console missed. */
  const start = async (kind: Kind): Promise<{ socket: string; log: string }> => {
    const [socket, serial, log] = ['qmp.sock', 'serial.sock', 'serial.log'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    child = spawn(
      kind.program,
      [
        ...['-nodefaults', '-display', 'none', '-accel', 'tcg', '-S', '-no-shutdown'],
        ...['-qmp', `unix:${socket},server=on,wait=off`],
        ...['-chardev', `socket,id=board,path=${serial},server=on,wait=off,logfile=${log}`, '-serial', 'chardev:board'],
        ...kind.args,
      ],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
    // The socket is there a moment before QEMU listens on it.
    const listens = (): Promise<boolean> =>
      qemu
        .open({ socket }, realEdges)
        .query(forever)
        .then(
          () => true,
          () => false,
        );
    await until('QEMU listens', listens, 30_000);
    return { socket, log };
  };

  for (const kind of KINDS)
    it(`${kind.title}: off, on, reset and off again are read back, and the console has every octet`, async () => {
      const { socket, log } = await start(kind);
      const handle = qemu.open({ socket, serial: 'board' }, realEdges);
      assert.equal(await handle.query(forever), 'off');
      const line = await handle.console?.(forever);
      assert.ok(line);
      const heard = hear(line);

      await handle.set('on', forever);
      assert.equal(await handle.query(forever), 'on');
      for (const words of kind.says) await saysUntil(() => heard.octets().toString('latin1'), words);

      const beforeReset = heard.octets().length;
      await handle.reset?.(forever);
      assert.equal(await handle.query(forever), 'on');
      const [first = /./] = kind.says;
      await saysUntil(() => heard.octets().subarray(beforeReset).toString('latin1'), first);

      await handle.set('off', forever);
      assert.equal(await handle.query(forever), 'off');
      const recorded = await readFile(log);
      await until('the console has all of it', () => heard.octets().length >= recorded.length, 30_000);
      assert.deepEqual(heard.octets(), recorded);

      const beforeOn = recorded.length;
      await handle.set('on', forever);
      await saysUntil(() => heard.octets().subarray(beforeOn).toString('latin1'), first);
      await handle.set('off', forever);
      await line.close();
      assert.equal((await handle.info?.(forever))?.['state'], 'prelaunch');
    });

  it('keys reach the board, a second console is refused, and the end of QEMU is told', async () => {
    const kind = KINDS[0];
    assert.ok(kind);
    const { socket } = await start(kind);
    const handle = qemu.open({ socket, serial: 'board' }, realEdges);
    const line = await handle.console?.(forever);
    assert.ok(line);
    const heard = hear(line);
    // QEMU takes a moment to see who is on its line; until then another one is let in, and waits behind the first.
    const isTaken = async (): Promise<boolean> => {
      try {
        await (await handle.console?.(forever))?.close();
        return false;
      } catch (error) {
        return error instanceof PowerError && error.code === 'busy';
      }
    };
    await until('one console only', isTaken, 30_000);
    await handle.set('on', forever);
    await heard.has('Hit any key to stop autoboot', FIRMWARE_MS);
    await line.write(Buffer.from('\r'));
    await heard.has('=> ', FIRMWARE_MS);
    await line.write(Buffer.from('echo mark${none}er\r'));
    await heard.has('\nmarker', FIRMWARE_MS);
    await line.write(Buffer.from('poweroff\r'));
    await until('a guest that powers off is off', async () => (await handle.query(forever)) === 'off', FIRMWARE_MS);
    await handle.set('on', forever);
    assert.equal(await handle.query(forever), 'on');
    child?.kill('SIGKILL');
    assert.match(await line.ended, /board/);
    assert.equal((await failureOf(handle.query(forever))).code, 'unreachable');
  });
});

async function saysUntil(text: () => string, words: RegExp): Promise<void> {
  await until(`the board says ${String(words)}`, () => words.test(text()), FIRMWARE_MS, text);
}
