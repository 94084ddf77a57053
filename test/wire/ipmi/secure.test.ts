import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { decodeRmcp } from '../../../server/wire/ipmi/rmcp.ts';
import { openMessage, plainDatagram, sealMessage, type Channel } from '../../../server/wire/ipmi/secure.ts';
import {
  decodeSessionPacket,
  decodeV15,
  encodeV15,
  isRmcpPlus,
  PAYLOAD,
  trailerOf,
} from '../../../server/wire/ipmi/session-header.ts';
import { SUITES } from '../../../server/wire/ipmi/suite.ts';
import { hex, toHex } from '../../support/golden-ipmi.ts';
import { realCrypto } from '../../support/ipmi-crypto.ts';

const keys = {
  sik: new Uint8Array(20),
  integrity: new Uint8Array(20).fill(7),
  confidentiality: new Uint8Array(16).fill(9),
};
const channels: readonly Channel[] = SUITES.map((suite) => ({ crypto: realCrypto, suite, keys }));

function opened(channel: Channel, datagram: Uint8Array): ReturnType<typeof openMessage> {
  const rmcp = decodeRmcp(datagram);
  if (!rmcp.ok) return rmcp;
  const packet = decodeSessionPacket(rmcp.value.body, channel.suite.integrityOctets);
  return packet.ok ? openMessage(channel, packet.value) : packet;
}

for (const channel of channels)
  describe(`packets of a session with cipher suite ${channel.suite.id}`, () => {
    it('a message of any length survives sealing and opening', () => {
      fc.assert(
        fc.property(fc.uint8Array({ minLength: 0, maxLength: 80 }), fc.nat(0xffffffff), (message, sequence) => {
          const read = opened(channel, sealMessage(channel, 5, sequence, message));
          assert.ok(read.ok, read.ok ? '' : read.error);
          assert.deepEqual([...read.value], [...message]);
        }),
      );
    });

    it('the same message never looks the same twice', () => {
      const message = hex('0102');
      assert.notEqual(toHex(sealMessage(channel, 5, 1, message)), toHex(sealMessage(channel, 5, 1, message)));
    });

    it('what is covered is a multiple of four', () => {
      for (let length = 0; length < 40; length += 1) {
        const { length: octets } = sealMessage(channel, 5, 1, new Uint8Array(length));
        assert.equal((octets - 4 - channel.suite.integrityOctets) % 4, 0);
      }
    });

    it('one bit changed anywhere behind the RMCP header: it does not open', () => {
      const datagram = sealMessage(channel, 5, 1, hex('2018c88100388e04b5'));
      fc.assert(
        fc.property(fc.integer({ min: 4, max: datagram.length - 1 }), fc.nat(7), (at, bit) => {
          const changed = datagram.slice();
          changed[at] = (changed[at] ?? 0) ^ (1 << bit);
          assert.equal(opened(channel, changed).ok, false);
        }),
      );
    });

    it('cut anywhere: it does not open', () => {
      const datagram = sealMessage(channel, 5, 1, hex('2018c88100388e04b5'));
      for (let length = 0; length < datagram.length; length += 1)
        assert.equal(opened(channel, datagram.subarray(0, length)).ok, false, `${length} octets`);
    });

    it('a packet without protection is refused inside a session', () => {
      const read = opened(channel, plainDatagram(PAYLOAD.ipmi, hex('2018c88100388e04b5')));
      assert.match(read.ok ? 'opened' : read.error, /without integrity/);
    });

    it('a packet under another key is refused', () => {
      const other = { ...channel, keys: { ...keys, integrity: new Uint8Array(20).fill(8) } };
      const read = opened(channel, sealMessage(other, 5, 1, hex('00')));
      assert.match(read.ok ? 'opened' : read.error, /AuthCode/);
    });

    it('a pad that does not count is refused although the AuthCode fits', () => {
      const crooked: Channel = {
        ...channel,
        crypto: {
          ...realCrypto,
          encrypt: (key, iv, plain) =>
            realCrypto.encrypt(
              key,
              iv,
              plain.map((octet, at) => (at === 5 ? 99 : octet)),
            ),
        },
      };
      const read = opened(channel, sealMessage(crooked, 5, 1, hex('0102')));
      assert.match(read.ok ? 'opened' : read.error, /does not count/);
      const long: Channel = {
        ...channel,
        crypto: {
          ...realCrypto,
          encrypt: (key, iv, plain) =>
            realCrypto.encrypt(
              key,
              iv,
              plain.map((octet, at) => (at === 15 ? 200 : octet)),
            ),
        },
      };
      const second = opened(channel, sealMessage(long, 5, 1, hex('0102')));
      assert.match(second.ok ? 'opened' : second.error, /pad of 200/);
    });
  });

describe('session headers', () => {
  it('IPMI 1.5 without a session, octet by octet', () => {
    assert.equal(toHex(encodeV15(hex('aabb'))), '00000000000000000002aabb');
  });

  it('an IPMI 1.5 packet may carry the pad octet of old chips', () => {
    const read = decodeV15(hex('00000000000000000002aabb00'));
    assert.ok(read.ok);
    assert.equal(toHex(read.value), 'aabb');
  });

  const bad: readonly (readonly [string, string, RegExp])[] = [
    ['nine octets', '00'.repeat(9), /short/],
    ['an authentication type', '02000000000000000000', /authentication type 2/],
    ['a session', '00000000000100000000', /session/],
    ['a length that lies', '00000000000000000005aabb', /5 octets announced, 2 there/],
  ];
  for (const [title, octets, words] of bad)
    it(`as IPMI 1.5, ${title} is refused`, () => {
      const read = decodeV15(hex(octets));
      assert.match(read.ok ? 'read' : read.error, words);
    });

  const badPlus: readonly (readonly [string, string, RegExp])[] = [
    ['eleven octets', '06'.repeat(11), /short/],
    ['another format', `00${'00'.repeat(11)}`, /not RMCP\+/],
    ['a length that lies', '0600 00000000 00000000 0500 aabb', /5 octets of payload announced, 2 there/],
    ['no room for the trailer', `0640 00000000 00000000 0000 ${'00'.repeat(13)}`, /no room for a trailer/],
  ];
  for (const [title, octets, words] of badPlus)
    it(`as RMCP+, ${title} is refused`, () => {
      const read = decodeSessionPacket(hex(octets), 12);
      assert.match(read.ok ? 'read' : read.error, words);
    });

  it('the trailer pads with 0xff, counts, and says 7', () => {
    assert.deepEqual(
      [12, 13, 14, 15].map((octets) => toHex(trailerOf(octets))),
      ['ffff0207', 'ff0107', '0007', 'ffffff0307'],
    );
  });

  it('any octets are read or refused, never thrown at', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 90 }), fc.boolean(), (octets, plus) => {
        if (plus && octets.length > 0) octets[0] = 6;
        for (const channel of channels) {
          const packet = decodeSessionPacket(octets, channel.suite.integrityOctets);
          if (packet.ok) assert.equal(openMessage(channel, packet.value).ok, false);
        }
        assert.equal(typeof decodeV15(octets).ok, 'boolean');
        assert.equal(isRmcpPlus(octets), octets[0] === 6);
      }),
    );
  });
});
