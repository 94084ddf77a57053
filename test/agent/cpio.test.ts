import { strict as assert } from 'node:assert';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { writeCpio, type CpioEntry } from '../../agent/cpio.ts';
import { inTempFolder, judge } from '../support/archives.ts';

const file = (path: string, text: string, mode = 0o644): CpioEntry => ({
  kind: 'file',
  path,
  mode,
  content: Buffer.from(text),
});

async function listed(archive: Uint8Array): Promise<readonly string[]> {
  return inTempFolder(async (folder) => {
    await writeFile(join(folder, 'x'), archive);
    const text = await judge('sh', ['-c', 'cpio --quiet -itvn < "$0"', join(folder, 'x')]);
    return text.split('\n').filter(Boolean);
  });
}

describe('cpio', () => {
  const sample: readonly CpioEntry[] = [
    { kind: 'folder', path: 'dev', mode: 0o755 },
    { kind: 'device', path: 'dev/console', mode: 0o600, major: 5, minor: 1 },
    file('init', '#!/bin/sh\n', 0o755),
    file('empty', ''),
    { kind: 'link', path: 'sh', target: 'bin/busybox' },
  ];

  it('cpio reads names, kinds, modes, owners, times and device numbers', async () => {
    const lines = await listed(writeCpio(sample));
    assert.deepEqual(
      lines.map((line) => line.replace(/\s+/g, ' ')),
      [
        'drwxr-xr-x 2 0 0 0 Jan 1 1970 dev',
        'crw------- 1 0 0 5, 1 Jan 1 1970 dev/console',
        '-rwxr-xr-x 1 0 0 10 Jan 1 1970 init',
        '-rw-r--r-- 1 0 0 0 Jan 1 1970 empty',
        'lrwxrwxrwx 1 0 0 11 Jan 1 1970 sh -> bin/busybox',
      ],
    );
  });

  it('the same entries give the same octets, in multiples of four', () => {
    const once = writeCpio(sample);
    assert.deepEqual(writeCpio(sample), once);
    assert.equal(once.length % 4, 0);
  });

  it('cpio unpacks any content of any length whole', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 70 }), { minLength: 1, maxLength: 8 }), async (contents) => {
        const entries = contents.map((content, n): CpioEntry => ({
          kind: 'file',
          path: `f${'x'.repeat(n)}`,
          mode: 0o600,
          content,
        }));
        await inTempFolder(async (folder) => {
          await writeFile(join(folder, 'x'), writeCpio(entries));
          await mkdir(join(folder, 'out'));
          await judge('sh', ['-c', 'cpio --quiet -i < ../x'], join(folder, 'out'));
          for (const [n, content] of contents.entries()) {
            const hex = await judge('od', ['-An', '-v', '-tx1', join(folder, 'out', `f${'x'.repeat(n)}`)]);
            assert.equal(hex.replace(/\s/g, ''), Buffer.from(content).toString('hex'));
          }
        });
      }),
      { numRuns: 8 },
    );
  });
});
