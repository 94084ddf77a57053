import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import {
  OPTION,
  TELNET,
  TelnetDecoder,
  encodeSub,
  encodeTelnet,
  encodeVerb,
  type TelnetToken,
  type TelnetVerb,
} from '../../../server/wire/telnet/codec.ts';

function decodeAll(parts: readonly Uint8Array[], isBinary: boolean): readonly TelnetToken[] {
  const decoder = new TelnetDecoder();
  decoder.isBinary = isBinary;
  const tokens: TelnetToken[] = [];
  for (const part of parts) decoder.decode(part, (token) => tokens.push(token));
  return tokens;
}

const dataOf = (tokens: readonly TelnetToken[]): Buffer =>
  Buffer.concat(tokens.flatMap((token) => (token.is === 'data' ? [token.octets] : [])));

function cut(octets: Uint8Array, at: readonly number[]): readonly Uint8Array[] {
  const places = [0, ...at.map((each) => each % (octets.length + 1)).sort((a, b) => a - b), octets.length];
  return places.slice(1).map((place, n) => octets.subarray(places[n], place));
}

const octets = fc.uint8Array({ maxLength: 200 });
const cuts = fc.array(fc.nat(400), { maxLength: 6 });

describe('telnet: the codec', () => {
  it('property: binary data come back, wherever they are cut', () => {
    fc.assert(
      fc.property(octets, cuts, (data, at) => {
        const tokens = decodeAll(cut(encodeTelnet(data, true), at), true);
        assert.deepEqual(dataOf(tokens), Buffer.from(data));
        assert.ok(tokens.every((token) => token.is === 'data'));
      }),
    );
  });

  it('property: text comes back too, where no CR is followed by a NUL of its own', () => {
    const text = octets.filter((data) => !data.some((octet, n) => octet === 13 && data[n + 1] === 0));
    fc.assert(
      fc.property(text, cuts, (data, at) => {
        assert.deepEqual(dataOf(decodeAll(cut(encodeTelnet(data, false), at), false)), Buffer.from(data));
      }),
    );
  });

  it('property: commands between data keep their place, wherever they are cut', () => {
    const verb = fc.constantFrom<TelnetVerb>('will', 'wont', 'do', 'dont');
    const piece = fc.oneof(
      octets.filter((data) => data.length > 0).map((data): TelnetToken => ({ is: 'data', octets: data })),
      fc.tuple(verb, fc.nat(255)).map(([each, option]): TelnetToken => ({ is: 'verb', verb: each, option })),
      fc
        .tuple(fc.nat(254), fc.uint8Array({ maxLength: 60 }))
        .map(([option, data]): TelnetToken => ({ is: 'sub', option, octets: data })),
    );
    const encode = (token: TelnetToken): Uint8Array => {
      if (token.is === 'data') return encodeTelnet(token.octets, true);
      return token.is === 'verb' ? encodeVerb(token.verb, token.option) : encodeSub(token.option, token.octets);
    };
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), cuts, (tokens, at) => {
        const back = decodeAll(cut(Buffer.concat(tokens.map(encode)), at), true);
        const joined = (all: readonly TelnetToken[]) =>
          all.flatMap((token): readonly unknown[] =>
            token.is === 'data' ? [...token.octets] : [{ ...token, octets: undefined }],
          );
        assert.deepEqual(joined(back), joined(tokens));
      }),
    );
  });

  it('property: whatever comes, nothing is thrown and nothing is made up', () => {
    fc.assert(
      fc.property(fc.array(octets, { maxLength: 5 }), fc.boolean(), (parts, isBinary) => {
        const all = parts.reduce((sum, part) => sum + part.length, 0);
        assert.ok(dataOf(decodeAll(parts, isBinary)).length <= all);
      }),
    );
  });

  it('a subnegotiation without end costs nothing and what follows it is read again', () => {
    const endless = Buffer.concat([Buffer.from([TELNET.iac, TELNET.sb, OPTION.comPort]), Buffer.alloc(100_000, 7)]);
    const end = Buffer.from([TELNET.iac, TELNET.se, 65, 66]);
    const tokens = decodeAll([endless, end], true);
    assert.deepEqual(tokens, [{ is: 'data', octets: Uint8Array.of(65, 66) }]);
  });

  it('CR NUL is one CR in text, and two octets in binary; the change counts from its octet on', () => {
    const decoder = new TelnetDecoder();
    const heard: number[] = [];
    const wire = Uint8Array.of(13, 0, TELNET.iac, TELNET.will, OPTION.binary, 13, 0);
    decoder.decode(wire, (token) => {
      if (token.is === 'data') heard.push(...token.octets);
      else decoder.isBinary = true;
    });
    assert.deepEqual(heard, [13, 13, 0]);
    assert.deepEqual([...encodeTelnet(Uint8Array.of(13, 10, 13, 65), false)], [13, 10, 13, 0, 65]);
  });
});
