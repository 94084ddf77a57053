import { strict as assert } from 'node:assert';
import { startFakeDaemon, type FakeDaemon } from './fake-daemon.ts';

const overridden = { scope: 'board', subject: 'apm-mustang', name: 'kernel.root', value: '/dev/sda', by: 'bob' };
const ofMachine = {
  parameters: [
    { name: 'agent.idle-minutes', value: 30, origin: 'default', subject: '', unit: 'minutes', overrides: [] },
    { name: 'kernel.root', value: '/dev/vda1', origin: 'once', subject: '', by: 'alice', overrides: [overridden] },
  ],
  findings: [{ severity: 'warning', text: '2 root= arguments', remedy: 'take one out' }],
};

describe('farrier parameter', () => {
  let daemon: FakeDaemon;
  beforeEach(async () => {
    daemon = await startFakeDaemon();
  });
  afterEach(() => daemon.close());

  it('list: what there is, what is set, and what counts for a machine', async () => {
    const stay = { name: 'debug.stay', type: 'flag', meaning: 'Waits.', reach: 'agent', by: 'farrier' };
    daemon.on('GET /parameters', { status: 200, body: { declarations: [stay], settings: [overridden] } });
    daemon.on('GET /machines/board-01/parameters', { status: 200, body: ofMachine });
    assert.match((await daemon.run(['parameter', 'list'])).out, /debug\.stay +flag +agent +farrier +Waits\./);
    assert.match(
      (await daemon.run(['parameter', 'list', '--set'])).out,
      /kernel\.root +\/dev\/sda +board apm-mustang +bob/,
    );
    const { out, err } = await daemon.run(['parameter', 'list', '--machine', 'board-01']);
    assert.match(out, /agent\.idle-minutes +30 minutes +default/);
    assert.match(out, /kernel\.root +\/dev\/vda1 +next boot only +alice +\/dev\/sda \(board apm-mustang\)/);
    assert.match(err, /^warning: 2 root= arguments; take one out\n$/);
  });

  it('set and unset: each place by its own call; several values are a list', async () => {
    const done = { status: 204 };
    daemon.on('PUT /parameters/kernel.console/value', done);
    daemon.on('DELETE /parameters/kernel.console/value?scope=network&subject=rack1', done);
    daemon.on('PUT /machines/board-01/parameters/kernel.root', { status: 200, body: ofMachine });
    daemon.on('DELETE /machines/board-01/parameters/kernel.root?once=true', { status: 200, body: ofMachine });
    const lines: readonly (readonly string[])[] = [
      ['set', 'kernel.console', 'tty0', 'ttyS0', '--site'],
      ['set', 'kernel.console', 'tty0', '--board', 'apm-mustang'],
      ['unset', 'kernel.console', '--network', 'rack1'],
      ['set', 'kernel.root', 'a b', '--machine', 'board-01', '--once'],
      ['set', 'kernel.root', 'a', '--machine', 'board-01'],
      ['unset', 'kernel.root', '--machine', 'board-01', '--once'],
    ];
    for (const line of lines) assert.equal((await daemon.run(['parameter', ...line])).exit, 0, line.join(' '));
    assert.deepEqual(
      daemon.got.map((each) => each.body),
      [
        { scope: 'site', value: ['tty0', 'ttyS0'] },
        { scope: 'board', subject: 'apm-mustang', value: 'tty0' },
        undefined,
        { value: 'a b', once: true },
        { value: 'a', once: false },
        undefined,
      ],
    );
  });

  it('declare and forget', async () => {
    daemon.on('PUT /parameters/lab.rows', { status: 204 });
    daemon.on('DELETE /parameters/lab.rows', { status: 204 });
    const wish = [
      '--type',
      'number',
      '--meaning',
      'Rows.',
      '--unit',
      'rows',
      '--min',
      '0',
      '--max',
      '9',
      '--word',
      'rows',
    ];
    assert.equal((await daemon.run(['parameter', 'declare', 'lab.rows', ...wish])).exit, 0);
    assert.equal((await daemon.run(['parameter', 'forget', 'lab.rows'])).exit, 0);
    const body = { type: 'number', meaning: 'Rows.', unit: 'rows', min: 0, max: 9, word: 'rows' };
    assert.deepEqual(daemon.got[0]?.body, body);
  });

  it('says what a line lacks, and asks the daemon nothing', async () => {
    for (const line of [
      ['set', 'debug.stay', 'on'],
      ['unset', 'debug.stay'],
      ['set', 'debug.stay', 'on', '--once', '--site'],
      ['set', 'debug.stay', 'on', '--once'],
      ['set', 'debug.stay', 'on', '--machine', 'a', '--board', 'b'],
      ['declare', 'x', '--type', 'number'],
      ['declare', 'x', '--type', 'number', '--meaning', 'm', '--min', 'x'],
    ])
      assert.equal((await daemon.run(['parameter', ...line])).exit, 2, line.join(' '));
    assert.deepEqual(daemon.got, []);
  });
});
