import { strict as assert } from 'node:assert';
import { createHash } from 'node:crypto';
import { appendFile, mkdir, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { openApt, type Apt } from '../../agent/apt.ts';
import { BuildError } from '../../agent/build-error.ts';
import { bundleFromDebianNetboot } from '../../agent/bundle-source.ts';
import { fetchAgentPackages } from '../../agent/build.ts';
import { inTempFolder, judge } from '../support/archives.ts';

interface Repo {
  readonly cacheDir: string;
  readonly folder: string;
  /** Adds a package of armhf or all to the archive. */
  add(name: string, version: string, files: Readonly<Record<string, string>>, depends?: string): Promise<string>;
  open(): Promise<{ apt: Apt; said: readonly string[] }>;
  readonly sources: string;
}

/** A package archive of our own, on disk: what apt needs of a mirror, without a network. */
async function inRepo(job: (repo: Repo) => Promise<void>): Promise<void> {
  await inTempFolder(async (home) => {
    const folder = join(home, 'archive');
    await mkdir(folder);
    await writeFile(join(folder, 'Packages'), '');
    const sources = `Types: deb\nURIs: file:${folder}\nSuites: ./\nTrusted: yes\n`;
    const cacheDir = join(home, 'cache');
    await job({
      cacheDir,
      folder,
      sources,
      add: (name, version, files, depends) => addPackage(home, folder, { name, version, files, depends }),
      open: async () => {
        const said: string[] = [];
        const apt = await openApt({ arch: 'armhf', cacheDir, sources, say: (words) => said.push(words) });
        return { apt, said };
      },
    });
  });
}

async function addPackage(
  home: string,
  folder: string,
  about: { name: string; version: string; files: Readonly<Record<string, string>>; depends: string | undefined },
): Promise<string> {
  const tree = join(home, `tree-${about.name}-${about.version.replace(':', '_')}`);
  const control = [
    `Package: ${about.name}`,
    `Version: ${about.version}`,
    'Architecture: armhf',
    'Maintainer: nobody <nobody@example.org>',
    ...(about.depends === undefined ? [] : [`Depends: ${about.depends}`]),
    'Description: for a test',
  ];
  await mkdir(join(tree, 'DEBIAN'), { recursive: true });
  await writeFile(join(tree, 'DEBIAN', 'control'), `${control.join('\n')}\n`);
  // Would say so loudly if anybody ran it.
  await writeFile(join(tree, 'DEBIAN', 'preinst'), `#!/bin/sh\ntouch ${join(home, 'ran')}\n`, { mode: 0o755 });
  for (const [path, text] of Object.entries(about.files)) {
    await mkdir(dirname(join(tree, path)), { recursive: true });
    await writeFile(join(tree, path), text);
  }
  const file = join(folder, `${about.name}_${about.version.replace(':', '%3a')}_armhf.deb`);
  await judge('dpkg-deb', ['-Zxz', '--root-owner-group', '--build', tree, file]);
  const octets = await readFile(file);
  const sha256 = createHash('sha256').update(octets).digest('hex');
  const more = [`Filename: ./${file.slice(folder.length + 1)}`, `Size: ${octets.length}`, `SHA256: ${sha256}`];
  await appendFile(join(folder, 'Packages'), `${[...control, ...more].join('\n')}\n\n`);
  return file;
}

const fails = (code: BuildError['code'], words: RegExp) => (error: unknown) =>
  error instanceof BuildError && error.code === code && words.test(error.message);

describe('an apt of our own for another architecture', function () {
  this.timeout(180_000);

  it('finds the newest version and fetches it, checked; versions may have an epoch', async () => {
    await inRepo(async (repo) => {
      await repo.add('box', '1:1.0-1', { 'bin/box': 'old' });
      await repo.add('box', '1:1.1-2+b1', { 'bin/box': 'new' }, 'libc6 (>= 2), kernel-7 | kernel, other');
      const { apt } = await repo.open();
      const found = await apt.find('box');
      assert.equal(found.version, '1:1.1-2+b1');
      assert.deepEqual(found.depends, ['libc6', 'kernel-7', 'other']);
      const path = await apt.fetch(found);
      assert.equal(
        createHash('sha256')
          .update(await readFile(path))
          .digest('hex'),
        found.sha256,
      );
      assert.ok(path.startsWith(join(repo.cacheDir, 'packages')));
    });
  });

  it('with the archive gone it works from the cache and says so', async () => {
    await inRepo(async (repo) => {
      await repo.add('box', '1.0', { 'bin/box': 'x' });
      const first = await repo.open();
      const path = await first.apt.fetch(await first.apt.find('box'));
      const { mtimeMs } = await stat(path);
      await rm(repo.folder, { recursive: true });
      const second = await repo.open();
      assert.match(second.said.join('\n'), /using those of the last time/);
      assert.equal(await second.apt.fetch(await second.apt.find('box')), path);
      assert.equal((await stat(path)).mtimeMs, mtimeMs, 'nothing was fetched');
    });
  });

  it('a damaged file in the cache is fetched anew', async () => {
    await inRepo(async (repo) => {
      await repo.add('box', '1.0', { 'bin/box': 'x' });
      const { apt } = await repo.open();
      const found = await apt.find('box');
      const path = await apt.fetch(found);
      await writeFile(path, 'rubbish');
      assert.equal(
        createHash('sha256')
          .update(await readFile(await apt.fetch(found)))
          .digest('hex'),
        found.sha256,
      );
    });
  });

  it('a package that is not what its index says is refused', async () => {
    await inRepo(async (repo) => {
      const file = await repo.add('box', '1.0', { 'bin/box': 'x' });
      const { apt } = await repo.open();
      await appendFile(file, 'more');
      await assert.rejects(apt.fetch(await apt.find('box')), fails('apt', /apt-get box=1\.0|another digest/));
      assert.deepEqual(await readdir(join(repo.cacheDir, 'packages')), [], 'nothing is left');
    });
  });

  it('an unknown package and an archive that was never there are told apart', async () => {
    await inRepo(async (repo) => {
      const { apt } = await repo.open();
      await assert.rejects(apt.find('nothing'), fails('no-package', /have no nothing/));
    });
    await inTempFolder(async (folder) => {
      const sources = `Types: deb\nURIs: file:${join(folder, 'nowhere')}\nSuites: ./\nTrusted: yes\n`;
      await assert.rejects(openApt({ arch: 'armhf', cacheDir: folder, sources }), fails('apt', /apt-get update/));
    });
  });

  it("the host's own apt state is not touched", async () => {
    // Laid over the host's own, for its other programs use those at any time.
    const folders = ['/var/lib/apt/lists', '/var/cache/apt'];
    for (const folder of folders) {
      await judge('mount', ['-t', 'tmpfs', 'tmpfs', folder]);
      await writeFile(join(folder, 'of-the-host_Packages'), '');
    }
    const state = (): Promise<string> => judge('ls', ['-lAR', '--time-style=full-iso', ...folders]);
    try {
      const before = await state();
      await inRepo(async (repo) => {
        await repo.add('box', '1.0', { 'bin/box': 'x' });
        const { apt } = await repo.open();
        await apt.fetch(await apt.find('box'));
      });
      assert.equal(await state(), before);
    } finally {
      for (const folder of folders) await judge('umount', [folder]);
    }
  });

  it('the kernel behind the empty package, and busybox', async () => {
    await inRepo(async (repo) => {
      await repo.add('linux-image-armmp', '6.1.9-1', {}, 'linux-image-6.1.0-9-armmp (= 6.1.9-1)');
      await repo.add('linux-image-6.1.0-9-armmp', '6.1.9-1', { 'boot/vmlinuz-6.1.0-9-armmp': 'kernel' }, 'kmod');
      await repo.add('busybox-static', '1:1.35', { 'bin/busybox': 'box' });
      const { cacheDir, sources } = repo;
      const packages = await fetchAgentPackages({ arch: 'armhf', cacheDir, sources });
      assert.deepEqual(
        [packages.kernelName, packages.kernelVersion, packages.busyboxVersion],
        ['linux-image-6.1.0-9-armmp', '6.1.9-1', '1:1.35'],
      );
    });
  });

  it("Debian's installer becomes a bundle; its scripts are not run", async () => {
    await inRepo(async (repo) => {
      const base = 'usr/lib/debian-installer/images/12/armhf';
      await repo.add('debian-installer-12-netboot-armhf', '20230607+deb12u15', {
        [`${base}/text/debian-installer/armhf/vmlinuz`]: 'the kernel',
        [`${base}/text/debian-installer/armhf/initrd.gz`]: 'the initrd',
        [`${base}/gtk/debian-installer/armhf/initrd.gz`]: 'the graphical one',
      });
      const { cacheDir, sources } = repo;
      const outDir = join(cacheDir, 'bundles');
      const bundle = await bundleFromDebianNetboot({ arch: 'armhf', cacheDir, sources, outDir });
      assert.deepEqual(
        [bundle.name, bundle.version, bundle.arch, bundle.role, bundle.kernelArgs],
        ['debian-12-installer-armhf', '20230607+deb12u15', 'armhf', 'system', []],
      );
      assert.equal(bundle.source, "Debian's debian-installer-12-netboot-armhf 20230607+deb12u15");
      assert.equal(await readFile(bundle.kernelFile, 'utf8'), 'the kernel');
      assert.equal(await readFile(bundle.initrdFile ?? '', 'utf8'), 'the initrd');
      await assert.rejects(stat(join(dirname(repo.folder), 'ran')), 'the maintainer script must not run');
    });
  });

  it('an installer package of another make is refused', async () => {
    await inRepo(async (repo) => {
      await repo.add('debian-installer-12-netboot-armhf', '1', { 'usr/share/x': 'x' });
      const { cacheDir, sources } = repo;
      const order = { arch: 'armhf', cacheDir, sources, outDir: cacheDir } as const;
      await assert.rejects(bundleFromDebianNetboot(order), fails('bad-package', /holds no installer for armhf/));
    });
  });
});
