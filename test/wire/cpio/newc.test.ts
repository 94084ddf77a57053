import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { writeCpio } from '../../../agent/cpio.ts';
import { NewcReader, type NewcEntry } from '../../../server/wire/cpio/newc.ts';
import { inTempFolder, judge } from '../../support/archives.ts';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';

const file = (path: string, octets: number) =>
  ({ kind: 'file', path, mode: 0o755, content: new Uint8Array(octets).fill(0x30) }) as const;

/** All entries, the archive being handed over in pieces of `step` octets. */
function read(archive: Uint8Array, step = archive.length): { reader: NewcReader; entries: NewcEntry[]; taken: number } {
  const entries: NewcEntry[] = [];
  const reader = new NewcReader((entry) => entries.push(entry));
  let taken = 0;
  for (let at = 0; at < archive.length; at += step) taken += reader.push(archive.subarray(at, at + step));
  return { reader, entries, taken };
}

describe('newc', () => {
  it('names, modes and sizes, whatever the pieces', () => {
    const paths = fc.uniqueArray(fc.stringMatching(/^[a-z][a-z/.]{0,30}[a-z]$/), { maxLength: 6 });
    fc.assert(
      fc.property(paths, fc.nat(40), fc.integer({ min: 1, max: 200 }), (names, octets, step) => {
        const archive = writeCpio(names.map((name) => file(name, octets)));
        const { reader, entries, taken } = read(archive, step);
        assert.deepEqual(
          entries,
          names.map((path) => ({ path, mode: 0o100755, octets })),
        );
        assert.ok(reader.ended && reader.fault === undefined);
        assert.equal(taken, archive.length);
      }),
    );
  });

  it('reads what cpio writes, links among it, and stops behind the trailer', async () => {
    await inTempFolder(async (folder) => {
      mkdirSync(join(folder, 'bin'));
      writeFileSync(join(folder, 'bin', 'busybox'), 'box', { mode: 0o755 });
      symlinkSync('busybox', join(folder, 'bin', 'sh'));
      const names = (await judge('find', ['.', '-mindepth', '1'], folder)).trim();
      const archive = execFileSync('cpio', ['--quiet', '-o', '-H', 'newc'], { cwd: folder, input: `${names}\n` });
      const { reader, entries, taken } = read(archive, 100);
      const found = new Map(entries.map((entry) => [entry.path, entry.mode & 0o170000]));
      assert.deepEqual(
        [found.get('bin'), found.get('bin/busybox'), found.get('bin/sh')],
        [0o040000, 0o100000, 0o120000],
      );
      assert.ok(reader.ended);
      // cpio pads to whole blocks of 512 octets behind the trailer.
      assert.ok(taken < archive.length && archive.length - taken < 512);
    });
  });

  const archive = writeCpio([file('init', 5)]);
  const patched = (at: number, text: string): Uint8Array => {
    const copy = Uint8Array.from(archive);
    copy.set(Buffer.from(text, 'latin1'), at);
    return copy;
  };
  const bad: readonly (readonly [string, Uint8Array, RegExp])[] = [
    ['another magic', patched(0, '070707'), /070701/],
    ['a name of no length', patched(94, '00000000'), /length of a name/],
    ['a name of gigabytes', patched(94, 'ffffffff'), /length of a name/],
    ['a size that is no number', patched(54, 'xxxxxxxx'), /not a number/],
  ];
  for (const [what, octets, words] of bad)
    it(`${what} is a fault in words`, () => {
      const { reader, entries } = read(octets);
      assert.match(reader.fault ?? '', words);
      assert.deepEqual(entries, []);
    });

  it('a file of nearly 4 GiB is passed over, not taken for an empty one', () => {
    for (const size of ['80000000', 'ffffffff']) {
      const { reader, entries } = read(patched(54, size));
      assert.deepEqual([entries.length, reader.isBetween, reader.ended], [1, false, false], size);
    }
  });

  it('one that is cut short has not ended, and does not stand between entries', () => {
    const { reader } = read(archive.subarray(0, 117));
    assert.deepEqual([reader.ended, reader.isBetween, reader.fault], [false, false, undefined]);
  });

  it('hostile octets never throw, and never run past their end', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.nat(120), (octets, at) => {
        const mixed = Uint8Array.from(archive);
        mixed.set(octets.subarray(0, archive.length - at), at);
        for (const each of [octets, mixed]) assert.ok(read(each, 7).taken <= each.length);
      }),
    );
  });
});
