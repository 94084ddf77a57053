import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { FRESH_WINDOW, nextSequence, takeIn, type SequenceWindow } from '../../../server/wire/ipmi/window.ts';

function after(...sequences: readonly number[]): SequenceWindow {
  return sequences.reduce((window, sequence) => takeIn(window, sequence) ?? window, FRESH_WINDOW);
}

const cases: readonly (readonly [string, readonly number[], number, boolean])[] = [
  ['the first packet', [], 1, true],
  ['zero, which means no session', [], 0, false],
  ['a duplicate', [1], 1, false],
  ['a late one', [1, 3], 2, true],
  ['a late one twice', [1, 3, 2], 2, false],
  ['one 16 ahead', [1], 17, true],
  ['one far ahead, after a loss', [1], 5000, true],
  ['one just behind a far jump', [1, 5000], 4999, true],
  ['one from before a far jump', [1, 5000], 2, false],
  ['one 16 behind', [1, 10, 20, 30], 14, true],
  ['one 17 behind', [1, 10, 20, 30], 13, false],
  ['the highest again after a jump', [5, 20], 5, false],
];

describe('the sequence window', () => {
  for (const [title, before, sequence, want] of cases)
    it(`${title} is ${want ? 'taken' : 'dropped'}`, () => {
      assert.equal(takeIn(after(...before), sequence) !== undefined, want);
    });

  it('goes over the top of 32 bits', () => {
    const window: SequenceWindow = { highest: 0xfffffffe, seen: 1 };
    const top = takeIn(window, 0xffffffff);
    assert.ok(top);
    const over = takeIn(top, 1);
    assert.ok(over);
    assert.equal(over.highest, 1);
    assert.equal(takeIn(over, 0xffffffff), undefined, 'seen before the roll-over');
    assert.equal(nextSequence(0xffffffff), 1);
    assert.equal(nextSequence(1), 2);
  });

  it('no sequence is ever taken twice, in whatever order packets come', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 200 }), (order) => {
        let window = FRESH_WINDOW;
        const taken = new Set<number>();
        for (const sequence of order) {
          const next = takeIn(window, sequence);
          if (!next) continue;
          assert.ok(!taken.has(sequence));
          taken.add(sequence);
          window = next;
        }
      }),
    );
  });
});
