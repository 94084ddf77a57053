import { strict as assert } from 'node:assert';
import { as, COOKIES, layHttpLab, type HttpLab } from '../support/http-lab.ts';
import { sampleMachine } from '../support/samples.ts';
import { fillRack } from '../support/web-fixture.ts';

type Json = Record<string, unknown>;
const NOW_MS = 1_700_000_000_000;

describe('the API', () => {
  let lab: HttpLab;
  let base = '';
  beforeEach(async () => {
    lab = layHttpLab();
    base = await lab.listen('tcp');
    await fillRack(lab.store, NOW_MS);
  });
  afterEach(() => lab.close());

  const call = async (method: string, path: string, body?: unknown): Promise<{ status: number; body: Json }> => {
    const headers = { ...as('admin'), ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) };
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const response = await fetch(`${base}/api/v1${path}`, { method, headers, ...sent });
    const text = await response.text();
    return { status: response.status, body: text === '' ? {} : (JSON.parse(text) as Json) };
  };

  it('lists machines by name with what stands beside them', async () => {
    const { body } = await call('GET', '/machines');
    const machines = body['machines'] as readonly Json[];
    const names = machines.map((each) => String(each['name']));
    assert.deepEqual(names, [...names].sort());
    const first = machines.find((each) => each['name'] === 'arm64-0a3f');
    assert.equal(first?.['boardName'], 'apm-mustang');
    assert.ok(Array.isArray(first['lawful']) && first['lawful'].includes('accept'));
    assert.match(String((first['lastEvent'] as Json)['text']), /DISCOVER/);
  });

  it('finds one by name, MAC, id and a unique beginning, and tells what its next boot gets', async () => {
    for (const ref of ['mustang-03', '00:01:73:0a:3f:14', 'm-sample0005', 'mustang-03'.slice(0, 10)]) {
      const { status, body } = await call('GET', `/machines/${ref}`);
      assert.deepEqual([status, body['name']], [200, 'mustang-03'], ref);
      assert.match(String(body['bootable']), /boots debian@12 as apm-mustang through u-boot/);
    }
    assert.equal((await call('GET', '/machines/mustang')).status, 404, 'an ambiguous beginning names nobody');
  });

  it('accepts with edits in one step, and says who did it', async () => {
    const { status, body } = await call('POST', '/machines/arm64-0a3f/accept', {
      name: 'north-1',
      board: 'apm-mustang',
    });
    assert.deepEqual([status, body['name'], body['state'], body['board']], [200, 'north-1', 'ready', 'apm-mustang']);
    assert.match(String((body['lastEvent'] as Json)['text']), /a-admin/);
  });

  it('null clears, absent stays', async () => {
    const { body } = await call('PATCH', '/machines/mustang-03', { bundle: null });
    assert.equal(body['bundle'], undefined);
    assert.deepEqual(body['extraArgs'], ['console=ttyS0,115200', 'mitigations=off']);
  });

  it('a name that is taken is a conflict, by whom', async () => {
    const { status, body } = await call('PATCH', '/machines/mustang-03', { name: 'mustang-01' });
    assert.deepEqual([status, body['code']], [409, 'taken']);
  });

  it('forces into a rest state only, and removes only with force what is in use', async () => {
    assert.equal((await call('POST', '/machines/xeon-1/force', { to: 'testing', because: 'x' })).status, 400);
    const forced = await call('POST', '/machines/xeon-1/force', { to: 'broken', because: 'its fan died' });
    assert.deepEqual([forced.status, forced.body['state']], [200, 'broken']);
    assert.equal((await call('DELETE', '/machines/mustang-02')).status, 409);
    assert.equal((await call('DELETE', '/machines/mustang-02?force=true')).status, 204);
    assert.equal((await call('DELETE', '/machines/mustang-02?force=yes')).status, 400);
  });

  it('the timeline has boots without their tokens, and events of one boot', async () => {
    const { body } = await call('GET', '/machines/mustang-03/timeline?boot=b-good');
    const [{ verdict, ...boot }] = body['boots'] as readonly [Json];
    assert.deepEqual(verdict, {
      ...{ state: 'ended well', rule: 'facts', lastGood: 'booted', others: [], evidence: [], confidence: 'sure' },
      words: 'it booted the agent, which told what the machine is',
      cause: 'it booted the agent, which told what the machine is',
    });
    assert.deepEqual(
      [boot],
      [
        {
          id: 'b-good',
          machine: 'm-sample0005',
          startedMs: NOW_MS - 400_000,
          endedMs: NOW_MS - 42_000,
          plan: 'boots agent@1 as apm-mustang through u-boot (extlinux)',
        },
      ],
    );
    assert.equal((body['events'] as readonly Json[]).length, 10);
  });

  it('explains a machine, and a stranger by MAC and client architecture', async () => {
    const known = await call('GET', '/machines/mustang-03/explain');
    assert.equal((known.body['plan'] as Json)['do'], 'boot');
    assert.equal(((known.body['plan'] as Json)['server'] as Json)['address'], '10.77.0.1');
    const stranger = await call('GET', '/explain?mac=52:54:00:99:99:99&arch=22');
    assert.equal(stranger.status, 200);
    assert.equal((await call('GET', '/explain?arch=22')).body['field'], 'mac');
    assert.equal((await call('GET', '/explain?mac=junk')).status, 400);
  });

  it('power: secrets go in and never come out', async () => {
    const secret = 'canary-of-a-password';
    const parameters = { host: '10.0.9.77', user: 'farrier' };
    const put = await call('PUT', '/machines/beagle-1/power', {
      driver: 'ipmi',
      parameters,
      secrets: { password: secret },
    });
    assert.equal(put.status, 200);
    assert.deepEqual(put.body['secretsSet'], ['password']);
    const everything = [put.body, (await call('GET', '/machines')).body, (await call('GET', '/events?limit=500')).body];
    assert.ok(!JSON.stringify(everything).includes(secret));
    assert.ok(!(await (await fetch(`${base}/machines/beagle-1`, { headers: as('admin') })).text()).includes(secret));
    const gone = await call('DELETE', '/machines/beagle-1/power');
    assert.deepEqual([gone.body['setting'], gone.body['secretsSet']], [undefined, []]);
  });

  it('power: an outlet is declared shared, and stays so while it is the same one', async () => {
    const put = async (name: string, body: Json): Promise<unknown> => {
      const answer = await call('PUT', `/machines/${name}/power`, { driver: 'pdu-script', ...body });
      return (answer.body['setting'] as Json | undefined)?.['shared'] ?? answer.status;
    };
    const outlet = { parameters: { host: '10.0.9.2', outlet: 17 } };
    assert.equal(await put('beagle-1', outlet), 200);
    assert.equal(await put('mustang-01', { ...outlet, shared: true }), 409);
    assert.equal(await put('beagle-1', { ...outlet, shared: true }), true);
    assert.equal(await put('beagle-1', outlet), true, 'not said: as it was');
    assert.equal(await put('beagle-1', { parameters: { host: '10.0.9.2', outlet: 18 } }), 200, 'another outlet');
    await call('DELETE', '/machines/beagle-1/power');
  });

  it('power: a refusal says whether the asker may force it, and force reaches as far as his role', async () => {
    const ways: unknown[] = [];
    const refusing = layHttpLab(({ power }) => ({
      power: {
        ...power,
        order: (_machine, _verb, _by, way) => {
          ways.push(way);
          return Promise.resolve({ is: 'refused', because: 'it would not boot', forcedBy: 'operator' });
        },
      },
    }));
    await refusing.store.machines.add(sampleMachine(1, { power: { driver: 'manual', parameters: {} } }), []);
    const url = `${await refusing.listen('socket')}/api/v1/machines/board-01/power/on`;
    const headers = { 'content-type': 'application/json' };
    for (const body of [undefined, '{}', '{"force":true}']) {
      const answer = await fetch(url, { method: 'POST', ...(body === undefined ? {} : { headers, body }) });
      assert.equal(answer.status, 409);
      assert.equal(((await answer.json()) as Json)['mayForce'], true);
    }
    assert.deepEqual(ways, [{ force: undefined }, { force: undefined }, { force: 'admin' }]);
  });

  it('power: the time shown is that of the last look, be it in the store or not', async () => {
    const looking = layHttpLab(({ power }) => ({
      power: { ...power, seen: ({ powerSeen }) => powerSeen && { ...powerSeen, atMs: 9000 } },
    }));
    await looking.store.machines.add(
      sampleMachine(1, { powerSeen: { state: 'on', atMs: 1000, because: undefined } }),
      [],
    );
    const url = `${await looking.listen('socket')}/api/v1/machines`;
    const told = async (path: string): Promise<Json> => (await (await fetch(url + path)).json()) as Json;
    assert.deepEqual((await told('/board-01'))['powerSeen'], { state: 'on', atMs: 9000 });
    assert.deepEqual((await told('/board-01/power'))['seen'], { state: 'on', atMs: 9000 });
    const rows = (await told(''))['machines'] as Json[];
    assert.deepEqual(rows[0]?.['powerSeen'], { state: 'on', atMs: 9000 });
  });

  it('power: many are ordered at once, answered one by one', async () => {
    const { status, body } = await call('POST', '/power/orders', { machines: ['mustang-01', 'nobody'], verb: 'on' });
    assert.equal(status, 202);
    const orders = body['orders'] as Json[];
    assert.deepEqual(
      orders.map(({ machine, is }) => [machine, is]),
      [
        ['mustang-01', 'ordered'],
        ['nobody', 'unknown-machine'],
      ],
    );
    assert.equal((await call('POST', '/power/orders', { verb: 'on' })).status, 400);
    assert.equal((await call('POST', '/power/orders', { machines: ['a'], verb: 'status' })).status, 400);
    assert.equal((await call('POST', '/power/orders', { network: 'x', verb: 'on', staggerMs: 60_001 })).status, 400);
  });

  it('power: done, failed with its code, dropped and refused each have their status', async () => {
    const done = await call('POST', '/machines/mustang-01/power/cycle');
    assert.deepEqual([done.status, (done.body['seen'] as Json)['state']], [200, 'on']);
    const failed = await call('POST', '/machines/mustang-04-stuck/power/on');
    assert.deepEqual([failed.status, failed.body['code']], [502, 'unreachable']);
    assert.equal((await call('POST', '/machines/mustang-01/power/bootdev', { device: 'pxe' })).status, 409);
    for (const [body, because] of [
      [{}, 'blinks for 60 s'],
      [{ forS: 0 }, 'blinks for 0 s'],
    ] as const)
      assert.equal(
        ((await call('POST', '/machines/mustang-01/power/identify', body)).body['seen'] as Json)['because'],
        because,
      );
    assert.equal((await call('POST', '/machines/mustang-01/power/identify', { forS: 256 })).status, 400);
    assert.deepEqual((await call('POST', '/machines/mustang-01/power/info')).body['info'], { firmware: '1.2' });
    assert.equal((await call('POST', '/machines/beagle-1/power/on')).status, 409);
    assert.equal((await call('POST', '/machines/nobody/power/on')).status, 404);
    assert.equal((await call('POST', '/machines/mustang-01/power/explode')).status, 404);
  });

  it('leases and networks have their addresses as text', async () => {
    const leases = (await call('GET', '/leases')).body['leases'] as readonly Json[];
    assert.equal(leases[0]?.['address'], '10.77.0.10');
    const networks = (await call('GET', '/networks')).body['networks'] as readonly Json[];
    assert.deepEqual([networks[0]?.['subnet'], networks[0]?.['pools']], ['10.77.0.0/24', ['10.77.0.100-10.77.0.199']]);
  });

  it('boards, drivers and bundles are told; a bundle in use is kept', async () => {
    assert.equal(((await call('GET', '/boards')).body['boards'] as readonly Json[]).length, 3);
    assert.equal((await call('GET', '/boards/apm-mustang')).body['proof'], 'tested');
    assert.equal((await call('GET', '/boards/toaster')).status, 404);
    const drivers = (await call('GET', '/drivers')).body['drivers'] as readonly Json[];
    assert.deepEqual(drivers[0]?.['abilities'], ['on', 'off', 'status', 'reset', 'bootdev', 'identify', 'info']);
    assert.deepEqual(
      drivers.map((driver) => driver['origin']),
      ['shipped', '/etc/farrier/power-drivers/pdu-script'],
    );
    const problems = (await call('GET', '/drivers')).body['problems'];
    assert.deepEqual(problems, [{ file: '/etc/farrier/power-drivers/broken', because: 'exit code 3' }]);
    assert.equal((await call('DELETE', '/bundles/debian@12')).status, 409);
    assert.equal((await call('DELETE', '/bundles/rescue@1')).status, 204);
  });

  it('a driver is tried: passed or not, on what, rule by rule', async () => {
    const good = await call('POST', '/drivers/ipmi/test', { machine: 'board-01' });
    assert.deepEqual([good.status, good.body['passed'], good.body['on']], [200, true, 'board-01']);
    const bad = await call('POST', '/drivers/ipmi/test', { switches: true });
    assert.equal(bad.body['passed'], false);
    assert.equal((bad.body['results'] as readonly Json[])[0]?.['rule'], 'status');
    assert.equal((await call('POST', '/drivers/toaster/test', {})).status, 404);
    assert.equal((await call('POST', '/drivers/ipmi/test', { really: true })).status, 400);
  });

  it('a bundle of artefacts that are not stored names the field', async () => {
    const order = {
      name: 'x',
      version: '1',
      arch: 'aarch64',
      role: 'system',
      kernel: { name: 'linux', sha256: 'f'.repeat(64) },
    };
    const { status, body } = await call('POST', '/bundles', order);
    assert.deepEqual([status, body['code'], body['field']], [400, 'unknown-artefact', 'kernel']);
  });

  it('log-in: a strict cookie, a refusal, a flood limit; log-out ends it', async () => {
    const login = (name: string, password: string): Promise<Response> =>
      fetch(`${base}/api/v1/session`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ name, password }),
      });
    const done = await login('alice', 'horseshoe');
    const cookie = done.headers.get('set-cookie') ?? '';
    assert.equal(done.status, 204);
    assert.ok(cookie.includes(COOKIES.operator) && /HttpOnly/.test(cookie) && /SameSite=Strict/.test(cookie), cookie);
    assert.equal((await login('alice', 'wrong')).status, 401);
    const flooded = await login('flooder', 'x');
    assert.deepEqual([flooded.status, flooded.headers.get('retry-after')], [429, '300']);
    await fetch(`${base}/api/v1/session`, { method: 'DELETE', headers: as('operator') });
    assert.equal((await fetch(`${base}/api/v1/machines`, { headers: as('operator') })).status, 401);
  });

  it('health says that it runs, readiness says why not', async () => {
    assert.equal((await fetch(`${base}/healthz`)).status, 204);
    const lame = layHttpLab(() => ({ notReady: () => Promise.resolve('the disk is full') }));
    const response = await fetch(`${await lame.listen('tcp')}/readyz`, { headers: { Accept: 'application/json' } });
    assert.deepEqual([response.status, ((await response.json()) as Json)['detail']], [503, 'the disk is full']);
    await lame.close();
  });
});
