import { strict as assert } from 'node:assert';
import type { FlipOrder, FlipTest } from '../../server/services/power-flip.ts';
import { memberOf } from '../../lab/socket-api.ts';
import { closeLabs, layHttpLab } from '../support/http-lab.ts';

const TEST: FlipTest = {
  state: 'running',
  by: 'alice',
  startedMs: 1,
  outlets: [
    {
      machine: 'a',
      step: 'done',
      silent: [{ machine: 'b', sign: 'BMC' }],
      missing: ['b'],
      trouble: undefined,
      verdict: { is: 'wrong', switches: 'b' },
    },
    { machine: 'b', step: 'waiting', silent: [], missing: [], trouble: undefined, verdict: undefined },
  ],
};

describe('the flip test over the API', () => {
  afterEach(closeLabs);

  it('needs its confirmation, runs, is looked at and aborted', async () => {
    const orders: FlipOrder[] = [];
    let aborted = 0;
    const lab = layHttpLab(() => ({
      flips: {
        begin: (order) => {
          orders.push(order);
          return Promise.resolve({ is: 'begun', test: TEST });
        },
        now: () => (orders.length > 0 ? TEST : undefined),
        abort: () => (aborted += 1),
      },
    }));
    const url = `${await lab.listen('socket')}/api/v1/power/flip-test`;
    const ask = async (method: string, body?: unknown): Promise<readonly [number, unknown]> => {
      const sent = body === undefined ? {} : { body: JSON.stringify(body) };
      const answer = await fetch(url, { method, headers: { 'content-type': 'application/json' }, ...sent });
      return [answer.status, await answer.json()];
    };
    assert.deepEqual(await ask('GET'), [200, { state: 'none', outlets: [] }]);
    const [status, problem] = await ask('POST', { machines: ['a', 'b'] });
    assert.equal(status, 409);
    assert.match(String(memberOf(problem, 'detail')), /switches off a, b, one after another; confirm it/);
    assert.deepEqual(orders, []);
    const [begun, test] = await ask('POST', { machines: ['a', 'b'], confirm: true, backS: 60 });
    assert.equal(begun, 202);
    assert.deepEqual(orders, [{ refs: ['a', 'b'], by: 'socket', silentMs: 30_000, backMs: 60_000 }]);
    const outlets = memberOf(test, 'outlets');
    assert.deepEqual(outlets, [
      {
        ...{ machine: 'a', step: 'done', silent: ['b'], missing: ['b'], verdict: 'wrong' },
        ...{ words: 'wrong: it switches b', signs: ['the BMC of b answers no more'] },
      },
      { machine: 'b', step: 'waiting', silent: [], missing: [], signs: [] },
    ]);
    assert.equal((await ask('DELETE'))[0], 200);
    assert.equal(aborted, 1);
    assert.equal((await ask('POST', { machines: [], confirm: true }))[0], 400);
  });

  it('a refusal is 409, an unknown machine 404', async () => {
    for (const [is, want] of [
      ['refused', 409],
      ['unknown-machine', 404],
    ] as const) {
      const begin = () => Promise.resolve({ is, because: 'no' });
      const lab = layHttpLab(({ flips }) => ({ flips: { ...flips, begin } }));
      const answer = await fetch(`${await lab.listen('socket')}/api/v1/power/flip-test`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ machines: ['a'], confirm: true }),
      });
      assert.equal(answer.status, want);
    }
  });
});
