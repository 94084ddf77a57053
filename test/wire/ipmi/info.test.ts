import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import {
  LAN_PARAMETER,
  lanRequest,
  readChassisDetail,
  readDeviceId,
  readParameter,
  readSystemGuid,
  solBitRate,
  solConfigRequest,
  type ChassisDetail,
} from '../../../server/wire/ipmi/info.ts';
import { hex, toHex } from '../../support/golden-ipmi.ts';

describe('what a BMC says of itself', () => {
  it('a device id as ipmi_sim sends it', () => {
    const read = readDeviceId(hex('0003090802' + '9f' + '911200' + '020f'));
    assert.ok(read.ok);
    assert.deepEqual(read.value, { firmware: '9.08', ipmiVersion: '2.0', manufacturer: 4753, product: 0xf02 });
  });

  it('reserved bits of the maker are no part of its number', () => {
    const read = readDeviceId(hex('20018501510f' + '5701f0' + '0500'));
    assert.ok(read.ok);
    assert.deepEqual([read.value.manufacturer, read.value.firmware, read.value.ipmiVersion], [343, '5.01', '1.5']);
  });

  it('a GUID in the order it is sent', () => {
    const read = readSystemGuid(hex('a123456789abcdefa123456789abcdef00'));
    assert.equal(read.ok && read.value, 'a123456789abcdefa123456789abcdef');
  });

  it('questions name their channel and parameter', () => {
    assert.equal(toHex(lanRequest(LAN_PARAMETER.mac).data), '0e050000');
    assert.equal(toHex(solConfigRequest(6).data), '0e060000');
    const value = readParameter(hex('11c0a80007'), 4);
    assert.deepEqual(value.ok && [...value.value], [192, 168, 0, 7]);
  });

  it('bit rates by number', () => {
    assert.deepEqual([0, 6, 7, 8, 9, 10, 11].map(solBitRate), [
      undefined,
      9600,
      19_200,
      38_400,
      57_600,
      115_200,
      undefined,
    ]);
  });

  const chassis: readonly (readonly [string, string, Partial<ChassisDetail>])[] = [
    [
      'off, stays off',
      '000000',
      { on: false, restorePolicy: 'stays off', lastEvents: [], faults: [], isIntruded: false },
    ],
    ['on, policy last state', '210000', { on: true, restorePolicy: 'as it was before' }],
    ['policy always on', '400000', { restorePolicy: 'powers on' }],
    ['the mains failed', '000100', { lastEvents: ['the mains failed'] }],
    ['switched on by IPMI', '011000', { lastEvents: ['switched on by IPMI'] }],
    ['a power control fault and a dead fan', '100008', { faults: ['power control fault', 'fan fault'] }],
    ['somebody opened it', '000001', { isIntruded: true }],
  ];
  for (const [title, octets, want] of chassis)
    it(`chassis: ${title}`, () => {
      const read = readChassisDetail(hex(octets));
      assert.ok(read.ok);
      assert.deepEqual({ ...read.value, ...want }, read.value);
    });

  it('hostile octets give a value or a reason, never an exception', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.nat(20), (octets, length) => {
        assert.equal(readDeviceId(octets).ok, octets.length >= 11);
        assert.equal(readSystemGuid(octets).ok, octets.length >= 16);
        assert.equal(readChassisDetail(octets).ok, octets.length >= 3);
        assert.equal(readParameter(octets, length).ok, octets.length > length);
      }),
    );
  });
});
