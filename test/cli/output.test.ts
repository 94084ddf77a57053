import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { parse } from 'yaml';
import type { Terminal } from '../../server/cli/deps.ts';
import { FORMATS, plain, timeText, writeList, writeSheet, type Format } from '../../server/cli/output.ts';
import { parseDuration } from '../../server/cli/duration.ts';

interface Item {
  readonly name: string;
  readonly size?: number;
}
const COLUMNS = [
  { title: 'NAME', value: (item: Item) => item.name },
  { title: 'BIG SIZE', value: (item: Item) => item.size },
];

function written(write: (terminal: Terminal) => void, colour = false): string {
  let out = '';
  const never = (): never => assert.fail('data goes to stdout only');
  write({
    writeOut: (text) => (out += text),
    writeErr: never,
    colour,
    canAsk: false,
    askSecret: never,
    readStdin: never,
    writeOctets: never,
  });
  return out;
}
const list = (format: Format, items: readonly Item[], colour = false): string =>
  written((terminal) => {
    writeList(terminal, format, { items, columns: COLUMNS });
  }, colour);

describe('output', () => {
  const items = [{ name: 'a', size: 5 }, { name: 'longer, "name"' }];

  const wanted: readonly (readonly [Format, string])[] = [
    ['table', 'NAME            BIG SIZE\na               5\nlonger, "name"\n'],
    ['csv', 'name,big_size\r\na,5\r\n"longer, ""name""",\r\n'],
    ['name', 'a\nlonger, "name"\n'],
    ['json', '[\n  {\n    "name": "a",\n    "size": 5\n  },\n  {\n    "name": "longer, \\"name\\""\n  }\n]\n'],
    ['yaml', '- name: a\n  size: 5\n- name: longer, "name"\n'],
  ];
  for (const [format, text] of wanted)
    it(`a list as ${format}`, () => {
      assert.equal(list(format, items), text);
    });

  it('an empty list is still a list', () => {
    assert.equal(list('json', []), '[]\n');
    assert.equal(list('csv', []), 'name,big_size\r\n');
    assert.equal(list('name', []), '');
  });

  it('escape codes only where they are wanted', () => {
    assert.ok(!list('table', items).includes('\u001b'));
    const [head] = list('table', items, true).split('\n');
    assert.equal(head, '\u001b[1mNAME            BIG SIZE\u001b[22m');
  });

  const sheet = {
    item: { name: 'a', note: null },
    name: 'a',
    facts: [
      ['name', 'a'],
      ['longer key', undefined],
      ['n', 3],
    ] as const,
  };
  const sheets: readonly (readonly [Format, string])[] = [
    ['table', 'name  a\nn     3\n'],
    ['csv', 'key,value\r\nname,a\r\nn,3\r\n'],
    ['name', 'a\n'],
    ['json', '{\n  "name": "a",\n  "note": null\n}\n'],
    ['yaml', 'name: a\nnote: null\n'],
  ];
  for (const [format, text] of sheets)
    it(`a thing as ${format}`, () => {
      assert.equal(
        written((terminal) => {
          writeSheet(terminal, format, sheet);
        }),
        text,
      );
    });

  it('what firmware calls itself moves no cursor, whatever the format, and comes back from JSON and YAML', () => {
    const hostile = fc.string({
      unit: fc.constantFrom('\u001b[2J', '\u009b', '\u0007', '\r', '\u202e', '\u2028', 'a', '"', '\\'),
    });
    fc.assert(
      fc.property(hostile, fc.constantFrom(...FORMATS), (name, format) => {
        const text = list(format, [{ name }]);
        assert.ok(!/\p{Cc}|\p{Bidi_Control}/u.test(text.replace(/\r?\n/g, '')), JSON.stringify(text));
        if (format === 'json') assert.deepEqual(JSON.parse(text), [{ name }]);
        if (format === 'yaml') assert.deepEqual(parse(text), [{ name }]);
      }),
    );
    assert.equal(plain('a\nb\u001bc'), 'a b\ufffdc');
  });

  it('times are told in UTC', () => {
    assert.equal(timeText(0), '1970-01-01T00:00:00Z');
    assert.equal(timeText(undefined), undefined);
  });

  for (const [text, ms] of [
    ['45', 45_000],
    ['45s', 45_000],
    ['30m', 1_800_000],
    ['2h', 7_200_000],
  ] as const)
    it(`${text} is ${String(ms)} ms`, () => {
      assert.deepEqual(parseDuration(text), { ok: true, value: ms });
    });
  for (const text of ['', '0', '-1', '1.5h', '1d', 'm', '1 m'])
    it(`"${text}" is no time`, () => {
      assert.ok(!parseDuration(text).ok);
    });
});
