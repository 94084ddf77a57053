import { strict as assert } from 'node:assert';
import { createReadStream } from 'node:fs';
import { mkdir, readFile, readdir, symlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Artefact } from '../../server/core/bundle.ts';
import { openArtefactFolder } from '../../server/files/artefact-folder.ts';
import { unpack } from '../../server/files/archive/unpack.ts';
import { createBundleReader } from '../../server/files/bundle-reader.ts';
import type { Artefacts } from '../../server/ports/artefacts.ts';
import { BundleUnreadable, type BundleReader } from '../../server/ports/bundle-reader.ts';
import { inSteps, inTempFolder, judge, tarOf } from '../support/archives.ts';
import { kernelDeb, layFiles, pretendInitrd, pretendKernel } from '../support/bundle-packages.ts';
import { createFakeClock } from '../support/fake-clock.ts';

interface Bench {
  readonly folder: string;
  readonly artefacts: Artefacts;
  readonly reader: BundleReader;
  store(name: string, octets: Uint8Array): Promise<Artefact>;
}

async function onBench(job: (bench: Bench) => Promise<void>): Promise<void> {
  await inTempFolder(async (folder) => {
    const artefacts = await openArtefactFolder({ dataDir: join(folder, 'data'), clock: createFakeClock() });
    const store = (name: string, octets: Uint8Array): Promise<Artefact> =>
      artefacts.put(name, inSteps(octets, 65_536), 1 << 30);
    await job({ folder, artefacts, reader: createBundleReader(artefacts), store });
  });
}

const RELEASE = '6.1.0-56-arm64';
const refused = (words: RegExp) => (error: unknown) => error instanceof BundleUnreadable && words.test(error.message);

describe('reading packages of kernels', () => {
  it('kernel, release, configuration and modules of a Debian package; its device trees stay where they are', async () => {
    await onBench(async ({ folder, artefacts, reader }) => {
      const deb = await kernelDeb(folder, '6.1.192-2', RELEASE);
      const stored = await artefacts.put(basename(deb), createReadStream(deb), 1 << 30);
      const found = await reader.unpack([stored]);
      assert.deepEqual(
        { ...found, kernel: found.kernel.name, initrd: found.initrd },
        {
          kernel: `vmlinuz-${RELEASE}`,
          initrd: undefined,
          arch: 'arm64',
          version: '6.1.192-2',
          release: RELEASE,
          config: ['NFS_ROOT=y', 'BLK_DEV_NBD=m'],
          modules: ['nbd', 'virtio_net'],
          builtIn: ['kexec_core'],
          source: 'linux-6.1.192-2.deb',
        },
      );
      const kernel = await artefacts.open(found.kernel.sha256);
      assert.ok(kernel && pretendKernel(RELEASE).equals(await kernel.read(0, 1 << 20)));
      // The package and the kernel, and nothing else.
      const names = await readdir(join(folder, 'data', 'artefacts'), { recursive: true });
      assert.equal(names.filter((name) => name.length > 60).length, 2);
    });
  });

  it('modules and configuration may lie in a package of their own', async () => {
    await onBench(async ({ folder, reader, store }) => {
      const image = await kernelDeb(folder, '1', RELEASE);
      await layFiles(join(folder, 'm'), {
        [`lib/modules/${RELEASE}/kernel/zfs.ko.zst`]: 'x',
        'boot/config-x': 'CONFIG_X=y',
      });
      const modules = await store('modules.tar', await tarOf(join(folder, 'm')));
      const found = await reader.unpack([await store('image.deb', await readFile(image)), modules]);
      assert.deepEqual(found.modules, ['nbd', 'virtio_net', 'zfs']);
    });
  });

  it("Debian's netboot archive, for text and not for pictures", async () => {
    await onBench(async ({ folder, reader, store }) => {
      const initrd = pretendInitrd(['busybox'], []);
      await layFiles(join(folder, 'n'), {
        'debian-installer/arm64/linux': pretendKernel(RELEASE),
        'debian-installer/arm64/initrd.gz': initrd,
        'gtk/debian-installer/arm64/linux': 'another',
        'gtk/debian-installer/arm64/initrd.gz': 'another',
        'version.info': '12',
      });
      await symlink('debian-installer/arm64/bootnetaa64.efi', join(folder, 'n', 'bootnetaa64.efi'));
      const archive = await store('netboot.tar.gz', gzipSync(await tarOf(join(folder, 'n'))));
      const found = await reader.unpack([archive]);
      assert.deepEqual([found.arch, found.kernel.name, found.initrd?.octets], ['arm64', 'linux', initrd.length]);
      assert.deepEqual([found.version, found.modules], [undefined, undefined]);
    });
  });

  it("Debian's package of it is for all architectures: the folder of the kernel says which one it is", async () => {
    await onBench(async ({ folder, reader, store }) => {
      const words = 'Package: debian-installer-12-netboot-armhf\nVersion: 1\nArchitecture: all\n';
      const images = 'usr/lib/debian-installer/images/12/armhf/text/debian-installer/armhf';
      await layFiles(join(folder, 'p'), {
        'DEBIAN/control': `${words}Maintainer: n <n@example.org>\nDescription: x\n`,
        [`${images}/linux`]: pretendKernel(RELEASE),
      });
      await judge('dpkg-deb', ['--build', '--root-owner-group', join(folder, 'p'), join(folder, 'p.deb')]);
      const found = await reader.unpack([await store('p.deb', await readFile(join(folder, 'p.deb')))]);
      assert.deepEqual([found.arch, found.version], ['armhf', '1']);
    });
  });

  it('a package without a kernel, and one with two, are refused by name', async () => {
    await onBench(async ({ folder, reader, store }) => {
      await layFiles(join(folder, 'none'), { 'usr/share/doc/linux-image/README': 'x' });
      await assert.rejects(
        reader.unpack([await store('none.tar', await tarOf(join(folder, 'none')))]),
        refused(/no kernel in none\.tar/),
      );
      await layFiles(join(folder, 'two'), { 'boot/vmlinuz-1': 'a', 'boot/vmlinuz-2': 'b' });
      await assert.rejects(
        reader.unpack([await store('two.tar', await tarOf(join(folder, 'two')))]),
        refused(/boot\/vmlinuz-1, boot\/vmlinuz-2|boot\/vmlinuz-2, boot\/vmlinuz-1/),
      );
    });
  });

  const hostile: readonly (readonly [string, (folder: string) => Promise<readonly string[]>, RegExp])[] = [
    [
      'a kernel that is a link',
      async (folder) => {
        await layFiles(folder, { 'boot/x': 'x' });
        await symlink('/etc/shadow', join(folder, 'boot/vmlinuz-1'));
        return ['.'];
      },
      /"boot\/vmlinuz-1" is a link/,
    ],
    [
      'a pipe among the files',
      async (folder) => {
        await layFiles(folder, { 'boot/vmlinuz-1': 'x' });
        await judge('mkfifo', [join(folder, 'boot', 'pipe')]);
        return ['.'];
      },
      /"boot\/pipe" is a device or a pipe/,
    ],
    [
      'a path that climbs',
      async (folder) => {
        await layFiles(folder, { 'boot/vmlinuz-1': 'x', 'x/y': 'z' });
        return ['--transform=s,^x/y,../../etc/cron.d/y,', 'boot', 'x/y'];
      },
      /climbs out of its folder/,
    ],
  ];
  for (const [what, lay, words] of hostile)
    it(`${what} is refused, and nothing is kept of the archive`, async () => {
      await onBench(async ({ folder, reader, store }) => {
        await mkdir(join(folder, 'h'));
        const members = await lay(join(folder, 'h'));
        await judge('tar', ['-P', '-C', join(folder, 'h'), '-cf', join(folder, 'h.tar'), ...members]);
        const archive = await store('h.tar', await readFile(join(folder, 'h.tar')));
        await assert.rejects(reader.unpack([archive]), refused(words));
        const names = await readdir(join(folder, 'data', 'artefacts'), { recursive: true });
        assert.equal(names.filter((name) => name.length > 60).length, 1, 'only the archive itself');
      });
    });

  it('a file that says it has gigabytes is refused before memory is asked for', async () => {
    await onBench(async ({ folder, reader, store }) => {
      await layFiles(join(folder, 'b'), { 'boot/vmlinuz-1': 'x' });
      const tar = await tarOf(join(folder, 'b'));
      const header = tar.subarray(tar.indexOf('./boot/vmlinuz-1'));
      header.write('02260000000 ', 124, 'latin1');
      header.write('        ', 148, 'latin1');
      const sum = header.subarray(0, 512).reduce((total, octet) => total + octet, 0);
      header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
      const bomb = await store('b.tar.gz', gzipSync(tar));
      await assert.rejects(reader.unpack([bomb]), refused(/more than a kernel or initrd/));
    });
  });

  it('what is no archive, or damaged, is refused in words', async () => {
    await onBench(async ({ folder, reader, store }) => {
      const deb = await readFile(await kernelDeb(folder, '1', RELEASE));
      for (const octets of [Buffer.from('hello'), deb.subarray(0, 3000), gzipSync(deb).subarray(0, 500)])
        await assert.rejects(reader.unpack([await store('x', octets)]), BundleUnreadable);
      const notes = await store('notes.txt', Buffer.from('words '.repeat(300)));
      await assert.rejects(reader.unpack([notes]), refused(/^notes\.txt .*neither a Debian package nor a tar archive/));
    });
  });
});

describe('looking into kernels and initrds', () => {
  it('an initrd of several archives, microcode in front and packed behind', async () => {
    await onBench(async ({ reader, store }) => {
      const kernel = await store('linux', pretendKernel(RELEASE));
      const initrd = await store('initrd', pretendInitrd(['busybox', 'kexec'], ['virtio-net', 'nbd']));
      const seen = await reader.inspect(kernel, initrd);
      assert.deepEqual(seen, {
        kernelForm: 'Image',
        kernelRelease: RELEASE,
        config: undefined,
        initrd: { entries: 9, programs: ['busybox', 'kexec', 'sh'], modules: ['nbd', 'virtio_net'] },
        initrdUnread: undefined,
      });
    });
  });

  it('packed with xz and zstd as well; a packed kernel is looked into too', async () => {
    await onBench(async ({ folder, reader, store }) => {
      const kernel = await store('vmlinuz', gzipSync(pretendKernel(RELEASE)));
      await layFiles(join(folder, 'i'), { 'sbin/init': 'x' });
      await judge('chmod', ['755', join(folder, 'i', 'sbin', 'init')]);
      await judge('sh', ['-c', 'cd "$0" && echo sbin/init | cpio --quiet -o -H newc > ../i.cpio', join(folder, 'i')]);
      for (const program of ['xz', 'zstd']) {
        await judge(program, ['-k', '-q', join(folder, 'i.cpio')]);
        const packed = await readFile(join(folder, program === 'xz' ? 'i.cpio.xz' : 'i.cpio.zst'));
        const seen = await reader.inspect(kernel, await store('initrd', packed));
        assert.deepEqual([seen.kernelForm, seen.kernelRelease], ['Image.gz', RELEASE]);
        assert.deepEqual(seen.initrd?.programs, ['init'], program);
      }
    });
  });

  it('a configuration that the kernel carries', async () => {
    await onBench(async ({ reader, store }) => {
      const config = gzipSync('CONFIG_IKCONFIG=y\nCONFIG_KEXEC=y\n');
      const kernel = Buffer.concat([pretendKernel(RELEASE), Buffer.from('IKCFG_ST'), config, Buffer.from('IKCFG_ED')]);
      const seen = await reader.inspect(await store('linux', kernel), undefined);
      assert.deepEqual(seen.config, ['IKCONFIG=y', 'KEXEC=y']);
    });
  });

  it('what cannot be read is said and not thrown', async () => {
    await onBench(async ({ reader, store }) => {
      const junk = await store('junk', Buffer.from('nothing of the kind'));
      const seen = await reader.inspect(junk, junk);
      assert.deepEqual([seen.kernelForm, seen.initrd], ['unknown', undefined]);
      assert.match(seen.initrdUnread ?? '', /junk is not a readable initrd/);
      const cut = await store('cut', pretendInitrd(['busybox'], []).subarray(0, -20));
      assert.ok((await reader.inspect(junk, cut)).initrdUnread !== undefined);
      const brokenKernel = await store('k.gz', gzipSync(pretendKernel(RELEASE)).subarray(0, 60));
      assert.equal((await reader.inspect(brokenKernel, undefined)).kernelForm, 'unknown');
    });
  });

  it('an initrd that unpacks without end is cut off', async () => {
    const octets = inSteps(gzipSync(Buffer.alloc(1 << 20)), 4096);
    const packed = { name: 'bomb', packing: 'gzip', octets, unpackedOctetsMax: 1 << 16 } as const;
    const drain = async (plain: AsyncIterable<Uint8Array>): Promise<number> => {
      let total = 0;
      for await (const piece of plain) total += piece.length;
      return total;
    };
    await assert.rejects(unpack(packed, drain), /bomb unpacks to more than 65536 octets/);
  });
});
