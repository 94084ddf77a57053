import { strict as assert } from 'node:assert';
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import {
  basicAuthorization,
  digestAuthorization,
  httpCallsAs,
  readChallenges,
} from '../../../power-drivers/common/digest-auth.ts';
import { PowerError } from '../../../server/ports/power-driver.ts';
import { realRng } from '../../../server/edges/real-rng.ts';

const forever = new AbortController().signal;
const mufasa = { user: 'Mufasa', password: 'Circle of Life' };
const RFC_CHALLENGE =
  'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=SHA-256, ' +
  'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS", ' +
  'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=MD5, ' +
  'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"';
const RFC_QUESTION = {
  method: 'GET',
  uri: '/dir/index.html',
  count: 1,
  cnonce: 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ',
};

describe('challenges of an HTTP server', () => {
  it('two digests in one header, as RFC 7616 §3.9.1 shows them', () => {
    const [first, second, ...more] = readChallenges(RFC_CHALLENGE);
    assert.equal(first?.scheme, 'digest');
    assert.equal(first.parameters['algorithm'], 'SHA-256');
    assert.equal(first.parameters['qop'], 'auth, auth-int');
    assert.equal(second?.parameters['algorithm'], 'MD5');
    assert.deepEqual(more, []);
  });

  const cases: readonly (readonly [string, string, readonly unknown[]])[] = [
    [
      'a quoted text with quotes in it',
      'Basic realm="a \\"b\\", c"',
      [{ scheme: 'basic', parameters: { realm: 'a "b", c' } }],
    ],
    [
      'a scheme without parameters',
      'Negotiate, Basic realm=x',
      [
        { scheme: 'negotiate', parameters: {} },
        { scheme: 'basic', parameters: { realm: 'x' } },
      ],
    ],
    [
      'odd spaces and letters',
      'DIGEST  Realm = "r",NONCE=n',
      [{ scheme: 'digest', parameters: { realm: 'r', nonce: 'n' } }],
    ],
    ['nothing', '', []],
    ['rubbish', '=,="', []],
    ['a text that never ends', 'Digest realm="abc', [{ scheme: 'digest', parameters: {} }]],
  ];
  for (const [title, header, want] of cases)
    it(title, () => {
      assert.deepEqual(readChallenges(header), want);
    });

  it('any text is read without throwing, and quickly', () => {
    fc.assert(
      fc.property(
        fc.string({
          maxLength: 400,
          unit: fc.constantFrom('Digest', 'Basic', 'a', '=', '"', ',', '\\', ' ', '\t', '\u00ff'),
        }),
        (header) => {
          assert.ok(Array.isArray(readChallenges(header)));
        },
      ),
    );
    for (const part of ['a ', 'a=', '"\\', ',', ' ', 'a'])
      assert.ok(readChallenges(part.repeat(16_000 / part.length)).length < 16_000);
  });

  it('a realm of any characters comes back as it was quoted', () => {
    fc.assert(
      fc.property(fc.string(), (realm) => {
        const quoted = realm.replace(/["\\]/g, '\\$&').replace(/[\r\n\u2028\u2029]/g, ' ');
        const wanted = realm.replace(/[\r\n\u2028\u2029]/g, ' ');
        assert.equal(readChallenges(`Digest realm="${quoted}", nonce=n`)[0]?.parameters['realm'], wanted);
      }),
    );
  });
});

describe('answers to a digest challenge', () => {
  const answer = (header: string, at = 0, credentials = mufasa): string => {
    const challenge = readChallenges(header)[at];
    assert.ok(challenge);
    const made = digestAuthorization(challenge, credentials, RFC_QUESTION);
    return made.ok ? made.value : `no: ${made.error}`;
  };
  const md5 = (text: string): string => createHash('md5').update(text).digest('hex');

  it('SHA-256 and MD5 as in the example of RFC 7616 §3.9.1', () => {
    assert.match(answer(RFC_CHALLENGE), /response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"/);
    assert.match(answer(RFC_CHALLENGE, 1), /response="8ca523f5e9506fed4657c9700eebdbec"/);
    assert.match(
      answer(RFC_CHALLENGE),
      /qop=auth, nc=00000001, cnonce="f2\/wE4q74E6zIJEtWaHKaf5wv\/H5QzzpXusqGemxURZJ"/,
    );
    assert.match(answer(RFC_CHALLENGE), /opaque="FQhe\/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"/);
  });

  it('without a quality of protection as RFC 2069 had it', () => {
    const want = md5(`${md5('Mufasa:r:Circle of Life')}:n:${md5('GET:/dir/index.html')}`);
    const said = answer('Digest realm="r", nonce="n"');
    assert.ok(said.includes(`response="${want}"`), said);
    assert.ok(!said.includes('cnonce'));
  });

  it('MD5-sess mixes both nonces in', () => {
    const a1 = md5(`${md5('Mufasa:r:Circle of Life')}:n:${RFC_QUESTION.cnonce}`);
    const want = md5(`${a1}:n:00000001:${RFC_QUESTION.cnonce}:auth:${md5('GET:/dir/index.html')}`);
    assert.ok(answer('Digest realm="r", nonce="n", qop=auth, algorithm=MD5-sess').includes(`response="${want}"`));
  });

  it('a hashed name, and a name outside ASCII', () => {
    const hashed = answer('Digest realm="r", nonce="n", userhash=true');
    assert.ok(hashed.includes(`username="${md5('Mufasa:r')}"`) && hashed.endsWith('userhash=true'));
    const jaesoen = { user: 'Jäsøn "J"', password: 'x' };
    assert.match(answer('Digest realm="r", nonce="n"', 0, jaesoen), /username\*=UTF-8''J%C3%A4s%C3%B8n%20%22J%22/);
  });

  const noes: readonly (readonly [string, RegExp])[] = [
    ['Digest realm="r", nonce="n", algorithm=SHA3', /algorithm SHA3 is not known/],
    ['Digest realm="r", nonce="n", qop="auth-int"', /without quality of protection "auth"/],
    ['Digest realm="r"', /without a nonce/],
  ];
  for (const [header, words] of noes)
    it(`no answer to ${header}`, () => {
      assert.match(answer(header), words);
    });

  it('basic authentication carries octets of UTF-8', () => {
    assert.equal(
      basicAuthorization({ user: 'Aladdin', password: 'open sesame' }),
      'Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==',
    );
    assert.equal(basicAuthorization({ user: 'test', password: '123£' }), 'Basic dGVzdDoxMjPCow==');
  });
});

describe('calls as somebody', () => {
  let server: Server;
  let answer: (authorization: string | undefined, asked: IncomingMessage, reply: ServerResponse) => void;
  let seen: (string | undefined)[];
  beforeEach(async () => {
    seen = [];
    server = createServer((asked, reply) => {
      seen.push(asked.headers.authorization);
      answer(asked.headers.authorization, asked, reply);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterEach(() => {
    server.close();
  });
  const url = (): URL => new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/outlet?1`);
  const call = () => ({ url: url(), method: 'POST', body: 'ON' }) as const;
  const challenged = (reply: ServerResponse, ...headers: readonly string[]): void => {
    reply.writeHead(401, { 'www-authenticate': [...headers] }).end();
  };
  const codeOf = async (doing: Promise<unknown>): Promise<string> => {
    const thrown: unknown = await doing.then(
      () => undefined,
      (error: unknown) => error,
    );
    assert.ok(thrown instanceof PowerError, String(thrown));
    assert.ok(!thrown.message.includes(mufasa.password) && thrown.message.includes('127.0.0.1'), thrown.message);
    return thrown.code;
  };

  it('begin without credentials; a nonce serves again with a higher count', async () => {
    answer = (authorization, _, reply) => {
      if (authorization === undefined) challenged(reply, 'Basic realm="r"', 'Digest realm="r", nonce="n", qop="auth"');
      else reply.end('done');
    };
    const ask = httpCallsAs(mufasa, realRng);
    assert.equal((await ask(call(), forever)).body, 'done');
    assert.equal((await ask(call(), forever)).body, 'done');
    assert.deepEqual(seen.length, 3);
    assert.match(seen[1] ?? '', /^Digest .*uri="\/outlet\?1".*nc=00000001/);
    assert.match(seen[2] ?? '', /nc=00000002/);
  });

  it('take the strongest digest the server offers', async () => {
    answer = (authorization, _, reply) => {
      if (authorization === undefined)
        challenged(reply, 'Digest realm="r", nonce="n", qop="auth"', 'Digest realm="r", nonce="n", algorithm=SHA-256');
      else reply.end();
    };
    await httpCallsAs(mufasa, realRng)(call(), forever);
    assert.match(seen[1] ?? '', /algorithm=SHA-256/);
  });

  it('try a refused password once and no more', async () => {
    answer = (_, __, reply) => {
      challenged(reply, 'Digest realm="r", nonce="n", qop="auth"');
    };
    assert.equal(await codeOf(httpCallsAs(mufasa, realRng)(call(), forever)), 'auth');
    assert.equal(seen.length, 2);
  });

  it('answer a stale nonce with the new one, but not for ever', async () => {
    let nonces = 0;
    answer = (authorization, _, reply) => {
      nonces += 1;
      if (authorization?.includes('nonce="n2"')) reply.end('done');
      else challenged(reply, `Digest realm="r", nonce="n${nonces}", qop="auth", stale=true`);
    };
    assert.equal((await httpCallsAs(mufasa, realRng)(call(), forever)).body, 'done');
    nonces = 100;
    assert.equal(await codeOf(httpCallsAs(mufasa, realRng)(call(), forever)), 'auth');
    assert.equal(seen.length, 6);
  });

  it('answer basic only where the caller allows it', async () => {
    answer = (authorization, _, reply) => {
      if (authorization === undefined) challenged(reply, 'Basic realm="r"');
      else reply.end('done');
    };
    assert.equal((await httpCallsAs(mufasa, realRng)(call(), forever)).body, 'done');
    assert.equal(seen[1], basicAuthorization(mufasa));
    assert.equal(await codeOf(httpCallsAs(mufasa, realRng, 'digest')(call(), forever)), 'config');
    assert.equal(seen.length, 3, 'the password did not leave');
  });

  it('say what they cannot answer', async () => {
    answer = (_, __, reply) => {
      challenged(reply, 'Negotiate');
    };
    assert.equal(await codeOf(httpCallsAs(mufasa, realRng)(call(), forever)), 'config');
    answer = (_, __, reply) => {
      challenged(reply, 'Digest realm="r", nonce="n", qop="auth-int"');
    };
    assert.equal(await codeOf(httpCallsAs(mufasa, realRng)(call(), forever)), 'config');
  });
});
