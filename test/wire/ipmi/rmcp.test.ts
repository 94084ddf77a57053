import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import {
  decodePing,
  decodePong,
  decodeRmcp,
  encodePing,
  encodePong,
  encodeRmcp,
  RMCP_CLASS,
} from '../../../server/wire/ipmi/rmcp.ts';
import { hex, toHex } from '../../support/golden-ipmi.ts';

describe('RMCP', () => {
  it('the header is version 6, no sequence, class', () => {
    assert.equal(toHex(encodeRmcp(RMCP_CLASS.ipmi, hex('aabb'))), '0600ff07aabb');
  });

  const bad: readonly (readonly [string, string, RegExp])[] = [
    ['nothing', '', /short/],
    ['three octets', '0600ff', /short/],
    ['another version', '0500ff07', /version 5/],
    ['an acknowledge', '0600ff87', /acknowledge/],
  ];
  for (const [title, octets, words] of bad)
    it(`${title} is refused`, () => {
      const read = decodeRmcp(hex(octets));
      assert.match(read.ok ? 'read' : read.error, words);
    });

  it('a presence ping, octet by octet, and its tag', () => {
    assert.equal(toHex(encodePing(9)), '0600ff06000011be80090000');
    const read = decodeRmcp(encodePing(9));
    assert.ok(read.ok);
    assert.equal(decodePing(read.value.body), 9);
  });

  it('a pong says that IPMI is spoken', () => {
    const read = decodeRmcp(encodePong(9));
    assert.ok(read.ok);
    assert.deepEqual(decodePong(read.value.body), { ok: true, value: { tag: 9, speaksIpmi: true } });
    assert.equal(decodePing(read.value.body), undefined, 'a pong is no ping');
  });

  it('any octets are read or refused, never thrown at', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (octets) => {
        const read = decodeRmcp(octets);
        const body = read.ok ? read.value.body : octets;
        assert.equal(typeof decodePong(body).ok, 'boolean');
        assert.ok(['number', 'undefined'].includes(typeof decodePing(body)));
      }),
    );
  });
});
