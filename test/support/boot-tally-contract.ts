import { strict as assert } from 'node:assert';
import type { BootServed, Verdict } from '../../server/core/boot-verdict.ts';
import { sampleMachine, sampleServed, sampleVerdict } from './samples.ts';
import type { StoreUnderTest } from './store-contract.ts';

/** How every store counts boots. */
export function bootTallyContract(fresh: () => StoreUnderTest): void {
  it('counts by board, bundle and outcome the boots that were served something and are decided', async () => {
    const { store } = fresh();
    const boot = async (id: string, startedMs: number, change: Partial<BootServed>, state?: Verdict['state']) => {
      await store.boots.add({ id, machine: sampleMachine(1).id, startedMs, tokenHash: undefined, plan: '' });
      await store.boots.setPlan(id, 'boots', sampleServed({ board: 'mustang', bundle: 'debian@1', ...change }));
      if (state) await store.boots.decide(id, sampleVerdict(state), []);
    };
    await boot('b1', 10, {}, 'failed');
    await boot('b2', 20, {}, 'ended well');
    await boot('b3', 30, {}, 'ended well');
    await boot('b4', 40, { bundle: 'debian@2' }, 'silent');
    await boot('b5', 50, {}, 'under way');
    await boot('b6', 60, {});
    await store.boots.add({ id: 'b7', machine: sampleMachine(2).id, startedMs: 70, tokenHash: undefined, plan: '' });
    await store.boots.decide('b7', sampleVerdict('silent'), []);
    const mustang = { board: 'mustang', bundle: 'debian@1' };
    assert.deepEqual(await store.boots.tallies(), [
      { ...mustang, state: 'ended well', boots: 2, lastMs: 30 },
      { ...mustang, state: 'failed', boots: 1, lastMs: 10 },
      { board: 'mustang', bundle: 'debian@2', state: 'silent', boots: 1, lastMs: 40 },
    ]);
  });
}
