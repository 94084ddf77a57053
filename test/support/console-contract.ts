import { strict as assert } from 'node:assert';
import { StaleWrite } from '../../server/ports/store.ts';
import { sampleEvent, sampleMachine } from './samples.ts';
import type { StoreUnderTest } from './store-contract.ts';

/** What every Store must do with consoles, and with the right to them. */
export function consoleContract(fresh: () => StoreUnderTest): void {
  const machine = sampleMachine(1);
  const setting = { transport: 'telnet', parameters: { host: 'ser.lab', port: 7001 } };

  it('a setting and its sealed secrets are put whole, replaced whole, and go', async () => {
    const { store } = fresh();
    await store.machines.add(machine, []);
    const kept = { machine: machine.id, setting };
    await store.consoles.put(kept, new Map([['password', 'sealed']]), [sampleEvent('set')]);
    assert.deepEqual(await store.consoles.ofMachine(machine.id), setting);
    assert.deepEqual(await store.consoles.list(), [kept]);
    assert.deepEqual([...(await store.consoles.secretsOf(machine.id))], [['password', 'sealed']]);
    await store.consoles.put({ ...kept, setting: { ...setting, transport: 'tcp' } }, new Map(), []);
    assert.equal((await store.consoles.ofMachine(machine.id))?.transport, 'tcp');
    assert.equal((await store.consoles.secretsOf(machine.id)).size, 0);
    await store.consoles.remove(machine.id, [sampleEvent('removed')]);
    await store.consoles.remove(machine.id, [sampleEvent('was not there')]);
    assert.deepEqual(await store.consoles.list(), []);
    assert.equal((await store.events.list({ limit: 9 })).length, 2);
  });

  it('it goes with its machine, and is not put for one that is gone', async () => {
    const { store } = fresh();
    const kept = { machine: machine.id, setting };
    await assert.rejects(store.consoles.put(kept, new Map(), []), StaleWrite);
    const added = await store.machines.add(machine, []);
    await store.consoles.put(kept, new Map([['password', 'sealed']]), []);
    await store.machines.remove(added, []);
    assert.deepEqual(await store.consoles.list(), []);
    assert.equal((await store.consoles.secretsOf(machine.id)).size, 0);
  });

  it('a boot keeps its first tail; without a boot there is none', async () => {
    const { store } = fresh();
    await store.machines.add(machine, []);
    await store.boots.add({ id: 'b-1', machine: machine.id, startedMs: 1, tokenHash: undefined, plan: '' });
    for (const boot of ['b-1', 'b-9']) await store.consoles.keepTail(boot, Uint8Array.of(0, 255, 10));
    await store.consoles.keepTail('b-1', Uint8Array.of(1));
    assert.deepEqual([...((await store.consoles.tailOf('b-1')) ?? [])], [0, 255, 10]);
    assert.equal(await store.consoles.tailOf('b-9'), undefined);
  });

  it('a user’s right to consoles is kept, and left to the role again', async () => {
    const { store } = fresh();
    const eve = { name: 'eve', role: 'viewer', passwordHash: 'x', epoch: 1 } as const;
    await store.users.put({ ...eve, console: 'read' }, []);
    assert.equal((await store.users.byName('eve'))?.console, 'read');
    await store.users.put(eve, []);
    assert.deepEqual(await store.users.byName('eve'), eve);
  });
}
