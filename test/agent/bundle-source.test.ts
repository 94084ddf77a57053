import { strict as assert } from 'node:assert';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BuildError } from '../../agent/build-error.ts';
import { bundleFromFolder } from '../../agent/bundle-source.ts';
import { inTempFolder } from '../support/archives.ts';

async function folderWith<T>(files: Readonly<Record<string, string>>, job: (folder: string) => Promise<T>): Promise<T> {
  return inTempFolder(async (folder) => {
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
    return job(folder);
  });
}

const isBad = (words: RegExp) => (error: unknown) =>
  error instanceof BuildError && error.code === 'bad-package' && words.test(error.message);

describe('a bundle from a folder', () => {
  it('kernel, initrd and arguments are found by their names', async () => {
    const files = {
      'vmlinuz-6.1.0': 'kernel',
      'initrd.gz': 'initrd',
      args: '# ours\nconsole=ttyS0  quiet\nro\n',
      README: 'x',
    };
    await folderWith(files, async (folder) => {
      assert.deepEqual(await bundleFromFolder({ folder, name: 'mine', arch: 'amd64' }), {
        name: 'mine',
        version: '3822c8916ff9',
        arch: 'amd64',
        role: 'system',
        kernelFile: join(folder, 'vmlinuz-6.1.0'),
        initrdFile: join(folder, 'initrd.gz'),
        kernelArgs: ['console=ttyS0', 'quiet', 'ro'],
        config: undefined,
        modules: undefined,
        source: `folder ${folder}`,
      });
    });
  });

  it('the same files are the same version, others another', async () => {
    const version = (initrd: string): Promise<string> =>
      folderWith(
        { Image: 'kernel', initrd },
        async (folder) => (await bundleFromFolder({ folder, name: 'x', arch: 'arm64' })).version,
      );
    assert.equal(await version('a'), await version('a'));
    assert.notEqual(await version('a'), await version('b'));
  });

  it('a configuration and modules beside the kernel tell what is in it', async () => {
    await folderWith({ Image: 'k', 'config-6.1': 'CONFIG_NBD=m\n' }, async (folder) => {
      await mkdir(join(folder, 'lib', 'modules', '6.1', 'kernel'), { recursive: true });
      for (const name of ['nbd.ko.xz', 'virtio-net.ko', 'modules.dep'])
        await writeFile(join(folder, 'lib', 'modules', '6.1', 'kernel', name), 'x');
      const found = await bundleFromFolder({ folder, name: 'x', arch: 'arm64' });
      assert.deepEqual([found.config, found.modules], ['CONFIG_NBD=m\n', ['nbd', 'virtio_net']]);
    });
  });

  it('a kernel alone will do, and the order wins over the folder', async () => {
    await folderWith({ zImage: 'kernel', args: 'from file' }, async (folder) => {
      const order = { folder, name: 'x', arch: 'armhf', version: '7', args: ['from=order'] };
      const bundle = await bundleFromFolder(order);
      assert.deepEqual([bundle.initrdFile, bundle.version, bundle.kernelArgs], [undefined, '7', ['from=order']]);
    });
  });

  it('two kernels: the error names both and the way out', async () => {
    await folderWith({ 'vmlinuz-1': 'a', 'vmlinuz-2': 'b' }, async (folder) => {
      await assert.rejects(
        bundleFromFolder({ folder, name: 'x', arch: 'amd64' }),
        isBad(/vmlinuz-1, vmlinuz-2; name it with --kernel/),
      );
      const named = await bundleFromFolder({ folder, name: 'x', arch: 'amd64', kernel: 'vmlinuz-2' });
      assert.equal(named.kernelFile, join(folder, 'vmlinuz-2'));
    });
  });

  it('no kernel, an empty one, a folder in its place, no folder at all: refused', async () => {
    const order = { name: 'x', arch: 'amd64' };
    await folderWith({ 'initrd.gz': 'x' }, (folder) =>
      assert.rejects(bundleFromFolder({ ...order, folder }), isBad(/there is none/)),
    );
    await folderWith({ linux: '' }, (folder) => assert.rejects(bundleFromFolder({ ...order, folder }), isBad(/empty/)));
    await inTempFolder(async (folder) => {
      await mkdir(join(folder, 'linux'));
      await assert.rejects(bundleFromFolder({ ...order, folder }), isBad(/not a file/));
      await assert.rejects(
        bundleFromFolder({ ...order, folder: join(folder, 'gone') }),
        isBad(/cannot read the folder/),
      );
    });
  });
});
