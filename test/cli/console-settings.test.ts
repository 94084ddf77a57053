import { strict as assert } from 'node:assert';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startFakeDaemon, type FakeDaemon } from './fake-daemon.ts';

const field = { label: 'Address', required: true, scope: 'controller' };
const TRANSPORTS = [
  {
    name: 'tcp',
    summary: 'A TCP port',
    fields: { host: { ...field, kind: 'host' }, port: { ...field, kind: 'port' } },
  },
  {
    ...{ name: 'ssh', summary: 'A command on another host' },
    fields: { host: { ...field, kind: 'host' }, password: { ...field, kind: 'secret', label: 'Password' } },
  },
  { name: 'power-driver', summary: 'What its power driver opens', fields: {} },
];
const line = { is: 'open', sinceMs: 0 };
const bare = { secretsSet: [], line, recorded: { from: 4, to: 4100 }, writer: null, viewers: 2 };
const path = '/machines/board-01/console';

describe('farrier console set, show, unset and transports', () => {
  let daemon: FakeDaemon;
  beforeEach(async () => {
    daemon = await startFakeDaemon();
    daemon.on('GET /console-transports', { status: 200, body: { transports: TRANSPORTS } });
    daemon.on(`GET ${path}`, { status: 200, body: { ...bare, setting: null, line: { is: 'none', sinceMs: 0 } } });
  });
  afterEach(() => daemon.close());

  it('set turns numbers into numbers and says what to look at next', async () => {
    const setting = { transport: 'tcp', parameters: { host: '10.0.0.7', port: 4001 } };
    daemon.on(`PUT ${path}`, { status: 200, body: { ...bare, setting } });
    const { exit, out, err } = await daemon.run(['console', 'set', 'board-01', 'tcp', 'host=10.0.0.7', 'port=4001']);
    assert.equal(exit, 0);
    assert.deepEqual(daemon.got.at(-1)?.body, { ...setting, secrets: {} });
    assert.match(out, /transport +tcp\n/);
    assert.match(out, /recorded +octets 4 to 4100\n/);
    assert.match(err, /farrier console board-01/);
  });

  it('secrets come from files or are asked for, never as arguments', async () => {
    const setting = { transport: 'ssh', parameters: { host: 'h' } };
    daemon.on(`PUT ${path}`, { status: 200, body: { ...bare, setting, secretsSet: ['password'] } });
    const set = ['console', 'set', 'board-01', 'ssh', 'host=h'];
    const refused = await daemon.run([...set, 'password=s3cret-canary']);
    assert.equal(refused.exit, 2);
    assert.match(refused.err, /"password" is a secret/);
    const file = join(daemon.folder, 'secret');
    writeFileSync(file, 's3cret-canary\n');
    for (const way of [
      await daemon.run([...set, '--secret-file', `password=${file}`]),
      await daemon.run(set, { typed: ['s3cret-canary'] }),
    ]) {
      assert.equal(way.exit, 0);
      assert.deepEqual(daemon.got.at(-1)?.body, { ...setting, secrets: { password: 's3cret-canary' } });
      assert.ok(!`${way.out}${way.err}`.includes('canary'));
      assert.match(way.out, /password +\(set\)/);
    }
  });

  it('what is misspelt is named, with what was meant', async () => {
    const transport = await daemon.run(['console', 'set', 'board-01', 'tpc']);
    assert.deepEqual(
      [transport.exit, transport.err],
      [3, 'farrier: there is no console transport "tpc"; did you mean "tcp"?\n'],
    );
    const named = await daemon.run(['console', 'set', 'board-01', 'tcp', 'hots=h']);
    assert.deepEqual([named.exit, named.err], [2, 'farrier: tcp has no field "hots"; did you mean "host"?\n']);
    const none = await daemon.run(['console', 'set', 'board-01', 'power-driver', 'x=1']);
    assert.match(none.err, /power-driver has no field "x"; it has none/);
    assert.ok(daemon.got.every((got) => !got.line.startsWith('PUT')));
  });

  it('show tells how the line stands, unset forgets it, transports names the ways', async () => {
    const body = { ...bare, setting: { transport: 'tcp', parameters: {} }, writer: { name: 'alice' } };
    const closed = { is: 'closed', sinceMs: 0, because: 'nobody listens there' };
    daemon.on(`GET ${path}`, { status: 200, body: { ...body, line: closed } });
    const { out } = await daemon.run(['console', 'show', 'board-01']);
    for (const word of ['closed since 1970', 'nobody listens there', 'alice']) assert.ok(out.includes(word), word);
    daemon.on(`DELETE ${path}`, { status: 200, body: { ...bare, setting: null } });
    assert.equal((await daemon.run(['console', 'unset', 'board-01'])).exit, 0);
    assert.equal(daemon.got.at(-1)?.line, `DELETE ${path}`);
    assert.match((await daemon.run(['console', 'transports'])).out, /tcp +A TCP port +host, port/);
  });
});
