import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { readLxdReply } from '../../../server/wire/lxd/reply.ts';

const ID = 'f7b8063a-c778-45e9-aef9-3576605de52c';

describe("LXD's answers", () => {
  // Shortened answers of LXD 5.0.2.
  it('an instance gives its words', () => {
    const body = `{"type":"sync","status":"Success","status_code":200,"operation":"","error_code":0,"error":"","metadata":{"architecture":"x86_64","config":{"volatile.uuid":"be66e77c"},"description":"","ephemeral":false,"status":"Running","status_code":103,"name":"c1"}}`;
    assert.deepEqual(readLxdReply(body), {
      ok: true,
      value: { is: 'sync', words: { architecture: 'x86_64', status: 'Running', name: 'c1' } },
    });
  });

  it('an operation gives its number and what opens its WebSockets', () => {
    const [data, control] = ['a'.repeat(64), 'b'.repeat(64)];
    const body = { type: 'async', status_code: 100, metadata: { id: ID, metadata: { fds: { '0': data, control } } } };
    assert.deepEqual(readLxdReply(JSON.stringify(body)), {
      ok: true,
      value: { is: 'begun', id: ID, dataSecret: data, controlSecret: control },
    });
    const plain = { type: 'async', status_code: 100, metadata: { id: ID, metadata: null } };
    assert.deepEqual(readLxdReply(JSON.stringify(plain)), {
      ok: true,
      value: { is: 'begun', id: ID, dataSecret: undefined, controlSecret: undefined },
    });
  });

  it('an error gives its code and words, shortened and without control characters', () => {
    assert.deepEqual(readLxdReply('{"type":"error","status_code":0,"error_code":404,"error":"Instance not found"}'), {
      ok: true,
      value: { is: 'error', status: 404, because: 'Instance not found' },
    });
    const long = readLxdReply(JSON.stringify({ type: 'error', error: `\u001b[2J${'x'.repeat(400)}` }));
    assert.ok(long.ok && long.value.is === 'error' && long.value.because.length === 200);
    assert.ok(!long.value.because.includes('\u001b'));
  });

  for (const [title, body, words] of [
    ['no JSON', '<html>', /not a JSON object/],
    ['a list', '[]', /not a JSON object/],
    ['half an answer', '{"type":"sync","metad', /not a JSON object/],
    ['an unknown type', '{"type":"maybe"}', /no type that is known/],
    ['an operation without a number', '{"type":"async","status_code":100,"metadata":{}}', /names no operation/],
    [
      'an operation whose number is a path',
      '{"type":"async","status_code":100,"metadata":{"id":"../../1.0/instances/a/b/c/d/e/f/g"}}',
      /names no operation/,
    ],
  ] as const)
    it(`refuses ${title}`, () => {
      const reply = readLxdReply(body);
      assert.ok(!reply.ok);
      assert.match(reply.error, words);
    });

  it('a secret that could not stand in an address is none', () => {
    const body = {
      type: 'async',
      status_code: 100,
      metadata: { id: ID, metadata: { fds: { '0': 'a b&c=d/../../xxxxxxxxxx', control: 7 } } },
    };
    const reply = readLxdReply(JSON.stringify(body));
    assert.ok(reply.ok && reply.value.is === 'begun' && reply.value.dataSecret === undefined);
  });

  it('any JSON whatever is read or refused, and nothing long comes out', () => {
    const metadata = fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 60 });
    fc.assert(
      fc.property(fc.constantFrom('sync', 'async', 'error', 'x'), metadata, fc.json(), (type, data, noise) => {
        const reply = readLxdReply(JSON.stringify({ type, status_code: 100, metadata: data, error: noise }));
        if (reply.ok && reply.value.is === 'sync') assert.ok(Object.keys(reply.value.words).length <= 40);
        readLxdReply(noise);
      }),
    );
  });
});
