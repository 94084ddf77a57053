import { strict as assert } from 'node:assert';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createPretendVirsh, type PretendVirsh } from '../../lab/pretend/virsh.ts';
import { createLibvirtDriver } from '../../power-drivers/libvirt.ts';
import type { Clock } from '../../server/ports/clock.ts';
import type { PowerDriver, PowerEdges, PowerHandle } from '../../server/ports/power-driver.ts';
import { hear } from '../support/hear-line.ts';
import { realEdges } from '../support/ipmi-crypto.ts';
import { failureOf, forever } from '../support/power-failure.ts';
import { until } from '../support/until.ts';

/** Time goes twenty times as fast, so that nobody waits for a domain that is held. */
const hasty: PowerEdges = {
  ...realEdges,
  clock: { ...realEdges.clock, after: (ms, call) => realEdges.clock.after(ms / 20, call) },
};

/** How long the driver holds a domain that starts. */
const HELD_MS = 200;

describe('the driver libvirt', () => {
  let folder: string;
  let virsh: PretendVirsh;
  let driver: PowerDriver;
  let handle: PowerHandle;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'farrier-virsh-'));
    virsh = await createPretendVirsh(folder);
    driver = createLibvirtDriver(virsh.path);
    handle = driver.open({ domain: 'board1' }, hasty);
  });
  afterEach(async () => {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  it('switches on and off, reads it back, and says an order twice without harm', async () => {
    for (const want of ['on', 'on', 'off', 'off'] as const) {
      await handle.set(want, forever);
      assert.equal(await virsh.truth(), want);
      assert.equal(await handle.query(forever), want);
    }
  });

  it('hands virsh its words one by one, and holds a domain that starts before it goes', async () => {
    await handle.set('on', forever);
    await handle.reset?.(forever);
    assert.deepEqual(virsh.calls(), [
      '-q -c qemu:///system start --paused board1',
      '-q -c qemu:///system resume board1',
      '-q -c qemu:///system reset board1',
    ]);
  });

  it('starts plainly what cannot be held', async () => {
    await driver.open({ domain: 'board1', uri: 'test+unix:///default' }, realEdges).set('on', forever);
    assert.deepEqual(virsh.calls(), ['-q -c test+unix:///default start board1']);
  });

  it('lets a domain go on that a call cut short has left held', async () => {
    const waiting: (() => void)[] = [];
    const after: Clock['after'] = (ms, call) => {
      if (ms !== HELD_MS) return realEdges.clock.after(ms, call);
      waiting.push(call);
      return () => undefined;
    };
    const held = driver.open({ domain: 'board1' }, { ...realEdges, clock: { ...realEdges.clock, after } });
    const stop = new AbortController();
    const cut = failureOf(held.set('on', stop.signal));
    await until('it is held', () => waiting.length === 1);
    stop.abort();
    for (const goOn of waiting) goOn();
    assert.equal((await cut).code, 'timeout');
    assert.equal(await handle.query(forever), 'unknown');
    await handle.set('on', forever);
    assert.equal(await handle.query(forever), 'on');
  });

  it('tells what libvirt says of the domain', async () => {
    assert.deepEqual(await handle.info?.(forever), {
      Id: '1',
      Name: 'board1',
      State: 'shut off',
      'Max memory': '131072 KiB',
    });
  });

  // As virsh 9.0 says it.
  for (const [words, code] of [
    ["failed to get domain 'board1'", 'config'],
    ['no connection driver available for foo:///system', 'config'],
    ['Cannot recv data: Host key verification failed.: Connection reset by peer', 'config'],
    ["unable to connect to server at '127.0.0.1:1': Connection refused", 'unreachable'],
    ['Cannot recv data: ssh: connect to host h port 22: Connection refused: Connection reset by peer', 'unreachable'],
    ['End of file while reading data: Input/output error', 'unreachable'],
    ['authentication unavailable: no polkit agent available', 'auth'],
    ["Failed to connect socket to '/var/run/libvirt/libvirt-sock': Permission denied", 'auth'],
    ['Timed out during operation: cannot acquire state change lock (held by monitor)', 'busy'],
    ['internal error: process exited while connecting to monitor', 'refused'],
  ] as const)
    it(`"${words.slice(0, 60)}" is ${code}`, async () => {
      await virsh.failWith(words);
      const error = await failureOf(handle.set('on', forever));
      assert.equal(error.code, code);
      assert.ok(error.message.includes('domain board1') && error.message.includes(words.slice(0, 40)), error.message);
    });

  it('a reset of what is off is refused', async () => {
    assert.equal((await failureOf(handle.reset?.(forever))).code, 'refused');
  });

  it('a virsh that hangs ends with its process when nobody waits any more', async () => {
    await virsh.misbehave('silent');
    const stop = new AbortController();
    const asked = failureOf(handle.query(stop.signal));
    await until('it runs', () => virsh.calls().length === 1);
    stop.abort();
    assert.equal((await asked).code, 'timeout');
  });

  it('half a word is no state, and a flood of words is ended', async () => {
    await virsh.misbehave('half');
    assert.equal((await failureOf(handle.query(forever))).code, 'refused');
    await virsh.misbehave('flood');
    assert.match((await failureOf(handle.query(forever))).message, /printed more than/);
  });

  it('no virsh is a tool that is missing', async () => {
    const absent = createLibvirtDriver(join(folder, 'absent')).open({ domain: 'board1' }, realEdges);
    assert.equal((await failureOf(absent.query(forever))).code, 'tool-missing');
  });

  for (const [title, parameters] of [
    ['a domain that looks like an option', { domain: '--help' }],
    ['a domain that is a number', { domain: '17' }],
    ['a domain with blanks', { domain: 'a b' }],
    ['a connection that names a program', { domain: 'a', uri: 'qemu+ssh://h/system?command=/bin/sh' }],
    ['a connection through a program', { domain: 'a', uri: 'qemu+ext:///system' }],
    ['a host that looks like an option', { domain: 'a', uri: 'qemu+ssh://-oProxyCommand=id/system' }],
    ['a password in the connection', { domain: 'a', uri: 'qemu+ssh://u:p@h/system' }],
    ['a file as a connection', { domain: 'a', uri: 'test:///etc/passwd' }],
  ] as const)
    it(`refuses ${title}`, () => {
      assert.throws(() => driver.open(parameters, realEdges), { code: 'config' });
    });

  for (const uri of ['qemu:///session', 'qemu+ssh://farrier@host.lab:2222/system', 'qemu+tls://host/system', 'xen:///'])
    it(`takes ${uri}`, () => {
      driver.open({ domain: '9front-2', uri }, realEdges);
    });

  describe('console', () => {
    const xml = (path: string): string => `<serial type='unix'>\n<source mode='bind' path='${path}'/>\n</serial>`;

    it('is open before the domain runs, hears its first octets, and ends with it', async () => {
      const path = join(folder, 'serial.sock');
      await virsh.describe(xml(path));
      const line = await handle.console?.(forever);
      assert.ok(line);
      const heard = hear(line);
      await assert.rejects(line.write(Buffer.from('x')), /not running/);
      const peers: Socket[] = [];
      const port = createServer((peer) => {
        peers.push(peer.resume());
        peer.write('first words');
      });
      await new Promise<void>((resolve) => port.listen(path, resolve));
      await heard.has('first words');
      await line.write(Buffer.from('key'));
      for (const peer of peers) peer.end();
      assert.match(await line.ended, /domain board1.*closed/);
      await new Promise((resolve) => port.close(resolve));
    });

    it('can be closed while it waits', async () => {
      await virsh.describe(xml(join(folder, 'never.sock')));
      const line = await handle.console?.(forever);
      assert.ok(line);
      await line.close();
      assert.match(await line.ended, /closed/);
    });

    it('says plainly what cannot be opened', async () => {
      await virsh.describe("<serial type='pty'><source path='/dev/pts/2'/></serial>");
      assert.match((await failureOf(handle.console?.(forever))).message, /'pty'/);
      const far = driver.open({ domain: 'board1', uri: 'qemu+ssh://h/system' }, realEdges);
      assert.match((await failureOf(far.console?.(forever))).message, /on another host/);
    });
  });
});
