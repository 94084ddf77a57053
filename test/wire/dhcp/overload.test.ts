import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { NO_ADDRESS } from '../../../server/core/address.ts';
import { datagramOctetsMax, encodeMessage, type MessageToSend } from '../../../server/wire/dhcp/encode.ts';
import { decodeMessage } from '../../../server/wire/dhcp/message.ts';
import { readField, type OptionToSend } from '../../../server/wire/dhcp/option-field.ts';
import { OPT } from '../../../server/wire/dhcp/options.ts';

const FILE = [108, 236] as const;
const SNAME = [44, 108] as const;
const none = { ciaddr: NO_ADDRESS, yiaddr: NO_ADDRESS, siaddr: NO_ADDRESS, giaddr: NO_ADDRESS };
const header: MessageToSend = {
  ...{ op: 2, htype: 1, hlen: 6, hops: 0, xid: 1, secs: 0, flags: 0, chaddr: new Uint8Array(16), sname: '', file: '' },
  ...none,
};

/** Codes of the options in one field, in the order they stand there. */
function codesIn(octets: Uint8Array, [start, end]: readonly [number, number]): readonly number[] {
  const found = new Map<number, Uint8Array>();
  readField(octets.subarray(start, end), found);
  return [...found.keys()];
}

const option = fc.tuple(fc.integer({ min: 1, max: 254 }), fc.uint8Array({ minLength: 1, maxLength: 120 }));
const options = fc
  .uniqueArray(option, { selector: ([code]) => code, minLength: 4, maxLength: 16 })
  .map((list) => list.filter(([code]) => code !== OPT.overload && code !== OPT.relayAgentInformation));
const relay = fc.uint8Array({ minLength: 1, maxLength: 100 });
const limits = { datagramOctets: datagramOctetsMax(576), mayOverload: true };

describe('wire/dhcp: overload, for any options', () => {
  it('E2 E3 option 82 is whole, last in the options field, and never in file or sname', () => {
    fc.assert(
      fc.property(options, relay, (list, value) => {
        const all: OptionToSend[] = [[OPT.relayAgentInformation, value], ...list];
        const { octets, omitted } = encodeMessage(header, all, limits);
        assert.equal(omitted.includes(OPT.relayAgentInformation), false);
        const main = codesIn(octets, [240, octets.length]);
        assert.equal(main.at(-1), OPT.relayAgentInformation);
        const decoded = decodeMessage(octets);
        assert.ok(decoded.ok);
        assert.deepEqual(decoded.value.options.get(OPT.relayAgentInformation), value);
        if (!decoded.value.options.has(OPT.overload)) return;
        for (const field of [FILE, SNAME])
          assert.equal(codesIn(octets, field).includes(OPT.relayAgentInformation), false);
      }),
    );
  });

  it('B4 option 52 names exactly the fields that hold options, and each of them ends with END', () => {
    fc.assert(
      fc.property(options, (list) => {
        const { octets } = encodeMessage(header, list, limits);
        const found = new Map<number, Uint8Array>();
        assert.equal(readField(octets.subarray(240), found).ended, true);
        const bits = found.get(OPT.overload)?.[0] ?? 0;
        for (const [bit, [start, end]] of [
          [1, FILE],
          [2, SNAME],
        ] as const) {
          const field = octets.subarray(start, end);
          if ((bits & bit) === 0) assert.ok(field.every((octet) => octet === 0));
          else assert.equal(readField(field, new Map()).ended, true);
        }
      }),
    );
  });

  it('B11 nothing is left out while it would still fit somewhere', () => {
    fc.assert(
      fc.property(options, (list) => {
        const { octets, omitted } = encodeMessage(header, list, limits);
        const decoded = decodeMessage(octets);
        assert.ok(decoded.ok);
        const sent = list.filter(([code]) => !omitted.includes(code));
        const used = sent.reduce((sum, [, value]) => sum + 2 + value.length, 0);
        for (const [code, value] of list)
          if (omitted.includes(code))
            assert.ok(used + 2 + value.length > 548 - 241 - 3, 'there was room in options alone');
      }),
    );
  });
});
