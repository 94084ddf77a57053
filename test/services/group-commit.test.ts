import { strict as assert } from 'node:assert';
import { groupCommit } from '../../server/services/group-commit.ts';

const soon = (call: () => void): void => void setImmediate(call);

describe('services/group-commit', () => {
  it('all that arrive in one turn share one commit, in order', async () => {
    const batches: (readonly number[])[] = [];
    const commit = groupCommit((batch: readonly number[]) => {
      batches.push(batch);
      return Promise.resolve();
    }, soon);
    await Promise.all([commit([1]), commit([2, 3]), commit([4])]);
    assert.deepEqual(batches, [[1, 2, 3, 4]]);
  });

  it('what arrives during a commit waits for the next, together', async () => {
    const batches: (readonly number[])[] = [];
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    const commit = groupCommit(async (batch: readonly number[]) => {
      batches.push(batch);
      if (batches.length === 1) await gate;
    }, soon);
    const first = commit([1]);
    while (batches.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const [second, third] = [commit([2]), commit([3])];
    open();
    await Promise.all([first, second, third]);
    assert.deepEqual(batches, [[1], [2, 3]]);
  });

  it('a failed commit fails its own writers and no later ones', async () => {
    let fails = true;
    const commit = groupCommit(() => (fails ? Promise.reject(new Error('disk full')) : Promise.resolve()), soon);
    const [a, b] = [commit([1]), commit([2])];
    await assert.rejects(a, /disk full/);
    await assert.rejects(b, /disk full/);
    fails = false;
    await commit([3]);
  });

  it('writers of the next turn still get in, and a stream of them does not hold the commit up for ever', async () => {
    const batches: (readonly number[])[] = [];
    const commit = groupCommit((batch: readonly number[]) => Promise.resolve(void batches.push(batch)), soon);
    const writers: Promise<void>[] = [];
    for (let n = 0; n < 30; n += 1) {
      writers.push(commit([n]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(writers);
    assert.deepEqual(batches.flat(), [...Array(30).keys()]);
    assert.ok((batches[0]?.length ?? 0) >= 2 && batches.length >= 2, `${batches.length} batches`);
  });

  it('a lone writer waits for two idle turns and no longer', async () => {
    const calls: (() => void)[] = [];
    let commits = 0;
    const commit = groupCommit(
      () => Promise.resolve(void (commits += 1)),
      (call) => calls.push(call),
    );
    const done = commit([1]);
    for (let turn = 0; turn < 2; turn += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal(commits, 0);
      calls.splice(0).forEach((call) => {
        call();
      });
    }
    await done;
    assert.equal(commits, 1);
  });
});
