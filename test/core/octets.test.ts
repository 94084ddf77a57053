import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { joined, joinedAll } from '../../server/core/octets.ts';

describe('joined', () => {
  it('puts octets and lists of numbers behind each other, and nothing of nothing', () => {
    assert.deepEqual(joined([1, 2], Uint8Array.of(3), [], [4]), Uint8Array.of(1, 2, 3, 4));
    assert.deepEqual(joined(), new Uint8Array(0));
  });

  it('joins more parts than a call has room for', () => {
    assert.equal(joinedAll(Array.from({ length: 300_000 }, () => [1])).length, 300_000);
  });

  it('property: what is joined is a copy, and comes apart again', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 30 }), { maxLength: 8 }), (parts) => {
        const whole = joined(...parts);
        assert.ok(Buffer.concat(parts).equals(whole));
        assert.deepEqual(joinedAll(parts.map((part) => [...part])), whole);
        const copies = parts.map((part) => Uint8Array.from(part));
        whole.fill(7);
        assert.deepEqual(parts, copies);
      }),
    );
  });
});
