import { strict as assert } from 'node:assert';
import { workQueue } from '../../server/net/work-queue.ts';

const soon = (call: () => void): void => void setImmediate(call);

describe('net/work-queue', () => {
  it('works off in order, urgent items first', async () => {
    const done: string[] = [];
    const queue = workQueue((item: string) => (done.push(item), Promise.resolve()), { waiting: 10, running: 2 }, soon);
    for (const item of ['a', 'b', 'c']) assert.equal(queue.push(item, false), true);
    assert.equal(queue.push('known', true), true);
    await queue.idle();
    assert.deepEqual(done, ['known', 'a', 'b', 'c']);
  });

  it('never runs more than allowed at once', async () => {
    let [running, most] = [0, 0];
    const work = async (): Promise<void> => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
    };
    const queue = workQueue(work, { waiting: 100, running: 3 }, soon);
    for (let item = 0; item < 20; item += 1) queue.push(item, item % 2 === 0);
    await queue.idle();
    assert.deepEqual([running, most], [0, 3]);
  });

  it('refuses what has no room, each rank by itself', async () => {
    const queue = workQueue(() => Promise.resolve(), { waiting: 2, running: 1 }, soon);
    assert.deepEqual(
      [1, 2, 3].map((item) => queue.push(item, false)),
      [true, true, false],
    );
    assert.equal(queue.push(4, true), true);
    await queue.idle();
    assert.equal(queue.push(5, false), true);
    await queue.idle();
  });

  it('forgets what it has done, over thousands of items', async () => {
    let sum = 0;
    const queue = workQueue((item: number) => Promise.resolve(void (sum += item)), { waiting: 5000, running: 8 }, soon);
    for (let item = 1; item <= 4000; item += 1) queue.push(item, false);
    await queue.idle();
    assert.equal(sum, (4000 * 4001) / 2);
  });

  it('is idle at once when nothing was pushed', async () => {
    await workQueue(() => Promise.resolve(), { waiting: 1, running: 1 }, soon).idle();
  });
});
