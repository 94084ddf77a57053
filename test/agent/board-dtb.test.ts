import { strict as assert } from 'node:assert';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { dtbFromDeb, dtbInFolder } from '../../agent/board-dtb.ts';
import { BuildError } from '../../agent/build-error.ts';
import { inTempFolder, tarOf, writeDeb } from '../support/archives.ts';

const BASE = 'usr/lib/linux-image-6.1.0-1-arm64';

/** A package with these files, in a folder of its own. */
async function withDeb(
  files: Readonly<Record<string, string | Buffer>>,
  job: (deb: string, root: string) => Promise<void>,
): Promise<void> {
  await inTempFolder(async (folder) => {
    const root = join(folder, 'root');
    for (const [path, content] of Object.entries(files)) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), content);
    }
    const deb = join(folder, 'linux-image_1_arm64.deb');
    await writeDeb(deb, '', await tarOf(root));
    await job(deb, root);
  });
}

const isBad =
  (words: RegExp) =>
  (error: unknown): boolean =>
    error instanceof BuildError && error.code === 'bad-package' && words.test(error.message);

describe("a board's device tree in a kernel package", () => {
  const files = {
    [`${BASE}/apm/apm-mustang.dtb`]: 'mustang',
    [`${BASE}/other/apm-mustang.dtb`]: 'not that one',
    [`${BASE}/rockchip/rk3399-rockpro64.dtb`]: 'rock',
  };

  it('is found by its path, with where it lies', async () => {
    await withDeb(files, async (deb) => {
      const { octets, ...words } = await dtbFromDeb(deb, { path: 'apm/apm-mustang.dtb' });
      assert.equal(Buffer.from(octets).toString(), 'mustang');
      assert.deepEqual(words, {
        source: `linux-image_1_arm64.deb, file ${BASE}/apm/apm-mustang.dtb`,
      });
    });
  });

  it('is found by its name where the folders have changed', async () => {
    await withDeb(files, async (deb, root) => {
      const { octets } = await dtbFromDeb(deb, { path: 'rk/rk3399-rockpro64.dtb' });
      assert.equal(Buffer.from(octets).toString(), 'rock');
      const found = await dtbInFolder(root, { path: 'rk3399-rockpro64.dtb' });
      assert.equal(found, join(root, BASE, 'rockchip/rk3399-rockpro64.dtb'));
    });
  });

  it('is not guessed: two of one name, or none, are told', async () => {
    await withDeb(files, async (deb, root) => {
      await assert.rejects(dtbFromDeb(deb, { path: 'apm-mustang.dtb' }), isBad(/holds .*apm-mustang.* and .*--file/));
      await assert.rejects(dtbFromDeb(deb, { path: 'x/none.dtb' }), isBad(/holds no none\.dtb/));
      await assert.rejects(dtbInFolder(root, { path: 'apm-mustang.dtb' }), isBad(/--file/));
      await assert.rejects(dtbInFolder(join(root, 'nowhere'), { path: 'x.dtb' }), isBad(/cannot read the folder/));
    });
  });

  it('one that is too large to be a device tree is not taken', async () => {
    await withDeb({ [`${BASE}/a/x.dtb`]: Buffer.alloc((2 << 20) + 1) }, async (deb, root) => {
      await assert.rejects(dtbFromDeb(deb, { path: 'a/x.dtb' }), isBad(/holds no x\.dtb/));
      await assert.rejects(dtbInFolder(root, { path: 'a/x.dtb' }), isBad(/too large/));
    });
  });
});
