import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { oneAtATime } from '../../server/services/one-at-a-time.ts';
import { settle } from '../support/fake-clock.ts';

/** A reader of a value that changes, whose reads end when the test says so. */
function createReader() {
  const world = { value: 0, seen: -1, reads: 0, under: 0, most: 0, failures: [] as unknown[] };
  const ends: ((error?: Error) => void)[] = [];
  const again = oneAtATime(
    async () => {
      const read = world.value;
      world.reads += 1;
      world.most = Math.max(world.most, (world.under += 1));
      const error = await new Promise<Error | undefined>((resolve) => ends.push(resolve));
      world.under -= 1;
      if (error) throw error;
      world.seen = read;
    },
    (error) => world.failures.push(error),
  );
  const change = (): void => {
    world.value += 1;
    again();
  };
  const end = async (error?: Error): Promise<void> => {
    ends.shift()?.(error);
    await settle();
  };
  return { world, change, end };
}

describe('one at a time', () => {
  it('begins at once', () => {
    const { world, change } = createReader();
    change();
    assert.equal(world.reads, 1);
  });

  it('a hundred calls while it runs are one more run, which sees the last of them', async () => {
    const { world, change, end } = createReader();
    for (let n = 0; n < 101; n += 1) change();
    await end();
    assert.deepEqual([world.reads, world.seen], [2, 1]);
    await end();
    assert.deepEqual([world.reads, world.seen, world.under], [2, 101, 0]);
    change();
    assert.equal(world.reads, 3, 'after it has come to rest it begins at once again');
  });

  it('a run that fails is told of, and the one that waits runs all the same', async () => {
    const { world, change, end } = createReader();
    const gone = new Error('disk gone');
    change();
    change();
    await end(gone);
    await end();
    assert.deepEqual([world.failures, world.seen], [[gone], 2]);
  });

  it('whatever the order of calls and ends: never two at a time, and the last change is seen', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.boolean(), { maxLength: 30 }), async (steps) => {
        const { world, change, end } = createReader();
        for (const isChange of steps)
          if (isChange) change();
          else await end();
        await end();
        await end();
        assert.ok(world.most <= 1);
        assert.equal(world.under, 0);
        assert.equal(world.seen, world.value === 0 ? -1 : world.value);
      }),
      { numRuns: 40 },
    );
  });
});
