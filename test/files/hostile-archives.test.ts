import { strict as assert } from 'node:assert';
import { gzipSync } from 'node:zlib';
import { writeCpio } from '../../agent/cpio.ts';
import { ArchiveError } from '../../server/files/archive/archive-error.ts';
import type { ArchiveSource } from '../../server/files/archive/archive-source.ts';
import { readTar } from '../../server/files/archive/tar.ts';
import { readPackage } from '../../server/files/bundle-package.ts';
import { readInitrd } from '../../server/files/initrd.ts';

const MIB = 1 << 20;
const refused = (words: RegExp) => (error: unknown) => error instanceof ArchiveError && words.test(error.message);

/** A header of a tar archive (tar(5)), its sum right. */
function header(name: string, octets: number, type = '0'): Buffer {
  const block = Buffer.alloc(512);
  block.write(name.slice(0, 100), 0, 'latin1');
  block.write(octets.toString(8).padStart(11, '0'), 124, 'latin1');
  block.write('        ', 148, 'latin1');
  block.write(type, 156, 'latin1');
  const sum = block.reduce((total, octet) => total + octet, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

/** An archive of headers, each before as many zeros as it says, none of which is held; `asked` is how far it was read. */
function archiveOf(parts: readonly (readonly [Buffer, number])[]): { source: ArchiveSource; asked: () => number } {
  const starts = parts.map((_, at) => parts.slice(0, at).reduce((sum, [head, zeros]) => sum + head.length + zeros, 0));
  let asked = 0;
  const read = (at: number, octets: number): Promise<Uint8Array> => {
    const piece = Buffer.alloc(octets);
    asked = Math.max(asked, at + octets);
    for (const [nth, [head]] of parts.entries()) {
      const from = (starts[nth] ?? 0) - at;
      if (from > -512 && from < octets) head.copy(piece, Math.max(0, from), Math.max(0, -from));
    }
    return Promise.resolve(piece);
  };
  const octets = parts.reduce((sum, [head, zeros]) => sum + head.length + zeros, 0);
  return { source: { name: 'hostile.tar', octets, read }, asked: () => asked };
}

/** An archive in memory, and how many octets were read of it all in all. */
function inMemory(octets: Uint8Array): { source: ArchiveSource; total: () => number } {
  let total = 0;
  const read = (at: number, count: number): Promise<Uint8Array> => {
    const piece = octets.subarray(at, at + count);
    total += piece.length;
    return Promise.resolve(piece);
  };
  return { source: { name: 'initrd', octets: octets.length, read }, total: () => total };
}

describe('hostile archives cost little', () => {
  for (const type of ['L', 'K', 'x'])
    it(`a name of half a GiB (type ${type}) is refused before it is read`, async () => {
      const { source, asked } = archiveOf([[header('././@LongLink', 500 * MIB, type), 500 * MIB]]);
      await assert.rejects(readPackage(source, []), refused(/the length of a name is not believable/));
      assert.ok(asked() <= 2 * MIB, `${String(asked())} octets were read`);
    });

  it('a path longer than any file system has is refused', async () => {
    const name = Buffer.alloc(8192, 'x/');
    const stream = async function* (): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(Buffer.concat([header('././@LongLink', name.length, 'L'), name, header('x', 0)]));
    };
    const reader = { wants: () => false, take: () => undefined };
    await assert.rejects(readTar(stream(), reader), refused(/the length of a name is not believable/));
  });

  it('many kernels of the greatest size: one is held, the others are counted and passed over', async () => {
    const kernels = Array.from({ length: 9 }, (_, at) => [header(`boot/vmlinuz-${String(at)}`, MIB), MIB] as const);
    const initrds = Array.from({ length: 9 }, (_, at) => [header(`boot/initrd.img-${String(at)}`, MIB), MIB] as const);
    const finds = await readPackage(archiveOf([...kernels, ...initrds]).source, []);
    assert.deepEqual([finds.kernel?.octets.length, finds.initrd?.octets.length], [MIB, MIB]);
    assert.equal(finds.kernelPaths.length, 9);
    const second = await readPackage(archiveOf(kernels).source, [finds]);
    assert.equal(second.kernel, undefined, 'a second package holds none beside the first one');
    assert.equal(second.kernelPaths.length, 9);
  });

  it('modules with endless names are refused', async () => {
    const path = `lib/modules/1/${'m'.repeat(80)}`;
    const long = Buffer.concat([header('././@LongLink', 512, 'L'), Buffer.alloc(512, `${path}${'n'.repeat(400)}.ko`)]);
    const end = Buffer.from(long);
    end.write('.ko\0', end.length - 4, 'latin1');
    const { source } = archiveOf([
      [end.subarray(0, 512), 0],
      [end.subarray(512), 0],
      [header('short', 0), 0],
    ]);
    await assert.rejects(readPackage(source, []), refused(/longer than 255 octets/));
  });

  it('thousands of archives one behind the other do not each have the file read anew', async () => {
    const empty = writeCpio([]);
    const { source, total } = inMemory(Buffer.concat(Array.from({ length: 5000 }, () => empty)));
    await assert.rejects(readInitrd(source), refused(/more than 100 archives/));
    assert.ok(total() < 150 * MIB, `${String(total())} octets were read`);
    const packed = inMemory(gzipSync(Buffer.concat(Array.from({ length: 5000 }, () => empty))));
    await assert.rejects(readInitrd(packed.source), refused(/more than 100 archives/));
  });

  it('programs of an initrd with endless names are refused', async () => {
    const program = { kind: 'file', path: `bin/${'p'.repeat(3000)}`, mode: 0o755, content: new Uint8Array(1) } as const;
    await assert.rejects(readInitrd(inMemory(writeCpio([program])).source), refused(/longer than 255 octets/));
  });
});
