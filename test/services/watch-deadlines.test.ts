import { strict as assert } from 'node:assert';
import { deadlineOf, MOVING_STATES, rests } from '../../server/core/lifecycle.ts';
import { watchDeadlines } from '../../server/services/watch-deadlines.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { createMemoryStore } from '../support/memory-store.ts';
import { sampleMachine } from '../support/samples.ts';
import { createQuietLog } from '../support/quiet-log.ts';

describe('deadlines', () => {
  for (const state of MOVING_STATES)
    it(`I3 ${state} falls to a state that rests at its deadline, with the reason`, async () => {
      const clock = createFakeClock();
      const store = createMemoryStore(clock);
      const lastsMs = (deadlineOf(state) ?? 0) * 1000;
      await store.machines.add(sampleMachine(1, { state, deadlineMs: clock.now() + lastsMs }), []);
      const watch = watchDeadlines({ machines: store.machines, clock, log: createQuietLog() });
      await clock.pass(lastsMs - 1000);
      assert.equal((await store.machines.byName('board-01'))?.state, state);
      await clock.pass(5000);
      const machine = await store.machines.byName('board-01');
      assert.ok(machine && rests(machine.state) && machine.failed?.includes(state));
      assert.equal((await store.events.list({ limit: 10 })).length, 1);
      watch.stop();
    });

  it('a jump of the wall clock grants a minute before anything falls', async () => {
    const clock = createFakeClock();
    const store = createMemoryStore(clock);
    await store.machines.add(sampleMachine(1, { state: 'deploying', deadlineMs: clock.now() + 3_600_000 }), []);
    const watch = watchDeadlines({ machines: store.machines, clock, log: createQuietLog() });
    await clock.pass(2000);
    clock.jump(10 * 365 * 86_400_000);
    await clock.pass(30_000);
    assert.equal((await store.machines.byName('board-01'))?.state, 'deploying');
    await clock.pass(60_000);
    assert.equal((await store.machines.byName('board-01'))?.state, 'allocated');
    watch.stop();
  });

  it('a store that fails once is asked again', async () => {
    const clock = createFakeClock();
    const store = createMemoryStore(clock);
    await store.machines.add(sampleMachine(1, { state: 'testing', deadlineMs: clock.now() + 1500 }), []);
    let failures = 1;
    const list = () => (failures-- > 0 ? Promise.reject(new Error('locked')) : store.machines.list());
    const watch = watchDeadlines({ machines: { ...store.machines, list }, clock, log: createQuietLog() });
    await clock.pass(4000);
    assert.equal((await store.machines.byName('board-01'))?.state, 'ready');
    watch.stop();
  });
});
