import { strict as assert } from 'node:assert';
import { sampleBundle, sampleContents, sampleMachine, sampleServed, sampleVerdict } from '../support/samples.ts';
import { as, layHttpLab, type HttpLab } from '../support/http-lab.ts';

type Json = Readonly<Record<string, unknown>>;

describe('bundles over HTTP', () => {
  let lab: HttpLab;
  let base: string;
  before(async () => {
    lab = layHttpLab();
    base = await lab.listen('tcp');
    const initrd = { entries: 3, programs: ['busybox', 'kexec'], modules: ['nbd'] };
    for (const version of ['1', '2']) {
      const bundle = sampleBundle('debian', { version, callsHome: true, source: `<b>v${version}</b>` });
      await lab.store.bundles.add(bundle, [], sampleContents({ initrd, needs: ['nbd'] }));
    }
    await lab.store.bundles.add(sampleBundle('bare'), []);
    await lab.store.machines.add(sampleMachine(1, { bundle: 'debian@1' }), []);
  });
  after(() => lab.close());

  const call = async (method: string, path: string, body?: unknown): Promise<{ status: number; body: Json }> => {
    const headers = { ...as('operator'), ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) };
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const response = await fetch(`${base}/api/v1${path}`, { method, headers, ...sent });
    const text = await response.text();
    return { status: response.status, body: text === '' ? {} : (JSON.parse(text) as Json) };
  };
  const page = async (path: string, role: 'viewer' | 'operator' = 'operator'): Promise<string> =>
    (await fetch(base + path, { headers: as(role) })).text();

  it('one bundle tells what is in it, and finds by name', async () => {
    const { status, body } = await call('GET', '/bundles/debian@1?find=nbd');
    const contents = body['contents'] as Json;
    assert.deepEqual([status, contents['kernelRelease'], contents['needs']], [200, '6.1.0-50-arm64', ['nbd']]);
    assert.deepEqual(contents['counts'], { config: 2, modules: 2, builtIn: 1, initrdModules: 1, programs: 2 });
    const found = { config: ['BLK_DEV_NBD=m'], modules: ['nbd'], builtIn: [], initrdModules: ['nbd'], programs: [] };
    assert.deepEqual(contents['found'], found);
    assert.equal((await call('GET', '/bundles/bare@1')).body['contents'], undefined);
    assert.equal((await call('GET', '/bundles/none@1')).status, 404);
  });

  it('channels move by promotion and rollback, and machines follow them', async () => {
    const promote = (ref: string, channel = 'stable') => call('POST', `/bundles/${ref}/promote`, { channel });
    assert.equal((await promote('debian@1')).status, 200);
    assert.deepEqual((await promote('debian@2')).body['previous'], '1');
    assert.equal((await promote('debian@9')).status, 404);
    assert.equal((await promote('debian@1', 'Not So')).status, 400);
    assert.equal(
      (await call('PATCH', '/machines/board-01', { bundle: 'debian:stable' })).body['bundle'],
      'debian:stable',
    );
    assert.equal((await call('PATCH', '/machines/board-01', { bundle: 'debian:other' })).status, 400);
    const { body } = await call('GET', '/channels');
    assert.deepEqual([(body['channels'] as Json[]).length, (body['history'] as Json[]).length], [1, 2]);
    assert.equal((await call('DELETE', '/bundles/debian@1')).status, 409, 'a rollback would need it');
    assert.equal((await call('POST', '/channels/debian:stable/rollback')).body['version'], '1');
    assert.equal((await call('POST', '/channels/debian:stable/rollback')).status, 409);
    assert.equal((await call('POST', '/channels/debian/rollback')).status, 400);
  });

  it('a trial is asked for, listed and ended', async () => {
    const trial = (body: Json) => call('POST', '/machines/board-01/trial', body);
    assert.equal((await trial({ bundle: 'bare@1' })).status, 400);
    assert.equal((await trial({ bundle: 'debian@2', withinS: 5 })).status, 400);
    const asked = await trial({ bundle: 'debian@2' });
    assert.deepEqual([asked.status, asked.body['back'], asked.body['withinMs']], [201, 'debian@1', 600_000]);
    assert.match(await page('/bundles'), /board-01<\/a> tries <b>debian@2/);
    assert.match(await page('/machines/board-01'), /debian@2 is on trial: its next boot gets it/);
    assert.equal(((await call('GET', '/trials')).body['trials'] as Json[]).length, 1);
    assert.equal((await call('DELETE', '/machines/board-01/trial')).status, 204);
    assert.equal((await call('DELETE', '/machines/board-01/trial')).status, 409);
    assert.equal((await call('POST', '/machines/nobody/trial', { bundle: 'debian@2' })).status, 404);
  });

  it('an import names what is not stored, and what it cannot fetch', async () => {
    const stored = { name: 'x.deb', sha256: 'e'.repeat(64) };
    const absent = await call('POST', '/bundle-imports', { name: 'x', from: { packages: [stored] } });
    assert.deepEqual([absent.status, absent.body['field']], [400, 'packages']);
    const from = { url: 'https://deb.example.org/x.deb', sha256: 'e'.repeat(64) };
    const unreached = await call('POST', '/bundle-imports', { name: 'x', from });
    assert.deepEqual([unreached.status, unreached.body['field']], [400, 'url']);
    assert.equal((await call('POST', '/bundle-imports', { name: 'x', from: { url: from.url } })).status, 400);
  });

  it('a digest that is none is told as such, though packages could have been named in its place', async () => {
    const from = { url: 'https://x/y.deb', sha256: '00' };
    const { status, body } = await call('POST', '/bundle-imports', { name: 'x', from });
    assert.equal(status, 400);
    assert.equal(body['field'], 'from.sha256');
    assert.match(String(body['detail']), /"00" is not a SHA-256 digest/);
  });

  it('the matrix of boards and bundles comes from the verdicts over boots', async () => {
    assert.deepEqual((await call('GET', '/boot-matrix')).body, { cells: [] });
    const { boots } = lab.store;
    const { id: machine } = sampleMachine(1);
    await boots.add({ id: 'b-1', machine, startedMs: 7, tokenHash: undefined, plan: 'boots' });
    await boots.setPlan('b-1', 'boots', sampleServed({ board: 'mustang', bundle: 'debian@1' }));
    await boots.decide('b-1', sampleVerdict('failed'), []);
    const cell = { board: 'mustang', bundle: 'debian@1', last: 'failed', lastMs: 7, good: 0, bad: 1 };
    assert.deepEqual((await call('GET', '/boot-matrix')).body, { cells: [cell] });
  });

  it('the report of kernels', async () => {
    const rows = (await call('GET', '/kernels')).body['kernels'] as Json[];
    assert.equal(rows.find((row) => row['machine'] === 'board-01')?.['verdict'], 'unknown');
  });

  it('the pages show channels, contents and buttons, with what people wrote as text', async () => {
    const list = await page('/bundles');
    assert.match(list, /debian:stable<\/b> points at/);
    assert.match(list, /&lt;b&gt;v1&lt;\/b&gt;/);
    assert.match(list, /href="\/bundles\/debian%401"/);
    const one = await page('/bundles/debian%401?find=%3Cscript%3E');
    assert.match(one, /release <b class="mono">6\.1\.0-50-arm64/);
    assert.match(one, /value="&lt;script&gt;"/);
    assert.match(one, /data-api="POST \/api\/v1\/bundles\/debian%401\/promote"/);
    assert.match(await page('/bundles/debian%401?find=nbd'), /Programs in the initrd: 2, 0 with/);
    assert.match(await page('/bundles/bare%401'), /Its contents are not known/);
    assert.doesNotMatch(await page('/bundles/debian%401', 'viewer'), /data-api="POST/);
    assert.equal((await fetch(`${base}/bundles/none@1`, { headers: as('viewer') })).status, 404);
  });
});
