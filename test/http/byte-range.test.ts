import assert from 'node:assert/strict';
import fc from 'fast-check';
import { namesTag, readRange } from '../../server/http/byte-range.ts';

describe('byte range', () => {
  const part = (first: number, last: number) => ({ is: 'part', first, last }) as const;
  const whole = { is: 'whole' } as const;
  const never = { is: 'unsatisfiable' } as const;
  const cases: readonly (readonly [string | undefined, number, ReturnType<typeof readRange>])[] = [
    [undefined, 100, whole],
    ['bytes=0-9', 100, part(0, 9)],
    ['bytes=0-0', 100, part(0, 0)],
    ['bytes=99-', 100, part(99, 99)],
    ['bytes=50-500', 100, part(50, 99)],
    ['BYTES=1-2', 100, part(1, 2)],
    ['bytes= 1-2 ', 100, part(1, 2)],
    ['bytes=-1', 100, part(99, 99)],
    ['bytes=-500', 100, part(0, 99)],
    ['bytes=100-', 100, never],
    ['bytes=100-200', 100, never],
    ['bytes=-0', 100, never],
    ['bytes=0-', 0, never],
    ['bytes=-5', 0, never],
    ['bytes=9-0', 100, whole],
    ['bytes=0-1,5-6', 100, whole],
    ['bytes=-', 100, whole],
    ['bytes=', 100, whole],
    ['bytes=a-b', 100, whole],
    ['items=0-1', 100, whole],
    ['bytes=0-9999999999999999999', 100, whole],
  ];
  for (const [header, octets, want] of cases)
    it(`${header ?? 'no header'} of ${octets} octets: ${want.is}`, () => {
      assert.deepEqual(readRange(header, octets), want);
    });

  it('a part always lies inside', () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(20), fc.nat(20), fc.nat(15), (junk, a, b, octets) => {
        for (const header of [junk, `bytes=${a}-${b}`, `bytes=${a}-`, `bytes=-${b}`]) {
          const range = readRange(header, octets);
          if (range.is === 'part') assert.ok(0 <= range.first && range.first <= range.last && range.last < octets);
        }
      }),
    );
  });

  const tags: readonly (readonly [string | undefined, boolean])[] = [
    [undefined, false],
    ['"abc"', true],
    ['W/"abc"', true],
    ['"x", "abc"', true],
    ['*', true],
    ['"ab"', false],
    ['abc', false],
  ];
  for (const [header, want] of tags)
    it(`If-None-Match ${header ?? 'absent'} ${want ? 'names' : 'does not name'} "abc"`, () => {
      assert.equal(namesTag(header, '"abc"'), want);
    });
});
