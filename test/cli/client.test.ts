import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { z } from 'zod';
import { createApi, pathOf } from '../../server/cli/client.ts';
import { CliFailure } from '../../server/cli/failure.ts';
import { startFakeDaemon, type FakeDaemon } from './fake-daemon.ts';
import { machine01 } from './samples.ts';

describe('farrier: talking to the daemon', () => {
  let daemon: FakeDaemon;
  beforeEach(async () => {
    daemon = await startFakeDaemon();
  });
  afterEach(() => daemon.close());

  const statuses: readonly (readonly [number, number])[] = [
    [400, 2],
    [401, 4],
    [403, 4],
    [404, 3],
    [409, 4],
    [413, 2],
    [415, 2],
    [429, 4],
    [500, 1],
    [502, 1],
    [503, 1],
  ];
  for (const [status, exit] of statuses)
    it(`status ${String(status)} is exit ${String(exit)}, with the problem's own words`, async () => {
      daemon.on('GET /machines', { status, body: { detail: 'because of that; do this', title: 'No' } });
      assert.deepEqual(await daemon.run(['machine', 'list']), {
        exit,
        out: '',
        err: 'farrier: because of that; do this\n',
      });
    });

  it('names the field that is wrong, and needs no detail', async () => {
    daemon.on('GET /machines', { status: 400, body: { detail: 'too long', field: 'name' } });
    assert.equal((await daemon.run(['machine', 'list'])).err, 'farrier: name: too long\n');
    daemon.on('GET /machines', { status: 500 });
    assert.equal((await daemon.run(['machine', 'list'])).err, 'farrier: the daemon answered 500\n');
  });

  it("a hostile problem text does not reach the terminal's controls", async () => {
    daemon.on('GET /machines', { status: 409, body: { detail: 'no \u001b[2J machine' } });
    assert.equal((await daemon.run(['machine', 'list'])).err, 'farrier: no \ufffd[2J machine\n');
  });

  it('an answer of another version is told as such', async () => {
    for (const body of [{}, { machines: [{ name: 1 }] }, [machine01]]) {
      daemon.on('GET /machines', { status: 200, body });
      const { exit, err } = await daemon.run(['machine', 'list']);
      assert.equal(exit, 1);
      assert.match(err, /are both of one version\?/);
    }
  });

  it('no daemon, or none any more: says where it looked and what to do', async () => {
    const nowhere = join(daemon.folder, 'nowhere.sock');
    const { exit, err } = await daemon.run(['machine', 'list', '--socket', nowhere]);
    assert.equal(exit, 1);
    assert.equal(err, `farrier: no daemon answers at ${nowhere}; start one with farrier serve\n`);
  });

  it("the socket is the config's, when there is a config", async () => {
    writeFileSync(
      join(daemon.folder, 'farrier.yaml'),
      'dataDir: .\nkeyFile: /nowhere/key\nnetworks: [{ name: a, interface: b, subnet: 10.0.0.0/24, unknown: ignore }]\n',
    );
    daemon.on('GET /machines', { status: 200, body: { machines: [] } });
    assert.equal((await daemon.run(['machine', 'list'])).exit, 0);
    assert.equal((await daemon.run(['machine', 'list', '--config', join(daemon.folder, 'farrier.yaml')])).exit, 0);
    writeFileSync(join(daemon.folder, 'farrier.yaml'), 'networks: []');
    const { exit, err } = await daemon.run(['machine', 'list']);
    assert.equal(exit, 1);
    assert.match(err, /farrier\.yaml:1:11: networks: needs at least one entry/);
  });

  it('a file that is no socket', async () => {
    const file = join(daemon.folder, 'file');
    writeFileSync(file, '');
    assert.deepEqual(await daemon.run(['machine', 'list', '--socket', file]), {
      exit: 1,
      out: '',
      err: `farrier: no daemon answers at ${file}; start one with farrier serve\n`,
    });
  });

  it('a daemon that breaks off, and one that never answers', async () => {
    const socketPath = join(daemon.folder, 'odd.sock');
    let greet = true;
    const server = createServer((socket) => {
      if (greet) socket.end('HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nhalf');
      socket.on('error', () => undefined);
    });
    server.listen(socketPath);
    await once(server, 'listening');
    const broken = await daemon.run(['machine', 'list', '--socket', socketPath]);
    assert.equal(broken.exit, 1);
    assert.match(broken.err, /broke off/);
    greet = false;
    const call = createApi({ socketPath }).call({ method: 'GET', path: '/machines', timeoutMs: 30 }, z.unknown());
    await assert.rejects(call, (error) => error instanceof CliFailure && error.exit === 124);
    server.close();
  });

  it('an upload that is refused half way tells the refusal', async () => {
    const file = join(daemon.folder, 'big');
    writeFileSync(file, Buffer.alloc(1 << 20));
    daemon.on('POST /artefacts', { status: 413, body: { detail: 'at most 4 GiB' } });
    const upload = createApi({ socketPath: daemon.socket }).upload('/artefacts', file, z.unknown());
    await assert.rejects(upload, (error) => error instanceof CliFailure && error.message === 'at most 4 GiB');
  });

  it('every part of a path is one part', () => {
    assert.equal(pathOf('machines', 'a/../b?c#d', 'power'), '/machines/a%2F..%2Fb%3Fc%23d/power');
  });
});

describe('farrier: the command line itself', () => {
  let daemon: FakeDaemon;
  beforeEach(async () => {
    daemon = await startFakeDaemon();
  });
  afterEach(() => daemon.close());

  it('help and version are data and exit 0', async () => {
    const help = await daemon.run(['--help']);
    assert.deepEqual([help.exit, help.err], [0, '']);
    for (const name of 'serve demo config machine power board bundle driver explain agent user leases'.split(' '))
      assert.match(help.out, new RegExp(`^  ${name} `, 'm'));
    assert.deepEqual(await daemon.run(['--version']), { exit: 0, out: '1.2.3\n', err: '' });
    assert.match((await daemon.run(['power', 'set', '--help'])).out, /--secret-file/);
  });

  const misuses: readonly (readonly [readonly string[], RegExp])[] = [
    [[], /Usage: farrier/],
    [['machine'], /Usage: farrier machine/],
    [['machin'], /^farrier: unknown command 'machin'\n\(Did you mean machine\?\)/],
    [['machine', 'show'], /^farrier: missing required argument 'machine'/],
    [['machine', 'list', '--stat', 'new'], /^farrier: unknown option '--stat'\n\(Did you mean --state\?\)/],
    [['machine', 'list', '-o', 'xml'], /^farrier: option '-o, --output <format>' argument 'xml' is invalid/],
    [['machine', 'show', 'x', '--wait=soon'], /"soon" is not a time; write it like 45s, 30m or 2h/],
  ];
  for (const [words, wanted] of misuses)
    it(`"farrier ${words.join(' ')}" is a misuse, told on stderr`, async () => {
      const { exit, out, err } = await daemon.run(words);
      assert.deepEqual([exit, out], [2, '']);
      assert.match(err, wanted);
    });
});
