import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import type { PowerDriver } from '../../server/ports/power-driver.ts';
import { createRedact } from '../../server/services/power-redact.ts';
import { secretContext } from '../../server/services/power-secrets.ts';
import { createPowerWorld, type PowerWorld } from '../support/power-world.ts';

const CANARY = 'canary-"s3cr&t"';

function sealed(world: PowerWorld, field: string, value: string, context?: string): void {
  const { id } = world.machine('m1');
  world.seal(id, field, `${value}@${context ?? secretContext(id, field)}`);
}

describe('power secrets', () => {
  const spellings: readonly (readonly [string, string])[] = [
    ['as it is', CANARY],
    ['in JSON', JSON.stringify({ password: CANARY })],
    ['in a URL', `http://admin:${encodeURIComponent(CANARY)}@pdu/`],
    ['in base64', Buffer.from(CANARY).toString('base64')],
    ['in hexadecimal', Buffer.from(CANARY).toString('hex')],
  ];
  for (const [title, words] of spellings)
    it(`a driver that prints one ${title} does not get it past the engine`, async () => {
      const world = createPowerWorld();
      sealed(world, 'password', CANARY);
      world.pdu.habits('1', { errors: ['refused'], words: `login failed: ${words}` });
      const outcome = await world.clock.until(world.power.order(world.machine('m1'), 'on', 'alice'));
      const everything = JSON.stringify([outcome, world.events, [...world.orders.values()], world.machine('m1')]);
      assert.match(everything, /login failed: .*\(secret\)/);
      for (const [, spelling] of spellings) assert.ok(!everything.includes(spelling));
      assert.ok(!everything.includes('s3cr'));
    });

  it('what a controller says of itself is bounded, on one line and without secrets', async () => {
    const labels = Array.from({ length: 200 }, (_, n) => [`label ${n}`, 'x'.repeat(9000)] as const);
    const said = { 'firmware\u001b[2J': `1.2 ${CANARY}`, ...Object.fromEntries(labels) };
    const handle = { set: () => Promise.resolve(), query: () => Promise.resolve('on' as const) };
    const { driver } = createPowerWorld(['on', 'info']).pdu;
    const chatty: PowerDriver = { ...driver, open: () => ({ ...handle, info: () => Promise.resolve(said) }) };
    const world = createPowerWorld([], { drivers: { list: () => [chatty], byName: () => chatty } });
    sealed(world, 'password', CANARY);
    const outcome = await world.clock.until(world.power.info(world.machine('m1')));
    assert.ok(outcome.is === 'done' && outcome.info);
    assert.equal(outcome.info['firmware [2J'], '1.2 (secret)');
    assert.equal(Object.keys(outcome.info).length, 64);
    assert.ok(JSON.stringify(outcome).length < 64 * 500);
  });

  it('a secret moved from another row does not open: config, the driver is not called', async () => {
    const world = createPowerWorld();
    sealed(world, 'password', CANARY, 'm-2/password');
    const outcome = await world.clock.until(world.power.order(world.machine('m1'), 'on', 'alice'));
    assert.equal(outcome.is === 'failed' && outcome.code, 'config');
    assert.match(
      outcome.is === 'failed' ? outcome.because : '',
      /secret "password" of m1 does not open; enter it again/,
    );
    assert.deepEqual(world.pdu.calls, []);
  });

  it('a secret of an earlier driver is left alone', async () => {
    const world = createPowerWorld();
    sealed(world, 'community', CANARY, 'rubbish');
    assert.equal((await world.clock.until(world.power.status(world.machine('m1')))).is, 'done');
  });

  it('the context binds machine and field', () => {
    const { id } = createPowerWorld().machine('m1');
    assert.notEqual(secretContext(id, 'a'), secretContext(id, 'b'));
  });
});

describe('redaction', () => {
  it('no text keeps a secret, whatever the secret and the text are', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 4, maxLength: 20 }), fc.string(), fc.string(), (secret, before, after) => {
        const shown = createRedact([secret])(`${before}${secret}${after}`);
        // What stands between the marks is all that is left of the text.
        const left = shown.split('(secret)').every((part) => !part.includes(secret));
        assert.ok(left && (secret.trim() === '' || shown.includes('(secret)')));
      }),
    );
  });

  it('half a surrogate pair is no trouble', () => {
    assert.doesNotThrow(() => createRedact(['\ud800'])('text'));
  });

  it('a secret that contains another goes whole', () => {
    assert.equal(createRedact(['abc', 'abcdef'])('x abcdef y'), 'x (secret) y');
  });

  it('texts come out on one line and bounded', () => {
    const shown = createRedact([])(`a\nb\u0000c\u2028d ${'x'.repeat(1000)}`);
    assert.match(shown, /^a b c d x+ …$/);
    assert.ok(shown.length < 410);
  });
});
