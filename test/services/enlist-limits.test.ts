import { strict as assert } from 'node:assert';
import { ipv4 } from '../../server/core/address.ts';
import { createAddressLimit, createBucket } from '../../server/services/enlist-limits.ts';
import { createFakeClock } from '../support/fake-clock.ts';

const times = (count: number, call: () => boolean): number =>
  Array.from({ length: count }, call).filter(Boolean).length;

describe('limits of enlistment', () => {
  it('a bucket lets its burst through and then its rate', () => {
    const clock = createFakeClock();
    const bucket = createBucket(clock, 300, 10);
    assert.equal(
      times(1000, () => bucket.take()),
      300,
    );
    clock.advance(1000);
    assert.equal(
      times(100, () => bucket.take()),
      10,
    );
  });

  it('a bucket never holds more than its burst', () => {
    const clock = createFakeClock();
    const bucket = createBucket(clock, 5, 10);
    clock.advance(3_600_000);
    assert.equal(
      times(100, () => bucket.take()),
      5,
    );
  });

  it('a wall clock that jumps fills nothing', () => {
    const clock = createFakeClock();
    const bucket = createBucket(clock, 2, 10);
    times(2, () => bucket.take());
    clock.jump(3_600_000);
    assert.equal(bucket.take(), false);
  });

  it('addresses are counted apart and begin anew after the window', () => {
    const clock = createFakeClock();
    const limit = createAddressLimit(clock, 3, 60_000);
    const [a, b] = [ipv4(1), ipv4(2)];
    assert.equal(
      times(9, () => limit.take(a)),
      3,
    );
    assert.equal(limit.take(b), true);
    clock.advance(60_000);
    assert.equal(limit.take(a), true);
  });

  it('the memory for addresses is bounded', () => {
    const limit = createAddressLimit(createFakeClock(), 3, 60_000);
    for (let n = 0; n < 65_536; n += 1) assert.equal(limit.take(ipv4(n)), true);
    assert.equal(limit.take(ipv4(70_000)), false, 'a stranger beyond them');
    assert.equal(limit.take(ipv4(5)), true, 'one that is known');
  });
});
