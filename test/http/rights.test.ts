import { strict as assert } from 'node:assert';
import { RIGHTS, suffices, type Operation, type Right } from '../../server/http/rights.ts';
import { as, BOOT_TOKEN, layHttpLab, type HttpLab } from '../support/http-lab.ts';
import { sampleMachine } from '../support/samples.ts';

type Asker = 'none' | 'junk' | 'empty' | 'viewer' | 'operator' | 'admin';

const HEADERS: Readonly<Record<Asker, Record<string, string>>> = {
  none: {},
  junk: { Cookie: 'farrier_session=0000000000000000000000; farrier_session=null' },
  empty: { Cookie: 'farrier_session=' },
  viewer: as('viewer'),
  operator: as('operator'),
  admin: as('admin'),
};

const MAY: Readonly<Record<Right, readonly Asker[]>> = {
  open: ['none', 'junk', 'empty', 'viewer', 'operator', 'admin'],
  viewer: ['viewer', 'operator', 'admin'],
  operator: ['operator', 'admin'],
  admin: ['admin'],
  'console-read': ['operator', 'admin'],
  'console-write': ['operator', 'admin'],
  // No session, whosesoever, stands for the token of a boot.
  agent: [],
};

const PARTS: Readonly<Record<string, string>> = {
  ref: 'board-01',
  boot: 'b-none',
  name: 'apm-mustang',
  file: 'farrier.css',
};

function ask(base: string, operation: Operation, headers: Record<string, string>): Promise<Response> {
  const [method = '', path = ''] = operation.split(' ');
  const url = base + path.replace(/\{(\w+)\}/g, (_, name: string) => PARTS[name] ?? '');
  return fetch(url, { method, headers: { Accept: 'application/json', ...headers }, redirect: 'manual' });
}

/** What the gate says is told apart from what a route says of the matter itself by the problem's code. */
async function isLetIn(response: Response): Promise<boolean> {
  const type = response.headers.get('content-type') ?? '';
  if (!type.includes('problem+json')) {
    await response.body?.cancel();
    return response.status !== 303;
  }
  const problem: unknown = await response.json();
  const code = problem !== null && typeof problem === 'object' && 'code' in problem ? problem.code : '';
  return code !== 'not-logged-in' && code !== 'not-allowed' && code !== 'forbidden';
}

describe('rights: every route and everybody', () => {
  let lab: HttpLab;
  let base = '';
  before(async () => {
    lab = layHttpLab();
    base = await lab.listen('tcp');
  });
  beforeEach(async () => {
    const known = await lab.store.machines.byName('board-01');
    if (!known) await lab.store.machines.add(sampleMachine(1, { state: 'new' }), []);
  });
  after(() => lab.close());

  it('the table and the mounted routes name each other', () => {
    assert.deepEqual(lab.app.routes.map((route) => route.operation).sort(), Object.keys(RIGHTS).sort());
  });

  for (const [operation, right] of Object.entries(RIGHTS) as readonly [Operation, Right][])
    it(`${operation} is for: ${MAY[right].join(', ') || 'the agent only'}`, async () => {
      // Log-out goes last and with a cookie nobody needs afterwards.
      const askers = (Object.keys(HEADERS) as readonly Asker[]).filter(
        (asker) => operation !== 'DELETE /api/v1/session' || !['viewer', 'operator', 'admin'].includes(asker),
      );
      for (const asker of askers) {
        const response = await ask(base, operation, HEADERS[asker]);
        const [status, letIn] = [response.status, await isLetIn(response)];
        assert.equal(letIn, MAY[right].includes(asker), `${asker} at ${operation}: ${String(status)}`);
        assert.ok(status !== 500, `${operation} does not fail inside`);
      }
    });

  it('a token that is none of a boot never counts, whatever it looks like', async () => {
    const junk = ['', 'null', 'undefined', '-1', '0', BOOT_TOKEN.toUpperCase(), `${BOOT_TOKEN}0`, 'f'.repeat(32)];
    for (const token of junk) {
      const response = await fetch(`${base}/agent/v1/step`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` },
        body: '{"step":"started"}',
      });
      assert.equal(response.status, 403, `"${token}"`);
    }
  });

  it('the token of the boot reaches the service', async () => {
    const response = await fetch(`${base}/agent/v1/step`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${BOOT_TOKEN}` },
      body: '{"step":"started"}',
    });
    assert.equal(response.status, 400);
    assert.match(await response.text(), /knows no machine/);
  });

  it('an unknown path, and a known one with another method, are not there', async () => {
    for (const [method, path] of [
      ['GET', '/api/v1/secrets'],
      ['PUT', '/api/v1/machines'],
      ['GET', '/agent/v1/step'],
      ['DELETE', '/'],
      ['GET', '/assets/../package.json'],
      ['GET', '/assets/%2e%2e%2fpackage.json'],
      ['GET', '/assets/..%5cpackage.json'],
    ] as const)
      assert.equal((await fetch(base + path, { method, headers: as('admin') })).status, 404, `${method} ${path}`);
  });

  it('a path that cannot be decoded is the asker’s fault', async () => {
    assert.equal((await fetch(`${base}/api/v1/machines/%ff`, { headers: as('viewer') })).status, 400);
  });

  it('ranks', () => {
    assert.equal(suffices(undefined, 'viewer'), false);
    assert.equal(suffices('viewer', 'operator'), false);
    assert.equal(suffices('admin', 'viewer'), true);
  });

  it('consoles are granted beside the role', () => {
    assert.equal(suffices('viewer', 'console-read'), false);
    assert.equal(suffices('viewer', 'console-read', 'read'), true);
    assert.equal(suffices('viewer', 'console-write', 'read'), false);
    assert.equal(suffices('operator', 'console-write'), true);
    assert.equal(suffices('operator', 'console-write', 'read'), false);
    assert.equal(suffices('admin', 'console-read', 'none'), false);
    assert.equal(suffices(undefined, 'console-read', 'write'), false);
  });
});
