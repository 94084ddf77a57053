import { strict as assert } from 'node:assert';
import { startIpmiSim, type IpmiSim } from '../../lab/ipmi-sim.ts';
import { ipmi } from '../../power-drivers/ipmi.ts';
import { PowerError, type PowerHandle } from '../../server/ports/power-driver.ts';
import { realEdges } from '../support/ipmi-crypto.ts';
import { ipmitool } from '../support/ipmitool.ts';
import { createSimChassis, type SimChassis } from '../support/sim-chassis.ts';

const USER = 'admin';
const PASSWORD = 'long-random-word-19';
const forever = new AbortController().signal;

function opened(port: number, change: Record<string, string> = {}): Required<PowerHandle> {
  const parameters = { host: '127.0.0.1', port, user: USER, password: PASSWORD, cipherSuite: '3', ...change };
  const handle = ipmi.open(parameters, realEdges);
  assert.ok(isWhole(handle));
  return handle;
}

function isWhole(handle: PowerHandle): handle is Required<PowerHandle> {
  return handle.reset !== undefined && handle.bootdev !== undefined && handle.info !== undefined;
}

const codeOf = (error: unknown): string => (error instanceof PowerError ? error.code : String(error));
const isAuth = (error: unknown): boolean => codeOf(error) === 'auth';

// OpenIPMI's simulator knows no SHA-256 and no twenty-octet passwords: both are judged by ipmitool against the virtual BMC.
describe('the ipmi driver against ipmi_sim', () => {
  const port = 9641;
  let sim: IpmiSim;
  let chassis: SimChassis;

  before(async () => {
    chassis = await createSimChassis();
    sim = await startIpmiSim({ port, user: USER, password: PASSWORD, powerProgram: chassis.program });
  });
  after(async () => {
    await sim.stop();
    await chassis.remove();
  });

  it('on, off, reset and status do what they say', async () => {
    const bmc = opened(port);
    assert.equal(await bmc.query(forever), 'off');
    await bmc.set('on', forever);
    assert.equal(await bmc.query(forever), 'on');
    assert.equal(await chassis.isOn(), true);
    await bmc.reset(forever);
    await bmc.set('off', forever);
    assert.equal(await bmc.query(forever), 'off');
    assert.deepEqual(await chassis.deeds(), ['power 1', 'reset', 'power 0']);
  });

  it('a boot device is set, read back and cleared', async () => {
    const bmc = opened(port);
    await bmc.bootdev('pxe', forever);
    assert.equal(await chassis.bootDevice(), 'pxe');
    await bmc.bootdev('disk', forever);
    assert.equal(await chassis.bootDevice(), 'default');
    await bmc.bootdev('none', forever);
    assert.equal(await chassis.bootDevice(), 'none');
    await bmc.identify(60, forever);
    // Seconds, and whether to blink until told otherwise.
    assert.equal((await chassis.deeds()).at(-1), 'identify 60 0');
  });

  it('"auto" falls back to suite 3 where 17 is not offered, and 17 alone is refused by name', async () => {
    assert.equal(await opened(port, { cipherSuite: 'auto' }).query(forever), 'off');
    await assert.rejects(opened(port, { cipherSuite: '17' }).query(forever), (error) => codeOf(error) === 'config');
  });

  it('a wrong password and an unknown user are auth, not silence', async () => {
    for (const change of [{ password: 'wrong' }, { user: 'nobody' }])
      await assert.rejects(opened(port, change).query(forever), isAuth);
  });

  it('with a K_g: needed, honoured, and said so when it is missing or wrong', async () => {
    const other = await startIpmiSim({
      port: 9642,
      user: USER,
      password: PASSWORD,
      kg: 'a-key',
      powerProgram: chassis.program,
    });
    try {
      const state = await opened(port).query(forever);
      assert.equal(await opened(9642, { kg: 'a-key' }).query(forever), state);
      assert.equal(await opened(9642, { kg: '0x612d6b6579' }).query(forever), state);
      await assert.rejects(opened(9642, { kg: 'another' }).query(forever), isAuth);
      await assert.rejects(opened(9642).query(forever), /K_g/);
    } finally {
      await other.stop();
    }
  });

  it('a controller behind the BMC is reached through it, and is not the BMC', async () => {
    const cartridge = await createSimChassis();
    const behind = { '0x30': cartridge.program };
    const login = { port: 9644, user: USER, password: PASSWORD };
    const other = await startIpmiSim({ ...login, powerProgram: chassis.program, behind });
    try {
      const [outer, inner] = [opened(9644), opened(9644, { targetAddress: '0x30' })];
      await outer.set('off', forever);
      assert.equal(await inner.query(forever), 'off');
      await inner.set('on', forever);
      assert.equal(await inner.query(forever), 'on');
      await inner.reset(forever);
      await inner.bootdev('pxe', forever);
      await inner.set('on', forever);
      assert.deepEqual(await cartridge.deeds(), ['power 1', 'reset', 'power 1']);
      assert.equal(await cartridge.bootDevice(), 'pxe');
      assert.equal(await outer.query(forever), 'off');
      const target = { ...login, host: '127.0.0.1', suite: '3' };
      assert.match(await ipmitool(target, '-t', '0x30', 'chassis', 'power', 'status'), /is on/);
      const nobody = opened(9644, { targetAddress: '0x42' }).query(forever);
      await assert.rejects(nobody, /no controller answers at that address behind the BMC/);
    } finally {
      await other.stop();
      await cartridge.remove();
    }
  });

  it('tells of itself what ipmitool is told', async () => {
    const said = await opened(port).info(forever);
    const target = { host: '127.0.0.1', port, user: USER, password: PASSWORD, suite: '3' };
    const device = await ipmitool(target, 'mc', 'info');
    assert.match(device, new RegExp(`Firmware Revision +: ${said['firmware'] ?? '-'}`));
    assert.match(device, new RegExp(`IPMI Version +: ${said['IPMI version'] ?? '-'}`));
    assert.match(device, new RegExp(`Manufacturer Name +: ${said['manufacturer'] ?? '-'}`));
    assert.match(device, new RegExp(`Product ID +: ${said['product'] ?? '-'} `));
    assert.match(await ipmitool(target, 'chassis', 'status'), new RegExp(`System Power +: ${said['power'] ?? '-'}`));
    assert.match(
      await ipmitool(target, 'lan', 'print'),
      new RegExp(`MAC Address +: ${said['BMC MAC address'] ?? '-'}`),
    );
    assert.match(said['system GUID'] ?? '', /^[0-9a-f]{32}$/);
  });
});
