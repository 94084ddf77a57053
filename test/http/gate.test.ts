import { strict as assert } from 'node:assert';
import { request } from 'node:http';
import { as, layHttpLab, type HttpLab } from '../support/http-lab.ts';
import { sampleMachine } from '../support/samples.ts';
import { createFakeClock } from '../support/fake-clock.ts';

const JSON_TYPE = { 'Content-Type': 'application/json' };

async function problemOf(response: Response): Promise<Record<string, unknown>> {
  assert.match(response.headers.get('content-type') ?? '', /^application\/problem\+json/);
  return (await response.json()) as Record<string, unknown>;
}

describe('the gate', () => {
  let lab: HttpLab;
  let base = '';
  before(async () => {
    lab = layHttpLab();
    base = await lab.listen('tcp');
    await lab.store.machines.add(sampleMachine(1, { state: 'new' }), []);
    await lab.store.machines.add(sampleMachine(2), []);
  });
  after(() => lab.close());

  const post = (path: string, body: string, headers: Record<string, string> = JSON_TYPE): Promise<Response> =>
    fetch(base + path, { method: 'POST', headers: { ...as('operator'), ...headers }, body });

  const crossSite: readonly (readonly [string, Record<string, string>, boolean])[] = [
    ['another site', { Origin: 'https://evil.example' }, false],
    ['another port of this host', { Origin: 'http://127.0.0.1:1' }, false],
    ['a sandboxed frame', { Origin: 'null' }, false],
    ['an origin that is no address', { Origin: 'junk' }, false],
    ['a browser that says cross-site', { 'Sec-Fetch-Site': 'cross-site' }, false],
    ['a sibling sub-domain', { 'Sec-Fetch-Site': 'same-site' }, false],
    ['our own page', { 'Sec-Fetch-Site': 'same-origin' }, true],
    ['a program, which sends neither', {}, true],
  ];
  for (const [who, headers, passes] of crossSite)
    it(`a POST from ${who} ${passes ? 'passes' : 'is refused'}`, async () => {
      const response = await post('/api/v1/machines/board-02/abort', '{}', { ...JSON_TYPE, ...headers });
      assert.equal(response.status, passes ? 200 : 403);
      if (!passes) assert.equal((await problemOf(response))['code'], 'cross-site');
    });

  it('a stream from another site is refused too', async () => {
    for (const path of ['/api/v1/events', '/events/rows']) {
      const headers = { ...as('viewer'), Accept: 'text/event-stream', Origin: 'https://evil.example' };
      assert.equal((await fetch(base + path, { headers })).status, 403);
    }
  });

  it('every answer carries the headers, whatever it is', async () => {
    for (const path of ['/', '/login', '/help', '/machines/nobody', '/nowhere', '/api/v1/machines', '/assets/app.js']) {
      const { headers } = await fetch(base + path, { headers: as('viewer') });
      const csp = headers.get('content-security-policy') ?? '';
      assert.ok(csp.includes("default-src 'none'") && csp.includes("frame-ancestors 'none'"), path);
      assert.ok(!csp.includes('unsafe'), path);
      assert.equal(headers.get('x-content-type-options'), 'nosniff');
      assert.equal(headers.get('referrer-policy'), 'no-referrer');
      assert.equal(headers.get('x-frame-options'), 'DENY');
      assert.match(headers.get('x-request-id') ?? '', /^[0-9a-f]{12}$/);
      assert.equal(headers.get('x-powered-by'), null);
    }
  });

  const bad: readonly (readonly [string, string, Record<string, string>, number, string])[] = [
    ['a form', 'name=x', { 'Content-Type': 'application/x-www-form-urlencoded' }, 415, 'not-json'],
    ['plain text', '{}', { 'Content-Type': 'text/plain' }, 415, 'not-json'],
    ['half a document', '{"name":', JSON_TYPE, 400, 'bad-json'],
    ['octets that are no UTF-8', '\xff\xfe', JSON_TYPE, 400, 'bad-json'],
    ['a list', '[]', JSON_TYPE, 400, 'bad-value'],
    ['an unknown field', '{"name":"a","role":"admin"}', JSON_TYPE, 400, 'unknown-field'],
    ['a field of the wrong kind', '{"name":7}', JSON_TYPE, 400, 'bad-value'],
    ['an address that is none', '{"reserved":"10.77.0.256"}', JSON_TYPE, 400, 'bad-value'],
    ['a name with a line break', '{"name":"a\\nb"}', JSON_TYPE, 400, 'bad-value'],
    ['a board nobody knows', '{"board":"toaster"}', JSON_TYPE, 400, 'bad-value'],
    ['more than 1 MiB', `{"name":"${'x'.repeat(1 << 20)}"}`, JSON_TYPE, 413, 'too-large'],
  ];
  for (const [title, body, headers, status, code] of bad)
    it(`refuses ${title}: ${String(status)} ${code}`, async () => {
      const response = await post('/api/v1/machines/board-01/accept', body, headers);
      const problem = await problemOf(response);
      assert.deepEqual([response.status, problem['code'], problem['status']], [status, code, status]);
      assert.equal(problem['type'], `urn:farrier:problem:${code}`);
      assert.equal(problem['requestId'], response.headers.get('x-request-id'));
      assert.equal((await lab.store.machines.byName('board-01'))?.state, 'new', 'and nothing happened');
    });

  it('an unknown field is refused by its name', async () => {
    const problem = await problemOf(await post('/api/v1/machines/board-01/accept', '{"owner":"me"}'));
    assert.equal(problem['field'], 'owner');
    assert.match(String(problem['detail']), /"owner" is not a field here/);
  });

  it('a length that is too great is refused before the body is sent', async () => {
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const headers = { ...as('operator'), ...JSON_TYPE, 'Content-Length': String(1 << 30) };
      const asked = request(`${base}/api/v1/machines/board-01/accept`, { method: 'POST', headers }, (response) => {
        response.resume();
        resolve(response.statusCode);
        asked.destroy();
      });
      asked.on('error', reject);
      asked.flushHeaders();
    });
    assert.equal(status, 413);
  });

  it('what is not possible now says what is', async () => {
    const problem = await problemOf(await post('/api/v1/machines/board-02/accept', '{}'));
    assert.equal(problem['status'], 409);
    assert.ok(Array.isArray(problem['lawful']) && problem['lawful'].includes('deploy'));
  });

  it('a mistake of our own tells nothing and is in the log under the same id', async () => {
    const broken = layHttpLab((deps) => ({
      machines: { ...deps.machines, find: () => Promise.reject(new Error('canary-of-the-inside')) },
    }));
    const address = await broken.listen('tcp');
    const response = await fetch(`${address}/api/v1/machines/x`, { headers: as('viewer') });
    const text = await response.text();
    assert.equal(response.status, 500);
    assert.ok(!text.includes('canary'));
    const id = response.headers.get('x-request-id') ?? '?';
    assert.ok(broken.log.lines.some((line) => line.includes(id) && line.includes('canary-of-the-inside')));
    await broken.close();
  });

  it('a body that does not come is given up after 60 s', async () => {
    const clock = createFakeClock();
    const slow = layHttpLab(undefined, { clock });
    const address = await slow.listen('tcp');
    const status = new Promise<number | undefined>((resolve, reject) => {
      const headers = { ...as('operator'), ...JSON_TYPE, 'Content-Length': '10' };
      const asked = request(`${address}/api/v1/machines/x/abort`, { method: 'POST', headers }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      asked.on('error', reject);
      asked.write('{');
    });
    while (clock.waiting() === 0) await new Promise((resolve) => setImmediate(resolve));
    clock.advance(60_000);
    assert.equal(await status, 408);
    await slow.close();
  });
});

describe('listeners and whom they trust', () => {
  it('the socket is admin, TCP needs a session, the demo knows its own host', async () => {
    const lab = layHttpLab();
    const [socket, tcp, demo] = await Promise.all(
      (['socket', 'tcp', 'demo-loopback'] as const).map((trust) => lab.listen(trust)),
    );
    const users = async (base: string | undefined): Promise<number> =>
      (await fetch(`${base ?? ''}/api/v1/users`)).status;
    assert.deepEqual([await users(socket), await users(tcp), await users(demo)], [200, 401, 200]);
    await lab.close();
  });

  it('the demo does not trust a name that somebody pointed at this host', async () => {
    const lab = layHttpLab();
    const base = new URL(await lab.listen('demo-loopback'));
    for (const [host, want] of [
      ['evil.example', 401],
      ['127.0.0.1.evil.example', 401],
      [`localhost:${base.port}`, 200],
    ] as const) {
      const status = await new Promise((resolve, reject) => {
        const asked = request(new URL('/api/v1/machines', base), { headers: { Host: host } }, (response) => {
          response.resume();
          resolve(response.statusCode);
        });
        asked.on('error', reject);
        asked.end();
      });
      assert.equal(status, want, host);
    }
    await lab.close();
  });

  it('a browser without a session is sent to the log-in and back', async () => {
    const lab = layHttpLab();
    const base = await lab.listen('tcp');
    const response = await fetch(`${base}/machines/x?a=1`, { redirect: 'manual', headers: { Accept: 'text/html' } });
    assert.equal(response.status, 303);
    assert.equal(response.headers.get('location'), '/login?next=%2Fmachines%2Fx%3Fa%3D1');
    await lab.close();
  });
});
