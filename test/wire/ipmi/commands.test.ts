import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import * as commands from '../../../server/wire/ipmi/commands.ts';
import type { IpmiRequest } from '../../../server/wire/ipmi/message.ts';
import { completionTrouble, refusesSuite, sessionTrouble } from '../../../server/wire/ipmi/words.ts';
import { hex, toHex } from '../../support/golden-ipmi.ts';

const requests: readonly (readonly [string, IpmiRequest, string])[] = [
  ['chassis status', commands.chassisStatusRequest(), '0 1 '],
  ['power off', commands.chassisControlRequest('off'), '0 2 00'],
  ['power on', commands.chassisControlRequest('on'), '0 2 01'],
  ['reset', commands.chassisControlRequest('reset'), '0 2 03'],
  ['boot from PXE once, legacy', commands.bootFlagsRequest('pxe', false), '0 8 058004000000'],
  ['boot from PXE once, UEFI', commands.bootFlagsRequest('pxe', true), '0 8 05a004000000'],
  ['boot from disk once, UEFI', commands.bootFlagsRequest('disk', true), '0 8 05a008000000'],
  ['no boot device, whatever the mode', commands.bootFlagsRequest('none', true), '0 8 050000000000'],
  ['keep the boot flags beyond 60 s', commands.keepBootFlagsRequest(), '0 8 0308'],
  ['read the boot flags', commands.getBootFlagsRequest(), '0 9 050000'],
  ['raise the privilege', commands.setPrivilegeRequest(3), '6 3b 03'],
  ['close the session', commands.closeSessionRequest(0x01020304), '6 3c 04030201'],
  ['capabilities with IPMI 2.0 data', commands.authCapabilitiesRequest(4), '6 38 8e04'],
];

describe('IPMI commands', () => {
  for (const [title, { netFn, command, data }, want] of requests)
    it(`${title}, octet by octet`, () => {
      assert.equal(`${netFn.toString(16)} ${command.toString(16)} ${toHex(data)}`, want);
    });

  it('chassis status: on, off, and a power fault', () => {
    assert.deepEqual(commands.readChassisStatus(hex('010000')), { ok: true, value: { on: true, fault: false } });
    assert.deepEqual(commands.readChassisStatus(hex('600000')), { ok: true, value: { on: false, fault: false } });
    assert.deepEqual(commands.readChassisStatus(hex('09000000')), { ok: true, value: { on: true, fault: true } });
    assert.equal(commands.readChassisStatus(hex('0100')).ok, false);
  });

  const told: readonly (readonly [string, string, unknown])[] = [
    ['ipmi_sim without K_g', '0195040300000000', { speaksV2: true, needsKg: false }],
    ['a BMC with K_g', '0195240300000000', { speaksV2: true, needsKg: true }],
    ['a BMC of IPMI 1.5', '0115040000000000', { speaksV2: false, needsKg: false }],
    ['extended data without 2.0', '0195040100000000', { speaksV2: false, needsKg: false }],
  ];
  for (const [title, octets, want] of told)
    it(`capabilities of ${title}`, () => {
      assert.deepEqual(commands.readAuthCapabilities(hex(octets)), { ok: true, value: want });
    });

  it('what our BMC tells is read as it was meant', () => {
    for (const needsKg of [true, false])
      assert.deepEqual(commands.readAuthCapabilities(commands.writeAuthCapabilities(needsKg)), {
        ok: true,
        value: { speaksV2: true, needsKg },
      });
  });

  it('boot flags are read, those of another parameter refused', () => {
    assert.deepEqual(commands.readBootFlags(hex('0105a008000000')), {
      ok: true,
      value: { valid: true, persistent: false, efi: true, selector: 2 },
    });
    assert.equal(commands.readBootFlags(hex('010400000000')).ok, false);
    assert.equal(commands.readBootFlags(hex('0105a0')).ok, false);
  });

  it('any octets are read or refused, never thrown at', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), (octets) => {
        for (const read of [commands.readChassisStatus, commands.readAuthCapabilities, commands.readBootFlags])
          assert.equal(typeof read(octets).ok, 'boolean');
      }),
    );
  });
});

describe('what BMCs refuse with', () => {
  it('a refused login is auth and never tried again; full tables and busy BMCs are', () => {
    assert.deepEqual(
      [0x0d, 0x0f, 0x09].map((status) => sessionTrouble(status).code),
      ['auth', 'auth', 'auth'],
    );
    assert.deepEqual(
      [0x01, 0x02, 0x0b].map((status) => sessionTrouble(status).code),
      ['busy', 'busy', 'busy'],
    );
    assert.deepEqual(
      [0xc0, 0xd4, 0xd5, 0xc1].map((completion) => completionTrouble(completion).code),
      ['busy', 'auth', 'refused', 'refused'],
    );
  });

  it('a suite that is not offered has four spellings', () => {
    for (const status of [0x04, 0x05, 0x10, 0x11]) {
      assert.ok(refusesSuite(status));
      assert.equal(sessionTrouble(status).code, 'config');
    }
    assert.ok(!refusesSuite(0x0f));
  });

  it('unknown numbers come out with their number', () => {
    assert.match(sessionTrouble(0x7e).because, /0x7e/);
    assert.match(completionTrouble(0xff).because, /0xff/);
  });
});
