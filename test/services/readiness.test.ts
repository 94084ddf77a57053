import { strict as assert } from 'node:assert';
import { StoreUnavailable } from '../../server/ports/store.ts';
import { createReadiness } from '../../server/services/readiness.ts';
import { createFakeClock, settle } from '../support/fake-clock.ts';

describe('readiness', () => {
  it('is ready while the store takes writes, and says in its words why it does not', async () => {
    const clock = createFakeClock();
    const faults: Error[] = [];
    let probes = 0;
    const probe = (): Promise<void> => {
      probes += 1;
      const fault = faults[0];
      return fault ? Promise.reject(fault) : Promise.resolve();
    };
    const notReady = createReadiness({ store: { probe }, clock });
    assert.equal(await notReady(), undefined);
    faults.push(new StoreUnavailable('the disk is full; free some space on it'));
    assert.equal(await notReady(), undefined, 'looked at a moment ago');
    assert.equal(probes, 1);
    clock.advance(1000);
    assert.equal(await notReady(), 'the disk is full; free some space on it');
    faults.pop();
    clock.advance(1000);
    assert.equal(await notReady(), undefined);
    assert.equal(probes, 3);
  });

  it('answers after a second for a store that hangs, and asks it once only', async () => {
    const clock = createFakeClock();
    let probes = 0;
    let release: () => void = () => undefined;
    const probe = (): Promise<void> => {
      probes += 1;
      return new Promise((resolve) => {
        release = resolve;
      });
    };
    const notReady = createReadiness({ store: { probe }, clock });
    for (let second = 0; second < 3; second += 1) {
      const answer = notReady();
      await settle();
      clock.advance(1000);
      assert.match((await answer) ?? '', /no write for a second/);
    }
    assert.equal(probes, 1);
    release();
    await settle();
    const after = notReady();
    await settle();
    release();
    assert.equal(await after, undefined);
  });

  it('a fault of another kind is no unreadiness but a fault', async () => {
    const store = { probe: () => Promise.reject(new TypeError('mine')) };
    await assert.rejects(createReadiness({ store, clock: createFakeClock() })(), TypeError);
  });
});
