import { strict as assert } from 'node:assert';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { listArMembers } from '../../../server/files/archive/ar.ts';
import { withFile } from '../../../server/files/archive/archive-source.ts';
import { ArchiveError } from '../../../server/files/archive/archive-error.ts';
import { arArchive, arMember, inTempFolder, judge } from '../../support/archives.ts';

const reading = (octets: Uint8Array): ReturnType<typeof listArMembers> =>
  inTempFolder(async (folder) => {
    await writeFile(join(folder, 'x'), octets);
    return withFile(join(folder, 'x'), listArMembers);
  });

describe('ar', () => {
  it('members are found where they lie, odd sizes padded', async () => {
    const archive = arArchive([
      ['debian-binary', Buffer.from('2.0\n')],
      ['odd', Buffer.from('abc')],
      ['data.tar.xz', Buffer.from('xyzzy')],
    ]);
    const members = await reading(archive);
    assert.deepEqual(
      members.map((each) => [each.name, archive.toString('latin1', each.at, each.at + each.octets)]),
      [
        ['debian-binary', '2.0\n'],
        ['odd', 'abc'],
        ['data.tar.xz', 'xyzzy'],
      ],
    );
  });

  it('reads what dpkg-deb writes', async () => {
    await inTempFolder(async (folder) => {
      const control = 'Package: x\nVersion: 1\nArchitecture: all\nMaintainer: nobody <n@example.org>\nDescription: x\n';
      await judge('mkdir', ['-p', join(folder, 'p', 'DEBIAN')]);
      await writeFile(join(folder, 'p', 'DEBIAN', 'control'), control);
      await judge('dpkg-deb', ['--root-owner-group', '--build', join(folder, 'p'), join(folder, 'x.deb')]);
      const names = (await withFile(join(folder, 'x.deb'), listArMembers)).map((each) => each.name);
      assert.deepEqual(names, ['debian-binary', 'control.tar.xz', 'data.tar.xz']);
    });
  });

  const bad: readonly (readonly [string, Uint8Array])[] = [
    ['nothing', Buffer.alloc(0)],
    ['another kind of file', Buffer.from('PK\u0003\u0004 and so on')],
    ['a member cut short', arArchive([['a', Buffer.from('abcdef')]]).subarray(0, -3)],
    ['a header cut short', Buffer.concat([arArchive([]), arMember('a', Buffer.from('ab')).subarray(0, 30)])],
    [
      'a size that is no number',
      Buffer.from(
        arArchive([['a', Buffer.from('ab')]])
          .toString('latin1')
          .replace('2    ', 'x    '),
      ),
    ],
  ];
  for (const [title, octets] of bad)
    it(`${title} is refused by name`, async () => {
      await assert.rejects(reading(octets), (error) => error instanceof ArchiveError && error.code === 'bad-package');
    });

  it('any octets give members or an ArchiveError', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (octets) => {
        const archive = Buffer.concat([Buffer.from('!<arch>\n'), octets]);
        await reading(archive).catch((error: unknown) => {
          assert.ok(error instanceof ArchiveError);
        });
      }),
      { numRuns: 40 },
    );
  });
});
