import { strict as assert } from 'node:assert';
import { readIpmiFiles } from '../../agent/ipmi.ts';
import { aptWith } from '../support/pretend-apt.ts';
import { inTempFolder } from '../support/archives.ts';

/** The files that Debian 12's packages hold for amd64, as far as they look alike. */
const PACKAGES = {
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
      const { entries, source } = await readIpmiFiles(await aptWith(folder, PACKAGES), 'amd64');
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
