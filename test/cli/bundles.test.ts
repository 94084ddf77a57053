import { strict as assert } from 'node:assert';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startFakeDaemon, type FakeDaemon } from './fake-daemon.ts';
import { bundle } from './samples.ts';

const channel = { name: 'debian', channel: 'stable', version: '2', previous: '1', sinceMs: 0, by: 'alice' };
const trial = { name: 'board-01', bundle: 'debian@2', back: 'debian@1', by: 'alice', step: 'armed' };

describe('bundles on the command line', () => {
  let daemon: FakeDaemon;
  beforeEach(async () => {
    daemon = await startFakeDaemon();
  });
  afterEach(() => daemon.close());

  it('packages are uploaded, and the daemon looks into them', async () => {
    const file = (name: string): string => {
      writeFileSync(join(daemon.folder, name), name);
      daemon.on(`POST /artefacts?name=${name}`, { status: 201, body: { name, sha256: 'd'.repeat(64), octets: 1 } });
      return join(daemon.folder, name);
    };
    daemon.on('POST /bundle-imports', { status: 201, body: bundle });
    const words = ['--deb', file('a.deb'), file('b.deb'), '--initrd', file('initrd.img'), '--need', 'nbd', 'bin:kexec'];
    const ran = await daemon.run(['bundle', 'import', 'debian', ...words, '--calls-home']);
    assert.equal(ran.exit, 0, ran.err);
    const stored = (name: string) => ({ name, sha256: 'd'.repeat(64) });
    assert.deepEqual(daemon.got.at(-1)?.body, {
      name: 'debian',
      from: { packages: [stored('a.deb'), stored('b.deb')] },
      initrd: stored('initrd.img'),
      needs: ['nbd', 'bin:kexec'],
      callsHome: true,
    });
  });

  it('a URL goes with its digest, and every import has a name and one source', async () => {
    daemon.on('POST /bundle-imports', { status: 201, body: bundle });
    const url = ['--url', 'https://deb.example.org/x.deb'];
    for (const words of [url, ['x', ...url], ['--netboot', 'y'], ['x', ...url, '--sha256', 'e', '--deb', 'z']])
      assert.equal((await daemon.run(['bundle', 'import', ...words])).exit, 2, words.join(' '));
    assert.equal(daemon.got.length, 0);
    assert.equal((await daemon.run(['bundle', 'import', 'x', ...url, '--sha256', 'e'.repeat(64)])).exit, 0);
    assert.deepEqual(daemon.got[0]?.body, { name: 'x', from: { url: url[1], sha256: 'e'.repeat(64) } });
  });

  it('show counts, and with --find names', async () => {
    const contents = { kernelForm: 'Image', kernelRelease: '6.1.0', needs: ['nbd'], counts: { modules: 3 } };
    daemon.on('GET /bundles/debian-12%401', { status: 200, body: { bundle, contents } });
    const counted = await daemon.run(['bundle', 'show', 'debian-12@1']);
    assert.match(counted.out, /kernel release +6\.1\.0\n/);
    assert.match(counted.out, /modules of its package +3\n/);
    assert.match(counted.out, /programs in the initrd +not known\n/);
    const found = { ...contents, found: { modules: ['nbd', 'nbd2'] } };
    daemon.on('GET /bundles/debian-12%401?find=nbd', { status: 200, body: { bundle, contents: found } });
    assert.match((await daemon.run(['bundle', 'show', 'debian-12@1', '--find', 'nbd'])).out, /package +nbd nbd2\n/);
    daemon.on('GET /bundles/bare%401', { status: 200, body: { bundle } });
    assert.match((await daemon.run(['bundle', 'show', 'bare@1'])).out, /nobody looked/);
  });

  it('the matrix of boards and bundles', async () => {
    const cell = { board: 'mustang', bundle: 'debian@1', last: 'failed', lastMs: 0, good: 3, bad: 1 };
    daemon.on('GET /boot-matrix', { status: 200, body: { cells: [cell] } });
    const { out } = await daemon.run(['bundle', 'matrix']);
    assert.match(
      out,
      /^BOARD +BUNDLE +LAST +WHEN +GOOD +BAD\nmustang +debian@1 +failed +1970-01-01T00:00:00Z +3 +1\n$/,
    );
  });

  it('channels: where they point, their history, promote and rollback', async () => {
    const history = [{ ...channel, atMs: 0, undoneMs: 1000 }];
    daemon.on('GET /channels', { status: 200, body: { channels: [channel], history } });
    daemon.on('POST /bundles/debian%402/promote', { status: 200, body: channel });
    daemon.on('POST /channels/debian%3Astable/rollback', { status: 200, body: { ...channel, version: '1' } });
    assert.equal((await daemon.run(['bundle', 'channel', '-o', 'name'])).out, 'debian:stable\n');
    assert.match((await daemon.run(['bundle', 'channel', '--history'])).out, /1970-01-01T00:00:01Z/);
    assert.match(
      (await daemon.run(['bundle', 'promote', 'debian@2', '--to', 'stable'])).err,
      /debian:stable points at 2/,
    );
    assert.deepEqual(daemon.got.at(-1)?.body, { channel: 'stable' });
    assert.match((await daemon.run(['bundle', 'rollback', 'debian', '--channel', 'stable'])).err, /points at 1/);
    const told = await daemon.run(['bundle', 'promote', 'debian@2', '--to', 'stable', '-o', 'json']);
    assert.deepEqual(JSON.parse(told.out), channel);
    assert.equal((await daemon.run(['bundle', 'promote', 'debian@2'])).exit, 2);
  });

  it('a trial with its deadline, its end, and the list', async () => {
    daemon.on('POST /machines/board-01/trial', { status: 201, body: trial });
    daemon.on('DELETE /machines/board-01/trial', { status: 204 });
    daemon.on('GET /trials', { status: 200, body: { trials: [trial] } });
    const ran = await daemon.run(['bundle', 'try', 'board-01', 'debian@2', '--deadline', '90s', '--no-cycle']);
    assert.match(ran.err, /board-01 tries debian@2; without a call home it goes back to debian@1/);
    assert.deepEqual(daemon.got.at(-1)?.body, { bundle: 'debian@2', withinS: 90, mayCycle: false });
    await daemon.run(['bundle', 'try', 'board-01', 'debian@2']);
    assert.deepEqual(daemon.got.at(-1)?.body, { bundle: 'debian@2', withinS: 600, mayCycle: true });
    for (const words of [['board-01'], ['board-01', 'debian@2', '--deadline', 'soon']])
      assert.equal((await daemon.run(['bundle', 'try', ...words])).exit, 2);
    assert.equal((await daemon.run(['bundle', 'try', 'board-01', '--abort'])).exit, 0);
    assert.equal(daemon.got.at(-1)?.line, 'DELETE /machines/board-01/trial');
    assert.equal((await daemon.run(['bundle', 'trials', '-o', 'name'])).out, 'board-01\n');
  });

  it('the report of older kernels', async () => {
    const newest = { bundle: 'debian@2', release: '6.1.0-56' };
    const kernels = [{ machine: 'board-01', running: '6.1.0-9', newest, verdict: 'older' }];
    daemon.on('GET /kernels', { status: 200, body: { kernels } });
    assert.match((await daemon.run(['bundle', 'report'])).out, /board-01 +6\.1\.0-9 +6\.1\.0-56 +debian@2 +older/);
  });
});
