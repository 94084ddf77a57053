import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { argText, escapeOctets, nameOfWord } from '../../server/core/arg-text.ts';
import type { BootFormat } from '../../server/core/board.ts';
import { faultOfWord, octetsOf } from '../../server/core/kernel-args.ts';
import { readByGrub, readByIpxe, readByUbootHush, readByUbootMacros } from '../render/loader-models.ts';

const spelled = (format: BootFormat, ...words: string[]): string => {
  const text = argText(format, words);
  return text.ok ? text.value : `refused: ${text.error}`;
};

const cases: readonly (readonly [string, BootFormat, readonly string[], string | RegExp])[] = [
  ['plain words stay as they are for u-boot', 'extlinux', ['quiet', 'a=b'], 'quiet a=b'],
  ["a dollar is kept from u-boot's macros", 'extlinux', ['a=${b}'], 'a=\\${b}'],
  ['a backslash is doubled', 'extlinux', ['a\\b'], 'a\\\\b'],
  ['a backslash before a dollar shields it already', 'extlinux', ['\\$'], '\\\\$'],
  ['two backslashes: the second stands for itself', 'extlinux', ['\\\\'], '\\\\\\'],
  ['a single quote is shielded', 'extlinux', ["it's"], "it\\'s"],
  ['a first word with # would be a comment', 'extlinux', ['#a', 'b'], /"#a" cannot pass extlinux/],
  ['a later # is nothing special', 'extlinux', ['a', '#b'], 'a #b'],
  ['one quoted word for the shell', 'boot-script', ['a=1', 'b="c  d"'], '\'a=1 b="c  d"\''],
  ['backslashes are doubled for the shell', 'boot-script', ['a\\b'], "'a\\\\b'"],
  ['a single quote cannot pass the shell', 'boot-script', ["a='b"], /"a=…" cannot pass boot-script/],
  ['every word in quotes for GRUB', 'grub', ['a=$b', ';', '{c}'], "'a=$b' ';' '{c}'"],
  ['GRUB would change a quoted blank', 'grub', ['a="b c"'], /"a=…" cannot pass grub/],
  ['GRUB would double a backslash', 'grub', ['a\\'], /cannot pass grub/],
  ['words for iPXE', 'ipxe', ['a=$b', 'c="d e"'], 'a=$b c="d e"'],
  ['iPXE would expand', 'ipxe', ['a=${net0/mac}'], /expands/],
  ['iPXE would end the command', 'ipxe', ['a="b || c"'], /ends a command/],
  ['iPXE would begin a comment', 'ipxe', ['#a'], /comment/],
  ['iPXE would join blanks', 'ipxe', ['a="b  c"'], /blanks/],
  ['words for cmdline.txt, as they are', 'rpi', ['#a', 'b="c  d"', "$e'\\"], '#a b="c  d" $e\'\\'],
  ['the firmware changes the alias of a serial port', 'rpi', ['console=serial0,115200'], /"console=…" .*ttyS0/],
  ['nothing is known of other letters than ASCII', 'rpi', ['a=ü'], /ASCII/],
];

describe('argText', () => {
  for (const [title, format, words, want] of cases)
    it(`${format}: ${title}`, () => {
      if (typeof want === 'string') assert.equal(spelled(format, ...words), want);
      else assert.match(spelled(format, ...words), want);
    });

  const letter = fc.constantFrom(...Array.from('ab=$\\\'{}()";#&|ü. '));
  const word = fc
    .string({ unit: letter, minLength: 1, maxLength: 12 })
    .filter((text) => faultOfWord(text) === undefined);
  const words = fc.array(word, { minLength: 1, maxLength: 5 });
  const reads: Readonly<Record<BootFormat, (text: string) => string>> = {
    extlinux: readByUbootMacros,
    'boot-script': readByUbootHush,
    grub: readByGrub,
    ipxe: (text) => readByIpxe(text).join(' '),
    rpi: (text) => text,
  };
  for (const format of ['extlinux', 'boot-script', 'grub', 'ipxe', 'rpi'] as const)
    it(`property: what ${format} carries reads back octet by octet, and on one line`, () => {
      let carried = 0;
      fc.assert(
        fc.property(words, (given) => {
          const text = argText(format, given);
          if (!text.ok) return;
          carried += 1;
          assert.equal(reads[format](text.value), given.join(' '));
          assert.ok(!/[\n\r\0]/.test(text.value));
        }),
        { numRuns: 300 },
      );
      assert.ok(carried > 3, `${carried} were carried`);
    });

  it('property: the octets escaping costs are those the buffer holds more', () => {
    fc.assert(
      fc.property(words, (given) => {
        const text = argText('extlinux', given);
        if (text.ok) assert.equal(octetsOf(text.value) - octetsOf(given.join(' ')), escapeOctets('extlinux', given));
        assert.equal(escapeOctets('grub', given), 0);
      }),
    );
  });
});

describe('nameOfWord', () => {
  it('shows the name, never the value, and nothing that a terminal obeys', () => {
    assert.equal(nameOfWord('farrier.token=secret'), '"farrier.token=…"');
    assert.equal(nameOfWord('a\u001b[2J'), '"a?[2J"');
    assert.equal(nameOfWord('x'.repeat(100)).length, 42);
  });
});
