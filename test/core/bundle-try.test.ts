import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { isOnTrial, nextTry, type BundleTry, type TryEvent, type TryNext } from '../../server/core/bundle-try.ts';
import { sampleTry } from '../support/samples.ts';

const armed = sampleTry({ withinMs: 1000 });
const moved = (next: TryNext): BundleTry => {
  assert.ok(next.is === 'moved');
  return next.to;
};
const served = moved(nextTry(armed, { is: 'served', boot: 'b1', nowMs: 50 }));
const switched = moved(nextTry(armed, { is: 'switched', on: true, nowMs: 10 }));
const both = moved(nextTry(switched, { is: 'served', boot: 'b1', nowMs: 50 }));

const event: fc.Arbitrary<TryEvent> = fc.oneof(
  fc.record({ is: fc.constant('switched' as const), on: fc.boolean(), nowMs: fc.nat(5000) }),
  fc.record({ is: fc.constant('served' as const), boot: fc.constantFrom('b1', 'b2'), nowMs: fc.nat(5000) }),
  fc.record({ is: fc.constant('called home' as const), boot: fc.constantFrom('b1', 'b2') }),
  fc.record({ is: fc.constant('time' as const), nowMs: fc.nat(9000) }),
  fc
    .constantFrom('another boot', 'changed hands', 'abort', 'taken over', 'cycle ordered', 'cycle ended')
    .map((is) => ({ is })),
);

describe('a bundle on trial', () => {
  it('the deadline runs from power-on, else from the first packet', () => {
    assert.equal(switched.endsMs, 1010);
    assert.equal(both.endsMs, 1010);
    assert.equal(served.endsMs, 1050);
    assert.deepEqual([served.step, served.boot, served.wasSwitched], ['under way', 'b1', false]);
  });

  it('a call home of its boot makes it good, one of another boot does not', () => {
    assert.deepEqual(nextTry(served, { is: 'called home', boot: 'b0' }), { is: 'same' });
    const good = nextTry(served, { is: 'called home', boot: 'b1' });
    assert.deepEqual([moved(good).step, good.is === 'moved' && good.told], ['good', 'good']);
    assert.deepEqual(nextTry(moved(good), { is: 'taken over' }), { is: 'over', told: undefined });
    assert.deepEqual(nextTry(moved(good), { is: 'time', nowMs: 99_999 }), { is: 'same' });
    assert.deepEqual(nextTry(moved(good), { is: 'abort' }), { is: 'same' });
  });

  it('silence ends it at the deadline; who was switched by us is cycled, once', () => {
    assert.deepEqual(nextTry(both, { is: 'time', nowMs: 1009 }), { is: 'same' });
    const late = nextTry(both, { is: 'time', nowMs: 1010 });
    assert.deepEqual([moved(late).step, late.is === 'moved' && late.told], ['returning', 'silent']);
    const cycling = moved(nextTry(moved(late), { is: 'cycle ordered' }));
    assert.deepEqual(nextTry(cycling, { is: 'cycle ordered' }), { is: 'same' });
    assert.deepEqual(nextTry(cycling, { is: 'cycle ended' }), { is: 'over', told: undefined });
  });

  it('who was switched by hand, or off again, or must not be cycled, is left alone', () => {
    const over = { is: 'over', told: 'silent' };
    assert.deepEqual(nextTry(served, { is: 'time', nowMs: 1050 }), over);
    const off = moved(nextTry(both, { is: 'switched', on: false, nowMs: 60 }));
    assert.deepEqual(nextTry(off, { is: 'time', nowMs: 1010 }), over);
    assert.deepEqual(nextTry({ ...both, mayCycle: false }, { is: 'time', nowMs: 1010 }), over);
  });

  it('a second boot before the call home ends it, and so does a second power-on', () => {
    const over = { is: 'over', told: 'started again' };
    assert.deepEqual(nextTry(served, { is: 'another boot' }), over);
    assert.deepEqual(nextTry(both, { is: 'switched', on: true, nowMs: 70 }), over);
    assert.deepEqual(nextTry(armed, { is: 'another boot' }), { is: 'same' });
    assert.equal(moved(nextTry(switched, { is: 'switched', on: true, nowMs: 70 })).endsMs, 1010, 'told on twice');
  });

  it('it can be aborted until it is decided, and ends when the machine changes hands', () => {
    for (const now of [armed, served, both]) {
      assert.deepEqual(nextTry(now, { is: 'abort' }), { is: 'over', told: 'aborted' });
      assert.deepEqual(nextTry(now, { is: 'changed hands' }), { is: 'over', told: 'changed hands' });
    }
    assert.deepEqual(nextTry({ ...both, step: 'returning' }, { is: 'changed hands' }), { is: 'over', told: undefined });
  });

  it('only the next boot gets it, and that one until the end', () => {
    assert.ok(isOnTrial(armed, undefined) && isOnTrial(armed, 'b1') && isOnTrial(switched, 'b1'));
    assert.ok(isOnTrial(served, 'b1'));
    assert.ok(!isOnTrial(served, 'b2') && !isOnTrial(served, undefined));
    assert.ok(!isOnTrial({ ...both, step: 'returning' }, 'b1') && !isOnTrial({ ...both, step: 'cycling' }, 'b1'));
  });

  it('whatever happens: what waits has a deadline, the outcome is told once, and time ends it', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 20 }), (events) => {
        let now: BundleTry | undefined = armed;
        let told = 0;
        for (const each of events) {
          if (!now) break;
          const next: TryNext = nextTry(now, each);
          if (next.is === 'same') continue;
          if (next.told !== undefined) told += 1;
          now = next.is === 'moved' ? next.to : undefined;
          if (now?.step === 'under way') assert.ok(now.endsMs !== undefined);
          if (now?.step === 'returning') assert.ok(now.wasSwitched && now.mayCycle);
          if (now) assert.deepEqual([now.machine, now.bundle, now.back], [armed.machine, armed.bundle, armed.back]);
        }
        assert.ok(told <= 1);
        if (!now) assert.ok(told === 1);
        if (now?.step === 'under way') assert.notEqual(nextTry(now, { is: 'time', nowMs: 1e9 }).is, 'same');
      }),
    );
  });
});
