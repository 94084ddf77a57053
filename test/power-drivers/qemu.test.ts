import { strict as assert } from 'node:assert';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPretendQemu, type PretendQemu } from '../../lab/pretend/qmp.ts';
import { createQemuDriver } from '../../power-drivers/qemu.ts';
import { vouchForFolder } from '../../power-drivers/trust.ts';
import { realClock } from '../../server/edges/real-clock.ts';
import type { PowerHandle } from '../../server/ports/power-driver.ts';
import { hear } from '../support/hear-line.ts';
import { realEdges } from '../support/ipmi-crypto.ts';
import { failureOf, forever } from '../support/power-failure.ts';
import { until } from '../support/until.ts';

const qemu = createQemuDriver(vouchForFolder);

describe('the driver qemu', () => {
  let folder: string;
  let device: PretendQemu;
  let handle: PowerHandle;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'farrier-qmp-'));
    device = await startPretendQemu(folder, realClock);
    handle = qemu.open({ socket: device.socket }, realEdges);
  });
  afterEach(async () => {
    await device.close();
    await rm(folder, { recursive: true });
  });

  it('switches on and off, reads it back, and says an order twice without harm', async () => {
    assert.equal(await handle.query(forever), 'off');
    for (const want of ['on', 'on', 'off', 'off'] as const) {
      await handle.set(want, forever);
      assert.equal(device.machine.truth(), want);
      assert.equal(await handle.query(forever), want);
    }
    await until('every connection is closed', () => device.open() === 0);
  });

  it('opens no line where others may have put the socket: they would say where the keyboard goes', async () => {
    await chmod(folder, 0o777);
    const { code, message } = await failureOf(handle.console?.(forever));
    assert.equal(code, 'config');
    assert.match(message, /writable by group or world/);
    assert.deepEqual(device.commands, []);
    assert.equal(await handle.query(forever), 'off');
  });

  it('holds a machine before it resets it, and leaves QEMU running', async () => {
    await handle.set('on', forever);
    const before = device.commands.length;
    await handle.set('off', forever);
    assert.deepEqual(device.commands.slice(before), ['qmp_capabilities', 'query-status', 'stop', 'system_reset']);
  });

  it('resets a machine that has shut down before it lets it run', async () => {
    device.runState = 'shutdown';
    assert.equal(await handle.query(forever), 'off');
    const before = device.commands.length;
    await handle.set('on', forever);
    assert.deepEqual(device.commands.slice(before), ['qmp_capabilities', 'query-status', 'system_reset', 'cont']);
  });

  for (const [state, seen] of [
    ['paused', 'unknown'],
    ['internal-error', 'unknown'],
    ['guest-panicked', 'on'],
  ] as const)
    it(`says "${seen}" of a machine that is ${state}`, async () => {
      device.runState = state;
      assert.equal(await handle.query(forever), seen);
    });

  it('resets what runs and refuses to reset what is off', async () => {
    const refused = await failureOf(handle.reset?.(forever));
    assert.equal(refused.code, 'refused');
    assert.match(refused.message, /is off \(prelaunch\)/);
    await handle.set('on', forever);
    await handle.reset?.(forever);
    assert.ok(device.commands.includes('system_reset'));
    assert.equal(device.machine.truth(), 'on');
  });

  it('tells what QEMU says of itself', async () => {
    assert.deepEqual(await handle.info?.(forever), {
      QEMU: '7.2.22',
      state: 'prelaunch',
      name: 'pretend',
      uuid: 'daf5ab7e-f6f5-53cd-9583-3dd819d43410',
    });
  });

  const wrongs: readonly (readonly ['silent' | 'half' | 'flood', string, RegExp])[] = [
    ['half', 'unreachable', /closed in the middle/],
    ['flood', 'refused|config', /says more than|does not greet|no QMP socket/],
    ['silent', 'timeout', /stopped waiting/],
  ];
  for (const [how, code, words] of wrongs)
    it(`a ${how} QEMU ends as ${code}, names the socket and leaves no connection`, async () => {
      device.machine.how = how;
      const stop = new AbortController();
      const asked = failureOf(handle.query(stop.signal));
      if (how === 'silent')
        await until('it is asked', () => device.open() === 1).then(() => {
          stop.abort();
        });
      const error = await asked;
      assert.match(error.code, new RegExp(code));
      assert.match(error.message, words);
      assert.ok(error.message.includes(device.socket));
      await until('every connection is closed', () => device.open() === 0);
    });

  it('a signal that was given before is heeded', async () => {
    assert.equal((await failureOf(handle.query(AbortSignal.abort()))).code, 'timeout');
  });

  it('no socket is unreachable', async () => {
    const nobody = qemu.open({ socket: join(folder, 'absent.sock') }, realEdges);
    assert.equal((await failureOf(nobody.query(forever))).code, 'unreachable');
  });

  it("writes nothing to a socket that is none of QEMU's, and repeats nothing it says", async () => {
    const heard: Buffer[] = [];
    const path = join(folder, 'other.sock');
    const other = createServer((peer) => {
      peer.on('data', (octets) => heard.push(octets));
      peer.on('error', () => undefined);
      peer.write('220 secret-banner ESMTP\r\n');
    });
    await new Promise<void>((resolve) => other.listen(path, resolve));
    const error = await failureOf(qemu.open({ socket: path }, realEdges).set('on', forever));
    assert.equal(error.code, 'config');
    assert.ok(!error.message.includes('secret-banner'));
    assert.equal(Buffer.concat(heard).length, 0);
    await new Promise((resolve) => other.close(resolve));
  });

  for (const [title, parameters] of [
    ['a path that is not whole', { socket: 'qmp.sock' }],
    ['a path that climbs', { socket: '/run/../etc/x' }],
    ['no socket', {}],
    ['a serial line with a strange name', { socket: '/run/q', serial: 'a b' }],
  ] as const)
    it(`refuses ${title}`, () => {
      assert.throws(() => qemu.open(parameters, realEdges), { code: 'config' });
    });

  describe('console', () => {
    it('gives the octets of the line unchanged, from the first, and takes keys', async () => {
      const line = await handle.console?.(forever);
      assert.ok(line);
      const first = Uint8Array.from({ length: 256 }, (_, at) => at);
      await until('said', () => {
        device.say(first);
        return true;
      });
      const heard = hear(line);
      await heard.has(Buffer.from(first));
      await line.write(Buffer.from('reset\r'));
      await until('keys arrive', () => Buffer.from(device.typed()).toString() === 'reset\r');
      await line.close();
      await line.close();
      assert.match(await line.ended, /closed/);
      await assert.rejects(line.write(Buffer.from('x')), { name: 'ConsoleError' });
    });

    it('ends with its reason when QEMU goes', async () => {
      const line = await handle.console?.(forever);
      assert.ok(line);
      hear(line);
      await device.close();
      assert.match(await line.ended, /serial0.*closed the connection/);
    });

    for (const [filename, code, words] of [
      ['pty:/dev/pts/3', 'config', /"pty"/],
      ['unix:/run/x.sock,server=on', 'busy', /taken by somebody else/],
    ] as const)
      it(`says plainly why ${filename} cannot be opened`, async () => {
        device.serialFilename = filename;
        const error = await failureOf(handle.console?.(forever));
        assert.equal(error.code, code);
        assert.match(error.message, words);
      });

    it('names the lines there are', async () => {
      const other = qemu.open({ socket: device.socket, serial: 'serial7' }, realEdges);
      assert.match((await failureOf(other.console?.(forever))).message, /compat_monitor0, serial0/);
    });
  });
});
