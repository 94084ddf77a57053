import { strict as assert } from 'node:assert';
import { createHash } from 'node:crypto';
import { parseSha256, type Sha256 } from '../../server/core/address.ts';
import { createFetchUrl, type FetchUrlNeeds } from '../../server/edges/fetch-url.ts';
import { isOpenInternet } from '../../server/edges/foreign-address.ts';
import type { HttpAnswer } from '../../server/edges/http-exchange.ts';
import { FetchError } from '../../server/ports/fetch.ts';
import { createFakeClock, settle, type FakeClock } from '../support/fake-clock.ts';

const FILE = new TextEncoder().encode('a device tree, say');
const OPEN = '151.101.2.132';

function digestOf(octets: Uint8Array): Sha256 {
  const digest = parseSha256(createHash('sha256').update(octets).digest('hex'));
  assert.ok(digest.ok);
  return digest.value;
}

function answer(given: Partial<HttpAnswer> = {}): HttpAnswer {
  return {
    status: 200,
    location: undefined,
    octets: undefined,
    encoding: undefined,
    body: pieces(FILE),
    close: () => undefined,
    ...given,
  };
}

async function* pieces(...all: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const piece of all) yield await Promise.resolve(piece);
}

/** A web of one answer a URL, and a note of what was asked where. */
function web(
  answers: Readonly<Record<string, HttpAnswer>>,
  more: Partial<FetchUrlNeeds> = {},
): { readonly needs: FetchUrlNeeds; readonly asked: string[]; readonly clock: FakeClock } {
  const asked: string[] = [];
  const clock = createFakeClock();
  const exchange: FetchUrlNeeds['exchange'] = (url, addresses) => {
    asked.push(`${url.href} at ${addresses.join(',')}`);
    const found = answers[url.href];
    return found ? Promise.resolve(found) : Promise.reject(new Error('connect ECONNREFUSED'));
  };
  const needs = {
    clock,
    http: false,
    hosts: [],
    served: [],
    resolve: () => Promise.resolve([OPEN]),
    exchange,
    ...more,
  };
  return { needs, asked, clock };
}

async function take(needs: FetchUrlNeeds, url: string, sha256 = digestOf(FILE), octetsMax = 1000): Promise<string> {
  const got: Uint8Array[] = [];
  for await (const piece of createFetchUrl(needs)({ url, sha256, octetsMax })) got.push(piece);
  return Buffer.concat(got).toString();
}

async function refusal(needs: FetchUrlNeeds, url: string, sha256?: Sha256, octetsMax?: number): Promise<string> {
  const error: unknown = await take(needs, url, sha256, octetsMax).then(
    () => assert.fail('it was fetched'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof FetchError, String(error));
  return `${error.code}: ${error.message}`;
}

const URL_1 = 'https://deb.example.org/board.dtb';

describe('fetching a URL', () => {
  it('gives the octets whose digest was asked for', async () => {
    const { needs, asked, clock } = web({ [URL_1]: answer({ octets: FILE.length }) });
    assert.equal(await take(needs, URL_1), 'a device tree, say');
    assert.deepEqual(asked, [`${URL_1} at ${OPEN}`]);
    assert.equal(clock.waiting(), 0);
  });

  it('refuses other digests after the last piece, naming both', async () => {
    const { needs } = web({ [URL_1]: answer() });
    const other = digestOf(new Uint8Array(3));
    assert.match(await refusal(needs, URL_1, other), new RegExp(`^wrong-digest: .*${digestOf(FILE)}.*${other}`));
  });

  it('speaks no other scheme, and http only by configuration', async () => {
    const { needs, asked } = web({ 'http://deb.example.org/': answer() });
    for (const url of ['file:///etc/shadow', 'ftp://deb.example.org/', 'data:,x', 'http://deb.example.org/'])
      assert.match(await refusal(needs, url), /^not-allowed: .*https/);
    assert.match(await refusal(needs, 'board.dtb'), /^bad-url: /);
    assert.deepEqual(asked, []);
    assert.equal(await take({ ...needs, http: true }, 'http://deb.example.org/'), 'a device tree, say');
  });

  it('does not go to a network that Farrier serves, public as its addresses may be', async () => {
    const served = [{ address: '151.101.0.0', prefix: 16 }];
    for (const url of [URL_1, `https://${OPEN}/`, `https://[::ffff:${OPEN}]/`]) {
      const { needs, asked } = web({ [url]: answer() }, { served });
      assert.match(await refusal(needs, url), /^not-allowed: .*a network Farrier serves; name it under "fetch.hosts"/);
      assert.deepEqual(asked, []);
    }
  });

  it('takes no passwords in URLs and repeats neither them nor queries', async () => {
    const { needs } = web({});
    const words = await refusal(needs, 'https://me:geheim@deb.example.org/x');
    assert.match(words, /^bad-url: /);
    assert.doesNotMatch(words, /geheim/);
    assert.doesNotMatch(await refusal(needs, 'https://deb.example.org/x?token=geheim'), /geheim/);
  });

  for (const url of [
    'https://127.0.0.1/',
    'https://2130706433/',
    'https://0x7f.1/',
    'https://10.1.2.3/',
    'https://169.254.169.254/latest/meta-data',
    'https://[::1]/',
    'https://[::ffff:127.0.0.1]/',
    'https://[64:ff9b::7f00:1]/',
    'https://[2002:7f00:1::]/',
    'https://[fe80::1]/',
    'https://[fd00::1]/',
    'https://0.0.0.0/',
  ])
    it(`does not go to ${url}`, async () => {
      const { needs, asked } = web({ [url]: answer() });
      assert.match(await refusal(needs, url), /^not-allowed: .*fetch\.hosts/);
      assert.deepEqual(asked, []);
    });

  it('refuses a name when any of its addresses is near, and looks it up once', async () => {
    let lookups = 0;
    const resolve = (): Promise<readonly string[]> => {
      lookups += 1;
      return Promise.resolve(lookups === 1 ? [OPEN, '192.168.1.1'] : [OPEN]);
    };
    const { needs, asked } = web({ [URL_1]: answer() }, { resolve });
    assert.match(await refusal(needs, URL_1), /^not-allowed: .*192\.168\.1\.1/);
    assert.equal(lookups, 1);
    assert.deepEqual(asked, []);
    assert.equal(await take(needs, URL_1), 'a device tree, say');
    assert.deepEqual([lookups, asked], [2, [`${URL_1} at ${OPEN}`]]);
  });

  it('goes to a private host that is named, and to no other', async () => {
    const resolve = (): Promise<readonly string[]> => Promise.resolve(['192.168.1.1']);
    const { needs } = web({ 'https://mirror.lab/x': answer() }, { resolve, hosts: ['mirror.lab'] });
    assert.equal(await take(needs, 'https://MIRROR.lab/x'), 'a device tree, say');
    assert.match(await refusal(needs, URL_1), /^not-allowed: /);
  });

  it('checks where it is redirected to as strictly', async () => {
    const to = (location: string | undefined): FetchUrlNeeds =>
      web({ [URL_1]: answer({ status: 302, location }) }).needs;
    assert.match(await refusal(to('http://127.0.0.1/'), URL_1), /^not-allowed: .*http/);
    assert.match(await refusal(to('https://127.0.0.1:8080/'), URL_1), /^not-allowed: 127/);
    assert.match(await refusal(to('file:///etc/passwd'), URL_1), /^not-allowed: /);
    assert.match(await refusal(to(undefined), URL_1), /^bad-url: /);
    const { needs, asked } = web({
      [URL_1]: answer({ status: 307, location: '/other' }),
      'https://deb.example.org/other': answer(),
    });
    assert.equal(await take(needs, URL_1), 'a device tree, say');
    assert.equal(asked.length, 2);
  });

  it('does not go in circles', async () => {
    const { needs, asked } = web({ [URL_1]: answer({ status: 301, location: URL_1 }) });
    assert.match(await refusal(needs, URL_1), /^bad-answer: .*redirected/);
    assert.equal(asked.length, 6);
  });

  it('takes no more octets than allowed, announced or not', async () => {
    const { needs } = web({ [URL_1]: answer({ octets: 5000 }) });
    assert.match(await refusal(needs, URL_1), /^too-big: .*1000/);
    const silent = web({ [URL_1]: answer({ body: pieces(new Uint8Array(600), new Uint8Array(600)) }) });
    assert.match(await refusal(silent.needs, URL_1), /^too-big: /);
  });

  it('refuses what ends early, what is packed, and what is no 200', async () => {
    assert.match(await refusal(web({ [URL_1]: answer({ octets: 100 }) }).needs, URL_1), /^bad-answer: .*18 of 100/);
    assert.match(await refusal(web({ [URL_1]: answer({ encoding: 'gzip' }) }).needs, URL_1), /^bad-answer: .*gzip/);
    assert.match(await refusal(web({ [URL_1]: answer({ status: 404 }) }).needs, URL_1), /^bad-answer: .*404/);
    assert.match(await refusal(web({}).needs, URL_1), /^unreachable: .*ECONNREFUSED/);
    const nowhere = web({}, { resolve: () => Promise.resolve([]) });
    assert.match(await refusal(nowhere.needs, URL_1), /^unreachable: deb\.example\.org has no address/);
  });

  it('gives up on a server and on a name server that say nothing', async () => {
    for (const mute of [
      web({}, { exchange: () => new Promise<never>(() => undefined) }),
      web({}, { resolve: () => new Promise<never>(() => undefined) }),
    ]) {
      const refused = refusal(mute.needs, URL_1);
      await settle();
      mute.clock.advance(30_000);
      assert.match(await refused, /^too-slow: /);
      assert.equal(mute.clock.waiting(), 0);
    }
  });

  it('gives up on a body that trickles for ever', async () => {
    const { needs, clock } = web({});
    const exchange: FetchUrlNeeds['exchange'] = (_url, _addresses, signal) =>
      Promise.resolve(answer({ body: trickle(clock, signal) }));
    assert.match(await refusal({ ...needs, exchange }, URL_1, undefined, 1e9), /^too-slow: /);
  });
});

async function* trickle(clock: FakeClock, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  for (;;) {
    clock.advance(20_000);
    signal.throwIfAborted();
    yield await Promise.resolve(new Uint8Array(1));
  }
}

describe('the open Internet', () => {
  it('is what no registry of special addresses lists', () => {
    for (const address of ['8.8.8.8', '151.101.2.132', '172.15.0.1', '172.32.0.1', '2a04:4e42::644', '2606:4700::1111'])
      assert.equal(isOpenInternet(address), true, address);
    for (const address of [
      '172.31.0.1',
      '100.64.0.1',
      '198.19.0.1',
      '240.0.0.1',
      '255.255.255.255',
      '::',
      'ff02::1',
      '::7f00:1',
    ])
      assert.equal(isOpenInternet(address), false, address);
  });
});
