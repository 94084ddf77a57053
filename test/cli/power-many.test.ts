import { strict as assert } from 'node:assert';
import { settle } from '../support/fake-clock.ts';
import { startFakeDaemon, type FakeDaemon } from './fake-daemon.ts';

describe('farrier power, many machines, by force, and questions', () => {
  let daemon: FakeDaemon;
  beforeEach(async () => {
    daemon = await startFakeDaemon();
  });
  afterEach(() => daemon.close());

  it('a refused order is given all the same with --force', async () => {
    const body = { is: 'done', seen: { state: 'on', atMs: 1000 } };
    daemon.on('POST /machines/board-01/power/on', { status: 200, body });
    assert.equal((await daemon.run(['power', 'on', 'board-01', '--force'])).exit, 0);
    assert.deepEqual(daemon.got.at(-1)?.body, { force: true });
  });

  it('many machines are ordered at once, and one that is not is exit code 4', async () => {
    const ordered = { machine: 'board-01', is: 'ordered', afterMs: 500 };
    daemon.on('POST /power/orders', { status: 202, body: { orders: [ordered] } });
    const args = ['power', 'cycle', 'board-01', 'board-02', '--stagger', '500ms'];
    const { exit, out } = await daemon.run(args);
    assert.equal(exit, 0);
    assert.match(out, /^board-01 +cycle ordered +0\.5 s$/m);
    const named = { machines: ['board-01', 'board-02'], verb: 'cycle', staggerMs: 500 };
    assert.deepEqual(daemon.got.at(-1)?.body, named);
    await daemon.run(['power', 'on', '--all-in', 'rack1', '--force']);
    const all = { machines: [], verb: 'on', staggerMs: 0, network: 'rack1', force: true };
    assert.deepEqual(daemon.got.at(-1)?.body, all);
    daemon.on('POST /power/orders', {
      status: 202,
      body: { orders: [ordered, { machine: 'x', is: 'unknown-machine', because: 'no machine is called "x"' }] },
    });
    const some = await daemon.run(args);
    assert.equal(some.exit, 4);
    assert.match(some.err, /1 of 2 machines were not ordered/);
  });

  it('a network without machines to switch is named, not passed over', async () => {
    daemon.on('POST /power/orders', { status: 202, body: { orders: [] } });
    const { exit, err } = await daemon.run(['power', 'on', '--all-in', 'rakc1']);
    assert.equal(exit, 3);
    assert.match(err, /no machine of network "rakc1" has a power setting/);
  });

  it('info is what the controller says, one line each', async () => {
    const info = { manufacturer: 'Supermicro', firmware: '1.2\u001b[2J' };
    daemon.on('POST /machines/board-01/power/info', { status: 200, body: { is: 'done', info } });
    const { exit, out } = await daemon.run(['power', 'info', 'board-01']);
    assert.equal(exit, 0);
    assert.match(out, /manufacturer +Supermicro\n/);
    assert.match(out, /firmware +1\.2/);
    assert.ok(!out.includes('\u001b'));
  });

  it('say tells what somebody saw, where the driver cannot see', async () => {
    const seen = { state: 'off', atMs: 0, because: 'alice says so' };
    daemon.on('POST /machines/board-01/power/say', { status: 200, body: { is: 'done', seen } });
    assert.equal((await daemon.run(['power', 'say', 'board-01', 'off'])).exit, 0);
    assert.deepEqual(daemon.got.at(-1)?.body, { state: 'off' });
    assert.equal((await daemon.run(['power', 'say', 'board-01', 'green'])).exit, 2);
  });

  describe('flip-test', () => {
    const outlet = (machine: string, verdict: string, words: string): object => ({
      ...{ machine, step: 'done', silent: [], missing: [], verdict, words },
    });

    it('is asked for with --yes only, and is watched to its end', async () => {
      assert.equal((await daemon.run(['power', 'flip-test', 'a', 'b'])).exit, 2);
      assert.equal((await daemon.run(['power', 'flip-test', '--yes'])).exit, 2);
      assert.equal(daemon.got.length, 0);
      const running = { state: 'running', outlets: [{ ...outlet('a', 'right', 'right'), step: 'on' }] };
      daemon.on('POST /power/flip-test', { status: 202, body: running });
      const outlets = [
        outlet('a', 'right', 'right'),
        { ...outlet('b', 'swapped', 'swapped with c'), signs: ['c asks no more by DHCP'] },
      ];
      daemon.on('GET /power/flip-test', { status: 200, body: { state: 'done', outlets } });
      const run = daemon.run(['power', 'flip-test', 'a', 'b', '--yes', '--back', '2m']);
      while (daemon.clock.waiting() === 0) await settle();
      daemon.clock.advance(1000);
      const { exit, out, err } = await run;
      assert.deepEqual(daemon.got.at(0)?.body, { machines: ['a', 'b'], confirm: true, backS: 120 });
      assert.match(out, /^a +right$/m);
      assert.match(out, /^b +swapped with c +c asks no more by DHCP$/m);
      assert.match(err, /1 of 2 outlets are not proven right/);
      assert.equal(exit, 1);
    });

    it('all right is exit code 0; --abort ends one', async () => {
      daemon.on('POST /power/flip-test', {
        status: 202,
        body: { state: 'done', outlets: [outlet('a', 'right', 'right')] },
      });
      assert.equal((await daemon.run(['power', 'flip-test', 'a', '--yes'])).exit, 0);
      daemon.on('DELETE /power/flip-test', { status: 200, body: { state: 'running', outlets: [] } });
      assert.equal((await daemon.run(['power', 'flip-test', '--abort'])).exit, 0);
      assert.equal(daemon.got.at(-1)?.line, 'DELETE /power/flip-test');
    });
  });

  it('many need a name or a network, and no stagger of minutes', async () => {
    assert.equal((await daemon.run(['power', 'on'])).exit, 2);
    assert.equal((await daemon.run(['power', 'on', 'a', 'b', '--stagger', '2m'])).exit, 2);
  });
});
