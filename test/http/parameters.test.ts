import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { as, BOOT_TOKEN, layHttpLab, type HttpLab } from '../support/http-lab.ts';
import { fillRack } from '../support/web-fixture.ts';

type Json = Record<string, unknown>;

describe('parameters over HTTP', () => {
  let lab: HttpLab;
  let base = '';
  beforeEach(async () => {
    lab = layHttpLab((deps) => ({
      enlist: {
        ...deps.enlist,
        whoseBoot: async (token) => {
          const machine = await lab.store.machines.byName('mustang-03');
          if (token !== BOOT_TOKEN || !machine) return { is: 'forbidden', because: 'no boot under way has this token' };
          const open = { served: undefined, endedMs: undefined, verdict: undefined };
          const boot = { id: 'b-1', machine: machine.id, startedMs: 0, tokenHash: undefined, plan: '', ...open };
          return { is: 'boot', boot, machine };
        },
      },
    }));
    base = await lab.listen('tcp');
    await fillRack(lab.store, 1_700_000_000_000);
  });
  afterEach(() => lab.close());

  const call = async (method: string, path: string, body?: unknown): Promise<{ status: number; body: Json }> => {
    const headers = { ...as('operator'), ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) };
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const response = await fetch(`${base}/api/v1${path}`, { method, headers, ...sent });
    const text = await response.text();
    return { status: response.status, body: text === '' ? {} : (JSON.parse(text) as Json) };
  };
  const counting = (body: Json, name: string): Json | undefined =>
    (body['parameters'] as readonly Json[]).find((each) => each['name'] === name);

  it('each value comes with its origin and what it counts in place of, nearer over farther', async () => {
    assert.equal((await call('PUT', '/parameters/kernel.loglevel/value', { scope: 'site', value: 3 })).status, 204);
    const board = { scope: 'board', subject: 'apm-mustang', value: '4' };
    assert.equal((await call('PUT', '/parameters/kernel.loglevel/value', board)).status, 204);
    const { status, body } = await call('PUT', '/machines/mustang-03/parameters/kernel.loglevel', {
      value: 5,
      once: true,
    });
    const found = counting(body, 'kernel.loglevel');
    assert.deepEqual([status, found?.['value'], found?.['origin'], found?.['by']], [200, 5, 'once', 'a-operator']);
    assert.deepEqual(
      (found?.['overrides'] as readonly Json[]).map((each) => [each['scope'], each['subject'], each['value']]),
      [
        ['board', 'apm-mustang', 4],
        ['site', '', 3],
      ],
    );
    const unset = await call('DELETE', '/machines/mustang-03/parameters/kernel.loglevel?once=true');
    assert.equal(counting(unset.body, 'kernel.loglevel')?.['origin'], 'board');
    assert.equal(
      (await call('DELETE', '/parameters/kernel.loglevel/value?scope=board&subject=apm-mustang')).status,
      204,
    );
    assert.equal(
      (await call('DELETE', '/parameters/kernel.loglevel/value?scope=board&subject=apm-mustang')).status,
      404,
    );
    const all = await call('GET', '/parameters');
    assert.deepEqual(
      (all.body['settings'] as readonly Json[]).map((each) => [each['name'], each['scope'], each['value']]),
      [['kernel.loglevel', 'site', 3]],
    );
    assert.ok((all.body['declarations'] as readonly Json[]).some((each) => each['name'] === 'debug.stay'));
  });

  it('an edit that makes the arguments doubtful says so in its answer, and so do explain and the machine', async () => {
    await call('PATCH', '/machines/mustang-03', { extraArgs: ['root=/dev/vda', 'quiet'] });
    const { body } = await call('PUT', '/machines/mustang-03/parameters/kernel.root', { value: '/dev/vda1' });
    const [finding] = body['findings'] as readonly Json[];
    assert.match(String(finding?.['text']), /2 root= arguments: .*parameter kernel\.root/);
    const explained = await call('GET', '/machines/mustang-03/explain');
    assert.deepEqual(explained.body['findings'], body['findings']);
    assert.equal(counting(explained.body, 'kernel.root')?.['origin'], 'machine');
    const machine = await call('PATCH', '/machines/mustang-03', { extraArgs: ['root=/dev/vda'] });
    assert.ok((machine.body['findings'] as readonly string[]).some((each) => each.startsWith('warning: 2 root=')));
  });

  it('what is wrong is named: value, place, parameter, machine', async () => {
    const put = (path: string, body: unknown) => call('PUT', path, body);
    const bad = await put('/machines/mustang-03/parameters/debug.stay', { value: 'maybe' });
    assert.deepEqual([bad.status, bad.body['field']], [400, 'value']);
    assert.equal((await put('/machines/nobody/parameters/debug.stay', { value: true })).status, 404);
    assert.equal((await put('/machines/mustang-03/parameters/debug.nope', { value: true })).status, 404);
    assert.equal((await put('/parameters/debug.stay/value', { scope: 'machine', value: true })).status, 400);
    assert.equal((await put('/parameters/debug.stay/value', { scope: 'board', value: true })).status, 400);
    assert.equal((await put('/parameters/debug.stay', { type: 'flag', meaning: 'x' })).status, 409);
  });

  it('a parameter of one’s own: declared, set, told, forgotten', async () => {
    const wish = { type: 'choice', meaning: 'Whose bench.', choices: ['north', 'south'] };
    assert.equal((await call('PUT', '/parameters/lab.bench', wish)).status, 204);
    const { body } = await call('PUT', '/machines/mustang-03/parameters/lab.bench', { value: 'north' });
    assert.equal(counting(body, 'lab.bench')?.['value'], 'north');
    assert.equal((await call('DELETE', '/parameters/lab.bench')).status, 409);
    await call('DELETE', '/machines/mustang-03/parameters/lab.bench');
    assert.equal((await call('DELETE', '/parameters/lab.bench')).status, 204);
  });

  const asBoot = (query = ''): Promise<Response> =>
    fetch(`${base}/agent/v1/parameters${query}`, { headers: { Authorization: `Bearer ${BOOT_TOKEN}` } });

  it('a booted system reads them with the token of its boot, and nobody without it', async () => {
    await call('PUT', '/machines/mustang-03/parameters/ssh.authorized-keys', {
      value: ['ssh-ed25519 A me', 'ssh-rsa B'],
    });
    const told = ((await (await asBoot()).json()) as { parameters: Json }).parameters;
    assert.deepEqual(told['ssh.authorized-keys'], ['ssh-ed25519 A me', 'ssh-rsa B']);
    assert.equal(told['debug.stay'], false);
    assert.equal((await fetch(`${base}/agent/v1/parameters`)).status, 403);
    const headers = { Authorization: `Bearer ${'f'.repeat(32)}` };
    assert.equal((await fetch(`${base}/agent/v1/parameters`, { headers })).status, 403);
  });

  it('as a shell reads them: whatever a value holds, it is a value and nothing else', async () => {
    await call('PUT', '/parameters/lab.text', { type: 'text', meaning: 'Any text.' });
    const texts = [
      "it's",
      '$(touch /tmp/x)',
      '`id`',
      '"; id; "',
      '\\',
      "'",
      'a\nFARRIER_DEBUG_STAY=true',
      '{{7*7}}',
      'ü→',
    ];
    const more = fc.sample(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 }), { numRuns: 20, seed: 7 });
    const taken: string[] = [];
    const scripts: string[] = [];
    for (const text of [...texts, ...more]) {
      const { status } = await call('PUT', '/machines/mustang-03/parameters/lab.text', { value: text });
      if (status !== 200) continue;
      taken.push(`${text}|false`);
      scripts.push(`(${await shellText()}\nprintf '%s\\0' "$FARRIER_LAB_TEXT|$FARRIER_DEBUG_STAY")`);
    }
    const read = execFileSync('/bin/sh', ['-c', scripts.join('\n')], { encoding: 'utf8' });
    assert.deepEqual(read.split('\0').slice(0, -1), taken);
    assert.ok(taken.length >= texts.length);
  });

  let asked = 0;
  const shellText = async (): Promise<string> => {
    asked += 1;
    const response = await asBoot('?as=shell');
    assert.equal(response.status, 200, `call ${asked}`);
    assert.match(response.headers.get('content-type') ?? '', /^text\/plain/);
    return response.text();
  };

  it('the page shows each with its origin, and no value is ever template source', async () => {
    await call('PUT', '/parameters/lab.text', { type: 'text', meaning: '{{7*7}} <b>meaning</b>' });
    await call('PUT', '/parameters/lab.text/value', { scope: 'site', value: '{{8*8}}<script>' });
    await call('PUT', '/machines/mustang-03/parameters/lab.text', { value: '{% raw %}\'"{{9*9}}' });
    await call('PUT', '/machines/mustang-03/parameters/kernel.root', { value: 'x={{7*7}}', once: true });
    const page = await (await fetch(`${base}/machines/mustang-03`, { headers: as('operator') })).text();
    const panel = /<section id="parameters"[^]*?<\/section>/.exec(page)?.[0] ?? '';
    assert.match(panel, /lab\.text[^]*this machine[^]*in place of \{\{8\*8\}\}&lt;script&gt; \(site\)/);
    assert.match(panel, /kernel\.root[^]*x=\{\{7\*7\}\}[^]*next boot only/);
    assert.ok(!panel.includes('<script') && !/\b(49|64|81)\b/.test(panel.replace(/data-v="[^"]*"/, '')));
    assert.match(page, /data-origin="once"[^>]*title="from: once, parameter kernel\.root"/);
    const viewed = await (await fetch(`${base}/machines/mustang-03`, { headers: as('viewer') })).text();
    assert.ok(viewed.includes('id="parameters"') && !viewed.includes('/parameters/kernel.root'));
  });
});
