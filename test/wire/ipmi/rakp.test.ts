import { strict as assert } from 'node:assert';
import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { latin1 } from '../../../server/wire/ipmi/octets.ts';
import {
  decodeOpenRequest,
  decodeOpenResponse,
  encodeOpenRefusal,
  encodeOpenRequest,
  encodeOpenResponse,
} from '../../../server/wire/ipmi/open-session.ts';
import {
  decodeRakp1,
  decodeRakp2Rest,
  decodeRakpReply,
  encodeRakp1,
  encodeRakpReply,
  NAME_ONLY,
  rakp2Code,
  rakp3Code,
  rakp4Code,
  sessionKeys,
  type Handshake,
} from '../../../server/wire/ipmi/rakp.ts';
import { SUITE_17, SUITE_3, SUITES } from '../../../server/wire/ipmi/suite.ts';
import { hex, toHex } from '../../support/golden-ipmi.ts';
import { realCrypto } from '../../support/ipmi-crypto.ts';

/*
 * One handshake written out by hand, octet by octet after IPMI 2.0 §13.31, and its codes computed from those texts by
 * OpenSSL's HMAC alone. Nothing of ours takes part in the expectations.
 */
const CONSOLE_ID = 'a4a3a2a0';
const BMC_ID = '02000000';
const CONSOLE_RANDOM = '000102030405060708090a0b0c0d0e0f';
const BMC_RANDOM = 'f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff';
const GUID = 'a123456789abcdefa123456789abcdef';
const IDENTITY = '14 05 61646d696e';
const PASSWORD = 'twenty-octets-long-x';

const hmac = (hash: string, key: Uint8Array, text: string): string =>
  createHmac(hash, key).update(hex(text)).digest('hex');

for (const suite of SUITES)
  describe(`RAKP with cipher suite ${suite.id}`, () => {
    const password = latin1(PASSWORD);
    const handshake: Handshake = {
      suite,
      consoleId: 0xa0a2a3a4,
      bmcId: 2,
      consoleRandom: hex(CONSOLE_RANDOM),
      bmcRandom: hex(BMC_RANDOM),
      bmcGuid: hex(GUID),
      role: NAME_ONLY | 4,
      user: latin1('admin'),
    };

    it('RAKP 2 is HMAC of SIDm, SIDc, Rm, Rc, GUIDc, role, length and name', () => {
      const text = CONSOLE_ID + BMC_ID + CONSOLE_RANDOM + BMC_RANDOM + GUID + IDENTITY;
      assert.equal(toHex(rakp2Code(realCrypto, handshake, password)), hmac(suite.hash, password, text));
      assert.equal(rakp2Code(realCrypto, handshake, password).length, suite.codeOctets);
    });

    it('RAKP 3 is HMAC of Rc, SIDm, role, length and name', () => {
      const text = BMC_RANDOM + CONSOLE_ID + IDENTITY;
      assert.equal(toHex(rakp3Code(realCrypto, handshake, password)), hmac(suite.hash, password, text));
    });

    for (const [title, kg] of [
      ['the password where there is no K_g', PASSWORD],
      ['K_g where there is one', 'another-key'],
    ] as const)
      it(`the session keys come from ${title}`, () => {
        const sik = hmac(suite.hash, latin1(kg), CONSOLE_RANDOM + BMC_RANDOM + IDENTITY);
        const keys = sessionKeys(realCrypto, handshake, latin1(kg));
        assert.equal(toHex(keys.sik), sik);
        assert.equal(toHex(keys.integrity), hmac(suite.hash, hex(sik), '01'.repeat(20)));
        assert.equal(toHex(keys.confidentiality), hmac(suite.hash, hex(sik), '02'.repeat(20)).slice(0, 32));
      });

    it('RAKP 4 is HMAC of Rm, SIDc, GUIDc under the session key, cut', () => {
      const { sik } = sessionKeys(realCrypto, handshake, password);
      const whole = hmac(suite.hash, sik, CONSOLE_RANDOM + BMC_ID + GUID);
      const cut = suite.integrityOctets * 2;
      assert.equal(toHex(rakp4Code(realCrypto, handshake, sik)), whole.slice(0, cut));
    });

    it('a password shorter than 20 octets is the same as one padded with zeros', () => {
      const padded = new Uint8Array(20);
      padded.set(latin1('short'));
      const codes = [latin1('short'), padded].map((key) => toHex(rakp3Code(realCrypto, handshake, key)));
      assert.equal(codes[0], codes[1]);
    });
  });

describe('handshake messages', () => {
  it('open session request, octet by octet', () => {
    const octets = encodeOpenRequest({ tag: 7, privilege: 3, consoleId: 0xa0a2a3a4, suite: SUITE_17 });
    const want = '07030000 a4a3a2a0 0000000803000000 0100000804000000 0200000801000000';
    assert.equal(toHex(octets), want.replaceAll(' ', ''));
  });

  it('open session response, octet by octet', () => {
    const octets = encodeOpenResponse(7, { consoleId: 1, bmcId: 2 }, 4, SUITE_3);
    const want = '07000400 01000000 02000000 0000000801000000 0100000801000000 0200000801000000';
    assert.equal(toHex(octets), want.replaceAll(' ', ''));
  });

  it('algorithms that make no suite of ours are no suite, suite 0 among them', () => {
    const octets = encodeOpenRequest({ tag: 7, privilege: 3, consoleId: 1, suite: SUITE_3 });
    for (const [at, value] of [
      [12, 0],
      [20, 0],
      [28, 0],
      [12, 2],
    ] as const) {
      const changed = octets.slice();
      changed[at] = value;
      const read = decodeOpenRequest(changed);
      assert.ok(read.ok && read.value.suite === undefined);
    }
  });

  it('a refusal is read in full and in the short form of some BMCs', () => {
    for (const octets of [encodeOpenRefusal(7, 0x11, 1), Uint8Array.of(7, 0x11)]) {
      const read = decodeOpenResponse(octets);
      assert.ok(read.ok && read.value.status === 0x11);
    }
  });

  it('a consent that is cut is refused', () => {
    const octets = encodeOpenResponse(7, { consoleId: 1, bmcId: 2 }, 4, SUITE_3);
    for (let length = 2; length < octets.length; length += 1)
      assert.equal(decodeOpenResponse(octets.subarray(0, length)).ok, false, `${length} octets`);
  });

  it('RAKP 1, octet by octet, with and without a name', () => {
    const message = { tag: 1, bmcId: 2, consoleRandom: hex(CONSOLE_RANDOM), role: 0x14, user: latin1('admin') };
    const want = `01000000 02000000 ${CONSOLE_RANDOM} 14000005 61646d696e`.replaceAll(' ', '');
    assert.equal(toHex(encodeRakp1(message)), want);
    const nameless = decodeRakp1(encodeRakp1({ ...message, user: latin1('') }));
    assert.ok(nameless.ok && nameless.value.user.length === 0);
  });

  const bad: readonly (readonly [string, string])[] = [
    ['27 octets', '00'.repeat(27)],
    ['a name of 17 octets', `${'00'.repeat(27)}11${'61'.repeat(17)}`],
    ['a name longer than the message', `${'00'.repeat(27)}0561`],
  ];
  for (const [title, octets] of bad)
    it(`RAKP 1 of ${title} is refused`, () => {
      assert.equal(decodeRakp1(hex(octets)).ok, false);
    });

  it('RAKP 2 needs room for its code', () => {
    assert.equal(decodeRakp2Rest(new Uint8Array(32 + 20), SUITE_3).ok, true);
    assert.equal(decodeRakp2Rest(new Uint8Array(32 + 19), SUITE_3).ok, false);
    assert.equal(decodeRakp2Rest(new Uint8Array(32 + 31), SUITE_17).ok, false);
  });

  it('replies survive the way there and back', () => {
    const reply = fc.record({
      tag: fc.nat(255),
      status: fc.nat(255),
      sessionId: fc.nat(0xffffffff),
      rest: fc.uint8Array({ maxLength: 80 }),
    });
    fc.assert(
      fc.property(reply, (each) => {
        const read = decodeRakpReply(encodeRakpReply(each));
        assert.ok(read.ok);
        assert.deepEqual({ ...read.value, rest: [...read.value.rest] }, { ...each, rest: [...each.rest] });
      }),
    );
  });

  it('any octets are read or refused, never thrown at', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (octets) => {
        for (const read of [decodeOpenRequest, decodeOpenResponse, decodeRakp1, decodeRakpReply])
          assert.equal(typeof read(octets).ok, 'boolean');
        assert.equal(typeof decodeRakp2Rest(octets, SUITE_17).ok, 'boolean');
      }),
    );
  });
});
