import { strict as assert } from 'node:assert';
import { startIpmiSim, type IpmiSim } from '../../lab/ipmi-sim.ts';
import { startPretendRedfish } from '../../lab/pretend/redfish.ts';
import { startPretendSnmpPdu } from '../../lab/pretend/snmp-outlet.ts';
import { createPowerDrivers } from '../../power-drivers/index.ts';
import type { FieldValues } from '../../server/core/field.ts';
import { realClock } from '../../server/edges/real-clock.ts';
import type { PowerHandle } from '../../server/ports/power-driver.ts';
import { realEdges } from '../support/ipmi-crypto.ts';
import { failureOf, forever } from '../support/power-failure.ts';
import { createQuietLog } from '../support/quiet-log.ts';
import { createSimChassis, type SimChassis } from '../support/sim-chassis.ts';
import { makeTlsCertificate } from '../support/tls-certificate.ts';

/** Debian's own agents, found where its packages put them, against devices that are not ours or judged by others too. */
describe("Debian's fence agents", function () {
  this.timeout(180_000); // each question starts an interpreter of Python
  let driver: (parameters: FieldValues) => PowerHandle;
  before(async () => {
    const drivers = await createPowerDrivers([], { ...realEdges, log: createQuietLog() });
    drivers.close();
    driver = (parameters) => {
      const fence = drivers.byName('fence');
      assert.ok(fence);
      return fence.open(parameters, realEdges);
    };
  });

  describe('fence_ipmilan and ipmi_sim', () => {
    const port = 9651;
    const password = 'canary-ipmilan-1';
    let sim: IpmiSim;
    let chassis: SimChassis;
    before(async () => {
      chassis = await createSimChassis();
      sim = await startIpmiSim({ port, user: 'lab', password, powerProgram: chassis.program });
    });
    after(async () => {
      await sim.stop();
      await chassis.remove();
    });
    const opened = (change: FieldValues = {}): PowerHandle => {
      const place = { agent: 'fence_ipmilan', host: '127.0.0.1', port, user: 'lab', password };
      return driver({ ...place, options: 'lanplus=1 cipher=3 method=onoff', ...change });
    };

    it('switch the machine and read it back', async () => {
      const handle = opened();
      assert.equal(await handle.query(forever), 'off');
      await handle.set('on', forever);
      assert.equal(await chassis.isOn(), true);
      assert.equal(await handle.query(forever), 'on');
      await handle.reset?.(forever);
      await handle.set('off', forever);
      assert.equal(await handle.query(forever), 'off');
      assert.deepEqual(await chassis.deeds(), ['power 1', 'power 0', 'power 1', 'power 0']);
    });

    it('a wrong password is an error without the password, and switches nothing', async () => {
      const deeds = await chassis.deeds();
      const error = await failureOf(opened({ password: 'canary-wrong' }).set('on', forever));
      assert.match(error.message, /fence_ipmilan 127\.0\.0\.1/);
      assert.doesNotMatch(error.message, /canary/);
      assert.deepEqual(await chassis.deeds(), deeds);
    });

    it('an option this agent does not know is refused, although the agent would pass over it', async () => {
      const error = await failureOf(opened({ options: 'snmp_version=1' }).query(forever));
      assert.equal(error.code, 'config');
      assert.match(error.message, /fence_ipmilan: this agent knows no option "snmp_version"/);
    });
  });

  it('fence_apc_snmp: an APC PDU by SNMP, with the community on standard input', async () => {
    const community = 'canary-community';
    const access = { writers: [community], readers: [] };
    const pdu = await startPretendSnmpPdu({ clock: realClock, outlet: 3, access });
    try {
      const options = 'snmp_version=1 power_timeout=3';
      const place = { agent: 'fence_apc_snmp', host: '127.0.0.1', port: pdu.port, community, options, plug: '3' };
      const handle = driver(place);
      assert.equal(await handle.query(forever), 'off');
      await handle.set('on', forever);
      assert.equal(pdu.machine.isOn(), true);
      assert.equal(await handle.query(forever), 'on');
    } finally {
      pdu.close();
    }
  });

  it('fence_redfish: a machine by Redfish over TLS', async () => {
    const [user, password, tls] = ['lab', 'canary-r3dfish', await makeTlsCertificate()];
    const service = await startPretendRedfish({ clock: realClock, user, password, tls });
    try {
      const options = 'systems_uri=/redfish/v1/Systems/1 ssl_insecure=1 power_timeout=3';
      const place = { agent: 'fence_redfish', host: '127.0.0.1', port: service.device.port, user, password, options };
      assert.equal(await driver(place).query(forever), 'off');
      await driver(place).set('on', forever);
      assert.equal(service.machine.isOn(), true);
      assert.equal(await driver(place).query(forever), 'on');
      const error = await failureOf(driver({ ...place, password: 'canary-wrong' }).query(forever));
      assert.doesNotMatch(error.message, /canary/);
    } finally {
      await service.device.close();
    }
  });

  it('an agent this host does not have is a wrong setting, with the package that brings it', async () => {
    const error = await failureOf(driver({ agent: 'fence_nosuch' }).query(forever));
    assert.equal(error.code, 'config');
    assert.match(error.message, /no fence agent "fence_nosuch".*package fence-agents/);
  });

  it('a field that is missing is named as one', async () => {
    const error = await failureOf(
      driver({ agent: 'fence_apc_snmp', host: '127.0.0.1', community: 'x' }).query(forever),
    );
    assert.equal(error.code, 'config', error.message);
  });
});
