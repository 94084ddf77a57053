import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { heardAsking, longestPauseMs, silentAfterMs, type Asking } from '../../server/core/asking-rhythm.ts';

/** What is known after packets at these times. */
function heard(timesMs: readonly number[], before?: Asking): Asking {
  const asking = timesMs.reduce<Asking | undefined>(heardAsking, before);
  assert.ok(asking);
  return asking;
}

/** Times that begin at `fromMs` and lie so far apart. */
function spaced(gapsS: readonly number[], fromMs = 0): readonly number[] {
  const times = [fromMs];
  for (const gap of gapsS) times.push((times.at(-1) ?? 0) + gap * 1000);
  return times;
}

const silentS = (gapsS: readonly number[]): number | undefined => {
  const ms = silentAfterMs(heard(spaced(gapsS)));
  return ms === undefined ? undefined : ms / 1000;
};

const cases: readonly (readonly [title: string, gapsS: readonly number[], silentAfterS: number | undefined])[] = [
  ['a loader that retries every 4 s', [4, 4, 4, 4, 4], 12],
  ['renewals every 30 s', [30, 30, 30, 30, 30], 77],
  ['a boot loop that asks three times a turn', [5, 15, 40, 5, 15, 40], 102],
  ['pauses that double and begin again', [4, 8, 16, 32, 4, 8, 16, 32], 82],
  ['too few', [4, 4, 4, 4], undefined],
  ['one boot that went well: firmware, loader and system', [1, 2, 3, 5, 12], undefined],
  ['a boot loop in its first turn', [2, 2, 2, 2, 2, 60], undefined],
];

describe('the rhythm of who asks by DHCP', () => {
  for (const [title, gapsS, want] of cases)
    it(`${title}: ${want === undefined ? 'no rhythm' : `silent after ${want} s`}`, () => {
      assert.equal(silentS(gapsS), want);
    });

  it('what comes within a second is one asking, and is heard all the same', () => {
    const asking = heard(spaced([4, 0.01, 3.99, 0.5, 3.5, 0.9, 3.1, 4, 4]));
    assert.equal(longestPauseMs(asking), 4000);
    assert.equal(silentAfterMs(asking), 12_000);
    assert.equal(heard([1000], heard([400])).heardMs, 1000);
    assert.deepEqual(heard([1000], heard([400])).gapsMs, []);
  });

  it('who asks all the time has a rhythm of seconds', () => {
    const asking = heard(spaced(Array.from({ length: 40 }, () => 0.25)));
    assert.equal(silentAfterMs(asking), 4500);
  });

  it('a silence that was our doing is no part of the rhythm; any other is', () => {
    const before = heard(spaced([4, 4, 4, 4, 4]));
    const back = heard(spaced([4], 110_000), { ...before, isExcused: true });
    assert.deepEqual([back.gapsMs.length, silentAfterMs(back)], [6, 12_000]);
    const gone = heard(spaced([4], 110_000), before);
    assert.deepEqual([longestPauseMs(gone), silentAfterMs(gone)], [90_000, undefined]);
    assert.equal(silentAfterMs(heard([114_000 + 90_000], gone)), 227_000, 'a long pause that comes again is a habit');
  });

  it('who keeps a rhythm is never silent within it, however it varies by half', () => {
    const gaps = fc.array(fc.integer({ min: 2000, max: 4000 }), { minLength: 6, maxLength: 80 });
    fc.assert(
      fc.property(gaps, (gapsMs) => {
        let asking = heard([0]);
        for (const gapMs of gapsMs) {
          const silenceMs = silentAfterMs(asking);
          assert.ok(silenceMs === undefined || gapMs < silenceMs);
          asking = heardAsking(asking, asking.heardMs + gapMs);
        }
        assert.ok(asking.gapsMs.length <= 32);
        assert.equal(longestPauseMs(asking), Math.max(...gapsMs.slice(-32)));
      }),
    );
  });
});
