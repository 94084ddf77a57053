import { strict as assert } from 'node:assert';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPretendLxd, type PretendLxd } from '../../lab/pretend/lxd.ts';
import { lxd } from '../../power-drivers/lxd.ts';
import type { FieldValues } from '../../server/core/field.ts';
import { realClock } from '../../server/edges/real-clock.ts';
import type { PowerHandle } from '../../server/ports/power-driver.ts';
import { hear } from '../support/hear-line.ts';
import { realEdges } from '../support/ipmi-crypto.ts';
import { failureOf, forever } from '../support/power-failure.ts';
import { until } from '../support/until.ts';

describe('the driver lxd', () => {
  let folder: string;
  let device: PretendLxd;
  const open = (parameters: FieldValues = {}): PowerHandle =>
    lxd.open({ socket: device.socket, instance: 'c1', ...parameters }, realEdges);
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'farrier-lxd-'));
    device = await startPretendLxd(folder, realClock);
  });
  afterEach(async () => {
    await device.close();
    await rm(folder, { recursive: true });
  });

  it('switches on and off, awaits the operation, and reads it back', async () => {
    const handle = open();
    for (const want of ['on', 'on', 'off', 'off'] as const) {
      await handle.set(want, forever);
      assert.equal(device.machine.truth(), want);
      assert.equal(await handle.query(forever), want);
    }
    assert.deepEqual(device.requests.slice(0, 3), [
      'GET /1.0/instances/c1?project=default',
      'PUT /1.0/instances/c1/state?project=default',
      'GET /1.0/operations/f7b8063a-c778-45e9-aef9-3576605de52c/wait?timeout=25&project=default',
    ]);
    assert.equal(device.requests.filter((each) => each.startsWith('PUT')).length, 2, 'what is so is not ordered');
    await until('no connection is left', () => device.open() === 0);
  });

  it('resets, and tells what LXD says of the instance', async () => {
    await open().reset?.(forever);
    assert.deepEqual(await open().info?.(forever), {
      name: 'c1',
      type: 'container',
      architecture: 'x86_64',
      status: 'Stopped',
    });
  });

  it('a frozen instance is neither on nor off', async () => {
    device.status = 'Frozen';
    assert.equal(await open().query(forever), 'unknown');
  });

  for (const [err, code] of [
    ['Failed to run: exit status 1', 'refused'],
    ['Instance is busy running a "start" operation', 'busy'],
  ] as const)
    it(`an operation that ends with "${err}" is ${code}`, async () => {
      device.operationError = err;
      const error = await failureOf(open().set('on', forever));
      assert.equal(error.code, code);
      assert.ok(error.message.includes(err) && error.message.includes('instance c1'));
    });

  it('an operation that finds it already so is no failure', async () => {
    device.operationError = 'The instance is already stopped';
    await open().reset?.(forever);
  });

  it('a client that is not trusted is auth; an instance that is not there is config', async () => {
    assert.equal((await failureOf(open({ instance: 'nope' }).query(forever))).code, 'config');
    assert.equal((await failureOf(open({ project: 'other' }).query(forever))).code, 'config');
    device.isForbidden = true;
    const error = await failureOf(open().query(forever));
    assert.equal(error.code, 'auth');
    assert.match(error.message, /not authorized/);
    assert.equal(device.requests.length, 3, 'asked once');
  });

  it('half an answer and a flood are refused', async () => {
    for (const how of ['half', 'flood'] as const) {
      device.machine.how = how;
      assert.equal((await failureOf(open().query(forever))).code, 'refused');
    }
    await until('no connection is left', () => device.open() === 0);
  });

  it('a silent LXD ends when nobody waits any more, an absent one at once', async () => {
    device.machine.how = 'silent';
    const stop = new AbortController();
    const asked = failureOf(open().query(stop.signal));
    await until('it is asked', () => device.requests.length === 1);
    stop.abort();
    assert.equal((await asked).code, 'timeout');
    await until('no connection is left', () => device.open() === 0);
    const absent = open({ socket: join(folder, 'absent', 'unix.socket') });
    assert.equal((await failureOf(absent.query(forever))).code, 'unreachable');
  });

  it('another host needs a certificate with its key', async () => {
    for (const clientCert of ['', 'canary-s3cret', '-----BEGIN CERTIFICATE-----AAAA-----END CERTIFICATE-----']) {
      const far = lxd.open({ host: '127.0.0.1', instance: 'c1', clientCert }, realEdges);
      const error = await failureOf(far.query(forever));
      assert.equal(error.code, 'config');
      assert.match(error.message, /"clientCert" must hold/);
      assert.ok(!error.message.includes('canary'));
    }
  });

  for (const [title, parameters] of [
    ["a socket that is another program's", { socket: '/var/run/docker.sock' }],
    ['a socket that climbs', { socket: '/var/../x/unix.socket' }],
    ['an instance that is a path', { instance: '../../1.0' }],
    ['a project with a query in it', { project: 'a&b' }],
  ] as const)
    it(`refuses ${title}`, () => {
      assert.throws(() => open(parameters), { code: 'config' });
    });

  describe('console', () => {
    it('is open before the instance runs, hears it, takes keys, and leaves nothing behind', async () => {
      const line = await open().console?.(forever);
      assert.ok(line);
      const heard = hear(line);
      await assert.rejects(line.write(Buffer.from('x')), /not running/);
      await open().set('on', forever);
      await heard.has('board: first words');
      const all = Buffer.from(Uint8Array.from({ length: 256 }, (_, at) => at));
      device.say(all);
      await heard.has(all);
      await line.write(Buffer.from('root\r'));
      await until('keys arrive', () => device.typed().equals(Buffer.from('root\r')));
      await line.close();
      await until('no connection is left', () => device.open() === 0);
    });

    it('of an instance that is not there is refused at once', async () => {
      assert.equal((await failureOf(open({ instance: 'nope' }).console?.(forever))).code, 'config');
    });

    it('ends when the instance stops, though LXD leaves it open', async () => {
      const hasty = {
        ...realEdges,
        clock: { ...realClock, after: (_: number, call: () => void) => realClock.after(5, call) },
      };
      await open().set('on', forever);
      const line = await lxd.open({ socket: device.socket, instance: 'c1' }, hasty).console?.(forever);
      assert.ok(line);
      await hear(line).has('first words');
      await open().set('off', forever);
      assert.match(await line.ended, /instance c1: console/);
    });

    it('ends with its reason when LXD goes', async () => {
      await open().set('on', forever);
      const line = await open().console?.(forever);
      assert.ok(line);
      await hear(line).has('first words');
      await device.close();
      assert.match(await line.ended, /instance c1: console/);
    });
  });
});
