import { strict as assert } from 'node:assert';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { ArchiveError } from '../../../server/files/archive/archive-error.ts';
import { readDeb } from '../../../server/files/archive/deb.ts';
import { arArchive, inTempFolder, judge, tarOf, writeDeb } from '../../support/archives.ts';

async function textOf(deb: string, path: string): Promise<string | undefined> {
  const found: { text?: string } = {};
  await readDeb(deb, {
    wants: (entry) => entry.path === path,
    take: (_entry, octets) => (found.text = octets.toString()),
  });
  return found.text;
}

/** A folder with a small file and a large one, and the tar archive of it. */
async function withTar(job: (folder: string, tar: Buffer) => Promise<void>): Promise<void> {
  await inTempFolder(async (folder) => {
    await mkdir(join(folder, 'root', 'bin'), { recursive: true });
    await writeFile(join(folder, 'root', 'bin', 'busybox'), 'box');
    await writeFile(join(folder, 'root', 'large'), Buffer.alloc(3 << 20, 'farrier '));
    await job(folder, await tarOf(join(folder, 'root')));
  });
}

const isBad = (error: unknown): boolean => error instanceof ArchiveError && error.code === 'bad-package';

describe('deb', () => {
  it('every packing Debian has used', async () => {
    await withTar(async (folder, tar) => {
      await writeFile(join(folder, 'data.tar'), tar);
      await judge('xz', ['-k', join(folder, 'data.tar')]);
      await judge('zstd', ['-q', '-k', join(folder, 'data.tar')]);
      for (const suffix of ['', '.gz', '.xz', '.zst']) {
        const deb = join(folder, `x${suffix}.deb`);
        const packed = suffix === '.gz' ? gzipSync(tar) : await readFile(join(folder, `data.tar${suffix}`));
        await writeDeb(deb, suffix, packed);
        assert.equal(await textOf(deb, 'bin/busybox'), 'box', suffix);
      }
    });
  });

  it('what dpkg-deb reads of the same package is the same', async () => {
    await withTar(async (folder, tar) => {
      const deb = join(folder, 'x.deb');
      await writeDeb(deb, '.gz', gzipSync(tar));
      const judged = await judge('sh', ['-c', 'dpkg-deb --fsys-tarfile "$0" | tar -xOf - ./bin/busybox', deb]);
      assert.equal(await textOf(deb, 'bin/busybox'), judged);
    });
  });

  it('damage inside the packing is refused, and no program is left behind', async () => {
    await withTar(async (folder, tar) => {
      await writeFile(join(folder, 'data.tar'), tar);
      await judge('xz', ['-k', join(folder, 'data.tar')]);
      const packed = await readFile(join(folder, 'data.tar.xz'));
      packed.fill(0x55, packed.length / 2, packed.length / 2 + 64);
      const deb = join(folder, 'x.deb');
      await writeDeb(deb, '.xz', packed);
      await assert.rejects(textOf(deb, 'bin/busybox'), isBad);
      await writeDeb(deb, '.gz', gzipSync(tar).subarray(0, 2000));
      await assert.rejects(textOf(deb, 'bin/busybox'));
    });
  });

  it('a tar that ends early inside a whole xz is refused', async () => {
    await withTar(async (folder, tar) => {
      await writeFile(join(folder, 'data.tar'), tar.subarray(0, 1300));
      await judge('xz', ['-k', join(folder, 'data.tar')]);
      await writeDeb(join(folder, 'x.deb'), '.xz', await readFile(join(folder, 'data.tar.xz')));
      await assert.rejects(textOf(join(folder, 'x.deb'), 'large'), isBad);
    });
  });

  const cases: readonly (readonly [string, readonly (readonly [string, Uint8Array])[]])[] = [
    ['an ar archive of something else', [['hello', Buffer.from('x')]]],
    ['a package without data', [['debian-binary', Buffer.from('2.0\n')]]],
    [
      'a packing not known here',
      [
        ['debian-binary', Buffer.from('2.0\n')],
        ['data.tar.br', Buffer.from('x')],
      ],
    ],
  ];
  for (const [title, members] of cases)
    it(`${title} is refused`, async () => {
      await inTempFolder(async (folder) => {
        await writeFile(join(folder, 'x.deb'), arArchive(members));
        await assert.rejects(textOf(join(folder, 'x.deb'), 'a'), isBad);
      });
    });
});
