import { strict as assert } from 'node:assert';
import { ipv4 } from '../../server/core/address.ts';
import { PARAMETER_CATALOGUE } from '../../server/core/parameter-catalogue.ts';
import { createBmcUserService } from '../../server/services/bmc-user.ts';
import type { Machine } from '../../server/core/machine.ts';
import type { AgentBoot } from '../../server/services/enlist.ts';
import type { PowerChoice } from '../../server/services/machines.ts';
import type { PowerOutcome } from '../../server/services/power.ts';
import { createFakeClock, settle } from '../support/fake-clock.ts';
import { createMemoryStore } from '../support/memory-store.ts';
import { createQuietLog } from '../support/quiet-log.ts';
import { sampleMachine } from '../support/samples.ts';

const FROM = ipv4(0x0a4d0064);
const RAW = {
  'bmc-info': 'Firmware Revision : 9.08\nManufacturer Name : Vendor',
  'bmc-channels': 'Channel 0x1 info:\n  Channel Medium Type   : 802.3 LAN',
  'bmc-lan': 'IP Address              : 10.0.0.5',
  'bmc-users': '1,,\n2,admin,\n3,,',
};

interface World {
  readonly wish?: boolean;
  readonly power?: boolean;
  readonly outcome?: PowerOutcome;
}

function createWorld({ wish = true, power = false, outcome }: World = {}) {
  const clock = createFakeClock();
  const store = createMemoryStore(clock);
  const setting = { driver: 'manual', parameters: {} };
  const machine = sampleMachine(1, power ? { power: setting } : {});
  const boot = { id: 'b-1', machine: machine.id, startedMs: 0, tokenHash: undefined, plan: 'agent' };
  const whose = { is: 'boot', boot, machine } as unknown as AgentBoot;
  const set: PowerChoice[] = [];
  const declaration = PARAMETER_CATALOGUE.find(({ name }) => name === 'bmc.own-user') ?? assert.fail('declared');
  let octet = 0;
  const service = createBmcUserService({
    enlist: { whoseBoot: (token) => Promise.resolve(token === 'good' ? whose : { is: 'forbidden', because: 'void' }) },
    machines: {
      setPower: (_ref, choice) => {
        if (choice) set.push(choice);
        return Promise.resolve({ is: 'done', machine });
      },
    },
    power: {
      status: () => Promise.resolve(outcome ?? { is: 'done', seen: { state: 'off', atMs: 0, because: undefined } }),
    },
    parameters: {
      ofBoot: () =>
        Promise.resolve([{ declaration, value: wish, setting: undefined, origin: 'site', subject: '', overrides: [] }]),
    },
    events: store.events,
    clock,
    rng: { octets: (count) => Uint8Array.from({ length: count }, () => (octet = (octet + 7) & 255)) },
    log: createQuietLog(),
  });
  const texts = async (): Promise<readonly string[]> =>
    (await store.events.list({ limit: 100 })).map(({ severity, text }) => `${severity}: ${text}`);
  return { service, set, clock, texts, whose: whose as { machine: Machine } };
}

async function orders(world: ReturnType<typeof createWorld>): Promise<string> {
  const found = await world.service.found('good', FROM, RAW);
  return found.is === 'orders' ? found.orders : found.is;
}

const passwordIn = (text: string): string => /password 3 (\S{16}) 16/.exec(text)?.[1] ?? assert.fail(text);

describe('BMC users of our own', () => {
  it('ordered, carried out, set as power setting, and believed by a login of our own', async () => {
    const world = createWorld();
    const password = passwordIn(await orders(world));
    assert.match(password, /^[A-Za-z2-9]{16}$/);
    assert.equal((await world.service.done('good', FROM, { said: 'fine' })).is, 'done');
    await settle();
    assert.deepEqual(world.set, [
      { driver: 'ipmi', parameters: { host: '10.0.0.5', user: 'farrier' }, secrets: { password } },
    ]);
    const told = await world.texts();
    assert.ok(
      told.some((text) => /note: has a BMC: 10\.0\.0\.5 \(Vendor, firmware 9\.08\); its agent is told/.test(text)),
      told.join(),
    );
    assert.ok(told.includes('good: logged in to its BMC as "farrier": power is off'), told.join());
    assert.ok(
      told.every((text) => !text.includes(password)),
      'the password is in no event',
    );
  });

  it('not where nobody asked for it: the BMC is told of and left alone', async () => {
    const world = createWorld({ wish: false });
    assert.equal(await orders(world), '');
    assert.deepEqual(await world.texts(), ['note: has a BMC: 10.0.0.5 (Vendor, firmware 9.08)']);
  });

  it('a power setting that is there stays', async () => {
    const world = createWorld({ power: true });
    assert.equal(await orders(world), '');
    assert.match((await world.texts()).join(), /it has a power setting already, which stays/);
    assert.equal((await world.service.done('good', FROM, {})).is, 'forbidden');
  });

  it('18 a power setting that an operator makes meanwhile stays as well, whatever the agent says', async () => {
    const world = createWorld();
    await orders(world);
    world.whose.machine = sampleMachine(1, { power: { driver: 'manual', parameters: {} } });
    assert.equal((await world.service.done('good', FROM, {})).is, 'done');
    assert.deepEqual(world.set, []);
    assert.match((await world.texts()).join(), /the power setting it got meanwhile stays/);
  });

  it('two boots never get the same password', async () => {
    const world = createWorld();
    assert.notEqual(passwordIn(await orders(world)), passwordIn(await orders(world)));
  });

  it('a login that fails is told with what ipmitool said inside, without the password', async () => {
    const seen = { state: 'unknown', atMs: 0, because: undefined } as const;
    const world = createWorld({
      outcome: { is: 'failed', code: 'unreachable', because: 'no answer to 4 requests', seen },
    });
    const password = passwordIn(await orders(world));
    await world.service.done('good', FROM, { said: `Set ${password}\nUser id invalid ${password}\n` });
    await settle();
    const told = (await world.texts()).join();
    assert.match(told, /warning: its BMC has a new user "farrier", but from here: no answer to 4 requests/);
    assert.match(told, /User id invalid …/);
    assert.ok(!told.includes(password));
  });

  it('another boot’s token, a second "done" and one that comes too late are refused', async () => {
    const world = createWorld();
    assert.equal((await world.service.found('bad', FROM, RAW)).is, 'forbidden');
    await orders(world);
    assert.equal((await world.service.done('bad', FROM, {})).is, 'forbidden');
    assert.equal((await world.service.done('good', FROM, {})).is, 'done');
    assert.equal((await world.service.done('good', FROM, {})).is, 'forbidden');
    await orders(world);
    world.clock.advance(600_001);
    assert.equal((await world.service.done('good', FROM, {})).is, 'forbidden');
    assert.equal(world.set.length, 1);
  });
});
