import { strict as assert } from 'node:assert';
import type { PowerState } from '../../server/core/machine.ts';
import { PowerError, type PowerDriver, type PowerHandle } from '../../server/ports/power-driver.ts';
import type { KitEdges, KitFault, KitTarget } from '../../server/services/driver-kit/kit-rule.ts';
import { wrongSecret } from '../../server/services/driver-kit/rules-secret.ts';
import { KIT_RULES, runKit, type KitResult } from '../../server/services/driver-kit/run-kit.ts';
import { definePowerDriver } from '../../power-drivers/define.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';
import { engineInMemory } from '../support/kit-engine.ts';

const PASSWORD = 'canary-9fzZ';

/** A device in memory with all its ways to misbehave, and a driver that gets everything right. */
function layBench(clock: FakeClock): { readonly target: KitTarget; readonly fault: () => KitFault | 'not' } {
  let state: PowerState = 'off';
  let how: KitFault | 'not' = 'not';
  let calls = 0;
  const pause = (ms: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      const give = (): void => {
        cancel();
        reject(new PowerError('timeout', 'the PDU: stopped waiting'));
      };
      const cancel = clock.after(ms, () => {
        signal.removeEventListener('abort', give);
        resolve();
      });
      if (signal.aborted) give();
      else signal.addEventListener('abort', give, { once: true });
    });
  const talk = async (password: string, outlet: number, signal: AbortSignal): Promise<void> => {
    calls += 1;
    await pause(how === 'silent' ? 1e9 : how === 'slow' ? 300 : 5, signal);
    if (how === 'gone') throw new PowerError('unreachable', 'the PDU: connection refused');
    if (how === 'half' || how === 'flood') throw new PowerError('refused', 'the PDU: an answer nobody knows');
    if (how === 'flapping' && calls % 2 === 0) throw new PowerError('unreachable', 'the PDU: broke off');
    if (password !== PASSWORD) throw new PowerError('auth', 'the PDU: password refused');
    if (outlet !== 2) throw new PowerError('refused', `the PDU: no outlet ${outlet}`);
  };
  const driver = definePowerDriver({
    name: 'good',
    summary: 'gets it right',
    abilities: ['on', 'off', 'status'],
    callTimeoutMs: 1000,
    settleTimeoutMs: 5000,
    fields: {
      host: { kind: 'host', label: 'PDU', scope: 'controller', required: true },
      note: { kind: 'text', label: 'Note', scope: 'controller', required: false },
      password: { kind: 'secret', label: 'Password', scope: 'controller', required: true },
      outlet: { kind: 'integer', label: 'Outlet', scope: 'machine', required: true, min: 1, max: 8 },
    },
    open: ({ password, outlet }) => ({
      set: async (want, signal) => {
        await talk(password, outlet, signal);
        if (how === 'late') clock.after(1200, () => (state = want));
        else if (how !== 'lies') state = want;
      },
      query: async (signal) => {
        await talk(password, outlet, signal);
        return state;
      },
    }),
  });
  const parameters = { host: '10.0.0.9', password: PASSWORD, outlet: 2 };
  return {
    fault: () => how,
    target: {
      ...{ driver, parameters, device: 'pretend', secretField: 'password', maySwitch: true },
      truth: () => Promise.resolve(state === 'on' ? 'on' : 'off'),
      misbehave: (next) => {
        how = next;
        return Promise.resolve(parameters);
      },
      behave: () => {
        how = 'not';
        return Promise.resolve();
      },
    },
  };
}

/** A handle in which something is done otherwise. */
type Spoil = (handle: PowerHandle, fault: () => KitFault | 'not', clock: FakeClock) => Partial<PowerHandle>;

async function judged(spoil: Spoil, change: Partial<PowerDriver> = {}, more: Partial<KitEdges> = {}) {
  const clock = createFakeClock();
  const { target, fault } = layBench(clock);
  const driver: PowerDriver = {
    ...target.driver,
    open: (parameters, edges) => {
      const handle = target.driver.open(parameters, edges);
      return { ...handle, ...spoil(handle, fault, clock) };
    },
    ...change,
  };
  const edges = { clock, rng: { octets: (count: number) => new Uint8Array(count) } };
  const world: KitEdges = {
    ...edges,
    engine: (each, parameters) => engineInMemory(edges, each, parameters),
    memoryOctets: () => 1000,
    resources: () => [],
    watch: () => ({ stop: () => Promise.resolve({ shown: [], left: [] }) }),
    trap: { path: '/trap', sprung: () => false },
    ...more,
  };
  return clock.until(runKit({ ...target, driver }, world));
}

const failed = (results: readonly KitResult[]): readonly string[] =>
  results.filter(({ verdict }) => verdict === 'fail').map(({ rule }) => rule);
const asItIs: Spoil = () => ({});
const stubborn = new AbortController().signal;

describe('the conformance kit', () => {
  it('passes a driver that gets everything right, by every rule', async () => {
    const results = await judged(asItIs);
    assert.deepEqual(
      results.filter(({ verdict }) => verdict !== 'pass').map(({ rule, because }) => `${rule}: ${because}`),
      [],
    );
    assert.deepEqual(
      results.map(({ rule }) => rule),
      KIT_RULES.map(({ name }) => name),
    );
  });

  const spoilt: readonly (readonly [string, string, Spoil, Partial<PowerDriver>?, Partial<KitEdges>?])[] = [
    ['a verb it declares and has not', 'declaration', asItIs, { abilities: ['on', 'off', 'status', 'reset'] }],
    [
      'a password that is no secret',
      'declaration',
      asItIs,
      { fields: { password: { kind: 'text', label: 'Password', scope: 'controller', required: false } } },
    ],
    [
      'fields that are not checked',
      'parameters',
      asItIs,
      { open: () => ({ set: () => Promise.resolve(), query: () => Promise.resolve('off') }) },
    ],
    ['a parameter that is run', 'parameters', asItIs, {}, { trap: { path: '/trap', sprung: () => true } }],
    ['a state it makes up', 'status', () => ({ query: () => Promise.resolve('on') })],
    ['an order it forgets', 'read-back', () => ({ set: () => Promise.resolve() })],
    [
      'an order that is no more known the second time',
      'repeatable',
      (handle) => ({
        set: async (want, signal) => {
          const now = await handle.query(signal);
          if (now === want) throw new PowerError('refused', 'it is so already');
          await handle.set(want, signal);
        },
      }),
    ],
    ['a call that outlives its deadline', 'silence', (handle) => ({ query: () => handle.query(stubborn) })],
    [
      'a call that takes its time to end',
      'abort',
      (handle, fault, clock) => ({
        query: (signal) =>
          handle.query(signal).catch(async (error: unknown) => {
            if (fault() === 'silent') await new Promise<void>((resolve) => clock.after(1600, resolve));
            throw error;
          }),
      }),
    ],
    [
      'silence that it calls refused',
      'silence',
      (handle, fault) => ({
        query: (signal) =>
          fault() === 'silent' ? Promise.reject(new PowerError('refused', 'no')) : handle.query(signal),
      }),
    ],
    [
      'half an answer that it completes',
      'half-answer',
      (handle, fault) => ({
        query: (signal) => (fault() === 'half' ? Promise.resolve('on') : handle.query(signal)),
      }),
    ],
    [
      'an error that is no PowerError',
      'half-answer',
      (handle, fault) => ({
        query: (signal) => (fault() === 'half' ? Promise.reject(new TypeError('x')) : handle.query(signal)),
      }),
    ],
    [
      'a wrong password that it calls refused',
      'wrong-secret',
      (handle) => ({
        query: (signal) =>
          handle.query(signal).catch((error: unknown) => {
            throw error instanceof PowerError && error.code === 'auth' ? new PowerError('refused', 'no') : error;
          }),
      }),
    ],
    [
      'a device it does not find again',
      'flapping',
      (handle, fault) => {
        return {
          query: async (signal) => {
            if (fault() === 'flapping') broken.add(handle.query);
            if (broken.size > 0 && fault() === 'not') throw new PowerError('unreachable', 'never again');
            return handle.query(signal);
          },
        };
      },
    ],
    [
      'a word of its own about a lie',
      'lies',
      (handle, fault) => ({
        query: (signal) => (fault() === 'lies' ? Promise.resolve('on') : handle.query(signal)),
      }),
    ],
    ['a process that stays', 'nothing-left', asItIs, {}, { watch: () => left('sleep (process 7)') }],
    ['a socket that stays', 'nothing-left', asItIs, {}, { resources: growing() }],
    ['a password in its error', 'secrets-kept', (handle) => saying(handle, PASSWORD)],
    ['a wrong password in its error', 'secrets-kept', (handle) => saying(handle, wrongSecret(PASSWORD))],
    [
      'a password in its error, in base64',
      'secrets-kept',
      (handle) => saying(handle, Buffer.from(PASSWORD).toString('base64').replace(/=+$/, '')),
    ],
    ['a password in its arguments', 'secrets-kept', asItIs, {}, { watch: () => left(undefined, 'the arguments') }],
    ['memory that grows', 'flood', asItIs, {}, { memoryOctets: growingBy(100 * 1024 * 1024) }],
  ];
  const broken = new Set<unknown>();
  for (const [title, rule, spoil, change, more] of spoilt)
    it(`fails ${title}: ${rule}`, async () => {
      broken.clear();
      const results = await judged(spoil, change, more);
      assert.ok(failed(results).includes(rule), `failed: ${failed(results).join(', ') || 'nothing'}`);
      assert.ok(!JSON.stringify(results).includes(PASSWORD), 'and says no secret itself');
    });

  it('without a device and a leave to switch, says of each rule why it is not judged', async () => {
    const clock = createFakeClock();
    const { target } = layBench(clock);
    const bare: KitTarget = {
      ...target,
      device: 'none',
      maySwitch: false,
      misbehave: () => Promise.resolve(undefined),
    };
    const results = await clock.until(runKit(bare, { clock, rng: { octets: (count) => new Uint8Array(count) } }));
    assert.deepEqual(failed(results), []);
    const passed = results.filter(({ verdict }) => verdict === 'pass').map(({ rule }) => rule);
    assert.deepEqual(passed, ['declaration', 'parameters', 'secrets-kept']);
    for (const { verdict, because } of results) assert.ok(verdict === 'pass' || because.length > 5);
  });

  it('a driver that tries a wrong secret again in its own call is told of by a device that counts', async () => {
    const clock = createFakeClock();
    const { target } = layBench(clock);
    let refused = 0;
    for (const [times, verdict] of [
      [1, 'pass'],
      [3, 'fail'],
    ] as const) {
      const counting: KitTarget = {
        ...target,
        refusals: () => Promise.resolve(refused),
        driver: {
          ...target.driver,
          open: (parameters, edges) => {
            const handle = target.driver.open(parameters, edges);
            const query: PowerHandle['query'] = async (signal) => {
              if (parameters['password'] !== PASSWORD) refused += times;
              return handle.query(signal);
            };
            return { ...handle, query };
          },
        },
      };
      const edges: KitEdges = { clock, rng: { octets: (count) => new Uint8Array(count) } };
      const results = await clock.until(runKit(counting, edges));
      assert.equal(results.find(({ rule }) => rule === 'wrong-secret')?.verdict, verdict);
      if (verdict === 'fail') assert.match(JSON.stringify(results), /in one call it was tried 3 times/);
    }
  });

  it('names what a pretend device cannot do', async () => {
    const clock = createFakeClock();
    const { target } = layBench(clock);
    const honest: KitTarget = { ...target, misbehave: () => Promise.resolve(undefined) };
    const edges: KitEdges = { clock, rng: { octets: (count) => new Uint8Array(count) } };
    const results = await clock.until(runKit(honest, edges));
    const silence = results.find(({ rule }) => rule === 'silence');
    assert.deepEqual([silence?.verdict, silence?.because], ['not-judged', 'the pretend device cannot do "silent"']);
  });

  it('never switches a real device without leave, nor tries a wrong secret there', async () => {
    const clock = createFakeClock();
    const { target } = layBench(clock);
    const asked: string[] = [];
    const driver: PowerDriver = {
      ...target.driver,
      open: (parameters, edges) => {
        const handle = target.driver.open(parameters, edges);
        return {
          set: (want) => Promise.resolve(void asked.push(want)),
          query: (signal) => {
            if (parameters['password'] !== PASSWORD) asked.push('wrong secret');
            return handle.query(signal);
          },
        };
      },
    };
    const real: KitTarget = { ...target, driver, device: 'real', maySwitch: false };
    const edges: KitEdges = { clock, rng: { octets: (count) => new Uint8Array(count) } };
    await clock.until(runKit(real, edges));
    assert.deepEqual(asked, []);
  });

  it('a wrong secret fits where the right one fits, and is another', () => {
    for (const right of ['abc', 'Z9z', '0xff00', 'a-b_c.d', '99']) {
      assert.notEqual(wrongSecret(right), right);
      assert.equal(wrongSecret(right).length, right.length);
    }
    assert.match(wrongSecret('0123456789abcdef'), /^[0-9a-f]+$/);
  });
});

function saying(handle: PowerHandle, words: string): Partial<PowerHandle> {
  return {
    query: (signal) =>
      handle.query(signal).catch((error: unknown) => {
        throw new PowerError(error instanceof PowerError ? error.code : 'refused', `no answer to ${words}`);
      }),
  };
}

function left(program: string | undefined, shown?: string): ReturnType<NonNullable<KitEdges['watch']>> {
  const of = (text: string | undefined): readonly string[] => (text === undefined ? [] : [text]);
  return { stop: () => Promise.resolve({ shown: of(shown), left: of(program) }) };
}

function growing(): () => readonly string[] {
  let sockets = 0;
  return () => Array.from({ length: (sockets += 1) }, () => 'TCPSocketWrap');
}

function growingBy(octets: number): () => number {
  let now = 0;
  return () => (now += octets);
}
