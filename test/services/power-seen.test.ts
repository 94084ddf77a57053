import { strict as assert } from 'node:assert';
import type { Machine, PowerSeen, PowerState } from '../../server/core/machine.ts';
import { createPowerLooks, type PowerLooks } from '../../server/services/power-seen.ts';
import { createPowerWorld, type PowerWorld } from '../support/power-world.ts';

const MINUTE_MS = 60_000;

describe('what was seen of a machine’s power', () => {
  let world: PowerWorld;
  let looks: PowerLooks;
  let rows: number;
  beforeEach(() => {
    world = createPowerWorld();
    rows = 0;
    looks = kept();
  });

  const kept = (): PowerLooks => {
    const { machines, powerOrders } = world.store;
    const change: typeof machines.change = (...args) => {
      rows += 1;
      return machines.change(...args);
    };
    return createPowerLooks({ machines: { byId: (id) => machines.byId(id), change }, powerOrders });
  };
  const machine = (): Machine => world.machine('m1');
  const look = async (state: PowerState, atMs: number, because?: string): Promise<void> => {
    await looks.note(machine().id, { seen: { state, atMs, because }, tells: true });
  };
  const latest = (): PowerSeen | undefined => looks.latest(machine());

  it('is written when it changes; a look that finds the same only moves the time', async () => {
    await look('on', 1000);
    for (let n = 2; n <= 9; n += 1) await look('on', n * MINUTE_MS);
    assert.deepEqual([rows, machine().powerSeen?.atMs, latest()?.atMs], [1, 1000, 9 * MINUTE_MS]);
    await look('off', 9 * MINUTE_MS + 1);
    assert.deepEqual([rows, machine().powerSeen?.state, latest()?.state], [2, 'off', 'off']);
    await look('unknown', 9 * MINUTE_MS + 2, 'the BMC is silent');
    await look('unknown', 9 * MINUTE_MS + 3, 'the login was refused');
    assert.deepEqual([rows, latest()?.because], [4, 'the login was refused']);
    assert.deepEqual(world.texts(), [
      'power seen on',
      'power seen off; nobody here ordered it',
      'power seen unknown: the BMC is silent',
    ]);
  });

  it('is written every ten minutes all the same, and after a restart that look is told', async () => {
    for (let n = 0; n <= 25; n += 1) await look('on', 1000 + n * MINUTE_MS);
    assert.equal(rows, 3);
    assert.equal(latest()?.atMs, 1000 + 25 * MINUTE_MS);
    looks = kept();
    assert.equal(latest()?.atMs, 1000 + 20 * MINUTE_MS);
  });

  it('an older look changes nothing, be the newer one written or not', async () => {
    await look('on', 1000);
    await look('on', 3000);
    await look('off', 2000);
    assert.deepEqual([rows, latest()], [1, { state: 'on', atMs: 3000, because: undefined }]);
  });

  it('of another power setting nothing is known, and a machine that is gone has no row', async () => {
    await look('on', 1000);
    await look('on', 2000);
    const before = machine();
    world.put({ ...before, powerSeen: undefined, rev: before.rev + 1 });
    assert.equal(latest(), undefined);
    await look('on', 3000);
    assert.deepEqual([rows, latest()?.atMs], [2, 3000]);
    const gone = { ...before, id: world.machine('m2').id };
    await world.store.machines.remove(world.machine('m2'), []);
    await looks.note(gone.id, { seen: { state: 'off', atMs: 4000, because: undefined }, tells: true });
    assert.equal(rows, 2);
  });
});
