import { strict as assert } from 'node:assert';
import type { Machine } from '../../server/core/machine.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';
import { as, closeLabs, layHttpLab, type HttpLab } from '../support/http-lab.ts';
import { sampleMachine } from '../support/samples.ts';

describe('consoles over the API', () => {
  let lab: HttpLab;
  let clock: FakeClock;
  let base = '';
  let machine: Machine;
  const ask = (
    path: string,
    init: RequestInit = {},
    who: 'viewer' | 'operator' | 'admin' = 'operator',
  ): Promise<Response> =>
    fetch(`${base}/api/v1${path}`, {
      ...init,
      headers: { ...as(who), ...(init.body === undefined ? {} : { 'Content-Type': 'application/json' }) },
    });
  const put = (body: object, who?: 'viewer' | 'admin'): Promise<Response> =>
    ask('/machines/board-01/console', { method: 'PUT', body: JSON.stringify(body) }, who);
  const set = {
    transport: 'pretend',
    parameters: { host: 'ser.lab', speed: 9600 },
    secrets: { password: 'horseshoe' },
  };
  const log = async (query: string): Promise<string> => (await ask(`/machines/board-01/console/log${query}`)).text();
  beforeEach(async () => {
    clock = createFakeClock(Date.UTC(2026, 0, 2, 3, 4, 5));
    lab = layHttpLab(() => ({}), { clock });
    base = await lab.listen('tcp');
    machine = await lab.store.machines.add(sampleMachine(1, { name: 'board-01' }), []);
  });
  afterEach(() => closeLabs());
  const opened = async (): Promise<void> => {
    assert.equal((await put(set)).status, 200);
    assert.ok((await lab.deps.consoles.ready(machine.id, AbortSignal.timeout(5000))).ok);
  };

  it('none is set; then one is, its secret named and not told; then none again', async () => {
    const none = (await (await ask('/machines/board-01/console', {}, 'viewer')).json()) as Record<string, unknown>;
    assert.deepEqual(none['setting'], null);
    assert.equal((none['line'] as { is: string }).is, 'none');
    await opened();
    const text = await (await ask('/machines/board-01/console', {}, 'viewer')).text();
    assert.ok(!text.includes('horseshoe'));
    const { line, ...view } = JSON.parse(text) as Record<string, unknown>;
    assert.equal((line as { is: string }).is, 'open');
    assert.deepEqual(view, {
      setting: { transport: 'pretend', parameters: { host: 'ser.lab', speed: 9600 } },
      secretsSet: ['password'],
      recorded: { from: 0, to: 0 },
      writer: null,
      viewers: 0,
      canBreak: true,
      speed: 9600,
    });
    assert.equal((await ask('/machines/board-01/console', { method: 'DELETE' })).status, 200);
    assert.equal(await lab.store.consoles.ofMachine(machine.id), undefined);
  });

  it('17 a socket of this host is a console only where an administrator says so', async () => {
    const ofHost = { ...set, transport: 'pretend-of-host' };
    const refused = await put(ofHost);
    assert.equal(refused.status, 403);
    assert.match(await refused.text(), /set by administrators only/);
    assert.equal(await lab.store.consoles.ofMachine(machine.id), undefined);
    assert.equal((await put(ofHost, 'admin')).status, 200);
  });

  it('says what is wrong with a setting, by field', async () => {
    for (const [body, field] of [
      [{ ...set, transport: 'smoke' }, 'transport'],
      [{ ...set, parameters: {} }, 'host'],
      [{ ...set, parameters: { host: 'a', password: 'b' } }, 'password'],
      [{ ...set, colour: 'red' }, 'colour'],
    ] as const) {
      const answer = await put(body);
      assert.equal(answer.status, 400);
      assert.equal(((await answer.json()) as { field: string }).field, field);
    }
    assert.equal((await ask('/machines/nobody/console')).status, 404);
    const { transports } = (await (await ask('/console-transports', {}, 'viewer')).json()) as {
      transports: { name: string }[];
    };
    assert.deepEqual(
      transports.map(({ name }) => name),
      ['pretend', 'pretend-of-host'],
    );
  });

  it('17 a mixed stream: the raw download is identical, lines are split with their times, and nothing plays tricks', async () => {
    await opened();
    const parts = ['U-Boot 2024\r\n', '\x1b[31mred\x1b[0m\x07 ', 'still the same line\n', 'last'];
    for (const part of parts) {
      lab.board.say(part);
      clock.advance(1000);
    }
    assert.equal(await log('?as=raw'), parts.join(''));
    assert.equal(await log(''), parts.join(''));
    assert.deepEqual((await log('?as=lines')).split('\n'), [
      '2026-01-02T03:04:05.000Z U-Boot 2024',
      '2026-01-02T03:04:06.000Z red still the same line',
      '2026-01-02T03:04:08.000Z last',
      '',
    ]);
    assert.equal(await log('?from=2&to=6'), 'Boot');
    const timed = JSON.parse(await log('?as=timed')) as {
      from: number;
      to: number;
      chunks: { at: number; octets: string }[];
    };
    assert.equal(timed.to, parts.join('').length);
    assert.equal(timed.chunks.map((chunk) => Buffer.from(chunk.octets, 'base64').toString()).join(''), parts.join(''));
  });

  it('a line without end is cut, not kept', async () => {
    await opened();
    for (let n = 0; n < 20; n += 1) lab.board.say('x'.repeat(10_000));
    assert.ok((await log('?as=lines')).length < 5000);
    assert.equal((await log('?as=raw')).length, 200_000);
  });

  it('of one boot, or says that nothing is kept of it', async () => {
    await opened();
    const { recording } = await lab.deps.consoles.room(machine);
    lab.board.say('before');
    recording.mark('boot', 'b-1');
    lab.board.say('one');
    recording.mark('boot', 'b-2');
    lab.board.say('two');
    assert.equal(await log('?boot=b-1'), 'one');
    assert.equal(await log('?boot=b-2'), 'two');
    assert.equal((await ask('/machines/board-01/console/log?boot=b-9')).status, 404);
  });

  it('45 who has not the right reads no octet, whichever way', async () => {
    await opened();
    lab.board.say('Password: hunter2');
    for (const path of ['log', 'log?as=lines', 'log?as=timed', 'tail?boot=b-1', 'stream']) {
      const answer = await ask(`/machines/board-01/console/${path}`, {}, 'viewer');
      assert.equal(answer.status, 403, path);
      assert.match(await answer.text(), /console-read/);
    }
    for (const path of ['/machines/board-01', '/machines/board-01/console', '/machines/board-01/timeline', '/events'])
      assert.ok(!(await (await ask(path)).text()).includes('hunter2'), path);
  });

  it('the last words of a boot are kept apart', async () => {
    await lab.store.boots.add({ id: 'b-1', machine: machine.id, startedMs: 1, tokenHash: undefined, plan: '' });
    assert.equal((await ask('/machines/board-01/console/tail?boot=b-1')).status, 404);
    await lab.store.consoles.keepTail('b-1', Buffer.from('Kernel panic'));
    assert.equal(await (await ask('/machines/board-01/console/tail?boot=b-1')).text(), 'Kernel panic');
  });
});
