import { strict as assert } from 'node:assert';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createPowerDrivers, type SiteDrivers } from '../../power-drivers/index.ts';
import { realClock } from '../../server/edges/real-clock.ts';
import { secretContext } from '../../server/services/power-secrets.ts';
import type { PowerService } from '../../server/services/power.ts';
import { BMC_PASSWORD, BMC_USER, startTestBmc, type TestBmc } from '../support/bmc-rack.ts';
import { realEdges } from '../support/ipmi-crypto.ts';
import { createMemoryPowerStore, type MemoryPowerStore } from '../support/memory-power-store.ts';
import { poweredMachine } from '../support/power-world.ts';
import { createQuietLog } from '../support/quiet-log.ts';
import { createRealPower } from '../support/real-power.ts';

const DEAD = 10;
const ALIVE = 20;

/** Real time, real datagrams: BMCs that take every packet and answer none. */
describe('ten dead BMCs among thirty', () => {
  let memory: MemoryPowerStore;
  let power: PowerService;
  let drivers: SiteDrivers;
  const holes: Socket[] = [];
  const bmcs: TestBmc[] = [];

  const rack = (n: number, host: string, port: number): void => {
    const machine = poweredMachine(n, { power: { driver: 'ipmi', parameters: { host, port, user: BMC_USER } } });
    memory.put(machine);
    memory.seal(machine.id, 'password', `${BMC_PASSWORD}@${secretContext(machine.id, 'password')}`);
  };
  const machines = (from: number, to: number) =>
    Array.from({ length: to - from + 1 }, (_, at) => memory.machine(`m${String(from + at)}`));

  before(async () => {
    memory = createMemoryPowerStore(realClock);
    drivers = await createPowerDrivers([], { ...realEdges, log: createQuietLog() });
    power = createRealPower(memory, drivers);
    for (let n = 1; n <= DEAD; n += 1) {
      const hole = createSocket('udp4');
      hole.bind(0, '127.0.0.1');
      await once(hole, 'listening');
      holes.push(hole);
      rack(n, '127.0.0.1', hole.address().port);
    }
    for (let n = DEAD + 1; n <= DEAD + ALIVE; n += 1) {
      const bmc = await startTestBmc();
      bmcs.push(bmc);
      rack(n, bmc.address, bmc.port);
    }
  });
  after(async () => {
    await power.stop();
    drivers.close();
    for (const hole of holes) hole.close();
    await Promise.all(bmcs.map((bmc) => bmc.stop()));
  });

  it('delay nobody: all others are switched on long before the first of the dead is given up', async function () {
    this.timeout(120_000);
    let deadDone = 0;
    const dead = machines(1, DEAD).map(async (machine) => {
      const outcome = await power.order(machine, 'on', 'alice');
      deadDone += 1;
      return outcome;
    });
    const outcomes = await Promise.all(
      machines(DEAD + 1, DEAD + ALIVE).map((machine) => power.order(machine, 'on', 'alice')),
    );
    assert.ok(outcomes.every(({ is }) => is === 'done'));
    assert.equal(deadDone, 0);
    assert.ok(bmcs.every((bmc) => bmc.isOn()));
    for (const machine of machines(1, DEAD)) power.abort(machine);
    assert.ok((await Promise.all(dead)).every(({ is }) => is !== 'done'));
  });
});
