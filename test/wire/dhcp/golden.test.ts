import { strict as assert } from 'node:assert';
import { readdirSync, readFileSync } from 'node:fs';
import { formatIpv4, macOf } from '../../../server/core/address.ts';
import { encodeMessage } from '../../../server/wire/dhcp/encode.ts';
import { decodeMessage, type DhcpMessage } from '../../../server/wire/dhcp/message.ts';
import { OPT } from '../../../server/wire/dhcp/options.ts';

const GOLDEN = new URL('../../golden/dhcp/', import.meta.url);
const names = readdirSync(GOLDEN)
  .filter((name) => name.endsWith('.hex'))
  .map((name) => name.slice(0, -4));

const octetsOf = (name: string): Uint8Array =>
  Uint8Array.from(Buffer.from(readFileSync(new URL(`${name}.hex`, GOLDEN), 'utf8').replace(/\s/g, ''), 'hex'));

function decoded(name: string): DhcpMessage {
  const result = decodeMessage(octetsOf(name));
  assert.ok(result.ok, name);
  return result.value;
}

/** The message in the words of the text files. */
function words(message: DhcpMessage, octets: number): string[] {
  const text = (value: string): string => (value === '' ? '-' : value);
  return [
    `octets ${octets}`,
    ...(['op', 'htype', 'hlen', 'hops', 'xid', 'secs', 'flags'] as const).map((name) => `${name} ${message[name]}`),
    ...(['ciaddr', 'yiaddr', 'siaddr', 'giaddr'] as const).map((name) => `${name} ${formatIpv4(message[name])}`),
    `chaddr ${macOf(message.chaddr)}`,
    `sname ${text(message.sname)}`,
    `file ${text(message.file)}`,
    ...[...message.options].map(([code, value]) => `option ${code} ${Buffer.from(value).toString('hex')}`),
  ];
}

describe('wire/dhcp golden packets', () => {
  it('are there', () => {
    assert.ok(names.length >= 20, `${names.length} packets`);
  });

  for (const name of names) {
    it(`${name} reads as tshark reads it`, () => {
      const text = readFileSync(new URL(`${name}.txt`, GOLDEN), 'utf8');
      const want = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
      assert.deepEqual(words(decoded(name), octetsOf(name).length), want);
    });

    it(`${name} survives being written again`, () => {
      const { options, ...header } = decoded(name);
      const again = encodeMessage(header, [...options], { datagramOctets: 1500, mayOverload: false });
      assert.deepEqual(again.omitted, []);
      const read = decodeMessage(again.octets);
      assert.ok(read.ok);
      assert.deepEqual(words(read.value, 0), words(decoded(name), 0));
      assert.equal(again.octets.at(-1) === OPT.end || again.octets.length === 300, true);
    });
  }
});
