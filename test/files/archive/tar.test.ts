import { strict as assert } from 'node:assert';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ArchiveError } from '../../../server/files/archive/archive-error.ts';
import { readTar, type TarEntry } from '../../../server/files/archive/tar.ts';
import { inSteps, inTempFolder, tarOf } from '../../support/archives.ts';

const LONG = `${'deep/'.repeat(30)}${'n'.repeat(120)}.ko`;

async function archive(format: 'gnu' | 'pax' | 'ustar', names: readonly string[]): Promise<Buffer> {
  return inTempFolder(async (folder) => {
    for (const name of names) {
      await mkdir(dirname(join(folder, name)), { recursive: true });
      await writeFile(join(folder, name), `content of ${name}`);
    }
    await symlink('/etc/passwd', join(folder, 'outside'));
    return tarOf(folder, format);
  });
}

async function filesOf(octets: Uint8Array, step = 65_536): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  const wants = (entry: TarEntry): boolean => entry.kind === 'file';
  await readTar(inSteps(octets, step), { wants, take: (entry, body) => files.set(entry.path, body.toString()) });
  return files;
}

describe('tar', () => {
  for (const format of ['gnu', 'pax'] as const)
    it(`${format}: short and very long names, whatever the stream's steps`, async () => {
      const octets = await archive(format, ['boot/vmlinuz', 'empty/x', LONG]);
      for (const step of [1, 511, 512, 1000, 1 << 20]) {
        const files = await filesOf(octets, step);
        assert.deepEqual([...files.keys()].sort(), ['boot/vmlinuz', LONG, 'empty/x']);
        assert.equal(files.get(LONG), `content of ${LONG}`);
      }
    });

  it('ustar: a name in two fields', async () => {
    const name = `${'d'.repeat(90)}/${'e'.repeat(40)}/file`;
    assert.deepEqual([...(await filesOf(await archive('ustar', [name]))).keys()], [name]);
  });

  it('only what is wanted is taken, links are told and never followed', async () => {
    const entries: TarEntry[] = [];
    const taken: string[] = [];
    const reader = {
      wants: (entry: TarEntry) => {
        entries.push(entry);
        return entry.path === 'b';
      },
      take: (entry: TarEntry) => taken.push(entry.path),
    };
    await readTar(inSteps(await archive('gnu', ['a', 'b', 'c']), 4096), reader);
    assert.deepEqual(taken, ['b']);
    assert.deepEqual(entries.map((entry) => entry.path).sort(), ['a', 'b', 'c'], 'links and folders are not offered');
  });

  it('the stream is read to its end, so that the program before it is not cut off', async () => {
    const octets = await archive('gnu', ['a']);
    let read = 0;
    async function* counted(): AsyncGenerator<Uint8Array> {
      for await (const part of inSteps(Buffer.concat([octets, Buffer.alloc(1 << 20)]), 10_240)) {
        read += part.length;
        yield part;
      }
    }
    await readTar(counted(), { wants: () => false, take: () => undefined });
    assert.equal(read, octets.length + (1 << 20));
  });

  const damages: readonly (readonly [string, (octets: Buffer) => Buffer])[] = [
    ['cut inside a header', (octets) => octets.subarray(0, 700)],
    ['cut inside a file', (octets) => octets.subarray(0, octets.indexOf('content of a') + 5)],
    ['with a wrong checksum', (octets) => Buffer.concat([Buffer.from('X'), octets.subarray(1)])],
    ['that is not tar at all', () => Buffer.alloc(4096, 'x')],
  ];
  for (const [title, damage] of damages)
    it(`an archive ${title} is refused`, async () => {
      const octets = damage(Buffer.from(await archive('gnu', ['a'])));
      await assert.rejects(filesOf(octets), (error) => error instanceof ArchiveError && error.code === 'bad-package');
    });

  it('a size of gigabytes is refused before memory is asked for', async () => {
    const octets = Buffer.from(await archive('gnu', ['a']));
    const at = octets.indexOf('./a\0');
    octets.write('77777777777\0', at + 124, 'latin1');
    octets.fill(' ', at + 148, at + 156);
    const sum = octets.subarray(at, at + 512).reduce((total, octet) => total + octet, 0);
    octets.write(`${sum.toString(8).padStart(6, '0')}\0 `, at + 148, 'latin1');
    await assert.rejects(filesOf(octets), /not believable/);
  });
});
