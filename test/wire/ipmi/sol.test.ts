import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import {
  ACTIVATION_WORDS,
  activateSolRequest,
  deactivateSolRequest,
  decodeSol,
  encodeSol,
  isOurPort,
  nextSolSequence,
  readSolActivation,
  readSolOwner,
  SOL_STATUS,
  solAck,
  solOwnerRequest,
} from '../../../server/wire/ipmi/sol.ts';
import { hex, toHex } from '../../support/golden-ipmi.ts';

describe('SOL payloads', () => {
  it('survive writing and reading', () => {
    const packet = fc.record({
      sequence: fc.nat(15),
      ackSequence: fc.nat(15),
      accepted: fc.nat(255),
      flags: fc.nat(255),
      octets: fc.uint8Array({ maxLength: 300 }),
    });
    fc.assert(
      fc.property(packet, (wanted) => {
        const read = decodeSol(encodeSol(wanted));
        assert.ok(read.ok);
        assert.deepEqual({ ...read.value, octets: [...read.value.octets] }, { ...wanted, octets: [...wanted.octets] });
      }),
    );
  });

  it('hostile octets give a packet or a reason, never an exception', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (octets) => {
        assert.equal(decodeSol(octets).ok, octets.length >= 4);
        assert.equal(readSolActivation(octets).ok, octets.length >= 10);
        assert.equal(readSolOwner(octets).ok, octets.length >= 4);
      }),
    );
  });

  it('an acknowledgement carries nothing and has no number of its own', () => {
    assert.equal(toHex(encodeSol(solAck(5, 12))), '00050c00');
    assert.equal(toHex(encodeSol(solAck(0, 0, SOL_STATUS.deactivated))), '00000010');
  });

  it('numbers go from 15 to 1: 0 is none', () => {
    const [first = 0, ...rest] = Array.from({ length: 16 }, (_, at) => at);
    assert.deepEqual([first, ...rest].map(nextSolSequence), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 1]);
  });
});

describe('payload commands', () => {
  it('ask for SOL, instance 1, encrypted and authenticated', () => {
    assert.equal(toHex(activateSolRequest().data), '0101c4000000');
    assert.equal(toHex(deactivateSolRequest().data), '010100000000');
    assert.equal(toHex(solOwnerRequest().data), '0101');
  });

  it('what the BMC grants is read', () => {
    const read = readSolActivation(hex('00000000c8006400' + '6f02ffff'));
    assert.ok(read.ok);
    assert.deepEqual(read.value, { toBmcOctets: 200, port: 623 });
    const owner = readSolOwner(hex('785634120000'));
    assert.ok(owner.ok);
    assert.equal(owner.value, 0x12345678);
  });

  it('every refusal of an activation has words with a cause', () => {
    for (const [code, want] of [
      [0x80, 'busy'],
      [0x81, 'refused'],
      [0x82, 'busy'],
      [0x83, 'refused'],
      [0x84, 'refused'],
      [0xd4, 'auth'],
    ] as const)
      assert.equal(ACTIVATION_WORDS[code]?.code, want);
    assert.match(ACTIVATION_WORDS[0x80]?.because ?? '', /"solInUse" to "take"/);
  });

  const ports: readonly (readonly [string, number, number, boolean])[] = [
    ['its own', 9651, 9651, true],
    ['623 behind a forwarded port', 623, 9651, true],
    ['623 with its octets swapped', 0x6f02, 623, true],
    ['none', 0, 623, true],
    ['another', 5555, 623, false],
  ];
  for (const [title, said, ours, want] of ports)
    it(`port ${title} is ${want ? 'ours' : 'refused'}`, () => {
      assert.equal(isOurPort(said, ours), want);
    });
});
