import { strict as assert } from 'node:assert';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { BMC_PASSWORD, BMC_USER, startTestBmc, type TestBmc } from '../support/bmc-rack.ts';

const run = promisify(execFile);

/** ipmitool is the judge: an RMCP+ implementation that shares nothing with ours. */
async function ipmitool(bmc: TestBmc, suite: string, ...words: string[]): Promise<string> {
  const common = ['-I', 'lanplus', '-C', suite, '-H', bmc.address, '-p', String(bmc.port), '-U', BMC_USER, '-E'];
  const { stdout } = await run('ipmitool', [...common, ...words], {
    env: { ...process.env, IPMI_PASSWORD: BMC_PASSWORD },
  });
  return stdout;
}

describe('ipmitool against the virtual BMC', () => {
  for (const suite of ['3', '17'])
    describe(`cipher suite ${suite}`, () => {
      let bmc: TestBmc;
      before(async () => {
        bmc = await startTestBmc();
      });
      after(() => bmc.stop());

      it('status, on, off, reset and boot device', async () => {
        assert.match(await ipmitool(bmc, suite, 'chassis', 'power', 'status'), /is off/);
        assert.match(await ipmitool(bmc, suite, 'chassis', 'power', 'on'), /Up\/On/);
        assert.match(await ipmitool(bmc, suite, 'chassis', 'power', 'status'), /is on/);
        await ipmitool(bmc, suite, 'chassis', 'power', 'reset');
        await ipmitool(bmc, suite, 'chassis', 'bootdev', 'pxe', 'options=efiboot');
        assert.match(await ipmitool(bmc, suite, 'chassis', 'bootparam', 'get', '5'), /Force PXE/);
        assert.equal(bmc.takeBootDevice(), 'pxe');
        assert.equal(bmc.takeBootDevice(), 'none', 'one boot only');
        await ipmitool(bmc, suite, 'chassis', 'power', 'off');
        assert.deepEqual(bmc.deeds, ['on', 'reset', 'off']);
        assert.equal(bmc.sessions(), 0, 'every session was closed');
      });

      it('cycle leaves it off for a second', async () => {
        await ipmitool(bmc, suite, 'chassis', 'power', 'on');
        await ipmitool(bmc, suite, 'chassis', 'power', 'cycle');
        assert.equal(bmc.isOn(), false);
        const untilMs = performance.now() + 5000;
        let said = '';
        while (!said.includes('is on') && performance.now() < untilMs)
          said = await ipmitool(bmc, suite, 'chassis', 'power', 'status');
        assert.equal(bmc.isOn(), true);
      });

      it('a wrong password is refused', async () => {
        const env = { ...process.env, IPMI_PASSWORD: 'wrong' };
        const common = ['-I', 'lanplus', '-C', suite, '-H', bmc.address, '-p', String(bmc.port), '-U', BMC_USER, '-E'];
        await assert.rejects(run('ipmitool', [...common, 'chassis', 'power', 'status'], { env }), /RMCP\+ session/);
      });
    });

  it('finds the best suite by itself, and a K_g is honoured', async () => {
    const bmc = await startTestBmc({ kg: 'a-key-of-the-bmc' });
    const env = { ...process.env, IPMI_PASSWORD: BMC_PASSWORD };
    const common = ['-I', 'lanplus', '-H', bmc.address, '-p', String(bmc.port), '-U', BMC_USER, '-E'];
    try {
      const { stdout } = await run('ipmitool', [...common, '-k', 'a-key-of-the-bmc', 'chassis', 'power', 'status'], {
        env,
      });
      assert.match(stdout, /is off/);
    } finally {
      await bmc.stop();
    }
  });
});
