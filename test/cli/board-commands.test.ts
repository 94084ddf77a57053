import { strict as assert } from 'node:assert';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startFakeDaemon, type FakeDaemon } from './fake-daemon.ts';

describe('farrier board', () => {
  let daemon: FakeDaemon;
  beforeEach(async () => {
    daemon = await startFakeDaemon();
  });
  afterEach(() => daemon.close());
  const board = { name: 'mustang', title: 'X-Gene', arch: 'arm64', proof: 'untested' };

  const version = {
    ...{ board: 'mustang', version: 2, sha256: 'a'.repeat(64), octets: 9, file: 'm.dtb', model: 'Mustang' },
    ...{ compatible: ['apm,mustang'], source: 'a package', licence: 'GPL-2.0', atMs: 0, by: 'alice' },
  };
  const change = { status: 201, body: { version, changed: true } };
  const wish = { ...board, dtbWish: { file: 'm.dtb', debian: { package: 'p', path: 'apm/m.dtb' } } };

  it('board dtb import: from a package, a folder, a file', async () => {
    const file = join(daemon.folder, 'm.dtb');
    writeFileSync(file, 'tree');
    daemon.on('GET /boards/mustang', { status: 200, body: wish });
    const words = (source: string, licence = ''): string =>
      new URLSearchParams({ file: 'm.dtb', source, ...(licence === '' ? {} : { licence }) }).toString();
    daemon.on(`POST /boards/mustang/dtbs?${words(`${file}, found`)}`, change);
    const ran = await daemon.run(['board', 'dtb', 'import', 'mustang', '--from-deb', file]);
    assert.deepEqual([ran.exit, ran.err], [0, 'board mustang is served version 2: Mustang\n']);
    assert.match(ran.out, /^compatible +apm,mustang$/m);
    assert.deepEqual(daemon.work.at(-1), ['dtb', file, 'apm/m.dtb']);
    assert.equal(daemon.got.at(-1)?.octets, 4);

    const below = join(daemon.folder, 'apm');
    mkdirSync(below);
    writeFileSync(join(below, 'm.dtb'), 'trees');
    daemon.on(`POST /boards/mustang/dtbs?${words(`file ${join(below, 'm.dtb')}`)}`, change);
    const folder = ['board', 'dtb', 'import', 'mustang', '--from-folder', daemon.folder];
    assert.equal((await daemon.run(folder)).exit, 0);
    assert.equal(daemon.got.at(-1)?.octets, 5);

    daemon.on(`POST /boards/mustang/dtbs?${words('mine', 'MIT')}`, { ...change, body: { version, changed: false } });
    const own = ['board', 'dtb', 'import', 'mustang', '--file', file, '--source', 'mine', '--licence', 'MIT'];
    assert.match((await daemon.run(own)).err, /^version 2 is the same and is served already/);
  });

  it('board dtb import: from a URL with its digest; one way at a time', async () => {
    daemon.on('POST /boards/mustang/dtbs/fetch', change);
    const url = ['board', 'dtb', 'import', 'mustang', '--url', 'https://x/m.dtb'];
    assert.match((await daemon.run(url)).err, /--url needs --sha256/);
    assert.equal((await daemon.run([...url, '--sha256', 'a'.repeat(64)])).exit, 0);
    assert.deepEqual(lastBody(daemon), { url: 'https://x/m.dtb', sha256: 'a'.repeat(64) });
    assert.equal((await daemon.run([...url, '--file', 'x'])).exit, 2);
    assert.equal((await daemon.run(['board', 'dtb', 'import', 'mustang'])).exit, 2);
    daemon.on('GET /boards/mustang', { status: 200, body: board });
    const nameless = await daemon.run(['board', 'dtb', 'import', 'mustang', '--from-deb', 'x.deb']);
    assert.match(nameless.err, /board mustang names no device tree to look for; give the file with --file/);
  });

  it('board dtb list, show and rollback', async () => {
    const older = { ...version, version: 1, model: undefined };
    daemon.on('GET /boards/mustang/dtbs', { status: 200, body: { current: 2, versions: [older, version] } });
    const list = await daemon.run(['board', 'dtb', 'list', 'mustang']);
    assert.match(list.out, /\n1 +m\.dtb +9 +a{16} .*GPL-2\.0 +a package\n2 +yes +Mustang +9 /);
    assert.match((await daemon.run(['board', 'dtb', 'show', 'mustang'])).out, /^version +2\nserved +yes$/m);
    assert.match((await daemon.run(['board', 'dtb', 'show', 'mustang', '--of', '1'])).out, /^version +1$/m);
    assert.equal((await daemon.run(['board', 'dtb', 'show', 'mustang', '--of', '7'])).exit, 3);
    daemon.on('POST /boards/mustang/dtbs/rollback', { ...change, body: { version: older, changed: true } });
    const back = await daemon.run(['board', 'dtb', 'rollback', 'mustang', '--to', '1']);
    assert.equal(back.err, 'board mustang is served version 1\n');
    assert.deepEqual(lastBody(daemon), { to: 1 });
    daemon.on('POST /boards/mustang/dtbs/rollback', { status: 200, body: { changed: false } });
    const own = await daemon.run(['board', 'dtb', 'rollback', 'mustang']);
    assert.equal(own.err, 'board mustang was served already what its folder or its firmware has\n');
    assert.equal((await daemon.run(['board', 'dtb', 'rollback', 'mustang', '--to', 'x'])).exit, 2);
  });

  it('board lint fails for errors only, and names doubts', async () => {
    daemon.on('GET /lint/boards', {
      status: 200,
      body: { findings: [{ file: 'a.yaml', severity: 'warning', words: 'hm', remedy: 'look' }] },
    });
    const doubts = await daemon.run(['board', 'lint']);
    assert.deepEqual([doubts.exit, doubts.err], [0, 'no errors; 1 to look at\n']);
  });

  it('board new begins one from a machine', async () => {
    const made = { name: 'acme', file: '/site/acme/board.yaml', text: 'title: x' };
    daemon.on('POST /boards', { status: 201, body: made });
    const { exit, out, err } = await daemon.run(['board', 'new', 'acme', '--from', 'north-1']);
    assert.deepEqual([exit, lastBody(daemon)], [0, { name: 'acme', machine: 'north-1' }]);
    assert.match(out, /^file +\/site\/acme\/board\.yaml$/m);
    assert.match(err, /farrier board lint/);
  });
});

/** The members of the last request's body. */
function lastBody(daemon: FakeDaemon): Readonly<Record<string, unknown>> {
  const body = daemon.got.at(-1)?.body;
  return typeof body === 'object' && body !== null ? Object.fromEntries(Object.entries(body)) : {};
}
