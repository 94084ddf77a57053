import { strict as assert } from 'node:assert';
import { bearerManner } from '../../lab/pretend/hook.ts';
import { startWebDevice, type PretendWebDevice, type WebAsk, type WebManner } from '../../lab/pretend/web-device.ts';
import { webhook, webhookBlind } from '../../power-drivers/webhook.ts';
import type { FieldValues } from '../../server/core/field.ts';
import { realClock } from '../../server/edges/real-clock.ts';
import type { PowerHandle } from '../../server/ports/power-driver.ts';
import { realEdges } from '../support/ipmi-crypto.ts';
import { failureOf, forever } from '../support/power-failure.ts';

const SECRET = 'Bearer canary-hook-1';

describe('webhooks', () => {
  let device: PretendWebDevice | undefined;
  let asks: WebAsk[] = [];
  afterEach(async () => {
    await device?.close();
    device = undefined;
  });
  const opened = async (
    change: FieldValues = {},
    manner: WebManner = bearerManner(SECRET),
    driver = webhook,
  ): Promise<PowerHandle> => {
    asks = [];
    const noting: WebManner = (ask, outlets) => {
      asks.push(ask);
      return manner(ask, outlets);
    };
    device = await startWebDevice({ manner: noting, outlets: ['bench/4'], clock: realClock });
    const base = `http://127.0.0.1:${device.port}`;
    const status = {
      statusUrl: `${base}/relay/{outlet}`,
      statusPointer: '/relay/on',
      onText: 'true',
      offText: 'false',
    };
    const orders = { onUrl: `${base}/relay/{outlet}/on`, offUrl: `${base}/relay/{outlet}/{order}`, secret: SECRET };
    return driver.open({ ...orders, outlet: 'bench/4', ...(driver === webhook ? status : {}), ...change }, realEdges);
  };
  const base = (): string => `http://127.0.0.1:${device?.port ?? 0}`;

  it('switches and reads back what is so', async () => {
    const handle = await opened();
    assert.equal(await handle.query(forever), 'off');
    await handle.set('on', forever);
    assert.equal(await handle.query(forever), 'on');
    await handle.set('off', forever);
    assert.equal(device?.isOn('bench/4'), false);
    assert.deepEqual(
      device.seen().map(({ target }) => target),
      ['/relay/bench%2F4', '/relay/bench%2F4/on', '/relay/bench%2F4', '/relay/bench%2F4/off'],
    );
  });

  it('a wrong secret is auth, and the words hold neither it nor the path', async () => {
    const error = await failureOf((await opened({ secret: 'canary-wrong' })).set('on', forever));
    assert.equal(error.code, 'auth');
    assert.doesNotMatch(error.message, /canary|relay/);
  });

  it('sends the method, the header and the body as they are set, escaped for JSON', async () => {
    const body = '{"name":"{outlet}","to":"{order}","keep":"{other}"}';
    const outlet = 'say "4"\\';
    const handle = await opened({ method: 'PUT', headerName: 'X-Api-Key', body, outlet }, () => ({}));
    await handle.set('on', forever);
    assert.equal(asks[0]?.method, 'PUT');
    assert.equal(asks[0].headers['x-api-key'], SECRET);
    assert.equal(asks[0].headers.authorization, undefined);
    assert.equal(asks[0].headers['content-type'], 'application/json');
    assert.deepEqual(JSON.parse(asks[0].body), { name: outlet, to: 'on', keep: '{other}' });
  });

  it('escapes for forms and queries too', async () => {
    const change = {
      body: 'o={outlet}&to={order}',
      contentType: 'application/x-www-form-urlencoded',
      outlet: 'a&b={c}',
    };
    const handle = await opened(change, () => ({}));
    await handle.set('off', forever);
    assert.deepEqual(
      [...new URLSearchParams(asks[0]?.body)],
      [
        ['o', 'a&b={c}'],
        ['to', 'off'],
      ],
    );
    const byQuery = webhook.open(
      {
        onUrl: `${base()}/x?o={outlet}`,
        offUrl: `${base()}/x`,
        statusUrl: `${base()}/x`,
        method: 'GET',
        outlet: 'a&b=c',
      },
      realEdges,
    );
    await byQuery.set('on', forever);
    assert.deepEqual([...(asks.at(-1)?.query ?? [])], [['o', 'a&b=c']]);
  });

  it('with GET an order has no body', async () => {
    const handle = await opened({ method: 'GET', body: 'x' }, () => ({}));
    await handle.set('on', forever);
    assert.deepEqual([asks[0]?.method, asks[0]?.body], ['GET', '']);
  });

  it('resets by its address, and says so where there is none', async () => {
    const handle = await opened();
    assert.match((await failureOf(handle.reset?.(forever) ?? Promise.resolve())).message, /"resetUrl" is not set/);
    const port = device?.port ?? 0;
    const withReset = webhook.open(
      {
        onUrl: 'http://127.0.0.1/on',
        offUrl: 'http://127.0.0.1/off',
        statusUrl: 'http://127.0.0.1/s',
        resetUrl: `http://127.0.0.1:${port}/relay/{outlet}/on`,
        secret: SECRET,
        outlet: 'bench/4',
      },
      realEdges,
    );
    await withReset.reset?.(forever);
    assert.equal(device?.isOn('bench/4'), true);
  });

  const texts: readonly (readonly [string, string, FieldValues, string])[] = [
    ['a text that means on', 'Relay 4 is ON.', { onText: 'is ON', offText: 'is OFF' }, 'on'],
    ['a text that means off', 'Relay 4 is OFF.', { onText: 'is ON', offText: 'is OFF' }, 'off'],
    ['a text with neither', 'Relay 4 is moving', { onText: 'is ON', offText: 'is OFF' }, 'unknown'],
    ['a number', '{"a":[{"v":1}]}', { statusPointer: '/a/0/v', onText: '1', offText: '0' }, 'on'],
    ['a key with a slash', '{"a/b":{"~":"no"}}', { statusPointer: '/a~1b/~0', onText: 'yes', offText: 'no' }, 'off'],
    ['a value of neither', '{"a":null}', { statusPointer: '/a', onText: 'yes', offText: 'no' }, 'unknown'],
  ];
  for (const [title, body, change, state] of texts)
    it(`reads ${title}`, async () => {
      const pointer = 'statusPointer' in change ? {} : { statusPointer: '' };
      assert.equal(await (await opened({ ...change, ...pointer }, () => ({ body }))).query(forever), state);
    });

  const bad: readonly (readonly [string, string, FieldValues, RegExp])[] = [
    ['both texts at once', 'on or off', { statusPointer: '', onText: 'on', offText: 'off' }, /both/],
    ['nothing at the pointer', '{"b":1}', { statusPointer: '/a' }, /no value at \/a/],
    ['an object at the pointer', '{"a":{}}', { statusPointer: '/a' }, /no value/],
    ['no JSON', 'on', { statusPointer: '/a' }, /not JSON/],
    ['a pointer into what every object has', '{}', { statusPointer: '/constructor/name' }, /no value/],
  ];
  for (const [title, body, change, words] of bad)
    it(`refuses an answer with ${title}`, async () => {
      const error = await failureOf((await opened(change, () => ({ body }))).query(forever));
      assert.equal(error.code, 'refused');
      assert.match(error.message, words);
    });

  const settings: readonly (readonly [string, FieldValues, RegExp])[] = [
    ['another protocol', { onUrl: 'file:///etc/passwd' }, /"onUrl" must begin with http/],
    ['no address', { offUrl: 'relay.lab/off' }, /"offUrl" is not an address/],
    ['a password in the address', { statusUrl: 'http://a:canary@h/' }, /"statusUrl" must not hold a user/],
    ['an outlet that is missing', { outlet: '' }, /"outlet" is not set/],
    ['a header with a line break', { headerName: 'X\r\nY' }, /headerName/],
    ['a secret with a line break', { secret: 'a\r\nb' }, /secret/],
  ];
  for (const [title, change, words] of settings)
    it(`refuses a setting with ${title}`, async () => {
      const error = await failureOf(() => opened(change));
      assert.equal(error.code, 'config');
      assert.match(error.message, words);
      assert.doesNotMatch(error.message, /canary/);
    });

  it('does not follow a service that sends elsewhere', async () => {
    const away: WebManner = () => ({ status: 302, headers: { location: 'http://127.0.0.1:1/' } });
    assert.equal((await failureOf((await opened({}, away)).set('on', forever))).code, 'refused');
  });

  it('the blind one takes orders and knows that it does not know', async () => {
    const handle = await opened({}, bearerManner(SECRET), webhookBlind);
    await handle.set('on', forever);
    assert.equal(device?.isOn('bench/4'), true);
    assert.equal(await handle.query(forever), 'unknown');
    assert.ok(!webhookBlind.abilities.includes('status'));
  });
});
