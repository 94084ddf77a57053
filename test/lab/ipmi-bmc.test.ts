import { strict as assert } from 'node:assert';
import { ipmi } from '../../power-drivers/ipmi.ts';
import { BMC_PASSWORD, BMC_USER, startTestBmc, type TestBmc } from '../support/bmc-rack.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { realEdges } from '../support/ipmi-crypto.ts';
import { startIpmipower } from '../support/ipmipower.ts';
import { ipmitool, type IpmitoolTarget } from '../support/ipmitool.ts';

function loginTo(bmc: TestBmc): IpmitoolTarget {
  return { host: bmc.address, port: bmc.port, user: BMC_USER, password: BMC_PASSWORD };
}

/** ipmitool is the judge: an RMCP+ implementation that shares nothing with ours. */
describe('ipmitool against the virtual BMC', () => {
  for (const suite of ['3', '17'])
    describe(`cipher suite ${suite}`, () => {
      let bmc: TestBmc;
      const tell = (...words: string[]): Promise<string> => ipmitool({ ...loginTo(bmc), suite }, ...words);
      before(async () => {
        bmc = await startTestBmc();
      });
      after(() => bmc.stop());

      it('status, on, off, reset and boot device', async () => {
        assert.match(await tell('chassis', 'power', 'status'), /is off/);
        assert.match(await tell('chassis', 'power', 'on'), /Up\/On/);
        assert.match(await tell('chassis', 'power', 'status'), /is on/);
        await tell('chassis', 'power', 'reset');
        await tell('chassis', 'bootdev', 'pxe', 'options=efiboot');
        assert.match(await tell('chassis', 'bootparam', 'get', '5'), /Force PXE/);
        assert.equal(bmc.takeBootDevice(), 'pxe');
        assert.equal(bmc.takeBootDevice(), 'none', 'one boot only');
        await tell('chassis', 'identify', '7');
        assert.equal(bmc.blinkS(), 7);
        await tell('chassis', 'power', 'off');
        assert.deepEqual(bmc.deeds, ['on', 'reset', 'off']);
        assert.equal(bmc.sessions(), 0, 'every session was closed');
      });

      it('cycle leaves it off for a second', async () => {
        const clock = createFakeClock();
        const timed = await startTestBmc({ clock });
        try {
          const say = (...words: string[]): Promise<string> =>
            ipmitool({ ...loginTo(timed), suite }, 'chassis', ...words);
          await say('power', 'on');
          await say('power', 'cycle');
          clock.advance(999);
          assert.match(await say('power', 'status'), /is off/);
          clock.advance(1);
          assert.match(await say('power', 'status'), /is on/);
          assert.deepEqual(timed.deeds, ['on', 'off', 'on']);
        } finally {
          await timed.stop();
        }
      });

      it('a wrong password is refused', async () => {
        const wrong = { ...loginTo(bmc), suite, password: 'wrong' };
        await assert.rejects(ipmitool(wrong, 'chassis', 'power', 'status'), /RMCP\+ session/);
      });
    });

  it('finds the best suite by itself, and a K_g is honoured', async () => {
    const bmc = await startTestBmc({ kg: 'a-key-of-the-bmc' });
    try {
      const said = await ipmitool(loginTo(bmc), '-k', 'a-key-of-the-bmc', 'chassis', 'power', 'status');
      assert.match(said, /is off/);
    } finally {
      await bmc.stop();
    }
  });
});

/** A second judge, which checks what ipmitool does not: the level it is granted, and every length. */
describe('freeipmi against the virtual BMC', () => {
  for (const suite of ['3', '17'])
    it(`cipher suite ${suite}: ipmipower and Farrier see the same, whoever switched`, async () => {
      const bmc = await startTestBmc();
      const power = await startIpmipower({ ...loginTo(bmc), suite });
      const { signal } = new AbortController();
      const handle = ipmi.open({ ...loginTo(bmc), cipherSuite: suite }, realEdges);
      try {
        assert.match(await power.run('--stat'), /: off/);
        assert.match(await power.run('--on'), /: ok/);
        assert.equal(await handle.query(signal), 'on');
        await handle.set('off', signal);
        assert.match(await power.run('--stat'), /: off/);
        await handle.set('on', signal);
        assert.match(await power.run('--reset'), /: ok/);
        assert.deepEqual(bmc.deeds, ['on', 'off', 'on', 'reset']);
      } finally {
        await power.end();
        await bmc.stop();
      }
    });
});
