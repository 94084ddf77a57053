import { strict as assert } from 'node:assert';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Machine } from '../../server/core/machine.ts';
import type { PowerDriver } from '../../server/ports/power-driver.ts';
import type { Store } from '../../server/ports/store.ts';
import { createMachineService } from '../../server/services/machines.ts';
import { createPowerService, type PowerService } from '../../server/services/power.ts';
import { openStore } from '../../server/store/sqlite/open.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { createQuietLog } from '../support/quiet-log.ts';
import { realClock } from '../../server/edges/real-clock.ts';
import { sampleMachine } from '../support/samples.ts';
import { readFdt } from '../../server/wire/fdt/fdt.ts';

/** One PDU that is asked for outlet 1 first, and answers when the test lets it. */
function createSlowPdu(): {
  readonly driver: PowerDriver;
  readonly calls: string[];
  readonly called: Promise<void>;
  release(): void;
} {
  const calls: string[] = [];
  let [release, call]: (() => void)[] = [];
  const released = new Promise<void>((resolve) => (release = resolve));
  const called = new Promise<void>((resolve) => (call = resolve));
  const driver: PowerDriver = {
    name: 'slow',
    summary: 'a PDU that takes its time',
    fields: {
      host: { kind: 'host', label: 'Host', scope: 'controller', required: true },
      outlet: { kind: 'text', label: 'Outlet', scope: 'machine', required: true },
    },
    abilities: ['on', 'off'],
    callTimeoutMs: 20_000,
    settleTimeoutMs: 1000,
    open: ({ outlet }) => ({
      set: async (want) => {
        calls.push(`${String(outlet)} ${want}`);
        call?.();
        await released;
      },
      query: () => Promise.resolve('unknown'),
    }),
  };
  return { driver, calls, called, release: () => release?.() };
}

describe('power belongs to the owner, with SQLite (I4)', () => {
  let folder: string;
  let store: Store;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'farrier-owner-'));
    store = await openStore({ file: join(folder, 'a.db'), clock: createFakeClock(), log: createQuietLog() });
  });
  afterEach(async () => {
    await store.close();
    rmSync(folder, { recursive: true });
  });

  const race = async (change: (power: PowerService, machine: Machine) => Promise<unknown>): Promise<void> => {
    const pdu = createSlowPdu();
    const drivers = { list: () => [pdu.driver], byName: () => pdu.driver };
    const edges = {
      clock: realClock,
      rng: { octets: (count: number) => crypto.getRandomValues(new Uint8Array(count)) },
    };
    const boards = { byName: () => undefined };
    const planNext = () => Promise.resolve(undefined);
    const vault = { open: () => '', seal: () => '' };
    const power = createPowerService({
      ...{ store, drivers, boards, vault, planNext },
      ...edges,
      log: createQuietLog(),
    });
    const [first, second] = await Promise.all(
      [1, 2].map((n) => {
        const parameters = { host: 'pdu-a', outlet: String(n) };
        return store.machines.add(sampleMachine(n, { power: { driver: 'slow', parameters } }), []);
      }),
    );
    assert.ok(first && second);
    const slow = power.order(first, 'on', 'alice');
    await pdu.called;
    const waiting = power.order(second, 'cycle', 'alice');
    await change(power, second);
    pdu.release();
    assert.equal((await slow).is, 'done');
    assert.equal((await waiting).is, 'dropped');
    assert.deepEqual(pdu.calls, ['1 on']);
    assert.deepEqual(await store.powerOrders.open(), []);
    await power.stop();
  };

  it('the epoch grows while a cycle waits behind a slow driver: the driver is never called', () =>
    race((_power, machine) => store.machines.change(machine, { ownerEpoch: machine.ownerEpoch + 1 }, [])));

  it('force takes a machine away from whoever ordered', () =>
    race((_power, machine) => {
      const never = { list: () => [], byName: () => undefined };
      const service = createMachineService({
        store,
        boards: { ...never, findDtb: () => undefined, openDtb: () => Promise.resolve(undefined) },
        drivers: never,
        vault: { open: () => '', seal: () => '' },
        artefacts: { open: () => Promise.resolve(undefined) },
        readTree: readFdt,
        networks: () => [],
        leases: () => [],
        clock: realClock,
      });
      return service.force(machine.name, 'broken', 'it smokes', 'bob');
    }));

  it('so does an abort', () =>
    race((power, machine) => {
      power.abort(machine);
      return Promise.resolve();
    }));

  it('and its removal', () => race((_power, machine) => store.machines.remove(machine, [])));
});
