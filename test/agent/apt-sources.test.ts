import { strict as assert } from 'node:assert';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { foreignSources, newerSources } from '../../agent/apt-sources.ts';
import { BuildError } from '../../agent/build-error.ts';
import { inTempFolder } from '../support/archives.ts';

async function from(files: Readonly<Record<string, string>>): Promise<string> {
  return inTempFolder(async (etc) => {
    await mkdir(join(etc, 'apt', 'sources.list.d'), { recursive: true });
    for (const [name, text] of Object.entries(files)) await writeFile(join(etc, name), text);
    return foreignSources(etc);
  });
}

const RELEASE = { 'os-release': 'ID=debian\nVERSION_CODENAME=bookworm\n' };

describe("the host's apt sources, for another architecture", () => {
  it('one-line sources of the release, with their key', async () => {
    const list = [
      '# a note',
      'deb [arch=amd64 signed-by=/usr/share/keyrings/debian.gpg] http://deb.debian.org/debian bookworm main contrib',
      'deb-src http://deb.debian.org/debian bookworm main',
      'deb http://security.debian.org/debian-security bookworm-security main # security',
    ].join('\n');
    assert.equal(
      await from({ ...RELEASE, 'apt/sources.list': list }),
      [
        'Types: deb',
        'URIs: http://deb.debian.org/debian',
        'Suites: bookworm',
        'Components: main',
        'Signed-By: /usr/share/keyrings/debian.gpg',
        '',
        'Types: deb',
        'URIs: http://security.debian.org/debian-security',
        'Suites: bookworm-security',
        'Components: main',
        '',
      ].join('\n'),
    );
  });

  it('deb822 sources, several suites and an embedded key', async () => {
    const sources = [
      'Types: deb deb-src',
      '# a note inside',
      'URIs: http://deb.debian.org/debian',
      'Suites: bookworm bookworm-updates bookworm-backports',
      'Components: main non-free-firmware',
      'Signed-By:',
      ' -----BEGIN PGP PUBLIC KEY BLOCK-----',
      ' .',
      ' abc',
      '',
      'Types: deb',
      'URIs: http://off.example.org/debian',
      'Suites: bookworm',
      'Components: main',
      'Enabled: no',
    ].join('\n');
    const text = await from({ ...RELEASE, 'apt/sources.list.d/debian.sources': sources });
    assert.match(text, /^Suites: bookworm bookworm-updates\nComponents: main$/m);
    assert.match(text, /Signed-By: -----BEGIN PGP PUBLIC KEY BLOCK-----\n \.\n abc\n/);
    assert.ok(!text.includes('off.example.org'));
  });

  it("third parties' sources stay out: they seldom have another architecture", async () => {
    const files = {
      ...RELEASE,
      'apt/sources.list': 'deb http://deb.debian.org/debian bookworm main\n',
      'apt/sources.list.d/node.sources':
        'Types: deb\nURIs: https://deb.example.org/node\nSuites: nodistro\nComponents: main\n',
      'apt/sources.list.d/cloud.list': 'deb https://apt.example.org cloud-bookworm main\n',
    };
    assert.ok(!(await from(files)).includes('example.org'));
  });

  it('none left: the error says where to add one', async () => {
    await assert.rejects(from({ ...RELEASE }), (error) => {
      assert.ok(error instanceof BuildError && error.code === 'apt');
      assert.match(error.message, /no source of bookworm .*; add the distribution's own archive to .*sources\.list\.d/);
      return true;
    });
  });

  it('what Debian 12 lacks comes from Debian 13 by the same archives; a newer host keeps its own', async () => {
    for (const [host, want] of [
      ['bookworm', 'trixie'],
      ['trixie', 'trixie'],
      ['forky', 'forky'],
    ] as const) {
      const text = await inTempFolder(async (etc) => {
        await mkdir(join(etc, 'apt'), { recursive: true });
        await writeFile(join(etc, 'os-release'), `VERSION_CODENAME=${host}\n`);
        const list = `deb [signed-by=/k/bookworm.gpg] http://mirror/bookworm ${host} main\n`;
        await writeFile(join(etc, 'apt', 'sources.list'), list);
        return newerSources(etc);
      });
      assert.match(text, new RegExp(`URIs: http://mirror/bookworm\nSuites: ${want}\n`));
      assert.match(text, /Signed-By: \/k\/bookworm\.gpg/);
    }
  });
});
