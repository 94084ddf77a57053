import { strict as assert } from 'node:assert';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeWhole } from '../../agent/write-whole.ts';
import { inTempFolder } from '../support/archives.ts';

const LETTERS = ['a', 'b', 'c', 'd'];

describe('a file written whole', () => {
  it('many who write it at once do not hinder each other, who reads sees one of them whole, and nothing else is left', () =>
    inTempFolder(async (folder) => {
      const path = join(folder, 'made', 'file');
      const whole = new Set(LETTERS.map((letter) => letter.repeat(100_000)));
      await writeWhole(path, 'a'.repeat(100_000));
      const writing = Promise.all([...whole, ...whole].map((text) => writeWhole(path, text)));
      for (let looks = 0; looks < 20; looks += 1) assert.ok(whole.has(await readFile(path, 'utf8')));
      await writing;
      assert.ok(whole.has(await readFile(path, 'utf8')));
      assert.deepEqual(await readdir(join(folder, 'made')), ['file']);
    }));
});
