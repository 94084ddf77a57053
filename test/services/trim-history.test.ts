import { strict as assert } from 'node:assert';
import { trimHistory } from '../../server/services/trim-history.ts';
import { createFakeClock, settle } from '../support/fake-clock.ts';
import { createQuietLog } from '../support/quiet-log.ts';

const HOUR_MS = 3_600_000;

describe('the past is kept within bounds', () => {
  it('every hour, in small pieces until nothing is left to drop, and again after a fault', async () => {
    const clock = createFakeClock();
    const surplus = { boots: 1500, powerOrders: 500, events: 2500 };
    const asked: string[] = [];
    let fails = false;
    const trimmer = (what: 'boots' | 'powerOrders' | 'events') => ({
      trim: (keep: number, atMost: number): Promise<number> => {
        asked.push(`${what} ${String(keep)}`);
        if (fails) return Promise.reject(new Error('locked'));
        const gone = Math.min(surplus[what], atMost);
        surplus[what] -= gone;
        return Promise.resolve(gone);
      },
    });
    const store = { boots: trimmer('boots'), powerOrders: trimmer('powerOrders'), events: trimmer('events') };
    const trim = trimHistory({ store, clock, log: createQuietLog() });
    clock.advance(HOUR_MS - 1);
    await settle();
    assert.deepEqual(asked, []);
    const pass = async (): Promise<void> => {
      clock.advance(1);
      for (let piece = 0; piece < 10; piece += 1) {
        await settle();
        clock.advance(50);
      }
      await settle();
    };
    await pass();
    assert.deepEqual(surplus, { boots: 0, powerOrders: 0, events: 0 });
    assert.deepEqual([...new Set(asked)], ['boots 100', 'powerOrders 100', 'events 200000']);
    assert.equal(asked.length, 3 + 2 + 4);

    fails = true;
    clock.advance(HOUR_MS);
    await pass();
    fails = false;
    surplus.events = 1;
    clock.advance(HOUR_MS);
    await pass();
    assert.equal(surplus.events, 0);

    trim.stop();
    surplus.events = 1;
    clock.advance(2 * HOUR_MS);
    await pass();
    assert.equal(surplus.events, 1);
  });
});
