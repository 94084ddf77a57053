import fc from 'fast-check';
import { argText } from '../../server/core/arg-text.ts';
import type { BootFormat } from '../../server/core/board.ts';
import { faultOfWord, octetsOf } from '../../server/core/kernel-args.ts';

const LETTERS = Array.from('ab=,.:/-$\\\'{}()"";#&|<>*?[]~`%!^@+ü→  ');

/** Random words that a format says it can carry, as many as fit into so many octets; a name before each keeps them apart. */
export function carriedWords(format: BootFormat, octetsMax: number, seed: number): readonly string[] {
  const value = fc.string({ unit: fc.constantFrom(...LETTERS), minLength: 2, maxLength: 14 });
  const tried = fc.sample(fc.tuple(value, fc.constantFrom('', '"')), { numRuns: 2000, seed });
  const words: string[] = [];
  for (const [text, quote] of tried) {
    // A dot in the name keeps it out of the kernel's list of words it does not know.
    const word =
      format === 'grub' && quote !== '' ? `"r.${words.length}=${text}"` : `r.${words.length}=${quote}${text}${quote}`;
    if (faultOfWord(word) !== undefined || !argText(format, [word]).ok) continue;
    if (octetsOf(argTextOf(format, [...words, word])) > octetsMax) break;
    words.push(word);
  }
  return words;
}

function argTextOf(format: BootFormat, words: readonly string[]): string {
  const text = argText(format, words);
  return text.ok ? text.value : '';
}
