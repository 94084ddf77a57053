import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import {
  decodeSessionPacket,
  decodeV15,
  encodeHead,
  encodeV15,
  isRmcpPlus,
  PAYLOAD,
  trailerOf,
} from '../../../server/wire/ipmi/session-header.ts';
import { hex, toHex } from '../../support/golden-ipmi.ts';

const octets = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });
const u32s = fc.nat(0xffffffff);
const head = fc.record({
  payloadType: fc.constantFrom(...Object.values(PAYLOAD)),
  encrypted: fc.boolean(),
  sessionId: u32s,
  sequence: u32s,
  payload: fc.uint8Array({ maxLength: 300 }),
});

describe('IPMI 1.5 packets outside of a session', () => {
  it('no authentication, no session, the length, the message', () => {
    assert.equal(toHex(encodeV15(hex('20188181'))), '0000000000000000000420188181');
  });

  const refused: readonly (readonly [string, string, RegExp])[] = [
    ['nothing', '', /short/],
    ['nine octets', '000000000000000000', /short/],
    ['MD5 authentication', '02000000000000000000', /authentication type 2/],
    ['a session', '00000000000100000000', /IPMI 1.5 session/],
    ['a length beyond the end', '00000000000000000002aa', /2 octets announced, 1 there/],
  ];
  for (const [title, text, words] of refused)
    it(`${title} is refused`, () => {
      const read = decodeV15(hex(text));
      assert.match(read.ok ? 'read' : read.error, words);
    });

  it('an octet of padding behind the message is passed over', () => {
    const read = decodeV15(hex('00000000000000000002aabb00'));
    assert.ok(read.ok);
    assert.equal(toHex(read.value), 'aabb');
  });

  it('any message comes back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 255 }), (message) => {
        assert.deepEqual(decodeV15(encodeV15(message)), { ok: true, value: message });
      }),
    );
  });
});

describe('RMCP+ packets', () => {
  it('the header, octet by octet: format, flags and type, session, sequence, length, all least octet first', () => {
    const packet = { payloadType: PAYLOAD.ipmi, encrypted: true, authenticated: true, sessionId: 0x01020304 };
    assert.equal(toHex(encodeHead({ ...packet, sequence: 0x0a, payload: hex('ff') })), '06c0040302010a0000000100ff');
  });

  it('what is sent without security comes back, all of it covered and no AuthCode', () => {
    fc.assert(
      fc.property(head, (fields) => {
        const body = encodeHead({ ...fields, authenticated: false });
        const read = decodeSessionPacket(body, 16);
        assert.ok(read.ok);
        const { covered, authCode, authenticated, ...rest } = read.value;
        assert.deepEqual({ ...rest }, { ...fields });
        assert.deepEqual([covered, authCode.length, authenticated], [body, 0, false]);
      }),
    );
  });

  it('what is sent with an AuthCode comes back split in two, the trailer among what is covered', () => {
    fc.assert(
      fc.property(head, fc.constantFrom(12, 16), octets(16), (fields, integrityOctets, code) => {
        const begun = encodeHead({ ...fields, authenticated: true });
        const covered = Buffer.concat([begun, trailerOf(begun.length)]);
        const authCode = code.subarray(0, integrityOctets);
        const read = decodeSessionPacket(Uint8Array.from(Buffer.concat([covered, authCode])), integrityOctets);
        assert.ok(read.ok);
        assert.deepEqual([...read.value.covered], [...covered]);
        assert.deepEqual(read.value.authCode, authCode);
        assert.deepEqual(read.value.payload, fields.payload);
      }),
    );
  });

  it('a trailer fills up to a multiple of four with 0xff, says by how much, and ends with 7', () => {
    for (let length = 12; length < 40; length += 1) {
      const trailer = trailerOf(length);
      assert.equal((length + trailer.length) % 4, 0, `${length} octets`);
      const pad = trailer.length - 2;
      assert.ok(pad >= 0 && pad < 4);
      assert.deepEqual([...trailer], [...Array<number>(pad).fill(255), pad, 7]);
    }
  });

  const refused: readonly (readonly [string, string, RegExp])[] = [
    ['nothing', '', /short/],
    ['eleven octets', '0600000000000000000000', /short/],
    ['IPMI 1.5', '000000000000000000000000', /format 0/],
    ['a payload beyond the end', '060000000000000000000200ff', /2 octets of payload announced, 1 there/],
    ['an AuthCode without room', '064000000000000000000000ff07000000000000000000000000', /no room for a trailer/],
  ];
  for (const [title, text, words] of refused)
    it(`${title} is refused`, () => {
      const read = decodeSessionPacket(hex(text), 16);
      assert.match(read.ok ? 'read' : read.error, words);
    });

  it('the format tells the two kinds apart', () => {
    assert.deepEqual(
      ['06', '00', '02', ''].map((text) => isRmcpPlus(hex(text))),
      [true, false, false, false],
    );
  });

  it('a packet cut anywhere is refused, never read as a shorter one', () => {
    const whole = encodeHead({
      ...{ payloadType: 0, encrypted: false, authenticated: false },
      sessionId: 7,
      sequence: 9,
      payload: hex('0102030405'),
    });
    for (let length = 0; length < whole.length; length += 1)
      assert.equal(decodeSessionPacket(whole.subarray(0, length), 12).ok, false, `${length} octets`);
  });

  it('any octets are read or refused, never thrown at, and nothing is read beyond them', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.constantFrom(12, 16), (body, integrityOctets) => {
        const read = decodeSessionPacket(body, integrityOctets);
        if (read.ok) assert.ok(read.value.covered.length + read.value.authCode.length <= body.length);
        assert.equal(typeof decodeV15(body).ok, 'boolean');
      }),
    );
  });
});
