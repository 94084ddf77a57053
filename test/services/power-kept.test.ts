import { strict as assert } from 'node:assert';
import type { Machine } from '../../server/core/machine.ts';
import { StoreUnavailable } from '../../server/ports/store.ts';
import { createPowerService, type PowerService } from '../../server/services/power.ts';
import { createMemoryPowerStore, type MemoryPowerStore } from '../support/memory-power-store.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';
import { createQuietLog } from '../support/quiet-log.ts';
import { poweredMachine } from '../support/power-world.ts';
import { createPretendPdu, type PretendPdu } from '../support/pretend-pdu.ts';

interface FullWorld extends MemoryPowerStore {
  readonly clock: FakeClock;
  readonly pdu: PretendPdu;
  readonly power: PowerService;
  readonly lines: readonly string[];
  /** From now on every write is refused, as on a full disk. */
  fill(): void;
}

function createFullWorld(): FullWorld {
  const clock = createFakeClock();
  const memory = createMemoryPowerStore(clock);
  const pdu = createPretendPdu(clock);
  const log = createQuietLog();
  let isFull = false;
  const whileRoom = <T>(write: () => Promise<T>): Promise<T> =>
    isFull ? Promise.reject(new StoreUnavailable('the disk is full; free some space on it')) : write();
  const { machines, powerOrders } = memory.store;
  memory.put(poweredMachine(1));
  const power = createPowerService({
    store: {
      ...memory.store,
      machines: { ...machines, change: (...wanted) => whileRoom(() => machines.change(...wanted)) },
      powerOrders: {
        ...powerOrders,
        add: (order) => whileRoom(() => powerOrders.add(order)),
        step: (...wanted) => whileRoom(() => powerOrders.step(...wanted)),
      },
    },
    vault: { open: (sealed) => sealed },
    drivers: { list: () => [pdu.driver], byName: () => pdu.driver },
    boards: { byName: () => undefined },
    planNext: () => Promise.resolve(undefined),
    clock,
    rng: { octets: (count) => new Uint8Array(count) },
    log,
  });
  return {
    ...{ ...memory, clock, pdu, power, lines: log.lines },
    fill: () => {
      isFull = true;
    },
  };
}

const seenOf = (outcome: Awaited<ReturnType<PowerService['order']>>): string =>
  outcome.is === 'done' ? outcome.seen.state : outcome.is;

describe('power with a disk that is full', () => {
  const order = (world: FullWorld, verb: 'on' | 'off', machine: Machine = world.machine('m1')) =>
    world.clock.until(world.power.order(machine, verb, 'alice'));

  it('off is carried out and seen, with the log as its only record', async () => {
    const world = createFullWorld();
    world.pdu.set('1', 'on');
    world.fill();
    assert.equal(seenOf(await order(world, 'off')), 'off');
    assert.deepEqual([...world.orders.values()], []);
    assert.ok(world.lines.some((line) => /kept in the log only: the disk is full/.test(line)));
    assert.ok(world.lines.some((line) => /power off of m-1 by alice/.test(line)));
    assert.equal(world.power.underWay(world.machine('m1')), undefined);
  });

  it('an off of somebody who lost the machine is dropped all the same', async () => {
    const world = createFullWorld();
    const old = world.machine('m1');
    world.changeHands('m1');
    world.fill();
    assert.equal((await order(world, 'off', old)).is, 'dropped');
    assert.deepEqual(world.pdu.calls, []);
  });

  it('the state can be asked', async () => {
    const world = createFullWorld();
    world.pdu.set('1', 'on');
    world.fill();
    assert.equal(seenOf(await world.clock.until(world.power.status(world.machine('m1')))), 'on');
  });

  it('on is refused in words: without a record nobody could tell after a restart', async () => {
    const world = createFullWorld();
    world.fill();
    await assert.rejects(order(world, 'on'), /the disk is full/);
    assert.deepEqual(world.pdu.calls, []);
  });

  it('a disk that fills up while an off waits for its turn stops nothing', async () => {
    const world = createFullWorld();
    world.pdu.set('1', 'on');
    world.pdu.habits('1', { slowMs: 1000 });
    const going = world.power.order(world.machine('m1'), 'off', 'alice');
    await world.clock.pass(10);
    world.fill();
    assert.equal(seenOf(await world.clock.until(going)), 'off');
  });
});
