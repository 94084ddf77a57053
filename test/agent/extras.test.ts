import { strict as assert } from 'node:assert';
import { BuildError } from '../../agent/build-error.ts';
import { readExtra } from '../../agent/extras.ts';
import { inTempFolder } from '../support/archives.ts';
import { aptWith } from '../support/pretend-apt.ts';

/** The files that Debian 12's packages hold for arm64, and some that must stay away. */
const SSH: Readonly<Record<string, readonly string[]>> = {
  'dropbear-bin': ['usr/sbin/dropbear', 'usr/bin/dropbearkey', 'usr/bin/dbclient'],
  libc6: [
    'lib/aarch64-linux-gnu/ld-linux-aarch64.so.1',
    'lib/aarch64-linux-gnu/libc.so.6',
    'lib/x/libc_malloc_debug.so.0',
  ],
  libcrypt1: ['lib/aarch64-linux-gnu/libcrypt.so.1.1.0'],
  libtomcrypt1: ['usr/lib/aarch64-linux-gnu/libtomcrypt.so.1.0.1'],
  libtommath1: ['usr/lib/aarch64-linux-gnu/libtommath.so.1.2.0'],
  libgmp10: ['usr/lib/aarch64-linux-gnu/libgmp.so.10.4.1'],
  zlib1g: ['lib/aarch64-linux-gnu/libz.so.1.2.13'],
};

describe('the agent’s ssh', () => {
  it('takes programs and libraries under the names they are asked for, an account, and nothing else', async () => {
    await inTempFolder(async (folder) => {
      const { entries, source } = await readExtra('ssh', await aptWith(folder, SSH), 'arm64');
      assert.equal(source, 'dropbear-bin 1.0');
      const files = entries.flatMap((entry) =>
        entry.kind === 'file' ? [[entry.path, Buffer.from(entry.content).toString(), entry.mode] as const] : [],
      );
      assert.deepEqual(files.map(([path, content]) => [path, content.split('/').at(-1)]).slice(2), [
        ['usr/sbin/dropbear', 'dropbear'],
        ['usr/bin/dropbearkey', 'dropbearkey'],
        ['lib/ld-linux-aarch64.so.1', 'ld-linux-aarch64.so.1'],
        ['lib/libc.so.6', 'libc.so.6'],
        ['lib/libcrypt.so.1', 'libcrypt.so.1.1.0'],
        ['lib/libtomcrypt.so.1', 'libtomcrypt.so.1.0.1'],
        ['lib/libtommath.so.1', 'libtommath.so.1.2.0'],
        ['lib/libgmp.so.10', 'libgmp.so.10.4.1'],
        ['lib/libz.so.1', 'libz.so.1.2.13'],
      ]);
      // No password opens the account: there is no shadow file, and x is the digest of none.
      assert.deepEqual(files[0]?.slice(0, 2), ['etc/passwd', 'root:x:0:0:root:/root:/bin/sh\n']);
      assert.ok(entries.some((entry) => entry.kind === 'folder' && entry.path === 'root' && entry.mode === 0o700));
    });
  });

  it('a package without its file is named', async () => {
    await inTempFolder(async (folder) => {
      const apt = await aptWith(folder, { ...SSH, zlib1g: ['usr/share/doc/zlib'] });
      await assert.rejects(readExtra('ssh', apt, 'arm64'), (error) => {
        return error instanceof BuildError && error.code === 'bad-package' && error.message.includes('zlib1g');
      });
    });
  });
});

/** The files that Debian 12's packages hold for amd64, as far as they look alike. */
const IPMI = {
  ipmitool: ['usr/bin/ipmitool', 'usr/sbin/ipmievd'],
  libc6: [
    'lib/x86_64-linux-gnu/ld-linux-x86-64.so.2',
    'lib/x86_64-linux-gnu/libc.so.6',
    'lib/x86_64-linux-gnu/libm.so.6',
    'lib/x86_64-linux-gnu/libmvec.so.1',
  ],
  libfreeipmi17: ['usr/lib/x86_64-linux-gnu/libfreeipmi.so.17.2.9'],
  libreadline8: ['lib/x86_64-linux-gnu/libreadline.so.8.2', 'lib/x86_64-linux-gnu/libhistory.so.8.2'],
  libtinfo6: ['lib/x86_64-linux-gnu/libtinfo.so.6.4'],
  libssl3: ['usr/lib/x86_64-linux-gnu/libcrypto.so.3', 'usr/lib/x86_64-linux-gnu/libssl.so.3'],
  libgcrypt20: ['usr/lib/x86_64-linux-gnu/libgcrypt.so.20.4.1'],
  'libgpg-error0': ['lib/x86_64-linux-gnu/libgpg-error.so.0.33.1'],
};

describe('the agent’s ipmitool', () => {
  it('comes with every library it asks for, under the name it asks by', async () => {
    await inTempFolder(async (folder) => {
      const { entries, source } = await readExtra('ipmi', await aptWith(folder, IPMI), 'amd64');
      assert.equal(source, 'ipmitool 1.0');
      assert.deepEqual(
        entries.map(({ path }) => path),
        [
          'lib64',
          'usr/bin/ipmitool',
          'lib64/ld-linux-x86-64.so.2',
          'lib/libc.so.6',
          'lib/libm.so.6',
          'lib/libfreeipmi.so.17',
          'lib/libreadline.so.8',
          'lib/libtinfo.so.6',
          'lib/libcrypto.so.3',
          'lib/libgcrypt.so.20',
          'lib/libgpg-error.so.0',
        ],
      );
    });
  });
});
