import { strict as assert } from 'node:assert';
import { startFakeDaemon, type FakeDaemon } from './fake-daemon.ts';

describe('farrier power, many machines and by force', () => {
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

  it('many need a name or a network, and no stagger of minutes', async () => {
    assert.equal((await daemon.run(['power', 'on'])).exit, 2);
    assert.equal((await daemon.run(['power', 'on', 'a', 'b', '--stagger', '2m'])).exit, 2);
  });
});
