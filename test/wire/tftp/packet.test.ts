import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  decodePacket,
  encodeAck,
  encodeData,
  encodeError,
  encodeOack,
  encodeReadRequest,
  writeDataHeader,
  type TftpPacket,
} from '../../../server/wire/tftp/packet.ts';

const octets = (text: string): Uint8Array => Buffer.from(text, 'latin1');

function decoded(datagram: Uint8Array): TftpPacket {
  const packet = decodePacket(datagram);
  assert.ok(packet.ok, packet.ok ? '' : packet.error);
  return packet.value;
}

function request(text: string): Extract<TftpPacket, { op: 'RRQ' | 'WRQ' }> {
  const packet = decoded(octets(text));
  assert.ok(packet.op === 'RRQ' || packet.op === 'WRQ');
  return packet;
}

describe('tftp packet', () => {
  const requests: readonly (readonly [string, string, Readonly<Record<string, string>>])[] = [
    ['a plain request has no options (RFC 1350)', '\0\x01linux\0octet\0', {}],
    ['options follow in pairs (H1)', '\0\x01f\0octet\0blksize\x001468\0tsize\x000\0', { blksize: '1468', tsize: '0' }],
    ['option names come in any case (H1)', '\0\x01f\0octet\0BlkSize\x001024\0', { blksize: '1024' }],
    ['an option that comes twice counts once, the first (H1)', '\0\x01f\0octet\0a\x001\0A\x002\0', { a: '1' }],
    ['a name without a value is dropped', '\0\x01f\0octet\0tsize\x000\0blksize\0', { tsize: '0' }],
    ['text after the last NUL is dropped', '\0\x01f\0octet\0tsize\x000\0junk', { tsize: '0' }],
    ['an empty option name is dropped', '\0\x01f\0octet\0\x005\0tsize\x000\0', { tsize: '0' }],
    ['control octets in a value are shown as question marks', '\0\x01f\0octet\0a\0\x1b[2J\0', { a: '?[2J' }],
    ['__proto__ is a name like any other', '\0\x01f\0octet\0__proto__\x001\0', { ['__proto__']: '1' }],
  ];
  for (const [title, text, want] of requests)
    it(title, () => {
      assert.deepEqual([...request(text).options], Object.entries(want));
    });

  it('mode names come in any case (G8)', () => {
    assert.equal(request('\0\x01f\0OcTeT\0').mode, 'octet');
    assert.equal(request('\0\x02f\0NETASCII\0').mode, 'netascii');
  });

  it('the name stays octets, for its reader to judge', () => {
    assert.deepEqual([...request('\0\x01\x07\xff/..\0octet\0').filename], [7, 255, 47, 46, 46]);
  });

  const refused: readonly (readonly [string, string])[] = [
    ['nothing at all', ''],
    ['one octet', '\0'],
    ['an opcode of 0', '\0\0'],
    ['an opcode of 7', '\0\x07\0\0'],
    ['an opcode whose high octet is set', '\x01\x01f\0octet\0'],
    ['a request without NULs (G10)', '\0\x01linux'],
    ['a request with one string only (G10)', '\0\x01linux\0'],
    ['a request whose mode is not ended (G10)', '\0\x01linux\0octet'],
    ['an ACK that ends inside the number', '\0\x04\0'],
    ['DATA without a number', '\0\x03'],
    ['an ERROR without a code', '\0\x05\0'],
    ['a request of 513 octets (H4)', `\0\x01${'a'.repeat(504)}\0octet\0`],
  ];
  for (const [title, text] of refused)
    it(`refused with a reason: ${title}`, () => {
      const packet = decodePacket(octets(text));
      assert.ok(!packet.ok);
      assert.notEqual(packet.error, '');
    });

  it('a request of 512 octets is read (H4)', () => {
    assert.equal(request(`\0\x01${'a'.repeat(503)}\0octet\0`).filename.length, 503);
  });

  it('an ERROR without its NUL is read all the same (G7: it must end the transfer)', () => {
    assert.deepEqual(decoded(octets('\0\x05\0\x08nope')), { op: 'ERROR', code: 8, message: 'nope' });
    assert.deepEqual(decoded(octets('\0\x05\0\x08')), { op: 'ERROR', code: 8, message: '' });
  });

  it('packets are laid out as RFC 1350 §5 and RFC 2347 draw them', () => {
    assert.deepEqual(encodeAck(0x1234), Uint8Array.of(0, 4, 0x12, 0x34));
    assert.deepEqual(encodeAck(65536), Uint8Array.of(0, 4, 0, 0), 'G4: cut to 16 bits');
    assert.deepEqual(encodeData(0xfffe, Uint8Array.of(9, 8)), Uint8Array.of(0, 3, 0xff, 0xfe, 9, 8));
    assert.deepEqual(Buffer.from(encodeError(1, 'File not found')), octets('\0\x05\0\x01File not found\0'));
    assert.deepEqual(Buffer.from(encodeOack(new Map([['blksize', '8']]))), octets('\0\x06blksize\x008\0'));
  });

  it('error texts end with NUL (G10)', () => {
    assert.equal(encodeError(4, 'x').at(-1), 0);
  });

  it('a DATA header is written in place and touches nothing else', () => {
    const into = new Uint8Array(8).fill(0xee);
    writeDataHeader(into, 2, 0x10203);
    assert.deepEqual(into, Uint8Array.of(0xee, 0xee, 0, 3, 2, 3, 0xee, 0xee));
  });

  it('any octets are decoded or refused, never thrown at', () => {
    const hostile = fc.oneof(
      fc.uint8Array({ maxLength: 600 }),
      fc
        .tuple(fc.integer({ min: 1, max: 6 }), fc.uint8Array({ maxLength: 100 }))
        .map(([op, rest]) => Uint8Array.of(0, op, ...rest)),
    );
    fc.assert(
      fc.property(hostile, (datagram) => {
        const packet = decodePacket(datagram);
        if (packet.ok && 'message' in packet.value) assert.match(packet.value.message, /^[ -~]*$/);
      }),
      { numRuns: 500 },
    );
  });

  it('what is encoded comes back', () => {
    const word = fc.stringMatching(/^[a-z]{1,8}$/);
    const u16 = fc.integer({ min: 0, max: 65535 });
    fc.assert(
      fc.property(
        u16,
        fc.uint8Array({ maxLength: 64 }),
        fc.dictionary(word, word, { maxKeys: 5 }),
        (number, data, pairs) => {
          const options = new Map(Object.entries(pairs));
          const filename = data.map((octet) => octet || 1);
          assert.deepEqual(decoded(encodeData(number, data)), { op: 'DATA', block: number, data });
          assert.deepEqual(decoded(encodeAck(number)), { op: 'ACK', block: number });
          assert.deepEqual(decoded(encodeError(number, 'why')), { op: 'ERROR', code: number, message: 'why' });
          assert.deepEqual(decoded(encodeOack(options)), { op: 'OACK', options });
          const rrq = decoded(encodeReadRequest(filename, 'octet', options));
          assert.deepEqual(rrq, { op: 'RRQ', filename, mode: 'octet', options });
        },
      ),
    );
  });
});
