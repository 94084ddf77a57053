import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { OPTION, encodeVerb, type TelnetVerb } from '../../../server/wire/telnet/codec.ts';
import { TelnetOptions } from '../../../server/wire/telnet/options.ts';

const verb = fc.constantFrom<TelnetVerb>('will', 'wont', 'do', 'dont');
const OPPOSITE = { will: 'do', wont: 'dont', do: 'will', dont: 'wont' } as const;
const VERBS: Readonly<Record<number, TelnetVerb>> = { 251: 'will', 252: 'wont', 253: 'do', 254: 'dont' };

describe('telnet: options', () => {
  it('asks for eight bits both ways, and for the port where that is wanted', () => {
    assert.deepEqual(new TelnetOptions(false).begin(), [
      encodeVerb('will', OPTION.binary),
      encodeVerb('will', OPTION.suppressGoAhead),
      encodeVerb('do', OPTION.binary),
      encodeVerb('do', OPTION.suppressGoAhead),
    ]);
    assert.ok(new TelnetOptions(true).begin().some((each) => each[2] === OPTION.comPort));
  });

  it('what was asked and is agreed to needs no answer; what is asked of us does', () => {
    const options = new TelnetOptions(true);
    options.begin();
    assert.equal(options.weDo(OPTION.comPort), false);
    assert.equal(options.answer('do', OPTION.comPort), undefined);
    assert.equal(options.weDo(OPTION.comPort), true);
    assert.deepEqual(options.answer('will', OPTION.echo), encodeVerb('do', OPTION.echo));
    assert.deepEqual(options.answer('do', 31), encodeVerb('wont', 31));
    assert.deepEqual(options.answer('will', 31), encodeVerb('dont', 31));
    assert.equal(options.answer('dont', 31), undefined);
  });

  it('what is taken back is acknowledged once', () => {
    const options = new TelnetOptions(false);
    options.begin();
    options.answer('do', OPTION.binary);
    options.answer('will', OPTION.binary);
    assert.deepEqual(options.answer('dont', OPTION.binary), encodeVerb('wont', OPTION.binary));
    assert.equal(options.answer('dont', OPTION.binary), undefined);
    assert.deepEqual(options.answer('wont', OPTION.binary), encodeVerb('dont', OPTION.binary));
    assert.equal(options.theyDo(OPTION.binary), false);
  });

  it('property: two of them never answer each other for ever', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(verb, fc.nat(60)), { maxLength: 20 }), fc.boolean(), (said, wants) => {
        const [one, two] = [new TelnetOptions(wants), new TelnetOptions(true)];
        let onWay = [...one.begin(), ...two.begin(), ...said.map(([each, option]) => encodeVerb(each, option))];
        let side = one;
        for (let turns = 0; onWay.length > 0; turns += 1) {
          assert.ok(turns < 12, 'they do not end');
          onWay = onWay.flatMap((octets) => side.answer(VERBS[octets[1] ?? 0] ?? 'wont', octets[2] ?? 0) ?? []);
          side = side === one ? two : one;
        }
      }),
    );
  });

  it('property: an answer is of the kind that was asked for, and of the same option', () => {
    fc.assert(
      fc.property(verb, fc.nat(255), (asked, option) => {
        const answer = new TelnetOptions(true).answer(asked, option);
        if (!answer) return;
        const word = VERBS[answer[1] ?? 0] ?? 'wont';
        const kinds = asked === 'do' || asked === 'dont' ? ['will', 'wont'] : ['do', 'dont'];
        assert.ok(kinds.includes(word), `${asked} was answered by ${word}, not as ${OPPOSITE[asked]}`);
        assert.equal(answer[2], option);
      }),
    );
  });
});
