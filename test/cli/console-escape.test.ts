import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import {
  createEscapes,
  ESCAPE_DEFAULT,
  escapeWords,
  parseEscape,
  type Typing,
} from '../../server/cli/console-escape.ts';

/** Keys as text, commands in angle brackets. */
const words = (found: readonly Typing[]): string =>
  found.map((each) => (each.is === 'keys' ? Buffer.from(each.octets).toString() : `<${each.letter}>`)).join('');
const typed = (...pieces: readonly string[]): string => {
  const take = createEscapes(ESCAPE_DEFAULT);
  return pieces.map((piece) => words(take(Buffer.from(piece)))).join('');
};

describe('the escape key of a console', () => {
  const cases: readonly (readonly [string, readonly string[], string])[] = [
    ['keys are keys', ['reboot\r'], 'reboot\r'],
    ['a command is no key', ['a\x1dqb'], 'a<q>b'],
    ['a command whose letter comes later', ['a\x1d', 'wb'], 'a<w>b'],
    ['twice is once', ['\x1d\x1d'], '\x1d'],
    ['twice, then a letter', ['\x1d\x1dq'], '\x1dq'],
    ['two commands', ['\x1db\x1dq'], '<b><q>'],
    ['the interrupt of the board is a key', ['\x03'], '\x03'],
  ];
  for (const [title, pieces, expected] of cases)
    it(title, () => {
      assert.equal(typed(...pieces), expected);
    });

  it('cuts between pieces change nothing', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'q', '\x1d', '\r'), { maxLength: 30 }), fc.nat(30), (letters, cut) => {
        const text = letters.join('');
        assert.equal(typed(text.slice(0, cut), text.slice(cut)), typed(text));
      }),
    );
  });

  it('may be any control key or character', () => {
    assert.deepEqual(parseEscape('^]'), { ok: true, value: 0x1d });
    assert.deepEqual(parseEscape('^a'), { ok: true, value: 1 });
    assert.deepEqual(parseEscape('~'), { ok: true, value: 0x7e });
    for (const wrong of ['', '^', '^^^', 'ab', 'ü', '\n'])
      if (wrong !== '^') assert.ok(!parseEscape(wrong).ok, JSON.stringify(wrong));
    assert.deepEqual([escapeWords(0x1d), escapeWords(0x7e)], ['Ctrl-]', '~']);
  });
});
