import { strict as assert } from 'node:assert';
import { createBmcChassis } from '../../lab/bmc-chassis.ts';
import { infoWords, INFO_REQUESTS } from '../../power-drivers/common/ipmi-info.ts';
import { makerOf, QUIRK_NAMES, quirksOf, quirksSeenAt } from '../../power-drivers/common/ipmi-quirks.ts';
import { ipmi } from '../../power-drivers/ipmi.ts';
import type { FieldValues } from '../../server/core/field.ts';
import type { PowerHandle } from '../../server/ports/power-driver.ts';
import { SUITES } from '../../server/wire/ipmi/suite.ts';
import { BMC_PASSWORD, BMC_USER, startTestBmc, type TestBmc } from '../support/bmc-rack.ts';
import { realEdges } from '../support/ipmi-crypto.ts';

const signal = new AbortController().signal;

function opened({ address: host, port }: TestBmc, change: FieldValues = {}): PowerHandle {
  return ipmi.open({ host, port, user: BMC_USER, password: BMC_PASSWORD, ...change }, realEdges);
}

describe('what the ipmi driver tells of a BMC', () => {
  it('what it knows, in words by label; what it does not know is left out', async () => {
    const bmc = await startTestBmc();
    try {
      assert.deepEqual(await opened(bmc).info?.(signal), {
        manufacturer: 'Intel',
        product: '5',
        firmware: '1.00',
        'IPMI version': '2.0',
        'quirks seen at this maker': 'wrong-capabilities, intel-esb2, intel-82571',
        'system GUID': Buffer.from('farrier-bmc-guid').toString('hex'),
        power: 'off',
        'after a power failure': 'stays off',
        'last power event': 'none known',
        faults: 'none',
        chassis: 'closed',
      });
    } finally {
      await bmc.stop();
    }
  });

  it('LAN and SOL settings in words', () => {
    const values: readonly (readonly number[])[] = [
      [],
      [],
      [],
      [10, 0, 3, 21],
      [2],
      [0x52, 0x54, 0, 0xab, 0xcd, 1],
      [255, 255, 255, 0],
      [0, 0, 0, 0],
      [7, 0x80],
      [1],
      [10],
    ];
    assert.equal(values.length, INFO_REQUESTS.length);
    const answers = values.map((value) => ({ completion: 0, data: Uint8Array.of(0x11, ...value) }));
    assert.deepEqual(infoWords(answers), {
      'BMC address': '10.0.3.21',
      'BMC address comes from': 'DHCP',
      'BMC MAC address': '52:54:00:ab:cd:01',
      'BMC netmask': '255.255.255.0',
      'BMC gateway': 'none',
      'BMC VLAN': '7',
      'serial over LAN': 'enabled',
      'serial over LAN speed': '115200 baud',
    });
  });

  it('refusals and answers too short say nothing', () => {
    assert.deepEqual(infoWords([]), {});
    const refused = INFO_REQUESTS.map(() => ({ completion: 0xc1, data: new Uint8Array(40) }));
    assert.deepEqual(infoWords(refused), {});
    assert.deepEqual(infoWords(INFO_REQUESTS.map(() => ({ completion: 0, data: new Uint8Array(0) }))), {});
  });
});

describe('the table of quirks', () => {
  for (const name of QUIRK_NAMES)
    it(`a BMC with "${name}" can be used with it and not without`, async () => {
      const quirks = quirksOf(name);
      const bmc = await startTestBmc({ quirks });
      try {
        const handle = opened(bmc, { quirks: name });
        await handle.set('on', signal);
        assert.equal(await handle.query(signal), 'on');
        const brief = AbortSignal.timeout(300);
        await assert.rejects(opened(bmc).query(brief), /K_g set|proof|stopped waiting/);
      } finally {
        await bmc.stop();
      }
    });

  it('makers by name, quirks by maker', () => {
    assert.equal(makerOf(674), 'Dell');
    assert.equal(makerOf(99_999), 'IANA enterprise 99999');
    assert.deepEqual(quirksSeenAt(2623), ['wrong-capabilities']);
    assert.deepEqual(quirksSeenAt(11), []);
    assert.ok(Object.values(quirksOf('none')).every((has) => !has));
  });
});

describe('a machine behind the BMC', () => {
  it('is switched and looked at through it, over one hop and over two', async () => {
    const state = { on: false };
    const power = {
      isOn: () => state.on,
      turn: (on: boolean) => {
        state.on = on;
      },
      reset: () => undefined,
    };
    const site = { needsKg: false, suites: SUITES };
    const target = createBmcChassis(power, realEdges.clock, site);
    const transit = createBmcChassis(power, realEdges.clock, { ...site, behind: new Map([[0x72, target]]) });
    const behind = new Map([
      [0x30, target],
      [0x82, transit],
    ]);
    const bmc = await startTestBmc({ behind });
    try {
      const near = opened(bmc, { targetAddress: '0x30' });
      const moonshot = { transitChannel: 0, transitAddress: '0x82', targetChannel: 7, targetAddress: '0x72' };
      await opened(bmc, moonshot).set('on', signal);
      assert.equal(await near.query(signal), 'on');
      assert.equal(await opened(bmc, moonshot).query(signal), 'on');
      assert.equal(bmc.isOn(), false, 'the BMC is another machine');
      await near.bootdev?.('pxe', signal);
      assert.equal((await near.info?.(signal))?.['power'], 'on');
      const nobody = opened(bmc, { ...moonshot, transitAddress: '0x84' }).query(signal);
      await assert.rejects(nobody, /no controller answers at that address behind the BMC/);
      await assert.rejects(near.console?.(signal) ?? Promise.resolve(), /the BMC’s own machine only/);
    } finally {
      await bmc.stop();
    }
  });

  it('half a route is refused before anything is sent', () => {
    const parameters = { host: '127.0.0.1', password: 'x' };
    assert.throws(() => ipmi.open({ ...parameters, transitAddress: '0x82' }, realEdges), /leads nowhere/);
    assert.throws(() => ipmi.open({ ...parameters, targetAddress: '72' }, realEdges), /"targetAddress" must match/);
  });
});
