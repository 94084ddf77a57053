import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { sayable } from '../../server/render/sayable.ts';

describe('sayable', () => {
  it('keeps a sentence of the lab as it is', () => {
    const text = 'Farrier refuses: kernel arguments need 512 octets, u-boot holds 511 (x=y).';
    assert.equal(sayable(text).join(' '), text);
  });

  it('breaks at blanks, at most 70 letters a line', () => {
    const lines = sayable('word '.repeat(40));
    assert.equal(lines.join(' '), 'word '.repeat(40).trim());
    assert.ok(lines.length === 3 && lines.every((line) => line.length <= 70));
  });

  it('property: only harmless letters, bounded lines, for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 2000 }), (text) => {
        const lines = sayable(text);
        return lines.length <= 12 && lines.every((line) => /^[A-Za-z0-9 .,:/()_+@%=?-]{1,70}$/.test(line));
      }),
    );
  });
});
