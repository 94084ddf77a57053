import { strict as assert } from 'node:assert';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endChild } from '../../lab/child-process.ts';
import { tool } from '../../lab/netns.ts';
import { lxd } from '../../power-drivers/lxd.ts';
import type { FieldValues } from '../../server/core/field.ts';
import type { PowerHandle } from '../../server/ports/power-driver.ts';
import { hear } from '../support/hear-line.ts';
import { realEdges } from '../support/ipmi-crypto.ts';
import { failureOf, forever } from '../support/power-failure.ts';
import { until } from '../support/until.ts';

const CONTAINER_MS = 60_000;

/** What runs in the container: it says its first words, then repeats what it is told. */
const INIT = `#!/bin/sh
exec < /dev/console > /dev/console
echo 'board: first words'
while read -r line; do echo "heard $line"; done
while :; do /bin/busybox sleep 1; done
`;

describe('the driver lxd and a real LXD with a container', function () {
  this.timeout(300_000);
  let folder: string;
  let daemon: ChildProcess;
  let handle: PowerHandle;
  const open = (parameters: FieldValues = {}): PowerHandle =>
    lxd.open({ socket: join(folder, 'lxd', 'unix.socket'), instance: 'c1', ...parameters }, realEdges);
  const lxc = (...args: readonly string[]): Promise<string> =>
    // lxc reads what is not a terminal: its input must have an end.
    tool('sh', ['-c', 'export LXD_DIR="$0/lxd" HOME="$0"; exec timeout 60 lxc "$@" < /dev/null', folder, ...args]);

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'farrier-lxd-'));
    await mkdir(join(folder, 'lxd'));
    const apart = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
    // LXD writes below /run and /var/log too: it has folders of its own there, and a shell that buries its orphans.
    const script = `mount -t tmpfs tmpfs /run && LXD_DIR="$1" lxd --group root & wait`;
    daemon = spawn('unshare', [...apart, 'sh', '-c', script, 'sh', join(folder, 'lxd')], {
      stdio: ['ignore', 'ignore', 'ignore'],
    });
    await once(daemon, 'spawn');
    const ready = (): Promise<boolean> =>
      lxc('list').then(
        () => true,
        () => false,
      );
    await until('LXD answers', ready, 120_000);
    await lxc('storage', 'create', 'default', 'dir');
    await lxc('profile', 'device', 'add', 'default', 'root', 'disk', 'path=/', 'pool=default');
    await lxc('image', 'import', await makeImage(folder), '--alias', 'board');
    await lxc('init', 'board', 'c1', '-c', 'security.privileged=true');
    handle = open();
  });
  after(async () => {
    await handle.set('off', forever);
    await endChild(daemon);
    await tool('rm', ['-rf', folder]);
  });

  it('off, on, restart and off again are read back, and LXD agrees', async () => {
    assert.equal(await handle.query(forever), 'off');
    await handle.set('off', forever);
    await handle.set('on', forever);
    assert.equal(await handle.query(forever), 'on');
    await handle.set('on', forever);
    await handle.reset?.(forever);
    assert.equal(await handle.query(forever), 'on');
    assert.match(await lxc('list', '--format', 'csv'), /^c1,RUNNING/);
    await lxc('pause', 'c1');
    assert.equal(await handle.query(forever), 'unknown');
    await handle.set('on', forever);
    assert.equal(await handle.query(forever), 'on');
    await handle.set('off', forever);
    assert.equal(await handle.query(forever), 'off');
    assert.equal((await handle.info?.(forever))?.['status'], 'Stopped');
  });

  it('the console is open before the container runs, hears it and takes keys', async () => {
    const line = await handle.console?.(forever);
    assert.ok(line);
    const heard = hear(line);
    await handle.set('on', forever);
    // LXD hands out the console of what runs already: the first words may have gone by.
    const repeats = async (): Promise<boolean> => {
      await line.write(Buffer.from('hello\r')).catch(() => undefined);
      return heard.octets().includes('heard hello');
    };
    await until('it repeats what it is told', repeats, CONTAINER_MS);
    await handle.set('off', forever);
    assert.match(await line.ended, /instance c1/);
  });

  it('an instance and a project that are not there are named', async () => {
    assert.match((await failureOf(open({ instance: 'nope' }).query(forever))).message, /Instance not found/);
    assert.equal((await failureOf(open({ project: 'nope' }).query(forever))).code, 'config');
  });

  it('over HTTPS: the certificate is pinned, a client that is not trusted is auth, one that is may switch', async () => {
    await lxc('config', 'set', 'core.https_address', '127.0.0.1:8443');
    const [crt, key] = [join(folder, 'client.crt'), join(folder, 'client.key')];
    const subject = ['-subj', '/CN=farrier', '-days', '2', '-nodes', '-keyout', key, '-out', crt];
    await tool('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384', ...subject]);
    const clientCert = `${await readFile(crt, 'utf8')}${await readFile(key, 'utf8')}`.replace(/\n/g, '');
    const far = { host: '127.0.0.1', clientCert };
    const unpinned = await failureOf(open(far).query(forever));
    assert.equal(unpinned.code, 'config');
    const tlsFingerprint = /SHA-256 ([0-9a-f]{64})/.exec(unpinned.message)?.[1] ?? '';
    const untrusted = await failureOf(open({ ...far, tlsFingerprint }).query(forever));
    assert.equal(untrusted.code, 'auth');
    await lxc('config', 'trust', 'add', crt);
    const trusted = open({ ...far, tlsFingerprint });
    await trusted.set('on', forever);
    assert.equal(await handle.query(forever), 'on');
    const line = await trusted.console?.(forever);
    assert.ok(line);
    const heard = hear(line);
    const repeats = async (): Promise<boolean> => {
      await line.write(Buffer.from('far\r')).catch(() => undefined);
      return heard.octets().includes('heard far');
    };
    await until('it repeats what it is told over HTTPS', repeats, CONTAINER_MS);
    await line.close();
    await trusted.set('off', forever);
  });
});

/** A unified LXD image whose whole system is busybox. */
async function makeImage(folder: string): Promise<string> {
  const root = join(folder, 'image', 'rootfs');
  for (const name of ['bin', 'sbin', 'dev', 'proc', 'sys', 'etc', 'tmp'])
    await mkdir(join(root, name), { recursive: true });
  await copyFile('/bin/busybox', join(root, 'bin', 'busybox'));
  await symlink('busybox', join(root, 'bin', 'sh'));
  await writeFile(join(root, 'sbin', 'init'), INIT);
  await chmod(join(root, 'sbin', 'init'), 0o755);
  const architecture = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
  await writeFile(join(folder, 'image', 'metadata.yaml'), `architecture: ${architecture}\ncreation_date: 1700000000\n`);
  const image = join(folder, 'image.tar.gz');
  await tool('tar', ['-C', join(folder, 'image'), '-czf', image, 'metadata.yaml', 'rootfs']);
  await rm(join(folder, 'image'), { recursive: true });
  return image;
}
