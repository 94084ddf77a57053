import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import {
  boardArgs,
  composeArgs,
  costliest,
  faultOfWord,
  measureArgs,
  octetsOf,
  passedLimits,
  unknownWords,
  type ArgRoom,
} from '../../server/core/kernel-args.ts';

const room: ArgRoom = { loaderLayer: 'u-boot', loaderOctetsMax: 20, kernelOctetsMax: 30, prefix: '', escapeOctets: 0 };
const none = { site: [], bundle: [], board: [], machine: [], boot: [] };

describe('faultOfWord', () => {
  const bad: readonly (readonly [string, string, RegExp])[] = [
    ['an empty word', '', /empty/],
    ['a newline', 'a\nb', /control/],
    ['a carriage return', 'a\rb', /control/],
    ['a NUL', 'a\0', /control/],
    ['a tab, which the kernel takes for a blank', 'a\tb', /control/],
    ['an escape sequence for the console', '\u001b[2J', /control/],
    ['a C1 control', 'a\u0085b', /control/],
    ["Unicode's own line separator", 'a\u2028b', /plain text/],
    ['half a surrogate pair, which has no octets', 'a\ud800', /plain text/],
    ['a blank outside quotes', 'a b', /blank outside double quotes/],
    ['a blank after the quotes', 'a="b c" d', /blank outside/],
    ['one quote', 'a="b', /do not pair/],
  ];
  for (const [title, word, want] of bad)
    it(`refuses ${title}`, () => {
      assert.match(faultOfWord(word) ?? '', want);
    });
  for (const word of ['quiet', 'a=b=c', 'a="b c"', 'a="', "it's", '$x', '${x}', 'ü=→', '\\', ';', '--'].filter(
    (w) => w !== 'a="',
  ))
    it(`takes ${word}`, () => {
      assert.equal(faultOfWord(word), undefined);
    });
});

describe('measureArgs', () => {
  it('counts octets of UTF-8, not letters', () => {
    assert.equal(octetsOf('aü→😀'), 1 + 2 + 3 + 4);
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => octetsOf(text) === new TextEncoder().encode(text).length),
    );
  });

  it('measures each layer as it will hold the words', () => {
    const measure = measureArgs(composeArgs({ ...none, site: ['a=1', 'bb'] }), {
      ...room,
      prefix: 'P=1 ',
      escapeOctets: 2,
    });
    assert.equal(measure.text, 'a=1 bb');
    assert.deepEqual(
      measure.limits.map((limit) => [limit.octets, limit.octetsMax]),
      [
        [12, 20],
        [10, 30],
        [2, 31],
      ],
    );
  });

  it('no words measure nothing', () => {
    const measure = measureArgs([], room);
    assert.deepEqual(
      measure.limits.map((limit) => limit.octets),
      [0, 0, 0],
    );
    assert.deepEqual(passedLimits(measure), []);
  });

  it('exactly full is not passed, one octet more is, the worst first', () => {
    const at = (octets: number): readonly string[] =>
      passedLimits(measureArgs(composeArgs({ ...none, machine: ['x'.repeat(octets)] }), room)).map(
        (limit) => limit.layer,
      );
    assert.deepEqual(at(20), []);
    assert.deepEqual(at(21), ['u-boot']);
    assert.deepEqual(at(31), ['u-boot', 'the kernel']);
  });

  it('names the words that cost most, never their values', () => {
    const words = composeArgs({ ...none, boot: [`farrier.token=${'f'.repeat(32)}`], site: ['a=1'], board: ['quiet'] });
    assert.deepEqual(costliest(measureArgs(words, room), 2), ['farrier.token=… (46, boot)', 'quiet (5, board)']);
  });
});

describe('unknownWords', () => {
  const cases: readonly (readonly [string, readonly string[], number])[] = [
    ['words without a value go to init, not to its environment', ['splash', 'nomodeset'], 0],
    ['words the kernel takes', ['console=ttyS0', 'root=/dev/sda1', 'ip=dhcp'], 0],
    ['module parameters have a dot before the =', ['farrier.url=http://10.0.0.1', 'usbcore.autosuspend=-1'], 0],
    ['a dot in the value does not help', ['url=http://10.0.0.1'], 1],
    ['the same name takes one place', ['a=1', 'a=2', 'b=3'], 2],
    ['dashes and underscores are one to the kernel', ['a-b=1', 'a_b=2'], 1],
    ['after -- all words are init’s', ['a=1', '--', 'b=2', 'c=3'], 1],
    ['BOOTIF is one of them', ['BOOTIF=01-52-54-00-12-34-56'], 1],
  ];
  for (const [title, words, want] of cases)
    it(title, () => {
      assert.equal(unknownWords(words), want);
    });
});

describe('boardArgs', () => {
  it('gives own words, console, earlycon', () => {
    const board = { kernelArgs: ['a'], console: { device: 'ttyS0', baud: 9600 }, earlycon: 'uart8250,mmio32,0x1' };
    assert.deepEqual(boardArgs(board), ['a', 'console=ttyS0,9600', 'earlycon=uart8250,mmio32,0x1']);
    assert.deepEqual(
      boardArgs({ kernelArgs: [], console: { device: 'ttyAMA0', baud: undefined }, earlycon: undefined }),
      ['console=ttyAMA0'],
    );
    assert.deepEqual(boardArgs({ kernelArgs: [], console: undefined, earlycon: undefined }), []);
  });
});
