import { strict as assert } from 'node:assert';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { layLan, tool, type Lan } from '../../lab/netns.ts';
import { memberOf } from '../../lab/socket-api.ts';
import { agentFor, TEST_CACHE } from '../support/agent-boot.ts';
import { judge } from '../support/archives.ts';
import { layFiles } from '../support/bundle-packages.ts';
import { listOf, startFarrier, type FarrierProcess } from '../support/farrier-process.ts';
import { until } from '../support/until.ts';

const IMPORTS = '/api/v1/bundle-imports';

describe('importing real kernels', function () {
  this.timeout(600_000);
  let folder: string;
  let lan: Lan;
  let farrier: FarrierProcess;
  let deb: { readonly name: string; readonly sha256: string };
  let release: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'farrier-import-'));
    lan = await layLan('imp0', '10.95.0.1/24');
    const network = { name: 'imp', interface: 'imp0', subnet: '10.95.0.0/24', address: '10.95.0.1' };
    farrier = await startFarrier({
      networks: [{ ...network, pools: ['10.95.0.100-10.95.0.199'] }],
      dataDir: join(folder, 'data'),
    });
    const packages = await readdir(join(TEST_CACHE, 'packages'));
    const name =
      packages
        .filter((each) => /^linux-image-.*_arm64\.deb$/.test(each))
        .sort()
        .at(-1) ?? assert.fail();
    release = /^linux-image-([^_]+)_/.exec(name)?.[1] ?? assert.fail();
    const octets = await readFile(join(TEST_CACHE, 'packages', name));
    deb = { name: 'linux.deb', sha256: await farrier.api.upload('linux.deb', octets) };
  });
  after(async () => {
    await farrier.stop();
    await lan.remove();
    await rm(folder, { recursive: true });
  });

  const refs = async (): Promise<readonly string[]> =>
    listOf(await farrier.api.must('GET', '/api/v1/bundles'), 'bundles').map(
      (bundle) => `${String(memberOf(bundle, 'name'))}@${String(memberOf(bundle, 'version'))}`,
    );

  it('killed in the middle of an import, nothing of it is to be seen, and the next one is whole', async () => {
    const cut = farrier.api.call('POST', IMPORTS, { name: 'debian', from: { packages: [deb] } }).catch(() => undefined);
    const isUnpacking = async (): Promise<boolean> =>
      (await tool('pgrep', ['-P', String(farrier.pid()), '-x', 'xz']).catch(() => '')) !== '';
    await until('the package is being unpacked', isUnpacking, 60_000);
    await farrier.kill9();
    await cut;
    await farrier.start();
    assert.deepEqual(await refs(), []);
    await farrier.api.must('POST', IMPORTS, { name: 'debian', version: '1', from: { packages: [deb] } });
    assert.deepEqual(await refs(), ['debian@1']);
  });

  it("Debian's kernel package: release, configuration, thousands of modules, no device tree; what it lacks is named", async () => {
    const { api } = farrier;
    const needs = ['nbd', 'module:virtio_net', 'config:NFS_FS'];
    const made = await api.must('POST', IMPORTS, { name: 'linux', from: { packages: [deb] }, needs });
    const version = String(memberOf(made, 'version'));
    assert.match(version, /^\d+\.\d+/);
    const shown = await api.must('GET', `/api/v1/bundles/linux@${encodeURIComponent(version)}?find=nbd`);
    const contents = memberOf(shown, 'contents');
    assert.equal(memberOf(contents, 'kernelRelease'), release);
    assert.equal(memberOf(contents, 'kernelForm'), 'Image');
    const counts = memberOf(contents, 'counts');
    assert.ok(Number(memberOf(counts, 'modules')) > 2000 && Number(memberOf(counts, 'config')) > 4000);
    assert.ok(JSON.stringify(memberOf(contents, 'found')).includes('"nbd"'));
    const lacking = await api.call('POST', IMPORTS, {
      ...{ name: 'linux', version: 'x', from: { packages: [deb] } },
      needs: ['nbd', 'config:KEXEC_OF_ANOTHER_WORLD'],
    });
    assert.equal(lacking.status, 400);
    assert.match(String(memberOf(lacking.body, 'detail')), /needs config:KEXEC_OF_ANOTHER_WORLD/);
  });

  it('a netboot archive with a real initrd: its programs and modules', async () => {
    const built = await agentFor('arm64');
    await layFiles(join(folder, 'n'), {
      'debian-installer/arm64/linux': await readFile(built.kernel),
      'debian-installer/arm64/initrd.gz': await readFile(built.initrd),
    });
    const file = join(folder, 'netboot.tar.gz');
    await judge('tar', ['-C', join(folder, 'n'), '-czf', file, '.']);
    const { api } = farrier;
    const archive = { name: 'netboot.tar.gz', sha256: await api.upload('netboot.tar.gz', await readFile(file)) };
    const body = {
      name: 'net',
      version: '1',
      from: { packages: [archive] },
      needs: ['bin:busybox', 'initrd:virtio_net'],
    };
    await api.must('POST', IMPORTS, body);
    const refused = await api.call('POST', IMPORTS, { ...body, version: '2', needs: ['bin:kexec'] });
    assert.match(String(memberOf(refused.body, 'detail')), /needs bin:kexec, which is not in it; build the initrd/);
    const contents = memberOf(await api.must('GET', '/api/v1/bundles/net@1'), 'contents');
    assert.equal(memberOf(contents, 'kernelRelease'), release);
  });
});
