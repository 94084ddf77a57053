import { strict as assert } from 'node:assert';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildAgent, fetchAgentPackages, type BuiltAgent } from '../../agent/build.ts';
import { inTempFolder, judge } from '../support/archives.ts';
import { TEST_CACHE } from '../support/agent-boot.ts';

const digestOf = async (path: string): Promise<string> =>
  createHash('sha256')
    .update(await readFile(path))
    .digest('hex');

describe('farrier agent build, from Debian packages', function () {
  this.timeout(180_000);
  const arch = 'amd64';
  const said: string[] = [];

  async function built(job: (agent: BuiltAgent, folder: string) => Promise<void>): Promise<void> {
    await inTempFolder(async (outDir) => {
      const beganMs = performance.now();
      const agent = await buildAgent({ arch, cacheDir: TEST_CACHE, outDir, say: (words) => said.push(words) });
      console.log(
        `      built in ${((performance.now() - beganMs) / 1000).toFixed(1)} s, initrd ${agent.initrdOctets} octets`,
      );
      await job(agent, outDir);
    });
  }

  it('without a network it builds from the cache; cpio, dpkg-deb and file find what should be there', async () => {
    await built(async (agent, folder) => {
      assert.match(await judge('file', ['-b', agent.kernel]), /Linux kernel x86 boot executable bzImage/);
      const names = await judge('sh', ['-c', 'gzip -dc "$0" | cpio --quiet -it', agent.initrd]);
      const list = new Set(names.split('\n'));
      for (const name of ['init', 'bin/busybox', 'bin/udhcpc-script', 'dev/console']) assert.ok(list.has(name), name);
      const modules = [...list].filter((name) => name.endsWith('.ko'));
      assert.equal(modules.length, agent.modules);
      for (const driver of [
        'virtio_net',
        'e1000e',
        'igb',
        'ixgbe',
        'r8169',
        'tg3',
        'mlx5_core',
        'nvme',
        'ahci',
        'sd_mod',
        'usb-storage',
      ])
        assert.ok(
          modules.some((name) => name.endsWith(`/${driver}.ko`)),
          driver,
        );
      assert.ok(agent.initrdOctets < 16_000_000, 'it goes over TFTP to every board');

      await judge(
        'sh',
        [
          '-c',
          'mkdir out && cd out && gzip -dc "$0" | cpio --quiet -idm --no-absolute-filenames || test -e init',
          agent.initrd,
        ],
        folder,
      );
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

  it("every module's needs are in modules.dep as kmod's depmod would write them", async () => {
    await built(async (agent, folder) => {
      const unpack =
        'mkdir out && cd out && gzip -dc "$0" | cpio --quiet -idm --no-absolute-filenames 2>/dev/null || test -e init';
      await judge('sh', ['-c', unpack, agent.initrd], folder);
      const release = (await judge('sh', ['-c', 'ls out/lib/modules'], folder)).trim();
      const own = await readFile(join(folder, 'out', 'lib', 'modules', release, 'modules.dep'), 'utf8');
      await judge('/sbin/depmod', ['-b', join(folder, 'out'), release]);
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
      for (const [module, mine] of needs(own)) {
        const missing = (judged.get(module) ?? []).filter((need) => !mine.includes(need));
        assert.deepEqual(missing, [], `${module} lacks what depmod found it to need`);
      }
    });
  });

  it('two builds of the same packages are the same octets', async () => {
    const seen: string[] = [];
    for (let n = 0; n < 2; n += 1)
      await built(async (agent) => {
        seen.push(`${agent.version} ${await digestOf(agent.initrd)} ${await digestOf(agent.kernel)}`);
      });
    assert.equal(seen[0], seen[1]);
  });
});
