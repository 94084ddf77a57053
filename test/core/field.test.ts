import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { checkFields, type Field, type FieldValues } from '../../server/core/field.ts';
import { definePowerDriver } from '../../power-drivers/define.ts';
import { manual } from '../../power-drivers/manual.ts';
import { readDeclaration } from '../../power-drivers/declaration.ts';
import { ABILITIES } from '../../server/ports/power-driver.ts';
import { realEdges } from '../support/ipmi-crypto.ts';

const base = { label: 'L', scope: 'machine', required: true } as const;

const cases: readonly (readonly [string, Field, string | number | boolean, string | number | RegExp])[] = [
  ['an address', { ...base, kind: 'host' }, '10.0.0.1', '10.0.0.1'],
  ['a name', { ...base, kind: 'host' }, 'bmc-1.lab', 'bmc-1.lab'],
  ['an IPv6 address', { ...base, kind: 'host' }, 'fe80::1%eth0', 'fe80::1%eth0'],
  ['a host with a blank', { ...base, kind: 'host' }, 'a b', /must be a host name/],
  ['a host with a command behind it', { ...base, kind: 'host' }, 'a;id', /must be a host name/],
  ['a port', { ...base, kind: 'port' }, 623, 623],
  ['a port as text, as forms send it', { ...base, kind: 'port' }, '623', 623],
  ['port 0', { ...base, kind: 'port' }, 0, /from 1 to 65535/],
  ['port 65536', { ...base, kind: 'port' }, 65_536, /from 1 to 65535/],
  ['the lowest outlet', { ...base, kind: 'integer', min: 1, max: 8 }, 1, 1],
  ['the highest outlet', { ...base, kind: 'integer', min: 1, max: 8 }, 8, 8],
  ['one outlet more', { ...base, kind: 'integer', min: 1, max: 8 }, 9, /from 1 to 8/],
  ['half an outlet', { ...base, kind: 'integer', min: 1, max: 8 }, 1.5, /whole number/],
  ['an outlet in words', { ...base, kind: 'integer' }, 'two', /whole number/],
  ['a choice', { ...base, kind: 'choice', choices: ['a', 'b'] }, 'b', 'b'],
  ['no choice', { ...base, kind: 'choice', choices: ['a', 'b'] }, 'c', /one of a, b/],
  ['a text', { ...base, kind: 'text' }, '; id $(id)', '; id $(id)'],
  ['a leading dash', { ...base, kind: 'text' }, '-rf', /begin with a dash/],
  ['a newline', { ...base, kind: 'text' }, 'a\nb', /control characters/],
  ['a NUL', { ...base, kind: 'secret' }, 'a\u0000b', /control characters/],
  ['a secret may begin with a dash', { ...base, kind: 'secret' }, '-s', '-s'],
  ['a long text', { ...base, kind: 'text' }, 'x'.repeat(256), /0 to 255 characters, not 256/],
  ['a short secret', { ...base, kind: 'secret', min: 8 }, 'short', /8 to 255 characters, not 5/],
  ['a pattern is of the whole text', { ...base, kind: 'text', pattern: 'a|b' }, 'ab', /must match/],
  ['a path that climbs', { ...base, kind: 'file' }, 'a/../b', /climb/],
  ['a yes where a number belongs', { ...base, kind: 'integer' }, true, /whole number/],
];

describe('power driver fields', () => {
  for (const [title, field, raw, want] of cases)
    it(title, () => {
      const checked = checkFields({ it: field }, { it: raw });
      if (want instanceof RegExp) assert.match(checked.ok ? 'accepted' : checked.error, want);
      else assert.deepEqual(checked, { ok: true, value: { it: want } });
    });

  it('what is missing is named, defaults are filled in, empty counts as missing', () => {
    const fields = {
      need: { ...base, kind: 'text' },
      port: { ...base, kind: 'port', default: 623 },
      may: { ...base, kind: 'text', required: false },
    } as const;
    assert.match(JSON.stringify(checkFields(fields, {})), /need.*is missing/);
    assert.match(JSON.stringify(checkFields(fields, { need: '' })), /need.*is missing/);
    assert.deepEqual(checkFields(fields, { need: 'x', may: '' }), { ok: true, value: { need: 'x', port: 623 } });
  });

  it('an error never holds a secret', () => {
    const field = { ...base, kind: 'secret', max: 4, pattern: 'a+' } as const;
    for (const canary of ['canary', 'cana'])
      assert.ok(!JSON.stringify(checkFields({ p: field }, { p: canary })).includes(canary));
  });

  it('the names of JavaScript itself are no fields', () => {
    for (const name of ['__proto__', 'constructor', 'toString'])
      assert.equal(checkFields({}, JSON.parse(`{"${name}":"x"}`) as FieldValues).ok, false);
  });

  it('any parameters are accepted or refused, never thrown at', () => {
    const raw = fc.oneof(fc.string(), fc.integer(), fc.double(), fc.boolean());
    fc.assert(
      fc.property(fc.constantFrom(...cases.map(([, field]) => field)), raw, (field, value) => {
        const checked = checkFields({ it: field }, { it: value });
        assert.equal(typeof checked.ok, 'boolean');
      }),
    );
  });

  it('open gets numbers as numbers and refuses with the code "config"', () => {
    let got: unknown;
    const driver = definePowerDriver({
      name: 'x',
      summary: 's',
      abilities: ['on', 'off'],
      callTimeoutMs: 1,
      settleTimeoutMs: 1,
      fields: { outlet: { ...base, kind: 'integer' } },
      open: ({ outlet }) => {
        got = outlet;
        return { set: () => Promise.resolve(), query: () => Promise.resolve('unknown') };
      },
    });
    driver.open({ outlet: '3' }, realEdges);
    assert.equal(got, 3);
    assert.throws(() => driver.open({}, realEdges), { name: 'PowerError', code: 'config' });
  });
});

describe('the manual driver', () => {
  it('takes every order and can see nothing', async () => {
    const handle = manual.open({ where: 'rack 3' }, realEdges);
    const { signal } = new AbortController();
    await handle.set('on', signal);
    assert.equal(await handle.query(signal), 'unknown');
    assert.ok(!manual.abilities.includes('status'));
  });
});

describe('declarations', () => {
  const good = { name: 'a-pdu', summary: 's', abilities: ['on', 'off'], fields: {} };
  const declarations: readonly (readonly [string, unknown, boolean])[] = [
    ['the least there can be', good, true],
    ['all abilities', { ...good, abilities: ABILITIES }, true],
    ['no off, as with wake-on-LAN', { ...good, abilities: ['on'] }, true],
    ['no on', { ...good, abilities: ['off'] }, false],
    ['an ability nobody knows', { ...good, abilities: ['on', 'off', 'explode'] }, false],
    ['a name with a path', { ...good, name: '../x' }, false],
    ['a field of no kind', { ...good, fields: { a: { ...base, kind: 'blob' } } }, false],
    ['a field with a stray key', { ...good, fields: { a: { ...base, kind: 'text', lable: 'x' } } }, false],
    ['a deadline of an hour', { ...good, callTimeoutMs: 3_600_000 }, false],
    ['nothing', undefined, false],
    ['a number', 42, false],
  ];
  for (const [title, value, want] of declarations)
    it(`${title}: ${want ? 'taken' : 'refused'}`, () => {
      assert.equal(readDeclaration(value).ok, want);
    });
});
