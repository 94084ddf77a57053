import { strict as assert } from 'node:assert';
import { startWebDevice, type PretendWebDevice, type WebManner } from '../../lab/pretend/web-device.ts';
import { pdudaemon } from '../../power-drivers/pdudaemon.ts';
import { realClock } from '../../server/edges/real-clock.ts';
import type { PowerHandle } from '../../server/ports/power-driver.ts';
import { realEdges } from '../support/ipmi-crypto.ts';
import { failureOf, forever } from '../support/power-failure.ts';

/** pdudaemon itself is the judge in test/lab/pdudaemon.test.ts; here is what it does not do by itself. */
describe('pdudaemon', () => {
  let device: PretendWebDevice;
  afterEach(() => device.close());
  const opened = async (manner: WebManner): Promise<PowerHandle> => {
    device = await startWebDevice({ manner, outlets: [], clock: realClock });
    return pdudaemon.open({ host: '127.0.0.1', port: device.port, pdu: 'rack 1&port=9', outlet: 7 }, realEdges);
  };

  it('gets orders with their names escaped, and its own delay for a reset', async () => {
    const handle = await opened(() => ({ body: 'OK - accepted request\n' }));
    await handle.set('on', forever);
    await handle.set('off', forever);
    await handle.reset?.(forever);
    assert.deepEqual(
      device.seen().map(({ target }) => target),
      ['on', 'off', 'reboot'].map(
        (verb) => `/power/control/${verb}?hostname=rack+1%26port%3D9&port=7&delay=${verb === 'reboot' ? '5' : '0'}`,
      ),
    );
  });

  it('cannot tell the state, and is not asked', async () => {
    const handle = await opened(() => ({}));
    assert.equal(await handle.query(forever), 'unknown');
    assert.equal(device.seen().length, 0);
    assert.deepEqual(pdudaemon.abilities, ['on', 'off', 'reset']);
  });

  it('a no is refused, with where to look', async () => {
    const invalid = await failureOf((await opened(() => ({ status: 500 }))).set('on', forever));
    assert.equal(invalid.code, 'refused');
    assert.match(invalid.message, /rack 1&port=9.*pdudaemon\.conf/);
    await device.close();
    const strange = await failureOf((await opened(() => ({ status: 404 }))).set('on', forever));
    assert.match(strange.message, /HTTP 404/);
  });

  it('a lost reply is unreachable, a silent one ends when nobody waits any more', async () => {
    const handle = await opened(() => ({ body: 'OK' }));
    device.misbehave('half');
    assert.equal((await failureOf(handle.set('on', forever))).code, 'unreachable');
    device.misbehave('silent');
    const stop = new AbortController();
    const doing = failureOf(handle.set('on', stop.signal));
    while (device.seen().length < 2) await new Promise((resolve) => setImmediate(resolve));
    stop.abort();
    assert.equal((await doing).code, 'timeout');
  });
});
