import { strict as assert } from 'node:assert';
import { startPretendAmt, type PretendAmt } from '../../lab/pretend/amt.ts';
import { amt } from '../../power-drivers/amt.ts';
import type { FieldValues } from '../../server/core/field.ts';
import type { PowerHandle } from '../../server/ports/power-driver.ts';
import { realEdges } from '../support/ipmi-crypto.ts';
import { powerFailure } from '../support/power-failure.ts';
import { makeTlsCertificate } from '../support/tls-certificate.ts';

const forever = new AbortController().signal;
const [user, password] = ['admin', 'canary-Amt0!'];

describe('amt', () => {
  let engine: PretendAmt;
  beforeEach(async () => {
    engine = await startPretendAmt({ clock: realEdges.clock, user, password });
  });
  afterEach(() => engine.device.close());
  const open = (parameters: FieldValues = {}): PowerHandle =>
    amt.open({ host: '127.0.0.1', port: engine.device.port, user, password, ...parameters }, realEdges);

  it('switches, reads back what is so, and may be told twice', async () => {
    const handle = open();
    assert.equal(await handle.query(forever), 'off');
    await handle.set('off', forever);
    await handle.set('on', forever);
    await handle.set('on', forever);
    assert.equal(await handle.query(forever), 'on');
    await handle.reset?.(forever);
    await handle.set('off', forever);
    assert.ok(!engine.machine.isOn());
    assert.equal(await handle.query(forever), 'off');
  });

  it('a reset of what is off is refused in words', async () => {
    const words = await powerFailure(open().reset?.(forever) ?? Promise.resolve(), 'refused');
    assert.match(words, /127\.0\.0\.1:\d+: refuses "reset": not now, in this state \(2\)/);
  });

  const states: readonly (readonly [string, string])[] = [
    ['2', 'on'],
    ['6', 'off'],
    ['7', 'off'],
    ['8', 'off'],
    ['3', 'unknown'],
    ['four', 'unknown'],
  ];
  for (const [told, state] of states)
    it(`a power state of ${told} is ${state}`, async () => {
      engine.tell(told);
      assert.equal(await open().query(forever), state);
    });

  it('names the source of the next boot, and takes it back', async () => {
    const handle = open();
    await handle.bootdev?.('pxe', forever);
    assert.equal(engine.bootSource(), 'Intel(r) AMT: Force PXE Boot');
    await handle.bootdev?.('disk', forever);
    assert.equal(engine.bootSource(), 'Intel(r) AMT: Force Hard-drive Boot');
    await handle.bootdev?.('none', forever);
    assert.equal(engine.bootSource(), undefined);
  });

  it('what the engine refuses is refused, what is in use is busy', async () => {
    const handle = open();
    for (const [value, code] of [
      [5, 'refused'],
      [6, 'busy'],
      [4096, 'refused'],
    ] as const) {
      engine.answerWith(value);
      await powerFailure(handle.set('on', forever), code);
      await powerFailure(handle.bootdev?.('pxe', forever) ?? Promise.resolve(), code);
      await powerFailure(handle.bootdev?.('none', forever) ?? Promise.resolve(), code);
    }
  });

  it('tells its firmware', async () => {
    assert.deepEqual(await open().info?.(forever), { firmware: 'Intel(R) Active Management Technology 11.8.50' });
  });

  it('a wrong password or user is auth, tried once, and neither said nor sent', async () => {
    for (const wrong of [{ password: 'wrong-canary' }, { user: 'nobody' }]) {
      const before = engine.device.seen().length;
      const words = await powerFailure(open(wrong).set('on', forever), 'auth');
      assert.ok(!words.includes('canary'), words);
      assert.equal(engine.device.seen().length - before, 2);
    }
    assert.deepEqual(engine.envelopes(), []);
  });

  it('half answers, floods and silence end in words', async () => {
    const handle = open();
    for (const [how, code] of [
      ['half', 'unreachable'],
      ['flood', 'refused'],
    ] as const) {
      engine.misbehave(how);
      await powerFailure(handle.query(forever), code);
    }
    engine.misbehave('silent');
    const stop = new AbortController();
    const asked = powerFailure(handle.query(stop.signal), 'timeout');
    setImmediate(() => {
      stop.abort();
    });
    await asked;
  });

  it('over TLS to the pinned certificate', async () => {
    const tls = await makeTlsCertificate();
    await engine.device.close();
    engine = await startPretendAmt({ clock: realEdges.clock, user, password, tls });
    await powerFailure(open({ scheme: 'https' }).query(forever), 'config');
    const pinned = open({ scheme: 'https', tlsFingerprint: tls.fingerprint });
    await pinned.set('on', forever);
    assert.ok(engine.machine.isOn());
  });
});
