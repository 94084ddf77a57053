import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { fillGaps, matchPattern, parsePattern } from '../../server/core/console-pattern.ts';
import { ConsoleLines, type ConsoleText } from '../../server/core/console-lines.ts';

function match(pattern: string, line: string): Readonly<Record<string, string>> | undefined {
  const pieces = parsePattern(pattern);
  assert.ok(pieces.ok, pattern);
  return matchPattern(pieces.value, line);
}

describe('console patterns', () => {
  it('find literal text anywhere in a line, and what stands in their gaps', () => {
    assert.deepEqual(match('U-Boot {version} (', 'U-Boot 2023.01+dfsg-2 (Dec 21 2022)'), { version: '2023.01+dfsg-2' });
    assert.deepEqual(match('Kernel panic - not syncing: {why}', '[ 1.2] Kernel panic - not syncing: Attempted'), {
      why: 'Attempted',
    });
    assert.deepEqual(match('Bad Linux ARM64 Image magic', 'Bad Linux ARM64 Image magic!'), {});
    assert.equal(match('U-Boot {version} (', 'U-Boot 2023.01'), undefined);
    assert.equal(match('U-Boot {version} (', '( U-Boot'), undefined);
  });

  it('what stands in a gap is bounded and harmless', () => {
    const found = match('bootarg overflow {figures}', `bootarg overflow ${'é<\u202e'.repeat(200)}`);
    assert.ok((found?.['figures']?.length ?? 99) <= 80);
    assert.match(found?.['figures'] ?? '', /^[ -~]*$/);
  });

  it('those that cannot be are refused', () => {
    for (const wrong of ['', 'ab', '{version} speaks', 'U-Boot {a}{b} (', 'U-Boot {a} to {a}'])
      assert.equal(parsePattern(wrong).ok, false, wrong);
    assert.ok(parsePattern('literal {Braces} and {}').ok, 'braces around what is no name are literal');
  });

  it('property: what was put into the gaps is found in them', () => {
    const word = fc.stringMatching(/^[a-z0-9.]{1,20}$/);
    fc.assert(
      fc.property(word, word, (a, b) => {
        const text = 'Begin <{a}> then <{b}> end';
        assert.deepEqual(match(text, `noise ${fillGaps(text, { a, b })} noise`), { a, b });
      }),
    );
  });

  it('property: whatever the line, there is an answer, and nothing longer than 80 letters in it', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 600, unit: 'binary' }), (line) => {
        const found = match('abcd{x}e{y}', `abcd${line}`);
        for (const gap of Object.values(found ?? {})) assert.ok(gap.length <= 80);
      }),
    );
  });
});

describe('console lines', () => {
  const take = (text: string): readonly ConsoleText[] => new ConsoleLines().take(Buffer.from(text, 'latin1'));
  const whole = (text: string): readonly string[] => take(text).flatMap((line) => (line.isWhole ? [line.text] : []));

  it('end with CR, LF or both', () => {
    assert.deepEqual(whole('one\r\ntwo\rthree\n\n\r\nfour'), ['one', 'two', 'three']);
  });

  it('are without colours, titles, cursor moves and control characters', () => {
    assert.deepEqual(whole('\x1b[1;31mKer\x07nel\x1b[0m \x1b]0;title\x07pa\x1b(Bnic\x1b[2J\n'), ['Kernel panic']);
  });

  it('a prompt is seen before its line ends; other beginnings wait', () => {
    assert.deepEqual(take('board-01 login: '), [{ text: 'board-01 login: ', isWhole: false }]);
    assert.deepEqual(take('(initramfs) '), [{ text: '(initramfs) ', isWhole: false }]);
    assert.deepEqual(take('Loading'), []);
  });

  it('property: they do not depend on how the octets are cut, and stay short', () => {
    const octets = fc.uint8Array({ maxLength: 2000 });
    fc.assert(
      fc.property(octets, fc.array(fc.nat(2000), { maxLength: 5 }), (all, cuts) => {
        const lines = new ConsoleLines();
        const places = [0, ...cuts.map((at) => at % (all.length + 1)).sort((a, b) => a - b), all.length];
        const parts = places.slice(1).flatMap((end, n) => lines.take(all.subarray(places[n], end)));
        const text = (from: readonly ConsoleText[]) => from.filter((line) => line.isWhole).map((line) => line.text);
        assert.deepEqual(text(parts), text(new ConsoleLines().take(all)));
        for (const line of parts) assert.ok(line.text.length <= 512);
      }),
    );
  });

  it('one without end costs nothing', () => {
    const lines = new ConsoleLines();
    for (let n = 0; n < 100; n += 1) lines.take(Buffer.alloc(10_000, 'x'));
    assert.deepEqual(
      lines.take(Buffer.from('\n')).map((line) => line.text.length),
      [512],
    );
  });
});
