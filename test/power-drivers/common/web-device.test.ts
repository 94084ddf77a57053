import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import {
  atPointer,
  ESCAPES,
  expectSuccess,
  fill,
  readWebUrl,
  wordOf,
} from '../../../power-drivers/common/web-device.ts';
import { failureOf } from '../../support/power-failure.ts';

describe('what drivers for web devices share', () => {
  it('a pointer finds what was put there, whatever the names are', () => {
    const name = fc.string({ unit: fc.constantFrom('a', '/', '~', '0', '1', 'é', '"') });
    fc.assert(
      fc.property(fc.array(name, { maxLength: 5 }), fc.jsonValue(), (path, value) => {
        const document = path.reduceRight<unknown>((inner, key) => ({ [key]: inner, other: 1 }), value);
        const pointer = path.map((key) => `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
        assert.deepEqual(atPointer(document, pointer), value);
      }),
    );
  });

  it('a pointer never finds what the document does not hold itself', () => {
    for (const pointer of ['/constructor', '/__proto__', '/length', '/0/length', '/-', '/01', '/a/b/c'])
      for (const document of [{}, [1], 'text', 3, null, undefined])
        assert.equal(atPointer(document, pointer), undefined, pointer);
    assert.equal(atPointer([7, 8], '/1'), 8);
  });

  it('words of values', () => {
    assert.deepEqual(['on', 1, true, null, {}, [], undefined].map(wordOf), [
      'on',
      '1',
      'true',
      'null',
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('whatever is put in arrives as it was, and is never taken for more', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (outlet) => {
        const inJson: unknown = JSON.parse(fill('{"o":"{outlet}"}', { outlet }, ESCAPES.json));
        assert.deepEqual(inJson, { o: outlet });
        const url = new URL(fill('http://h/{outlet}/x?o={outlet}', { outlet: `a${outlet}` }, ESCAPES.url));
        assert.equal(url.searchParams.get('o'), `a${outlet}`);
        assert.equal(url.pathname.split('/').length, 3);
      }),
    );
    assert.equal(fill('{outlet}{order}', { outlet: '{order}', order: '$&' }, String), '{order}$&');
    assert.equal(fill('{constructor}', {}, String), '{constructor}');
  });

  it('statuses', async () => {
    const codeOf = async (status: number): Promise<string> =>
      (
        await failureOf(() => {
          expectSuccess({ status, headers: {}, body: 'canary' }, 'plug');
        })
      ).code;
    expectSuccess({ status: 204, headers: {}, body: '' }, 'plug');
    const got = await Promise.all([401, 403, 429, 503, 302, 404, 500, 0].map(codeOf));
    assert.deepEqual(got, ['auth', 'auth', 'busy', 'busy', 'refused', 'refused', 'refused', 'refused']);
  });

  it('addresses of operators: web only, nobody named in them', () => {
    assert.ok(readWebUrl('https://h:8443/x?y=1').ok);
    for (const bad of ['', 'h/x', 'ftp://h/', 'http://', 'http://u@h/', 'http://:p@h/', 'javascript:1'])
      assert.equal(readWebUrl(bad).ok, false, bad);
  });
});
