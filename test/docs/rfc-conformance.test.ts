import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';

const ROOT = new URL('../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, ROOT), 'utf8');

interface Row {
  readonly number: string;
  readonly shownBy: string;
}
const rows: readonly Row[] = read('docs/rfc-conformance.md')
  .split('\n')
  .flatMap((line) => {
    const cells = line.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll('\\|', '|'));
    const [, number = '', , , shownBy = ''] = cells;
    return /^[A-H]\d+$/.test(number) ? [{ number, shownBy }] : [];
  });

/** How many requirements each section has; a section that shrinks has lost something. */
const SECTIONS = { A: 16, B: 16, C: 6, D: 27, E: 8, F: 12, G: 12, H: 12 } as const;

describe('docs/rfc-conformance.md', () => {
  it('has every requirement once, in order', () => {
    const want = Object.entries(SECTIONS).flatMap(([section, count]) =>
      [...Array(count).keys()].map((at) => `${section}${at + 1}`),
    );
    assert.deepEqual(
      rows.map((row) => row.number),
      want,
    );
  });

  it('names tests that are there', () => {
    const missing = rows.flatMap(({ number, shownBy }) =>
      shownBy.split('<br>').flatMap((each) => {
        const [, file = '', title = ''] = /`(test\/[^`]+)`: (.*)$/.exec(each) ?? [];
        const source = file === '' ? '' : read(file).replaceAll("\\'", "'");
        return title !== '' && title.split('…').every((part) => source.includes(part)) ? [] : [`${number}: ${each}`];
      }),
    );
    assert.deepEqual(missing, []);
  });
});
