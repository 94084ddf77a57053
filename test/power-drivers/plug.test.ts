import { strict as assert } from 'node:assert';
import {
  esphomeManner,
  homeAssistantManner,
  netioManner,
  shelly1Manner,
  shelly2Manner,
  tasmotaManner,
} from '../../lab/pretend/plugs.ts';
import type { Misbehaviour } from '../../lab/pretend/machine.ts';
import { startWebDevice, type PretendWebDevice, type WebManner } from '../../lab/pretend/web-device.ts';
import { PLUGS } from '../../power-drivers/common/plug-kinds.ts';
import { plug } from '../../power-drivers/plug.ts';
import type { FieldValues } from '../../server/core/field.ts';
import { realClock } from '../../server/edges/real-clock.ts';
import type { PowerHandle } from '../../server/ports/power-driver.ts';
import { realEdges } from '../support/ipmi-crypto.ts';
import { failureOf, forever } from '../support/power-failure.ts';
import { until } from '../support/until.ts';

const CANARY = 'canary/plug &1';
const ADMIN = { user: 'admin', password: CANARY };

interface Story {
  readonly kind: string;
  readonly manner: WebManner;
  readonly outlets: readonly [string, string];
  readonly user?: string;
}

const STORIES: readonly Story[] = [
  { kind: 'tasmota', manner: tasmotaManner(ADMIN, 2), outlets: ['1', '2'] },
  { kind: 'shelly-1', manner: shelly1Manner(ADMIN), outlets: ['0', '1'] },
  { kind: 'shelly-2', manner: shelly2Manner(ADMIN), outlets: ['0', '1'] },
  {
    kind: 'esphome',
    manner: esphomeManner({ user: 'lab', password: CANARY }),
    outlets: ['relay_1', 'Fan Light'],
    user: 'lab',
  },
  { kind: 'netio', manner: netioManner({ ...ADMIN, user: 'netio' }, ['1', '2']), outlets: ['1', '2'] },
  { kind: 'home-assistant', manner: homeAssistantManner(CANARY), outlets: ['switch.bench_3', 'switch.lost'] },
];

describe('plugs', () => {
  let device: PretendWebDevice | undefined;
  afterEach(async () => {
    await device?.close();
    device = undefined;
  });
  const opened = async (story: Story, change: FieldValues = {}, fault: Misbehaviour = 'not'): Promise<PowerHandle> => {
    device = await startWebDevice({ manner: story.manner, outlets: story.outlets, clock: realClock });
    device.misbehave(fault);
    const { kind, user, outlets } = story;
    const parameters = { kind, host: '127.0.0.1', port: device.port, password: CANARY, outlet: outlets[0] };
    return plug.open({ ...parameters, ...(user === undefined ? {} : { user }), ...change }, realEdges);
  };
  const story = (kind: string): Story => {
    const found = STORIES.find((each) => each.kind === kind);
    assert.ok(found);
    return found;
  };

  it('every kind of the table has a pretend device here and a source', () => {
    assert.deepEqual(
      PLUGS.map(({ name }) => name),
      STORIES.map(({ kind }) => kind),
    );
    for (const { source } of PLUGS) assert.match(source, /^https:\/\//);
  });

  for (const each of STORIES) {
    it(`${each.kind}: switches the one outlet and reads back what is so`, async () => {
      const handle = await opened(each);
      assert.equal(await handle.query(forever), 'off');
      await handle.set('on', forever);
      assert.equal(await handle.query(forever), 'on');
      assert.deepEqual([device?.isOn(each.outlets[0]), device?.isOn(each.outlets[1])], [true, false]);
      device?.turn(each.outlets[0], false);
      assert.equal(await handle.query(forever), 'off', 'somebody pressed the button');
      await handle.set('on', forever);
      await handle.set('off', forever);
      assert.equal(device?.isOn(each.outlets[0]), false);
    });

    it(`${each.kind}: a wrong secret is auth, and the words do not hold it`, async () => {
      const handle = await opened(each, { password: 'canary-wrong' });
      for (const doing of [handle.query(forever), handle.set('on', forever)]) {
        const error = await failureOf(doing);
        assert.equal(error.code, 'auth', error.message);
        assert.match(error.message, /127\.0\.0\.1/);
        assert.doesNotMatch(error.message, /canary/);
      }
      assert.equal(device?.isOn(each.outlets[0]), false);
    });

    it(`${each.kind}: an outlet that is not there is refused`, async () => {
      const absent = { netio: '9', esphome: 'relay_9', 'home-assistant': 'switch.absent' }[each.kind] ?? '9';
      const handle = await opened(each, { outlet: absent });
      assert.equal((await failureOf(handle.query(forever))).code, 'refused');
    });
  }

  it('a plug with one relay says POWER, which counts for the first outlet only', async () => {
    const single = { ...story('tasmota'), manner: tasmotaManner(ADMIN, 1) };
    const handle = await opened(single);
    await handle.set('on', forever);
    assert.equal(await handle.query(forever), 'on');
    await device?.close();
    assert.equal((await failureOf((await opened(single, { outlet: '2' })).query(forever))).code, 'refused');
  });

  it('a switch that is unavailable is neither on nor off', async () => {
    const handle = await opened(story('home-assistant'), { outlet: 'switch.lost' });
    assert.equal(await handle.query(forever), 'unknown');
  });

  it('without an outlet it is the first, where there is one', async () => {
    device = await startWebDevice({ manner: shelly1Manner(ADMIN), outlets: ['0'], clock: realClock });
    const parameters = { kind: 'shelly-1', host: '127.0.0.1', port: device.port, password: CANARY };
    await plug.open(parameters, realEdges).set('on', forever);
    assert.equal(device.isOn('0'), true);
    const error = await failureOf(() => plug.open({ kind: 'esphome', host: '127.0.0.1' }, realEdges));
    assert.equal(error.code, 'config');
    assert.match(error.message, /"outlet" is missing.*relay_1/);
  });

  const bad: readonly (readonly [string, string])[] = [
    ['tasmota', '1 Off; Backlog'],
    ['tasmota', '0'],
    ['netio', '1.5'],
    ['home-assistant', 'light.hall'],
    ['shelly-2', '-1'],
    ['esphome', '../restart'],
  ];
  for (const [kind, outlet] of bad)
    it(`refuses "${outlet}" as an outlet of ${kind}`, async () => {
      assert.equal(
        (await failureOf(() => plug.open({ kind, host: 'plug', password: 'x', outlet }, realEdges))).code,
        'config',
      );
    });

  it('lies: the order is taken, the read-back tells the truth', async () => {
    const handle = await opened(story('tasmota'), {}, 'lies');
    await handle.set('on', forever);
    assert.equal(await handle.query(forever), 'off');
  });

  it('a late effect is seen when it is there', async () => {
    const handle = await opened(story('shelly-1'), {}, 'late');
    await handle.set('on', forever);
    await until('it is on', async () => (await handle.query(forever)) === 'on');
  });

  it('a lost reply is unreachable, and what was done is seen by asking', async () => {
    const handle = await opened(story('tasmota'), {}, 'half');
    assert.equal((await failureOf(handle.set('on', forever))).code, 'unreachable');
    device?.misbehave('not');
    assert.equal(await handle.query(forever), 'on');
  });

  it('a flood is refused', async () => {
    const error = await failureOf((await opened(story('tasmota'), {}, 'flood')).query(forever));
    assert.equal(error.code, 'refused');
    assert.match(error.message, /longer than/);
  });

  it('a silent plug is given up when nobody waits any more, and nothing stays open', async () => {
    const handle = await opened(story('shelly-2'), {}, 'silent');
    const stop = new AbortController();
    const doing = failureOf(handle.query(stop.signal));
    while (device?.seen().length === 0) await new Promise((resolve) => setImmediate(resolve));
    stop.abort();
    assert.equal((await doing).code, 'timeout');
    while (device?.seen()[0]?.endedMs === Infinity) await new Promise((resolve) => setImmediate(resolve));
  });

  it('no plug at all is unreachable', async () => {
    const handle = await opened(story('shelly-1'));
    await device?.close();
    device = undefined;
    assert.equal((await failureOf(handle.query(forever))).code, 'unreachable');
  });

  it('something else on that address is refused, whatever it says', async () => {
    for (const body of ['<html>It works!</html>', '42', '{}', '{"POWER1":{"a":1}}', '[]', 'null', '"ON"']) {
      const handle = await opened({ ...story('tasmota'), manner: () => ({ body }) });
      assert.equal((await failureOf(handle.query(forever))).code, 'refused', body);
      await device?.close();
    }
  });

  it('a busy plug is busy', async () => {
    const handle = await opened({ ...story('tasmota'), manner: () => ({ status: 503 }) });
    assert.equal((await failureOf(handle.set('on', forever))).code, 'busy');
  });
});
