import { strict as assert } from 'node:assert';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { FieldValues } from '../../server/core/field.ts';
import { ipmi } from '../../power-drivers/ipmi.ts';
import type { BmcFault } from '../../lab/virtual-bmc.ts';
import type { Clock } from '../../server/ports/clock.ts';
import { PowerError, type PowerHandle } from '../../server/ports/power-driver.ts';
import { SUITE_17, SUITE_3 } from '../../server/wire/ipmi/suite.ts';
import { BMC_PASSWORD, BMC_USER, startTestBmc, type TestBmc } from '../support/bmc-rack.ts';
import { realEdges } from '../support/ipmi-crypto.ts';

/** Forty times as fast as the real one: 7.5 s of patience in 0.2 s. */
const hasty: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now() * 40,
  after: (ms, call) => {
    const timer = setTimeout(call, ms / 40);
    return () => {
      clearTimeout(timer);
    };
  },
};
const forever = new AbortController().signal;

describe('the ipmi driver', () => {
  let bmc: TestBmc;
  const start = async (change: Parameters<typeof startTestBmc>[0] = {}): Promise<void> => {
    bmc = await startTestBmc(change);
  };
  afterEach(() => bmc.stop());

  const opened = (change: FieldValues = {}, clock: Clock = realEdges.clock): PowerHandle =>
    ipmi.open(
      { host: bmc.address, port: bmc.port, user: BMC_USER, password: BMC_PASSWORD, ...change },
      { ...realEdges, clock },
    );
  const errorOf = async (doing: Promise<unknown>): Promise<PowerError> => {
    const thrown: unknown = await doing.then(
      () => undefined,
      (error: unknown) => error,
    );
    assert.ok(thrown instanceof PowerError, String(thrown));
    assert.ok(!thrown.message.includes(BMC_PASSWORD));
    return thrown;
  };

  for (const cipherSuite of ['auto', '17', '3'])
    it(`switches and looks with cipher suite ${cipherSuite}, and leaves no session behind`, async () => {
      await start();
      const handle = opened({ cipherSuite });
      assert.equal(await handle.query(forever), 'off');
      await handle.set('on', forever);
      await handle.set('on', forever);
      assert.equal(await handle.query(forever), 'on');
      await handle.reset?.(forever);
      await handle.set('off', forever);
      assert.equal(await handle.query(forever), 'off');
      assert.deepEqual(bmc.deeds, ['on', 'reset', 'off']);
      assert.equal(bmc.sessions(), 0);
    });

  it('"auto" prefers 17 and takes 3 where that is all there is', async () => {
    await start({ suites: [SUITE_3] });
    assert.equal(await opened().query(forever), 'off');
    assert.equal((await errorOf(opened({ cipherSuite: '17' }).query(forever))).code, 'config');
  });

  it('suite 3 is refused by a BMC that only speaks 17', async () => {
    await start({ suites: [SUITE_17] });
    assert.equal(await opened().query(forever), 'off');
    assert.equal((await errorOf(opened({ cipherSuite: '3' }).query(forever))).code, 'config');
  });

  it('a boot device is for one boot, and "none" takes it back', async () => {
    await start();
    await opened().bootdev?.('pxe', forever);
    assert.deepEqual([bmc.takeBootDevice(), bmc.takeBootDevice()], ['pxe', 'none']);
    await opened({ bootMode: 'legacy' }).bootdev?.('disk', forever);
    await opened().bootdev?.('none', forever);
    assert.equal(bmc.takeBootDevice(), 'none');
  });

  it('the light blinks as long as it was told to', async () => {
    await start();
    for (const forS of [60, 0, 255]) {
      await opened().identify?.(forS, forever);
      assert.equal(bmc.blinkS(), forS);
    }
  });

  it('K_g: honoured as text and in hexadecimal; missing and wrong are told apart from a wrong password', async () => {
    await start({ kg: 'k\u00e9y' });
    assert.equal(await opened({ kg: 'k\u00e9y' }).query(forever), 'off');
    assert.equal(await opened({ kg: '0x6be979' }).query(forever), 'off');
    const [missing, wrong, password] = await Promise.all([
      errorOf(opened().query(forever)),
      errorOf(opened({ kg: 'other' }).query(forever)),
      errorOf(opened({ kg: 'k\u00e9y', password: 'wrong' }).query(forever)),
    ]);
    assert.equal(missing.code, 'config');
    assert.match(missing.message, /K_g set; enter it as "kg"/);
    assert.equal(wrong.code, 'auth');
    assert.match(wrong.message, /K_g is not the one/);
    assert.match(password.message, /wrong password/);
  });

  interface FaultCase {
    readonly fault: BmcFault;
    readonly code: string;
    readonly words: RegExp;
  }
  const faults: readonly FaultCase[] = [
    { fault: 'silent', code: 'unreachable', words: /no answer to 4 requests/ },
    { fault: 'half-packet', code: 'unreachable', words: /no answer/ },
    { fault: 'wrong-session', code: 'timeout', words: /fell silent while commanding/ },
    { fault: 'refuses-login', code: 'auth', words: /no such user/ },
    { fault: 'busy', code: 'busy', words: /busy/ },
  ];
  for (const { fault, code, words } of faults)
    it(`a BMC that is ${fault} is ${code}`, async () => {
      await start();
      bmc.fault(fault);
      const isSilence = code === 'unreachable' || code === 'timeout';
      const error = await errorOf(opened({}, isSilence ? hasty : realEdges.clock).set('on', forever));
      assert.equal(error.code, code);
      assert.match(error.message, words);
      assert.match(error.message, new RegExp(`BMC ${bmc.address}:${bmc.port}`), 'names the BMC');
    });

  it('an "on" that stays off is no error of the driver: it tells what it sees', async () => {
    await start();
    bmc.fault('stays-off');
    await opened().set('on', forever);
    assert.equal(await opened().query(forever), 'off');
  });

  it('a reset of a machine that is off is refused', async () => {
    await start();
    const reset = opened().reset?.(forever) ?? Promise.resolve();
    assert.equal((await errorOf(reset)).code, 'refused');
  });

  it('a port where nobody listens is unreachable at once', async () => {
    await start();
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const { port } = socket.address();
    socket.close();
    await once(socket, 'close');
    const error = await errorOf(opened({ port }).query(forever));
    assert.equal(error.code, 'unreachable');
  });

  it('a host that cannot resolve (a label of 64 octets) is unreachable', async () => {
    await start();
    assert.equal((await errorOf(opened({ host: `${'x'.repeat(64)}.lab` }).query(forever))).code, 'unreachable');
  });

  it('ends when nobody waits any more', async () => {
    await start();
    bmc.fault('silent');
    const stop = new AbortController();
    const asked = errorOf(opened().query(stop.signal));
    stop.abort();
    assert.equal((await asked).code, 'timeout');
  });

  const bad: readonly (readonly [string, FieldValues, RegExp])[] = [
    ['a password of 21 characters', { password: 'x'.repeat(21) }, /"password" must have 0 to 20/],
    ['a user of 17 characters', { user: 'x'.repeat(17) }, /"user" must have/],
    ['cipher suite 0', { cipherSuite: '0' }, /"cipherSuite" must be one of auto, 17, 3/],
    ['a host that is an option', { host: '-f' }, /"host" must be a host name/],
    ['a field it has not', { community: 'public' }, /no field "community"/],
    ['a password beyond Latin-1', { password: '\u20ac' }, /"password" must match/],
  ];
  for (const [title, change, words] of bad)
    it(`refuses ${title} before anything is sent`, async () => {
      await start();
      assert.throws(() => opened(change), words);
    });
});
