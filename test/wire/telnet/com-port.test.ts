import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { decodeComPort, encodeBreak, encodeComPort } from '../../../server/wire/telnet/com-port.ts';
import { TelnetDecoder } from '../../../server/wire/telnet/codec.ts';

const none = { speed: undefined, dataBits: undefined, parity: undefined, stopBits: undefined };

describe('telnet: RFC 2217', () => {
  it('sets what was given and nothing else', () => {
    assert.deepEqual(encodeComPort(none), []);
    const all = encodeComPort({ speed: 9600, dataBits: 7, parity: 'even', stopBits: 2 });
    assert.deepEqual(
      all.map((each) => Buffer.from(each).toString('hex')),
      ['fffa2c0100002580fff0', 'fffa2c0207fff0', 'fffa2c0303fff0', 'fffa2c0402fff0'],
    );
  });

  it('a break begins and ends', () => {
    assert.equal(Buffer.from(encodeBreak(true)).toString('hex'), 'fffa2c0505fff0');
    assert.equal(Buffer.from(encodeBreak(false)).toString('hex'), 'fffa2c0506fff0');
  });

  it('property: a speed survives the wire, also one with an octet of 255', () => {
    fc.assert(
      fc.property(fc.oneof(fc.integer({ min: 0, max: 0xffff_ffff }), fc.constant(0xff00_ff00)), (speed) => {
        const [command = new Uint8Array()] = encodeComPort({ ...none, speed });
        let reply: unknown;
        new TelnetDecoder().decode(command, (token) => {
          if (token.is !== 'sub') return;
          reply = decodeComPort(Uint8Array.of((token.octets[0] ?? 0) + 100, ...token.octets.subarray(1)));
        });
        assert.deepEqual(reply, { is: 'speed', speed });
      }),
    );
  });

  it('property: whatever a server says is read or left', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20 }), (octets) => {
        const reply = decodeComPort(octets);
        assert.ok(reply.is === 'other' || (octets[0] === 101 && octets.length === 5));
      }),
    );
  });
});
