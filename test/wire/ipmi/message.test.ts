import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import {
  checksum,
  decodeRequest,
  decodeResponse,
  encodeRequest,
  encodeResponse,
} from '../../../server/wire/ipmi/message.ts';
import { authCapabilitiesRequest } from '../../../server/wire/ipmi/commands.ts';
import { hex, toHex } from '../../support/golden-ipmi.ts';

const data = fc.uint8Array({ maxLength: 40 });
const request = fc.record({ netFn: fc.nat(31).map((n) => n * 2), command: fc.nat(255), data });
const response = fc.record({
  netFn: fc.nat(31).map((n) => n * 2 + 1),
  command: fc.nat(255),
  completion: fc.nat(255),
  data,
});

describe('IPMI messages', () => {
  it('a request, octet by octet', () => {
    assert.equal(toHex(encodeRequest(authCapabilitiesRequest(4), 0)), '2018c88100388e04b5');
  });

  it('checksums add up to zero', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (octets) => {
        const sum = octets.reduce((a, b) => a + b, checksum(octets));
        assert.equal(sum & 255, 0);
      }),
    );
  });

  it('requests survive the way there and back', () => {
    fc.assert(
      fc.property(request, fc.nat(63), (each, sequence) => {
        const read = decodeRequest(encodeRequest(each, sequence));
        assert.ok(read.ok);
        assert.equal(read.value.sequence, sequence);
        assert.deepEqual(
          { ...read.value.request, data: [...read.value.request.data] },
          { ...each, data: [...each.data] },
        );
      }),
    );
  });

  it('responses survive the way there and back', () => {
    fc.assert(
      fc.property(response, fc.nat(63), (each, sequence) => {
        const read = decodeResponse(encodeResponse(each, sequence));
        assert.ok(read.ok);
        assert.equal(read.value.sequence, sequence);
        assert.deepEqual(
          { ...read.value.response, data: [...read.value.response.data] },
          { ...each, data: [...each.data] },
        );
      }),
    );
  });

  it('one octet changed anywhere is noticed by a checksum', () => {
    fc.assert(
      fc.property(request, fc.nat(), fc.integer({ min: 1, max: 255 }), (each, where, by) => {
        const octets = encodeRequest(each, 5);
        const at = where % octets.length;
        octets[at] = ((octets[at] ?? 0) + by) & 255;
        assert.equal(decodeRequest(octets).ok, false);
      }),
    );
  });

  const bad: readonly (readonly [string, string, RegExp])[] = [
    ['nothing', '', /short/],
    ['six octets', '2018c8810038', /short/],
    ['a wrong header checksum', '2018c98100388e04b5', /header checksum/],
    ['a wrong data checksum', '2018c88100388e04b6', /data checksum/],
    [
      'a response where a request belongs',
      toHex(encodeResponse({ netFn: 7, command: 1, completion: 0, data: hex('') }, 1)),
      /response's/,
    ],
  ];
  for (const [title, octets, words] of bad)
    it(`as a request, ${title} is refused`, () => {
      const read = decodeRequest(hex(octets));
      assert.match(read.ok ? 'read' : read.error, words);
    });

  it('as a response, a request is refused', () => {
    const read = decodeResponse(encodeRequest({ netFn: 6, command: 1, data: hex('0102') }, 1));
    assert.match(read.ok ? 'read' : read.error, /request's/);
  });

  it('any octets are read or refused, never thrown at', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (octets) => {
        assert.equal(typeof decodeRequest(octets).ok, 'boolean');
        assert.equal(typeof decodeResponse(octets).ok, 'boolean');
      }),
    );
  });
});
