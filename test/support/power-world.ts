import type { Machine, MachineId } from '../../server/core/machine.ts';
import type { PowerAbility, PowerDriver } from '../../server/ports/power-driver.ts';
import type { PowerDrivers } from '../../server/ports/power-drivers.ts';
import { VaultError } from '../../server/ports/vault.ts';
import { createPowerService, type PowerDeps, type PowerService } from '../../server/services/power.ts';
import { createMemoryPowerStore, type MemoryPowerStore } from './memory-power-store.ts';
import { createFakeClock, type FakeClock } from './fake-clock.ts';
import { createPretendPdu, type PretendPdu } from './pretend-pdu.ts';
import { sampleMachine } from './samples.ts';
import { createQuietLog } from './quiet-log.ts';

/** A power service over a pretend PDU, in memory, with its own time. */
export interface PowerWorld extends MemoryPowerStore {
  readonly clock: FakeClock;
  readonly pdu: PretendPdu;
  readonly power: PowerService;
  /** Ends the service as `kill -9` does, and gives the one of the next start: the same store, nothing in memory. */
  restarted(): PowerService;
}

/** A machine on an outlet of the pretend PDU: `m1` hangs on outlet 1 of `pdu-a`. */
export function poweredMachine(n: number, change: Partial<Machine> = {}): Machine {
  return sampleMachine(n, {
    id: `m-${n}` as MachineId,
    name: `m${n}`,
    power: { driver: 'pretend', parameters: { host: 'pdu-a', outlet: String(n) } },
    ownerEpoch: 7,
    ...change,
  });
}

/** A world with machines `m1` to `m4` on one PDU; `more` takes the place of what the service stands on. */
export function createPowerWorld(abilities?: readonly PowerAbility[], more: Partial<PowerDeps> = {}): PowerWorld {
  const clock = createFakeClock();
  const memory = createMemoryPowerStore(clock);
  const pdu = createPretendPdu(clock, abilities);
  for (const n of [1, 2, 3, 4]) memory.put(poweredMachine(n));
  let generation = 0;
  const make = (): PowerService => {
    generation += 1;
    const mine = generation;
    /** What a killed daemon asks for never comes about. */
    const alive = <T>(act: () => Promise<T>): Promise<T> =>
      mine === generation ? act() : new Promise(() => undefined);
    return createPowerService({
      store: mortal(memory.store, alive),
      vault: {
        open: (sealed, context) => {
          if (!sealed.endsWith(`@${context}`)) throw new VaultError('moved to another row');
          return sealed.slice(0, -context.length - 1);
        },
      },
      drivers: driversOf(mortalDriver(pdu.driver, alive)),
      boards: { byName: () => undefined },
      planNext: () => Promise.resolve(undefined),
      clock,
      rng: { octets: (count) => crypto.getRandomValues(new Uint8Array(count)) },
      log: createQuietLog(),
      ...more,
    });
  };
  return { ...memory, clock, pdu, power: make(), restarted: make };
}

type Alive = <T>(act: () => Promise<T>) => Promise<T>;

function driversOf(driver: PowerDriver): PowerDrivers {
  return { list: () => [driver], byName: (name) => (name === driver.name ? driver : undefined) };
}

function mortal(store: PowerDeps['store'], alive: Alive): PowerDeps['store'] {
  const { machines, powerOrders } = store;
  return {
    ...store,
    machines: {
      ...machines,
      byId: (id) => alive(() => machines.byId(id)),
      change: (seen, change, events) => alive(() => machines.change(seen, change, events)),
    },
    powerOrders: {
      ...powerOrders,
      add: (order) => alive(() => powerOrders.add(order)),
      step: (id, step, because, events) => alive(() => powerOrders.step(id, step, because, events)),
    },
  };
}

function mortalDriver(driver: PowerDriver, alive: Alive): PowerDriver {
  return {
    ...driver,
    open: (parameters, edges) => {
      const handle = driver.open(parameters, edges);
      return {
        set: (want, signal) => alive(() => handle.set(want, signal)),
        query: (signal) => alive(() => handle.query(signal)),
        reset: (signal) => alive(async () => handle.reset?.(signal)),
        bootdev: (device, signal) => alive(async () => handle.bootdev?.(device, signal)),
        identify: (forS, signal) => alive(async () => handle.identify?.(forS, signal)),
        info: (signal) => alive(async () => (await handle.info?.(signal)) ?? {}),
      };
    },
  };
}
