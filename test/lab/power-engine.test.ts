import { strict as assert } from 'node:assert';
import { readFile } from 'node:fs/promises';
import { startIpmiSim, type IpmiSim } from '../../lab/ipmi-sim.ts';
import { startVirtualPdu, type VirtualPdu } from '../../lab/virtual-pdu.ts';
import { createPowerDrivers, type SiteDrivers } from '../../power-drivers/index.ts';
import type { PowerSetting } from '../../server/core/machine.ts';
import { secretContext } from '../../server/services/power-secrets.ts';
import type { PowerOutcome, PowerService } from '../../server/services/power.ts';
import { startTestBmc, BMC_PASSWORD, BMC_USER } from '../support/bmc-rack.ts';
import { createDriverFolder, type DriverFolder } from '../support/driver-folder.ts';
import { realClock } from '../../server/edges/real-clock.ts';
import { realEdges } from '../support/ipmi-crypto.ts';
import { ipmitool } from '../support/ipmitool.ts';
import { createMemoryPowerStore, type MemoryPowerStore } from '../support/memory-power-store.ts';
import { poweredMachine } from '../support/power-world.ts';
import { createSimChassis, type SimChassis } from '../support/sim-chassis.ts';
import { createQuietLog } from '../support/quiet-log.ts';
import { createRealPower } from '../support/real-power.ts';

const PORT = 9651;

/** The whole way: service, queue, drivers, and at the far end a BMC of OpenIPMI and a PDU over TCP. */
describe('the power service with real drivers', () => {
  const outlets = [false, false];
  let memory: MemoryPowerStore;
  let power: PowerService;
  let drivers: SiteDrivers;
  let folder: DriverFolder;
  let chassis: SimChassis;
  let sim: IpmiSim;
  let pdu: VirtualPdu;

  before(async () => {
    memory = createMemoryPowerStore(realClock);
    chassis = await createSimChassis();
    sim = await startIpmiSim({
      port: PORT,
      user: BMC_USER,
      password: 'canary-of-ipmi-sim',
      powerProgram: chassis.program,
    });
    pdu = await startVirtualPdu({
      address: '127.0.0.1',
      port: 0,
      password: 'canary-of-the-pdu',
      switchMs: 300,
      outlets: outlets.map((_, at) => ({ isOn: () => outlets[at] ?? false, turn: (on) => (outlets[at] = on) })),
      clock: realClock,
    });
    folder = await createDriverFolder();
    await folder.drop('line-pdu', await readFile('power-drivers/examples/line-pdu', 'utf8'));
    drivers = await createPowerDrivers([folder.path], { ...realEdges, log: createQuietLog() });
    power = createRealPower(memory, drivers);
  });
  after(async () => {
    await power.stop();
    drivers.close();
    await Promise.all([sim.stop(), pdu.stop()]);
    await Promise.all([folder.remove(), chassis.remove()]);
  });

  const rack = (n: number, setting: PowerSetting, password: string): string => {
    const machine = poweredMachine(n, { power: setting });
    memory.put(machine);
    memory.seal(machine.id, 'password', `${password}@${secretContext(machine.id, 'password')}`);
    return machine.name;
  };
  const order = (name: string, verb: 'on' | 'off' | 'cycle' | 'reset'): Promise<PowerOutcome> =>
    power.order(memory.machine(name), verb, 'alice');
  const asked = (): Promise<string> =>
    ipmitool(
      { host: '127.0.0.1', port: PORT, user: BMC_USER, password: 'canary-of-ipmi-sim', suite: '3' },
      ...['chassis', 'power', 'status'],
    );

  it('on, cycle, reset and off through ipmi_sim, with ipmitool as the judge', async () => {
    const parameters = { host: '127.0.0.1', port: PORT, user: BMC_USER };
    const name = rack(1, { driver: 'ipmi', parameters }, 'canary-of-ipmi-sim');
    assert.equal((await order(name, 'on')).is, 'done');
    assert.match(await asked(), /is on/);
    assert.equal((await order(name, 'cycle')).is, 'done');
    assert.match(await asked(), /is on/);
    assert.equal((await order(name, 'reset')).is, 'done');
    assert.equal((await order(name, 'off')).is, 'done');
    assert.match(await asked(), /is off/);
    assert.deepEqual(await chassis.deeds(), ['power 1', 'power 0', 'power 1', 'reset', 'power 0']);
  });

  it('two outlets of one PDU through the example script: never two connections at once', async () => {
    const parameters = { host: '127.0.0.1', port: pdu.port };
    const names = [1, 2].map((outlet) =>
      rack(outlet + 1, { driver: 'line-pdu', parameters: { ...parameters, outlet } }, 'canary-of-the-pdu'),
    );
    const outcomes = await Promise.all(names.map((name) => order(name, 'cycle')));
    assert.deepEqual(
      outcomes.map((outcome) => outcome.is),
      ['done', 'done'],
    );
    assert.deepEqual(outlets, [true, true]);
    assert.equal(pdu.turnedAway(), 0);
  });

  it('a BMC that refuses the login: auth, asked once, the state unknown', async () => {
    const bmc = await startTestBmc();
    try {
      bmc.fault('refuses-login');
      const parameters = { host: bmc.address, port: bmc.port, user: BMC_USER };
      const outcome = await order(rack(4, { driver: 'ipmi', parameters }, BMC_PASSWORD), 'on');
      assert.equal(outcome.is === 'failed' && outcome.code, 'auth');
      assert.equal(memory.machine('m4').powerSeen?.state, 'unknown');
    } finally {
      await bmc.stop();
    }
  });

  it('no secret is in anything that was written', () => {
    const written = JSON.stringify([
      memory.events,
      [...memory.orders.values()],
      ['m1', 'm2', 'm3', 'm4'].map((name) => memory.machine(name)),
    ]);
    assert.ok(memory.events.length > 20);
    assert.ok(!written.includes('canary'));
  });
});
