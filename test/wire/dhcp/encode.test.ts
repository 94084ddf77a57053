import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { NO_ADDRESS } from '../../../server/core/address.ts';
import {
  datagramOctetsMax,
  encodeMessage,
  type Encoded,
  type MessageToSend,
} from '../../../server/wire/dhcp/encode.ts';
import { decodeMessage, type DhcpMessage } from '../../../server/wire/dhcp/message.ts';
import type { OptionToSend } from '../../../server/wire/dhcp/option-field.ts';
import { OPT } from '../../../server/wire/dhcp/options.ts';
import { ip, text } from '../../support/dhcp-lab.ts';

const header: MessageToSend = {
  ...{ op: 2, htype: 1, hlen: 6, hops: 0, xid: 7, secs: 0, flags: 0 },
  ...{ ciaddr: NO_ADDRESS, yiaddr: ip('10.77.0.9'), siaddr: ip('10.77.0.1'), giaddr: NO_ADDRESS },
  ...{ chaddr: Uint8Array.of(2, 0, 0, 0, 0, 1), sname: '', file: '' },
};
const filled = (code: number, octets: number): OptionToSend => [code, new Uint8Array(octets).fill(code)];
const TYPE: OptionToSend = [OPT.messageType, Uint8Array.of(2)];

function encode(options: readonly OptionToSend[], datagramOctets = 576, change: Partial<MessageToSend> = {}): Encoded {
  return encodeMessage({ ...header, ...change }, options, { datagramOctets, mayOverload: true });
}

function read(octets: Uint8Array): DhcpMessage {
  const result = decodeMessage(octets);
  assert.ok(result.ok);
  return result.value;
}

describe('wire/dhcp/encode', () => {
  it('A8 a short reply is padded to 300 octets with PAD', () => {
    const { octets } = encode([TYPE]);
    assert.equal(octets.length, 300);
    assert.deepEqual([...octets.subarray(240, 244)], [53, 1, 2, 255]);
    assert.ok(octets.subarray(244).every((octet) => octet === 0));
  });

  it('A3 the last option is END', () => {
    const { octets } = encode([TYPE, filled(12, 100)]);
    assert.equal(octets.length, 240 + 3 + 102 + 1);
    assert.equal(octets.at(-1), OPT.end);
  });

  for (const [said, means] of [
    [undefined, 576],
    [0, 576],
    [300, 576],
    [576, 576],
    [1472, 1472],
    [65280, 1500],
  ] as const)
    it(`A15 a maximum message size of ${said ?? 'nothing'} means IP datagrams of ${means}`, () => {
      assert.equal(datagramOctetsMax(said), means);
    });

  it('A15 fills the last octet the client allows, and not one more', () => {
    const room = 576 - 28 - 240 - 1;
    const fits = encode([TYPE, filled(12, 200), filled(15, room - 3 - 202 - 2)], 576, { file: 'f', sname: 's' });
    assert.equal(fits.octets.length, 548);
    assert.deepEqual(fits.omitted, []);
    const over = encode([TYPE, filled(12, 200), filled(15, room - 3 - 202 - 1)], 576, { file: 'f', sname: 's' });
    assert.deepEqual(over.omitted, [15]);
  });

  it('B4 what does not fit goes whole into file and sname, each closed by END; 52 is in the options field', () => {
    const { octets, omitted } = encode([TYPE, filled(12, 250), filled(15, 100), filled(17, 60)], 576);
    assert.deepEqual(omitted, []);
    const message = read(octets);
    assert.deepEqual([...(message.options.get(OPT.overload) ?? [])], [3]);
    assert.equal(octets.subarray(243, 246).join(), [OPT.overload, 1, 3].join());
    assert.equal(octets[108 + 102], OPT.end);
    assert.equal(octets[44 + 62], OPT.end);
    assert.deepEqual([message.options.get(15)?.length, message.options.get(17)?.length], [100, 60]);
  });

  it('B4 a field that carries text is not overloaded', () => {
    const { octets, omitted } = encode([TYPE, filled(12, 250), filled(15, 100)], 576, { file: 'boot/file' });
    assert.deepEqual(omitted, [15]);
    assert.equal(read(octets).file, 'boot/file');
    assert.equal(read(octets).options.has(OPT.overload), false);
  });

  it('B5 a NAK is never overloaded', () => {
    const options = [TYPE, filled(12, 250), filled(15, 100)];
    const { omitted, octets } = encodeMessage(header, options, { datagramOctets: 576, mayOverload: false });
    assert.deepEqual(omitted, [15]);
    assert.equal(read(octets).options.has(OPT.overload), false);
  });

  it('B7 a long value is split in order for options that may be, and left out for others', () => {
    const long = Uint8Array.from({ length: 600 }, (_, at) => at & 255);
    const { octets, omitted } = encode([TYPE, [OPT.vendorSpecific, long], [OPT.hostName, long]], 1500);
    assert.deepEqual(omitted, [OPT.hostName]);
    assert.deepEqual(read(octets).options.get(OPT.vendorSpecific), long);
  });

  it('B8 text is sent without a NUL, header fields with one', () => {
    const { octets } = encode([TYPE, text(OPT.bootFileName, 'ab')], 576, { file: 'x'.repeat(127) });
    assert.deepEqual([...octets.subarray(243, 248)], [67, 2, 97, 98, 255]);
    assert.equal(octets[108 + 127], 0);
  });

  it('a name too long for its field is left out whole, never cut', () => {
    const { octets } = encode([TYPE], 576, { file: 'x'.repeat(128), sname: 'y'.repeat(64) });
    assert.deepEqual([read(octets).file, read(octets).sname], ['', '']);
  });

  it('E3 option 82 is last before END wherever it stood', () => {
    const relay: OptionToSend = [OPT.relayAgentInformation, Uint8Array.of(1, 1, 9)];
    const { octets } = encode([relay, TYPE, filled(12, 80)]);
    assert.deepEqual([...octets.subarray(-6)], [82, 3, 1, 1, 9, 255]);
  });

  it('E3 option 82 stays in the options field when others must move', () => {
    const relay: OptionToSend = [OPT.relayAgentInformation, Uint8Array.of(1, 1, 9)];
    const { octets, omitted } = encode([TYPE, relay, filled(12, 250), filled(15, 100)]);
    assert.deepEqual(omitted, []);
    assert.deepEqual([...octets.subarray(-6)], [82, 3, 1, 1, 9, 255]);
  });

  it('E4 an option 82 that does not fit is left out and named', () => {
    const { omitted, octets } = encode([TYPE, filled(OPT.relayAgentInformation, 500)]);
    assert.deepEqual(omitted, [OPT.relayAgentInformation]);
    assert.equal(read(octets).options.has(OPT.messageType), true);
  });

  const anyOption = fc.tuple(fc.integer({ min: 1, max: 254 }), fc.uint8Array({ maxLength: 255 }));
  const anyOptions = fc
    .uniqueArray(anyOption, { selector: ([code]) => code, maxLength: 20 })
    .map((options) => options.filter(([code]) => code !== OPT.overload));

  it('never exceeds the maximum of the client, and what it names as kept can be read back', () => {
    fc.assert(
      fc.property(anyOptions, fc.integer({ min: 0, max: 65535 }), fc.boolean(), (options, max, hasFile) => {
        const datagramOctets = datagramOctetsMax(max);
        const { octets, omitted } = encode(options, datagramOctets, { file: hasFile ? 'f' : '' });
        assert.ok(octets.length <= datagramOctets - 28 && octets.length >= 300);
        const message = read(octets);
        for (const [code, value] of options)
          assert.deepEqual(message.options.get(code), omitted.includes(code) ? undefined : value);
      }),
    );
  });

  it('decode(encode(x)) is x for header fields', () => {
    const u32s = fc.nat(0xffffffff);
    const shape = fc.record({ xid: u32s, flags: fc.nat(65535), secs: fc.nat(65535), hops: fc.nat(255) });
    fc.assert(
      fc.property(shape, (fields) => {
        const message = read(encode([TYPE], 576, fields).octets);
        assert.deepEqual(
          [message.xid, message.flags, message.secs, message.hops],
          [fields.xid, fields.flags, fields.secs, fields.hops],
        );
      }),
    );
  });
});
