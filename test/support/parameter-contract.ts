import { strict as assert } from 'node:assert';
import { StaleWrite, Taken } from '../../server/ports/store.ts';
import { ownNote, sampleSetting } from '../core/parameter-fixtures.ts';
import { sampleEvent, sampleMachine } from './samples.ts';
import type { StoreUnderTest } from './store-contract.ts';

const one = sampleMachine(1);
const once = (name: string, change: Parameters<typeof sampleSetting>[1] = {}) =>
  sampleSetting(name, { scope: 'once', subject: one.id, expiresMs: 90_000, ...change });
const place = { scope: 'once', subject: one.id } as const;

/** What every store of parameters does. */
export function parameterContract(fresh: () => StoreUnderTest): void {
  const withMachine = async (): Promise<StoreUnderTest['store']> => {
    const { store } = fresh();
    await store.machines.add(one, []);
    return store;
  };
  const boot = (id: string, startedMs: number) => ({ id, machine: one.id, startedMs, tokenHash: undefined, plan: '' });

  it('keeps declarations by name, the later in place of the earlier, each with its events', async () => {
    const { store } = fresh();
    const second = { ...ownNote, name: 'lab.a', type: 'number', unit: 'rows', min: 0, max: 9, default: 3 } as const;
    await store.parameters.declare(ownNote, [sampleEvent('declared')]);
    await store.parameters.declare(second, []);
    await store.parameters.declare({ ...ownNote, meaning: 'Another.' }, []);
    assert.deepEqual(await store.parameters.declarations(), [second, { ...ownNote, meaning: 'Another.' }]);
    assert.deepEqual(
      (await store.events.list({ limit: 9 })).map((event) => event.text),
      ['declared'],
    );
  });

  it('lets no declaration go while a value stands, naming where', async () => {
    const { store } = fresh();
    await store.parameters.declare(ownNote, []);
    await store.parameters.set(sampleSetting(ownNote.name, { scope: 'board', subject: 'mustang', value: 'x' }), []);
    await assert.rejects(store.parameters.undeclare(ownNote.name, [sampleEvent('never')]), (error) => {
      return error instanceof Taken && error.message.includes('board mustang');
    });
    assert.ok(await store.parameters.unset({ scope: 'board', subject: 'mustang' }, ownNote.name, []));
    await store.parameters.undeclare(ownNote.name, [sampleEvent('gone')]);
    assert.deepEqual(await store.parameters.declarations(), []);
    assert.deepEqual(
      (await store.events.list({ limit: 9 })).map((event) => event.text),
      ['gone'],
    );
  });

  it('gives back each value as it was set, one a place and name, and forgets what is unset', async () => {
    const store = await withMachine();
    const values = ['a "b"\n\u0000 ü', 7, false, ['x', 'y z']] as const;
    for (const [index, value] of values.entries())
      await store.parameters.set(sampleSetting(`p${index}`, { scope: 'network', subject: 'r', value }), []);
    const again = await store.parameters.set(
      sampleSetting('p1', { scope: 'network', subject: 'r', value: 8, by: 'bob' }),
      [sampleEvent('set')],
    );
    assert.deepEqual(
      (await store.parameters.list()).map((each) => [each.name, each.value, each.by]),
      [
        ['p0', values[0], 'alice'],
        ['p1', 8, 'bob'],
        ['p2', false, 'alice'],
        ['p3', ['x', 'y z'], 'alice'],
      ],
    );
    assert.ok((await store.parameters.list()).some((each) => each.id === again.id));
    const network = { scope: 'network', subject: 'r' } as const;
    assert.equal(await store.parameters.unset(network, 'p1', []), true);
    assert.equal(await store.parameters.unset(network, 'p1', [sampleEvent('never')]), false);
    assert.equal((await store.events.list({ limit: 9 })).length, 1);
  });

  it('answers for the site and the places asked for, and no other', async () => {
    const store = await withMachine();
    await store.parameters.set(sampleSetting('a'), []);
    await store.parameters.set(sampleSetting('a', { scope: 'network', subject: 'r1' }), []);
    await store.parameters.set(sampleSetting('a', { scope: 'network', subject: 'r2' }), []);
    await store.parameters.set(sampleSetting('a', { scope: 'machine', subject: one.id }), []);
    await store.parameters.set(once('a'), []);
    const asked = await store.parameters.at([{ scope: 'network', subject: 'r1' }, place]);
    assert.deepEqual(
      asked.map((each) => `${each.scope} ${each.subject}`),
      ['site ', 'network r1', `once ${one.id}`],
    );
  });

  it('takes no value for a machine there is not, and lets a machine’s values go with it', async () => {
    const store = await withMachine();
    const stranger = sampleSetting('a', { scope: 'machine', subject: 'm-nobody000' });
    await assert.rejects(store.parameters.set(stranger, []), StaleWrite);
    await store.parameters.set(sampleSetting('a', { scope: 'machine', subject: one.id }), []);
    await store.parameters.set(once('a'), []);
    await store.parameters.set(sampleSetting('a', { scope: 'board', subject: one.id }), []);
    await store.machines.remove(one, []);
    assert.deepEqual(
      (await store.parameters.list()).map((each) => each.scope),
      ['board'],
    );
    assert.equal(await store.machines.byId(one.id), undefined);
  });

  it('a value for one boot is spent once, with its events, and stays known to that boot', async () => {
    const store = await withMachine();
    const [a, b] = [await store.parameters.set(once('a'), []), await store.parameters.set(once('b'), [])];
    assert.deepEqual(await store.parameters.spend([a.id, b.id], 'b-1', [sampleEvent('used')]), [a.id, b.id]);
    assert.deepEqual(await store.parameters.spend([a.id, b.id], 'b-2', [sampleEvent('never')]), []);
    assert.deepEqual(await store.parameters.list(), []);
    assert.deepEqual(
      (await store.parameters.at([place])).map((each) => [each.name, each.boot]),
      [
        ['a', 'b-1'],
        ['b', 'b-1'],
      ],
    );
    assert.equal((await store.events.list({ limit: 9 })).length, 1);
  });

  it('what lasts is never spent', async () => {
    const store = await withMachine();
    const lasting = await store.parameters.set(sampleSetting('a', { scope: 'machine', subject: one.id }), []);
    assert.deepEqual(await store.parameters.spend([lasting.id], 'b-1', []), []);
    assert.equal((await store.parameters.list()).length, 1);
  });

  it('is given back by its own boot only, and not over a newer value', async () => {
    const store = await withMachine();
    const a = await store.parameters.set(once('a', { value: 'old' }), []);
    await store.parameters.spend([a.id], 'b-1', []);
    await store.parameters.giveBack([a.id], 'b-2');
    assert.deepEqual(await store.parameters.list(), []);
    await store.parameters.giveBack([a.id], 'b-1');
    assert.deepEqual((await store.parameters.list())[0]?.boot, undefined);
    await store.parameters.spend([a.id], 'b-1', []);
    await store.parameters.set(once('a', { value: 'new' }), []);
    await store.parameters.giveBack([a.id], 'b-1');
    assert.deepEqual(
      (await store.parameters.list()).map((each) => each.value),
      ['new'],
    );
  });

  it('a boot that begins clears away what had expired, spent or not', async () => {
    const store = await withMachine();
    const used = await store.parameters.set(once('used', { expiresMs: 1_000 }), []);
    await store.parameters.set(once('late', { expiresMs: 2_000 }), []);
    await store.parameters.set(once('fresh', { expiresMs: 2_001 }), []);
    await store.parameters.spend([used.id], 'b-0', []);
    await store.boots.add(boot('b-1', 2_000));
    assert.deepEqual(
      (await store.parameters.at([place])).map((each) => each.name),
      ['fresh'],
    );
  });
}
