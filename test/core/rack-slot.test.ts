import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import {
  formatRackSlot,
  overlaps,
  parseRackName,
  parseRackSlot,
  RACK_UNITS_MAX,
  type RackSlot,
} from '../../server/core/rack-slot.ts';

const slot = (text: string): RackSlot => {
  const parsed = parseRackSlot(text);
  assert.ok(parsed.ok, text);
  return parsed.value;
};
const unit = fc.integer({ min: 1, max: RACK_UNITS_MAX });
const anySlot = fc
  .tuple(unit, unit, fc.constantFrom('whole' as const, 'left' as const, 'right' as const))
  .map(([a, b, side]) => ({ from: Math.min(a, b), to: Math.max(a, b), side }));

describe('slots of a rack', () => {
  const readable: readonly (readonly [string, RackSlot])[] = [
    ['3', { from: 3, to: 3, side: 'whole' }],
    [' 3 - 4 ', { from: 3, to: 4, side: 'whole' }],
    ['12 Left', { from: 12, to: 12, side: 'left' }],
    ['3-4 right', { from: 3, to: 4, side: 'right' }],
    ['7-7', { from: 7, to: 7, side: 'whole' }],
  ];
  for (const [text, expected] of readable)
    it(`reads "${text}"`, () => {
      assert.deepEqual(slot(text), expected);
    });

  for (const [text, words] of [
    ['', /write it like 3, 3-4, or 3 left/],
    ['top', /cannot be a slot/],
    ['3 middle', /cannot be a slot/],
    ['-3', /cannot be a slot/],
    ['3.5', /cannot be a slot/],
    ['0', /from 1 at the bottom/],
    ['4-3', /not in a rack/],
    ['59-61', /up to 60/],
    ['1'.repeat(500), /cannot be a slot/],
  ] as const)
    it(`refuses "${text.slice(0, 12)}"`, () => {
      const parsed = parseRackSlot(text);
      assert.ok(!parsed.ok);
      assert.match(parsed.error, words);
      assert.ok(parsed.error.length < 200);
    });

  it('what is written is read again', () => {
    fc.assert(
      fc.property(anySlot, (each) => {
        assert.deepEqual(slot(formatRackSlot(each)), each);
      }),
    );
  });

  it('never throws, whatever the text', () => {
    fc.assert(fc.property(fc.string(), (text) => typeof parseRackSlot(text).ok === 'boolean'));
  });

  it('two share a place when their units meet, but not on different sides', () => {
    assert.ok(overlaps(slot('3-4'), slot('4-6')));
    assert.ok(overlaps(slot('3 left'), slot('3')));
    assert.ok(!overlaps(slot('3 left'), slot('3 right')));
    assert.ok(!overlaps(slot('3'), slot('4')));
    fc.assert(fc.property(anySlot, anySlot, (a, b) => overlaps(a, b) === overlaps(b, a) && overlaps(a, a)));
  });

  it('a rack has a short plain name', () => {
    assert.deepEqual(parseRackName(' Row A.3 '), { ok: true, value: 'Row A.3' });
    for (const wrong of ['', '-', 'a'.repeat(33), 'a<b', 'a\nb', 'end-'])
      assert.ok(!parseRackName(wrong).ok, JSON.stringify(wrong));
  });
});
