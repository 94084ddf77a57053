import { strict as assert } from 'node:assert';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildAgent, fetchAgentPackages, type BuiltAgent } from '../../agent/build.ts';
import { inTempFolder, judge } from '../support/archives.ts';
import { agentFor, TEST_CACHE } from '../support/agent-boot.ts';

const digestOf = async (path: string): Promise<string> =>
  createHash('sha256')
    .update(await readFile(path))
    .digest('hex');

describe('farrier agent build, from Debian packages', function () {
  this.timeout(600_000);
  const arch = 'amd64';

  let agent: BuiltAgent;

  before(async () => {
    const beganMs = performance.now();
    agent = await agentFor(arch);
    const took = ((performance.now() - beganMs) / 1000).toFixed(1);
    console.log(`      built in ${took} s: kernel ${agent.kernelOctets}, initrd ${agent.initrdOctets} octets`);
  });

  /** The initramfs as cpio unpacks it; without root it cannot make the two devices, which is all it may miss. */
  const unpacked = (folder: string): Promise<string> =>
    judge(
      'sh',
      [
        '-c',
        `mkdir out && cd out && gzip -dc "$0" | cpio --quiet -idm --no-absolute-filenames || test -e init`,
        agent.initrd,
      ],
      folder,
    );

  it('without a network it builds from the cache; cpio, dpkg-deb and file find what should be there', async () => {
    await inTempFolder(async (folder) => {
      // Documentation/x86/boot: the magic of every bzImage.
      assert.equal((await readFile(agent.kernel)).toString('latin1', 0x202, 0x206), 'HdrS');
      const names = await judge('sh', ['-c', 'gzip -dc "$0" | cpio --quiet -it', agent.initrd]);
      const list = new Set(names.split('\n'));
      for (const name of ['init', 'bin/busybox', 'bin/udhcpc-script', 'dev/console']) assert.ok(list.has(name), name);
      const modules = [...list].filter((name) => name.endsWith('.ko'));
      assert.equal(modules.length, agent.modules);
      const drivers = ['virtio_net', 'e1000e', 'igb', 'ixgbe', 'r8169', 'tg3', 'mlx5_core', 'nvme', 'ahci', 'sd_mod'];
      for (const driver of [...drivers, 'usb-storage', 'lan78xx', 'bnx2'])
        assert.ok(
          modules.some((name) => name.endsWith(`/${driver}.ko`)),
          driver,
        );
      assert.ok(agent.initrdOctets < 16_000_000, 'it goes over TFTP to every board');

      await unpacked(folder);
      const { busybox, kernel } = await fetchAgentPackages({ arch, cacheDir: TEST_CACHE });
      await judge(
        'sh',
        ['-c', 'mkdir deb && dpkg-deb --fsys-tarfile "$0" | tar -xf - -C deb ./bin/busybox', busybox],
        folder,
      );
      assert.equal(
        await digestOf(join(folder, 'out', 'bin', 'busybox')),
        await digestOf(join(folder, 'deb', 'bin', 'busybox')),
      );
      await judge(
        'sh',
        [
          '-c',
          'dpkg-deb --fsys-tarfile "$0" | tar -xf - -C deb --wildcards "./boot/vmlinuz-*" "*/virtio_net.ko"',
          kernel,
        ],
        folder,
      );
      assert.equal(
        await judge('sh', ['-c', 'cat deb/boot/vmlinuz-* | sha256sum'], folder),
        `${await digestOf(agent.kernel)}  -\n`,
      );
      const same = 'cmp "$(find out -name virtio_net.ko)" "$(find deb -name virtio_net.ko)"';
      await judge('sh', ['-c', same], folder);
    });
  });

  it("every module's needs are in modules.dep as depmod finds them", async () => {
    await inTempFolder(async (folder) => {
      await unpacked(folder);
      const release = (await judge('sh', ['-c', 'ls out/lib/modules'], folder)).trim();
      const own = await readFile(join(folder, 'out', 'lib', 'modules', release, 'modules.dep'), 'utf8');
      await judge('busybox', ['depmod', '-b', join(folder, 'out'), release]);
      const theirs = await readFile(join(folder, 'out', 'lib', 'modules', release, 'modules.dep'), 'utf8');
      const needs = (text: string): ReadonlyMap<string, readonly string[]> =>
        new Map(
          text
            .split('\n')
            .filter(Boolean)
            .map((line) => [line.split(':')[0] ?? '', (line.split(':')[1] ?? '').split(' ').filter(Boolean)]),
        );
      const judged = needs(theirs);
      assert.equal(needs(own).size, judged.size);
      assert.ok([...judged.values()].flat().length > 100, 'depmod found needs');
      for (const [module, mine] of needs(own)) {
        const missing = (judged.get(module) ?? []).filter((need) => !mine.includes(need));
        assert.deepEqual(missing, [], `${module} lacks what depmod found it to need`);
      }
    });
  });

  it('another build of the same packages is the same octets', async () => {
    await inTempFolder(async (outDir) => {
      const again = await buildAgent({ arch, cacheDir: TEST_CACHE, outDir });
      assert.equal(again.version, agent.version);
      assert.equal(await digestOf(again.initrd), await digestOf(agent.initrd));
      assert.equal(await digestOf(again.kernel), await digestOf(agent.kernel));
    });
  });
});
