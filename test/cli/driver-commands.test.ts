import { strict as assert } from 'node:assert';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startFakeDaemon, type FakeDaemon } from './fake-daemon.ts';
import { ipmiDriver } from './samples.ts';

describe('farrier driver', () => {
  let daemon: FakeDaemon;
  beforeEach(async () => {
    daemon = await startFakeDaemon();
    daemon.on('GET /drivers', { status: 200, body: { drivers: [ipmiDriver] } });
  });
  afterEach(() => daemon.close());

  it('driver list and show', async () => {
    const broken = { file: '/etc/farrier/power-drivers/x', because: 'exit code 3' };
    const own = { ...ipmiDriver, name: 'ours', origin: '/etc/farrier/power-drivers/ours' };
    daemon.on('GET /drivers', { status: 200, body: { drivers: [ipmiDriver, own], problems: [broken] } });
    const listed = (await daemon.run(['driver', 'list'])).out;
    assert.match(listed, /\nipmi +on, off, status +IPMI 2\.0 over LAN +shipped\n/);
    assert.match(listed, /\nours +on, off, status +IPMI 2\.0 over LAN +\/etc\/farrier\/power-drivers\/ours\n/);
    assert.match(listed, /\n- +broken +exit code 3 +\/etc\/farrier\/power-drivers\/x\n/);
    assert.equal((await daemon.run(['driver', 'list', '-o', 'name'])).out, 'ipmi\nours\n');
    const { out } = await daemon.run(['driver', 'show', 'ipmi']);
    assert.match(out, /^port +Port; default 623$/m);
    assert.match(out, /^password +Password; secret; needed$/m);
    assert.equal((await daemon.run(['driver', 'show', 'x'])).exit, 3);
  });

  const tested = (verdict: string, leave?: string): object => ({
    on: 'host 10.0.0.7',
    passed: verdict !== 'fail',
    results: [
      { rule: 'status', sentence: 'It says so.', verdict, because: '"on" after 0.1 s', tookMs: 100 },
      ...(leave === undefined
        ? []
        : [{ rule: 'read-back', sentence: 'Seen on.', verdict: 'not-judged', because: leave, tookMs: 0 }]),
    ],
  });

  it('driver test sends fields and secrets, writes the table, and fails with the driver', async () => {
    daemon.on('POST /drivers/ipmi/test', { status: 200, body: tested('pass', 'needs --yes-switch') });
    const secret = join(daemon.folder, 'driver-password');
    writeFileSync(secret, 'hush\n');
    const set = ['--set', 'host=10.0.0.7', 'username=u', '--secret-file', `password=${secret}`];
    const good = await daemon.run(['driver', 'test', 'ipmi', ...set]);
    assert.equal(good.exit, 0);
    assert.match(good.out, /\nstatus +pass +"on" after 0\.1 s\n/);
    assert.match(good.err, /1 rules kept, 0 broken, 1 not judged; to switch it on and off: --yes-switch\n/);
    assert.deepEqual(daemon.got.at(-1)?.body, {
      parameters: { host: '10.0.0.7', username: 'u' },
      secrets: { password: 'hush' },
      switches: false,
    });
    daemon.on('POST /drivers/ipmi/test', { status: 200, body: tested('fail') });
    const bad = await daemon.run(['driver', 'test', 'ipmi', '--machine', 'board-01', '--yes-switch', '-o', 'json']);
    assert.equal(bad.exit, 1);
    assert.deepEqual(JSON.parse(bad.out), tested('fail'));
    assert.deepEqual(daemon.got.at(-1)?.body, { machine: 'board-01', switches: true });
  });

  it('driver test without a device asks for the pretend one, and for no leave to switch it', async () => {
    daemon.on('POST /drivers/ipmi/test', { status: 200, body: tested('pass') });
    const { exit, err } = await daemon.run(['driver', 'test', 'ipmi']);
    assert.deepEqual([exit, err], [0, 'ipmi on host 10.0.0.7: 1 rules kept, 0 broken, 0 not judged\n']);
    assert.deepEqual(daemon.got.at(-1)?.body, { switches: false });
  });

  it('driver test takes a machine or fields, not both, and no secret as an argument', async () => {
    const both = await daemon.run(['driver', 'test', 'ipmi', '--machine', 'x', '--set', 'host=10.0.0.7']);
    assert.deepEqual([both.exit, both.err], [2, 'farrier: give --machine or --set, not both\n']);
    assert.match((await daemon.run(['driver', 'test', 'ipmi', '--set', 'password=x'])).err, /is a secret/);
  });

  it('driver new writes one and says where', async () => {
    const shell = await daemon.run(['driver', 'new', 'my-pdu', '/etc/drivers']);
    assert.equal(shell.out, '/etc/drivers/my-pdu\n');
    await daemon.run(['driver', 'new', '--js', 'my-pdu', '/etc/drivers']);
    assert.deepEqual(daemon.work.slice(-2), [
      ['driver', 'my-pdu', 'shell'],
      ['driver', 'my-pdu', 'js'],
    ]);
  });
});
