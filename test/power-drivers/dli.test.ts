import { strict as assert } from 'node:assert';
import { dliBasicManner, dliFormManner, dliRestManner, type DliOptions } from '../../lab/pretend/dli.ts';
import { startWebDevice, type PretendWebDevice, type WebManner } from '../../lab/pretend/web-device.ts';
import { dli } from '../../power-drivers/dli.ts';
import type { FieldValues } from '../../server/core/field.ts';
import { realClock } from '../../server/edges/real-clock.ts';
import type { PowerHandle } from '../../server/ports/power-driver.ts';
import { realEdges } from '../support/ipmi-crypto.ts';
import { failureOf, forever } from '../support/power-failure.ts';

const USER = { user: 'admin', password: 'canary-dli-1' };
const OUTLETS = Array.from({ length: 8 }, (_, at) => String(at + 1));

type Maker = (change?: Partial<DliOptions>) => WebManner;
const GENERATIONS: Readonly<Record<string, Maker>> = {
  'REST interface': (change) => dliRestManner({ ...USER, outlets: 8, ...change }),
  'pages behind a log-in form': (change) => dliFormManner({ ...USER, outlets: 8, ...change }),
  'pages behind basic authentication': (change) => dliBasicManner({ ...USER, outlets: 8, ...change }, 'div'),
  'oldest pages': (change) => dliBasicManner({ ...USER, outlets: 8, ...change }, 'comment'),
};

describe('Digital Loggers switches', () => {
  let device: PretendWebDevice | undefined;
  afterEach(async () => {
    await device?.close();
    device = undefined;
  });
  const opened = async (manner: WebManner, change: FieldValues = {}): Promise<PowerHandle> => {
    device = await startWebDevice({ manner, outlets: OUTLETS, clock: realClock });
    const parameters = { host: '127.0.0.1', port: device.port, password: USER.password, outlet: 3 };
    return dli.open({ ...parameters, ...change }, realEdges);
  };
  const on = (): readonly string[] => OUTLETS.filter((outlet) => device?.isOn(outlet));

  for (const [title, maker] of Object.entries(GENERATIONS)) {
    it(`${title}: found by asking, switches the one outlet and reads back what is so`, async () => {
      const handle = await opened(maker());
      assert.equal(await handle.query(forever), 'off');
      await handle.set('on', forever);
      assert.deepEqual(on(), ['3']);
      assert.equal(await handle.query(forever), 'on');
      device?.turn('3', false);
      device?.turn('4', true);
      assert.equal(await handle.query(forever), 'off', 'the neighbour is on, it is not');
      await handle.set('on', forever);
      await handle.set('off', forever);
      assert.deepEqual(on(), ['4']);
    });

    it(`${title}: the first and the last outlet are the first and the last`, async () => {
      for (const outlet of [1, 8]) {
        const handle = await opened(maker(), { outlet });
        await handle.set('on', forever);
        assert.deepEqual(on(), [String(outlet)]);
        assert.equal(await handle.query(forever), 'on');
        await device?.close();
      }
    });

    it(`${title}: reset is the switch's own cycle`, async () => {
      const handle = await opened(maker());
      await handle.reset?.(forever);
      assert.deepEqual(on(), ['3']);
      assert.ok(device?.seen().some(({ target }) => /cycle|=CCL/.test(target)));
    });

    it(`${title}: a wrong password is auth, told once, without the password`, async () => {
      const handle = await opened(maker(), { password: 'canary-wrong' });
      for (const doing of [() => handle.query(forever), () => handle.set('on', forever)]) {
        const error = await failureOf(doing);
        assert.equal(error.code, 'auth', error.message);
        assert.doesNotMatch(error.message, /canary/);
      }
      assert.deepEqual(on(), []);
    });

    it(`${title}: a locked outlet takes the order and the read-back tells the truth`, async () => {
      const handle = await opened(maker({ locked: 0b100 }));
      await handle.set('on', forever);
      assert.equal(await handle.query(forever), 'off');
    });

    it(`${title}: a lost reply is unreachable, and what was done is seen by asking`, async () => {
      const handle = await opened(maker());
      await handle.query(forever);
      device?.misbehave('half');
      const error = await failureOf(handle.set('on', forever));
      assert.equal(error.code, 'unreachable');
      device?.misbehave('not');
      await handle.set('on', forever);
      assert.equal(await handle.query(forever), 'on');
    });

    it(`${title}: a silent switch is given up when nobody waits any more`, async () => {
      const handle = await opened(maker());
      device?.misbehave('silent');
      const stop = new AbortController();
      const doing = failureOf(handle.query(stop.signal));
      while (device?.seen().length === 0) await new Promise((resolve) => setImmediate(resolve));
      stop.abort();
      assert.equal((await doing).code, 'timeout');
      while (device?.seen()[0]?.endedMs === Infinity) await new Promise((resolve) => setImmediate(resolve));
    });
  }

  it('is not asked for its generation where the setting says it, nor twice', async () => {
    const told = await opened(dliRestManner({ ...USER, outlets: 8 }), { generation: 'rest' });
    await told.query(forever);
    assert.equal(device?.seen().length, 2, 'the challenge and the answer');
    await told.query(forever);
    assert.equal(device.seen().length, 3, 'the challenge is kept');
  });

  it('an outlet beyond the last is refused', async () => {
    const manner = dliRestManner({ ...USER, outlets: 8 });
    assert.match((await failureOf((await opened(manner, { outlet: 9 })).query(forever))).message, /no outlet 9/);
  });

  it('an outlet this user may not see is refused instead of counting as off', async () => {
    const handle = await opened(dliBasicManner({ ...USER, outlets: 8, visible: 0b11 }, 'div'));
    const error = await failureOf(handle.query(forever));
    assert.equal(error.code, 'refused');
    assert.match(error.message, /may not see outlet 3/);
  });

  it('something else on that address is refused, whatever it says', async () => {
    for (const body of ['', '<html>It works!</html>', '<div id="state">zz</div>', '<div id="state"></div>'])
      for (const generation of ['auto', 'web'] as const) {
        const error = await failureOf((await opened(() => ({ body }), { generation })).query(forever));
        assert.equal(error.code, 'refused', body);
        await device?.close();
      }
    const rest = await opened(() => ({ body: '"on"' }), { generation: 'rest' });
    assert.match((await failureOf(rest.query(forever))).message, /neither true nor false/);
  });

  it('a log-in form that never ends is auth, not a loop', async () => {
    const form = '<input type="hidden" name="Challenge" value="abc">';
    const manner: WebManner = ({ path }) =>
      path === '/login.tgi' ? { headers: { 'set-cookie': 'DLILPC=x; path=/' }, body: '' } : { body: form };
    assert.equal((await failureOf((await opened(manner)).query(forever))).code, 'auth');
  });
});
