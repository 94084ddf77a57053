import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { decodeMessage, messageType, numberOfType, type DhcpMessage } from '../../../server/wire/dhcp/message.ts';
import { OPT, textOf } from '../../../server/wire/dhcp/options.ts';
import { clientMessage, ip, text } from '../../support/dhcp-lab.ts';

function read(octets: Uint8Array): DhcpMessage {
  const result = decodeMessage(octets);
  assert.ok(result.ok);
  return result.value;
}

const refused = (octets: Uint8Array): string => {
  const result = decodeMessage(octets);
  assert.ok(!result.ok);
  return result.error;
};

/** A message whose options area is exactly these octets. */
const withArea = (...area: number[]): Uint8Array =>
  Uint8Array.from([...clientMessage('DISCOVER').subarray(0, 240), ...area]);

const FILE_AT = 108;
const SNAME_AT = 44;

describe('wire/dhcp/message', () => {
  it('A2 without the magic cookie there is no DHCP', () => {
    const octets = clientMessage('DISCOVER');
    octets[236] = 98;
    assert.match(refused(octets), /cookie/);
  });

  it('a short datagram is refused, at every length', () => {
    const octets = clientMessage('DISCOVER');
    for (let length = 0; length < 240; length += 1) assert.match(refused(octets.subarray(0, length)), /short message/);
    assert.equal(read(octets.subarray(0, 240)).options.size, 0);
  });

  it('A9 hlen greater than 16 is refused, 16 is not', () => {
    assert.match(refused(clientMessage('DISCOVER', { hlen: 17 })), /hlen 17/);
    assert.equal(read(clientMessage('DISCOVER', { hlen: 16 })).hlen, 16);
  });

  it('A3 survives a missing END', () => {
    assert.equal(messageType(read(withArea(53, 1, 3)).options), 'REQUEST');
  });

  it('A14 reserved bits of flags are carried and mean nothing', () => {
    assert.equal(read(clientMessage('DISCOVER', { flags: 0x7fff })).flags, 0x7fff);
  });

  it('B1 PAD has no length octet, and END ends', () => {
    const { options } = read(withArea(0, 0, 53, 1, 1, 0, 255, 12, 1, 65));
    assert.deepEqual([...options.keys()], [53]);
  });

  for (const [title, area] of [
    ['a length that runs past the field', [53, 1, 1, 12, 5, 65]],
    ['a code without a length', [53, 1, 1, 12]],
    ['a length of 255 at the very end', [53, 1, 1, 12, 255]],
  ] as const)
    it(`B2 ${title}: what came before counts, nothing beyond is read`, () => {
      const { options } = read(withArea(...area));
      assert.deepEqual([...options], [[53, Uint8Array.of(1)]]);
    });

  it('B3 options are read first, then file, then sname; a 52 inside them is ignored', () => {
    const octets = withArea(53, 1, 1, OPT.overload, 1, 3, 12, 1, 65, 255);
    octets.set([12, 1, 66, OPT.overload, 1, 0, 255], FILE_AT);
    octets.set([12, 1, 67, 255], SNAME_AT);
    const message = read(octets);
    assert.equal(textOf(message.options.get(12) ?? new Uint8Array(0)), 'ABC');
    assert.deepEqual([...(message.options.get(OPT.overload) ?? [])], [3]);
    assert.deepEqual([message.file, message.sname], ['', '']);
  });

  it('B3 overload of one field leaves the other as text', () => {
    const octets = withArea(53, 1, 1, OPT.overload, 1, 1, 255);
    octets.set([12, 1, 66, 255], FILE_AT);
    octets.set([97, 98, 0, 99], SNAME_AT);
    const message = read(octets);
    assert.deepEqual([message.file, message.sname], ['', 'ab']);
    assert.equal(message.options.has(12), true);
  });

  it('B3 an overload of another length or value is no overload', () => {
    for (const area of [[OPT.overload, 2, 3, 3, 255] as const, [OPT.overload, 1, 4, 255] as const]) {
      const octets = withArea(...area);
      octets.set([97, 98], FILE_AT);
      assert.equal(read(octets).file, 'ab');
    }
  });

  it('B6 several instances of one option are joined in order of appearance', () => {
    const { options } = read(withArea(61, 2, 1, 2, 53, 1, 1, 61, 1, 3, 255));
    assert.deepEqual([...(options.get(61) ?? [])], [1, 2, 3]);
  });

  it('the file a client wants is text up to the NUL', () => {
    assert.equal(read(clientMessage('DISCOVER', { file: 'boot.scr.uimg' })).file, 'boot.scr.uimg');
  });

  it('numbers and names of message types agree', () => {
    for (let number = 1; number <= 8; number += 1) {
      const type = messageType(new Map([[OPT.messageType, Uint8Array.of(number)]]));
      assert.ok(type);
      assert.equal(numberOfType(type), number);
    }
    for (const value of [[0], [9], [255], [], [1, 1]])
      assert.equal(messageType(new Map([[OPT.messageType, Uint8Array.from(value)]])), undefined);
    assert.equal(messageType(new Map()), undefined);
  });

  it('never throws, on any octets', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 700 }), (octets) => typeof decodeMessage(octets).ok === 'boolean'),
    );
  });

  it('never throws on any options area, and never finds more octets than there are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (area) => {
        const { options } = read(withArea(...area));
        const octets = [...options.values()].reduce((sum, value) => sum + value.length, 0);
        assert.ok(octets <= area.length + 64 + 128);
      }),
    );
  });

  it('address fields keep all 32 bits', () => {
    const message = read(clientMessage('REQUEST', { ciaddr: ip('255.255.255.254') }, [text(OPT.hostName, 'x')]));
    assert.equal(message.ciaddr, 0xfffffffe);
  });
});
