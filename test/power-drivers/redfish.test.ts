import { strict as assert } from 'node:assert';
import { startPretendRedfish, type PretendRedfish, type RedfishHabits } from '../../lab/pretend/redfish.ts';
import { ifMatchForms } from '../../power-drivers/common/redfish-quirks.ts';
import { redfish } from '../../power-drivers/redfish.ts';
import type { FieldValues } from '../../server/core/field.ts';
import type { PowerHandle } from '../../server/ports/power-driver.ts';
import { realEdges } from '../support/ipmi-crypto.ts';
import { powerFailure } from '../support/power-failure.ts';
import { makeTlsCertificate } from '../support/tls-certificate.ts';

const forever = new AbortController().signal;
const [user, password] = ['lab', 'canary-r3dfish'];

describe('forms of If-Match', () => {
  const cases: readonly (readonly [string, string | undefined, readonly (string | undefined)[]])[] = [
    ['a strong ETag, then none', '"7"', ['"7"', undefined]],
    ['a weak ETag, made strong, then none', 'W/"7"', ['W/"7"', '"7"', undefined]],
    ['quotes that were doubled', '"\\"7\\""', ['"\\"7\\""', '"7"', undefined]],
    ['no quotes at all', '7', ['7', '"7"', undefined]],
    ['no ETag: none, then any', undefined, [undefined, '*']],
  ];
  for (const [title, etag, forms] of cases)
    it(title, () => {
      assert.deepEqual(ifMatchForms(etag), forms);
    });
});

describe('redfish', () => {
  let service: PretendRedfish;
  const start = async (habits: RedfishHabits = {}, parameters: FieldValues = {}): Promise<PowerHandle> => {
    service = await startPretendRedfish({ clock: realEdges.clock, user, password, habits });
    const { port } = service.device;
    return redfish.open({ host: '127.0.0.1', port, scheme: 'http', user, password, ...parameters }, realEdges);
  };
  const resets = (): readonly string[] =>
    service.requests().flatMap((each) => /"ResetType":"(\w+)"/.exec(each)?.[1] ?? []);
  afterEach(async () => {
    assert.equal(service.sessions(), 0, 'no session is left behind');
    await service.device.close();
  });

  it('switches, reads back what is so, and logs out each time', async () => {
    const handle = await start();
    assert.equal(await handle.query(forever), 'off');
    await handle.set('on', forever);
    assert.equal(await handle.query(forever), 'on');
    await handle.set('on', forever);
    await handle.reset?.(forever);
    assert.ok(service.machine.isOn());
    await handle.set('off', forever);
    assert.equal(await handle.query(forever), 'off');
    assert.deepEqual(resets(), ['On', 'On', 'ForceRestart', 'ForceOff']);
    assert.equal(service.requests().filter((each) => each.startsWith('DELETE')).length, 7);
  });

  for (const powerState of ['PoweringOn', 'PoweringOff', 'Paused', ''])
    it(`a power state of "${powerState}" is unknown`, async () => {
      assert.equal(await (await start({ powerState })).query(forever), 'unknown');
    });

  it('uses basic authentication where there is no session service', async () => {
    const handle = await start({ withoutSessions: true });
    await handle.set('on', forever);
    assert.ok(service.machine.isOn());
  });

  it('ends a session whose address has a host name only the service knows', async () => {
    const handle = await start({ strangeHost: true });
    assert.equal(await handle.query(forever), 'off');
  });

  describe('takes the reset the service allows', () => {
    const cases: readonly (readonly [string, RedfishHabits, 'on' | 'off' | 'reset', readonly string[]])[] = [
      ['ForceOn instead of On', { resets: ['ForceOn', 'ForceOff'] }, 'on', ['ForceOn']],
      ['the button where nothing else switches on', { resets: ['PushPowerButton'] }, 'on', ['PushPowerButton']],
      ['a power cycle for a reset', { resets: ['On', 'PowerCycle'] }, 'reset', ['PowerCycle']],
      ['no button when it is off already', { resets: ['PushPowerButton'] }, 'off', []],
      ['what the action info lists', { resets: ['ForceOn'], tellsResets: 'elsewhere' }, 'on', ['ForceOn']],
    ];
    for (const [title, habits, want, sent] of cases)
      it(title, async () => {
        const handle = await start(habits);
        await (want === 'reset' ? handle.reset?.(forever) : handle.set(want, forever));
        assert.deepEqual(resets(), sent);
        if (want !== 'reset') assert.equal(service.machine.isOn(), want === 'on');
      });

    it('and says so when none fits', async () => {
      const handle = await start({ resets: ['Nmi', 'Pause'] });
      assert.match(
        await powerFailure(handle.set('on', forever), 'refused'),
        /no reset that means "on", only Nmi, Pause/,
      );
    });
  });

  for (const status of [400, 409] as const)
    it(`a service that answers ${status} to what is so already is content`, async () => {
      const handle = await start({ refusesRepeats: status });
      await handle.set('off', forever);
      await handle.set('on', forever);
      await handle.set('on', forever);
      assert.ok(service.machine.isOn());
    });

  describe('boot device of the next boot', () => {
    const cases: readonly (readonly [string, RedfishHabits])[] = [
      ['a plain service', {}],
      ['one that wants If-Match and gives a weak ETag', { wantsIfMatch: 'weak' }],
      ['one that gives a weak ETag and wants a strong one', { wantsIfMatch: 'strong' }],
      ['one that takes it in its settings only', { bootInSettings: true }],
      ['one that spells its targets in capitals', { bootTargets: ['PXE', 'HDD'] }],
    ];
    for (const [title, habits] of cases)
      it(title, async () => {
        const handle = await start(habits);
        await handle.bootdev?.('pxe', forever);
        assert.equal(service.boot()['BootSourceOverrideTarget']?.toLowerCase(), 'pxe');
        assert.equal(service.boot()['BootSourceOverrideEnabled'], 'Once');
        await handle.bootdev?.('disk', forever);
        assert.equal(service.boot()['BootSourceOverrideTarget']?.toLowerCase(), 'hdd');
        await handle.bootdev?.('none', forever);
        assert.equal(service.boot()['BootSourceOverrideEnabled'], 'Disabled');
        assert.equal(service.boot()['BootSourceOverrideMode'], 'UEFI');
      });

    it('keeps the mode of a Supermicro, which forgets it otherwise', async () => {
      const handle = await start({ manufacturer: 'Super Micro / Supermicro', forgetsBootMode: true });
      await handle.bootdev?.('pxe', forever);
      assert.equal(service.boot()['BootSourceOverrideMode'], 'UEFI');
    });

    it('sets the mode that is asked for', async () => {
      const handle = await start({}, { bootMode: 'legacy' });
      await handle.bootdev?.('pxe', forever);
      assert.equal(service.boot()['BootSourceOverrideMode'], 'Legacy');
    });

    it('taken but not set is no-effect', async () => {
      const handle = await start();
      service.misbehave('lies');
      await powerFailure(handle.bootdev?.('pxe', forever) ?? Promise.resolve(), 'no-effect');
    });

    it('a target it does not know is refused in words', async () => {
      const handle = await start({ bootTargets: ['None', 'Hdd'] });
      const doing = handle.bootdev?.('pxe', forever) ?? Promise.resolve();
      assert.match(await powerFailure(doing, 'refused'), /boots from None, Hdd, not from "pxe"/);
    });
  });

  describe('the light', () => {
    for (const light of ['LocationIndicatorActive', 'IndicatorLED', 'chassis'] as const)
      it(`as ${light}`, async () => {
        const handle = await start({ light, wantsIfMatch: 'weak' });
        await handle.identify?.(60, forever);
        assert.ok(service.isLit());
        await handle.identify?.(0, forever);
        assert.ok(!service.isLit());
      });

    it('that is not there is refused', async () => {
      const handle = await start({ light: 'none' });
      assert.match(await powerFailure(handle.identify?.(5, forever) ?? Promise.resolve(), 'refused'), /no|neither/);
    });
  });

  it('tells of itself, without control characters', async () => {
    const handle = await start();
    assert.deepEqual(await handle.info?.(forever), {
      manufacturer: 'Pretend Systems',
      model: 'P-1',
      'serial number': 'SN 0042',
      bios: '2.1',
      controller: 'Pretend BMC',
      firmware: '4.10',
      redfish: '1.9.0',
    });
  });

  it('of several systems the named one; without a name it lists them', async () => {
    const habits = { systems: ['Node1', 'Node2'] };
    const handle = await start(habits, { system: 'Node2' });
    await handle.set('on', forever);
    assert.ok(service.requests().some((each) => each.includes('/Systems/Node2/Actions/')));
    await service.device.close();
    assert.match(await powerFailure((await start(habits)).query(forever), 'config'), /2 systems.*Node1, Node2/);
    await service.device.close();
    assert.match(await powerFailure((await start(habits, { system: 'x' })).query(forever), 'config'), /no system "x"/);
  });

  it('a wrong password is auth, tried once, and not said', async () => {
    const handle = await start({}, { password: 'wrong-canary' });
    const words = await powerFailure(handle.set('on', forever), 'auth');
    assert.ok(!words.includes('canary'), words);
    assert.equal(service.requests().filter((each) => each.startsWith('POST')).length, 1);
    await service.device.close();
    const basic = await start({ withoutSessions: true }, { password: 'wrong-canary' });
    await powerFailure(basic.query(forever), 'auth');
  });

  it('a session the service forgets is busy: the password was right', async () => {
    const handle = await start({ forgetsSessions: true });
    assert.match(await powerFailure(handle.query(forever), 'busy'), /ended the session it just began/);
  });

  it('a full table of sessions is busy', async () => {
    const handle = await start({ sessionsMax: 0 });
    assert.match(await powerFailure(handle.query(forever), 'busy'), /session limit is reached/);
  });

  for (const link of ['http://10.0.0.1/redfish/v1/Systems/1', '//evil/redfish/v1/x', '/admin/../etc', '/redfish/../x'])
    it(`does not follow a BMC to ${link}`, async () => {
      const handle = await start({ strayLink: link });
      assert.match(await powerFailure(handle.query(forever), 'refused'), /outside its Redfish service/);
    });

  it('half answers and floods end in words', async () => {
    const handle = await start();
    service.misbehave('half');
    await powerFailure(handle.query(forever), 'unreachable');
    service.misbehave('flood');
    await powerFailure(handle.query(forever), 'refused');
  });

  it('a conversation that is stopped is a timeout, and its session is ended all the same', async () => {
    const handle = await start();
    const stop = new AbortController();
    const asked = powerFailure(handle.query(stop.signal), 'timeout');
    while (!service.requests().includes('GET /redfish/v1/Systems'))
      await new Promise((resolve) => setImmediate(resolve));
    stop.abort();
    await asked;
  });

  it('over TLS only to the pinned certificate', async () => {
    const tls = await makeTlsCertificate();
    service = await startPretendRedfish({ clock: realEdges.clock, user, password, tls });
    const parameters = { host: '127.0.0.1', port: service.device.port, user, password };
    const words = await powerFailure(redfish.open(parameters, realEdges).query(forever), 'config');
    assert.ok(words.includes(tls.fingerprint), words);
    assert.deepEqual(service.requests(), []);
    const pinned = redfish.open({ ...parameters, tlsFingerprint: tls.fingerprint }, realEdges);
    assert.equal(await pinned.query(forever), 'off');
  });
});
