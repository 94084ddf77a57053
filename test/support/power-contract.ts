import { strict as assert } from 'node:assert';
import { StaleWrite, Taken, type PowerOrder } from '../../server/ports/store.ts';
import { sampleEvent, sampleMachine } from './samples.ts';
import type { StoreUnderTest } from './store-contract.ts';

/** What a store must keep of power settings, their secrets, and orders. */
export function powerContract(fresh: () => StoreUnderTest): void {
  const machine = sampleMachine(1);
  const order = (n: number): PowerOrder => ({
    id: `o${String(n)}`,
    machine: machine.id,
    verb: 'cycle',
    ownerEpoch: 0,
    askedMs: n,
    by: 'alice',
    step: 'asked',
    because: undefined,
    isMachinery: false,
  });

  it('secrets are kept by machine and field', async () => {
    const { store } = fresh();
    await assert.rejects(store.secrets.put(machine.id, 'password', 'x'), StaleWrite);
    await store.machines.add(machine, []);
    await store.secrets.put(machine.id, 'password', 'x');
    await store.secrets.put(machine.id, 'password', 'y');
    await store.secrets.put(machine.id, 'community', 'z');
    assert.deepEqual(
      await store.secrets.ofMachine(machine.id),
      new Map([
        ['community', 'z'],
        ['password', 'y'],
      ]),
    );
    assert.equal(await store.secrets.count(), 2);
    await store.secrets.remove(machine.id, 'password');
    assert.deepEqual([...(await store.secrets.ofMachine(machine.id)).keys()], ['community']);
  });

  it('an order takes its next step only while the owner epoch is its own (invariant I4)', async () => {
    const { store } = fresh();
    await store.machines.add(machine, []);
    await store.powerOrders.add(order(1));
    assert.equal(await store.powerOrders.step('o1', 'off-ordered', undefined, [sampleEvent('off')]), true);
    await store.machines.change(machine, { ownerEpoch: 1 }, []);
    assert.equal(await store.powerOrders.step('o1', 'on-ordered', undefined, [sampleEvent('never')]), false);
    assert.deepEqual(await store.powerOrders.open(), [{ ...order(1), step: 'off-ordered' }]);
    assert.equal(await store.powerOrders.step('o1', 'dropped', 'changed hands', [sampleEvent('dropped')]), true);
    assert.deepEqual(await store.powerOrders.open(), []);
    const texts = (await store.events.list({ limit: 9 })).map((event) => event.text);
    assert.deepEqual(texts, ['off', 'dropped']);
    assert.equal(await store.powerOrders.step('o9', 'done', undefined, []), false);
  });

  it('the orders of a machine since a time, oldest first, with who gave them', async () => {
    const { store } = fresh();
    await store.machines.add(machine, []);
    for (const n of [1, 3, 2]) await store.powerOrders.add({ ...order(n), isMachinery: n === 2 });
    await store.powerOrders.add({ ...order(4), machine: sampleMachine(2).id });
    assert.deepEqual(await store.powerOrders.ofMachine(machine.id, 2), [{ ...order(2), isMachinery: true }, order(3)]);
  });

  it('ended orders go but the newest of each machine, and those of machines that are gone; open ones stay', async () => {
    const { store } = fresh();
    await store.machines.add(machine, []);
    for (const n of [1, 2, 3, 4, 5]) await store.powerOrders.add(order(n));
    for (const n of [2, 3, 4, 5]) await store.powerOrders.step(`o${String(n)}`, 'done', undefined, []);
    const gone = { ...order(9), machine: sampleMachine(2).id };
    await store.powerOrders.add({ ...gone, step: 'failed' });
    await store.powerOrders.add({ ...gone, id: 'o10' });
    assert.equal(await store.powerOrders.trim(2, 2), 2);
    assert.equal(await store.powerOrders.trim(2, 2), 1);
    assert.equal(await store.powerOrders.trim(2, 2), 0);
    const left = await store.powerOrders.ofMachine(machine.id, 0);
    assert.deepEqual(
      left.map(({ id }) => id),
      ['o1', 'o4', 'o5'],
    );
    assert.deepEqual(
      (await store.powerOrders.ofMachine(gone.machine, 0)).map(({ id }) => id),
      ['o10'],
    );
  });

  it('a power setting and its secrets are written together or not at all', async () => {
    const { store } = fresh();
    await store.machines.add({ ...machine, powerSeen: { state: 'on', atMs: 1, because: undefined } }, []);
    await store.secrets.put(machine.id, 'old', 'x');
    const power = { driver: 'pdu', parameters: { host: 'pdu-1', outlet: 1 } };
    const secrets = new Map([
      ['old', undefined],
      ['password', 'sealed'],
    ]);
    const set = await store.machines.setPower(machine, power, secrets, [sampleEvent('set')]);
    assert.deepEqual([set.power, set.powerSeen, set.rev], [power, undefined, machine.rev + 1]);
    assert.deepEqual(await store.machines.byId(machine.id), set);
    assert.deepEqual([...(await store.secrets.ofMachine(machine.id))], [['password', 'sealed']]);
    await assert.rejects(
      store.machines.setPower(machine, undefined, new Map([['password', undefined]]), []),
      StaleWrite,
    );
    await store.machines.add(sampleMachine(2), []);
    await assert.rejects(store.machines.setPower(sampleMachine(2), power, new Map([['a', 'b']]), []), Taken);
    assert.equal(await store.secrets.count(), 1);
    assert.deepEqual(
      (await store.events.list({ limit: 9 })).map(({ text }) => text),
      ['set'],
    );
  });

  it('an outlet may be shared when all its machines say so', async () => {
    const { store } = fresh();
    const outlet = { driver: 'pdu', parameters: { host: 'pdu-1', outlet: 1 } };
    const shared = { ...outlet, shared: true } as const;
    const [one, two, three] = [1, 2, 3].map((n) => sampleMachine(n));
    assert.ok(one && two && three);
    await store.machines.add({ ...one, power: outlet }, []);
    const names = (error: unknown): boolean =>
      error instanceof Taken && error.message.includes(one.name) && error.message.includes('shared');
    await assert.rejects(store.machines.add({ ...two, power: shared }, []), names);
    await store.machines.setPower(one, shared, new Map(), []);
    await store.machines.add({ ...two, power: shared }, []);
    assert.deepEqual((await store.machines.byId(two.id))?.power, shared);
    await assert.rejects(store.machines.add({ ...three, power: outlet }, []), Taken);
    await assert.rejects(store.machines.setPower({ ...one, rev: one.rev + 1 }, outlet, new Map(), []), Taken);
  });

  it('open orders are the ones that did not end, oldest first; they end even when their machine is gone', async () => {
    const { store } = fresh();
    await store.machines.add(machine, []);
    for (const n of [3, 2, 1]) await store.powerOrders.add(order(n));
    await store.powerOrders.step('o2', 'done', undefined, []);
    assert.deepEqual(await store.powerOrders.open(), [order(1), order(3)]);
    await store.machines.remove(machine, []);
    assert.equal(await store.powerOrders.step('o1', 'started', undefined, []), false);
    assert.equal(await store.powerOrders.step('o1', 'failed', 'machine removed', []), true);
    assert.deepEqual(await store.powerOrders.open(), [order(3)]);
  });
}
