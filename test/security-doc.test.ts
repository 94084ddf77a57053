import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';

const ROOT = new URL('../', import.meta.url);
const ROWS = readFileSync(new URL('docs/security.md', ROOT), 'utf8')
  .split('\n')
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .filter(([, , file = '']) => file.startsWith('test/'));

describe('docs/security.md', () => {
  it('names tests that are there', () => {
    assert.ok(ROWS.length > 40);
    const absent = ROWS.filter(
      ([, , file = '', title = '']) => !readFileSync(new URL(file, ROOT), 'utf8').includes(title),
    );
    assert.deepEqual(absent, []);
  });
});
