import { strict as assert } from 'node:assert';
import type { MachineId } from '../../server/core/machine.ts';
import type { PowerErrorCode } from '../../server/ports/power-driver.ts';
import { pollPower } from '../../server/services/power-poll.ts';
import type { FakeClock } from '../support/fake-clock.ts';
import { createQuietLog } from '../support/quiet-log.ts';
import { createPowerWorld, poweredMachine, type PowerWorld } from '../support/power-world.ts';

interface Look {
  readonly outlet: string;
  readonly atS: number;
}

/** A world whose looks are written down with their time. */
function polled(pollS = 60): { readonly world: PowerWorld; readonly looks: Look[]; stop(): void } {
  const world = createPowerWorld();
  const looks: Look[] = [];
  const { clock, pdu, power, store } = world;
  const push = pdu.calls.push.bind(pdu.calls);
  pdu.calls.push = (...calls) => {
    for (const call of calls)
      if (call.endsWith('status')) looks.push({ outlet: call.split(' ')[0] ?? '', atS: clock.monotonicMs() / 1000 });
    return push(...calls);
  };
  const poll = pollPower(
    {
      ...{ store, power, clock, log: createQuietLog() },
      drivers: { list: () => [pdu.driver], byName: (name) => (name === 'pretend' ? pdu.driver : undefined) },
      rng: { octets: (count) => crypto.getRandomValues(new Uint8Array(count)) },
    },
    pollS,
  );
  return {
    world,
    looks,
    stop: () => {
      poll.stop();
    },
  };
}

/** `pass` lets promises settle at each timer, which is what polling needs; in pieces, so that no piece is long. */
const passS = (clock: FakeClock, seconds: number): Promise<void> => clock.pass(seconds * 1000);

const texts = (world: PowerWorld): readonly string[] => world.texts().filter((text) => text.startsWith('power seen'));

describe('polling', () => {
  it('asks each machine once in its time, evenly spread, and keeps when it was seen', async () => {
    const { world, looks, stop } = polled();
    for (let n = 5; n <= 30; n += 1)
      world.put(
        poweredMachine(n, { power: { driver: 'pretend', parameters: { host: `pdu-${n}`, outlet: String(n) } } }),
      );
    await passS(world.clock, 61);
    stop();
    assert.equal(new Set(looks.map(({ outlet }) => outlet)).size, 30);
    const tenths = Array.from({ length: 6 }, (_, at) => looks.filter(({ atS }) => Math.floor(atS / 10) === at).length);
    assert.ok(Math.max(...tenths) <= 8 && Math.min(...tenths) >= 2, `in each 10 s: ${tenths.join(' ')}`);
    assert.ok((world.machine('m7').powerSeen?.atMs ?? 0) > 1_000_000);
  });

  it('machines that stay as they are cost no row a look, and the time of the last look is known all the same', async () => {
    const { world, looks, stop } = polled(10);
    await passS(world.clock, 15);
    const revs = (): readonly number[] => [1, 2, 3, 4].map((n) => world.machine(`m${n}`).rev);
    const [before, looked] = [revs(), looks.length];
    await passS(world.clock, 300);
    stop();
    assert.deepEqual(revs(), before);
    assert.ok(looks.length - looked > 100, String(looks.length));
    for (const n of [1, 2, 3, 4]) {
      const seen = world.power.seen(world.machine(`m${n}`));
      assert.ok((seen?.atMs ?? 0) > world.clock.now() - 15_000);
    }
  });

  it('never asks two at once on one controller', async () => {
    const { world, looks, stop } = polled(5);
    for (const n of [1, 2, 3, 4]) world.pdu.habits(String(n), { slowMs: 1500 });
    await passS(world.clock, 40);
    stop();
    assert.ok(looks.length >= 15, String(looks.length));
    assert.equal(world.pdu.overlap(), 1);
  });

  it('what changed without an order is told once; what an order explains is no surprise', async () => {
    const { world, stop } = polled(10);
    await passS(world.clock, 15);
    world.pdu.set('1', 'on');
    await passS(world.clock, 30);
    assert.deepEqual(
      texts(world).filter((text) => text.includes(' on')),
      ['power seen on; nobody here ordered it'],
    );
    await world.power.order(world.machine('m2'), 'off', 'alice');
    world.pdu.set('2', 'on');
    await passS(world.clock, 20);
    stop();
    assert.equal(texts(world).at(-1), 'power seen on', 'an outlet that obeys late, or somebody who waited');
  });

  it('is skipped while an order is under way, and off is off', async () => {
    const { world, looks, stop } = polled(5);
    world.pdu.habits('1', { slowMs: 4000, settlesMs: 9000 });
    const [one] = [world.machine('m1').id];
    void world.power.order(world.machine('m1'), 'on', 'alice');
    await passS(world.clock, 1);
    const before = looks.filter(({ outlet }) => outlet.endsWith('/1')).length;
    assert.equal(before, 0);
    assert.equal(world.power.underWay(world.machine('m1')), 'on');
    stop();
    assert.ok(one);
    const quiet = polled(0);
    await passS(quiet.world.clock, 300);
    assert.deepEqual(quiet.looks, []);
  });

  it('a controller that is silent is asked less and less often', async () => {
    const { world, looks, stop } = polled(10);
    for (const n of [2, 3, 4]) world.put(poweredMachine(n, { power: undefined }));
    world.pdu.habits('1', { blind: Array<PowerErrorCode>(100).fill('unreachable') });
    await passS(world.clock, 600);
    assert.ok(looks.length <= 9, `${looks.length} in 600 s`);
    assert.ok(looks.length >= 5);
    assert.equal(texts(world).length, 1, 'told once');
    stop();
  });

  it('a refused login is not repeated, for no machine of that controller, until somebody has asked', async () => {
    const { world, looks, stop } = polled(10);
    for (const n of [1, 2, 3, 4]) world.pdu.habits(String(n), { blind: ['auth'] });
    await passS(world.clock, 300);
    const before = looks.length;
    assert.equal(before, 1);
    const refused = world.machine(`m${looks[0]?.outlet.at(-1) ?? ''}`);
    world.put({ ...refused, powerSeen: undefined, rev: refused.rev + 1 });
    for (const n of [1, 2, 3, 4]) world.pdu.habits(String(n), {});
    await passS(world.clock, 30);
    assert.ok(looks.length - before >= 4);
    stop();
  });

  it('two hundred BMCs, ten of them dead: nobody else waits for them', async () => {
    const { world, looks, stop } = polled(60);
    const dead = new Set<string>();
    for (let n = 1; n <= 200; n += 1) {
      world.put(poweredMachine(n, { id: `m-${n}` as MachineId, power: bmc(n) }));
      if (n % 20 !== 0) continue;
      dead.add(`bmc-${n}/${n}`);
      world.pdu.habits(String(n), { deaf: true });
    }
    await passS(world.clock, 66);
    const alive = looks.filter(({ outlet }) => !dead.has(outlet));
    assert.equal(new Set(alive.map(({ outlet }) => outlet)).size, 190);
    const beganMs = world.clock.monotonicMs();
    const well = [...Array(200).keys()].map((at) => at + 1).filter((n) => n % 20 !== 0);
    const outcomes = await world.clock.until(
      Promise.all(well.map((n) => world.power.order(world.machine(`m${n}`), 'on', 'alice'))),
    );
    assert.ok(outcomes.every(({ is }) => is === 'done'));
    assert.ok(world.clock.monotonicMs() - beganMs < 1000);
    stop();
  });

  const bmc = (n: number) => ({ driver: 'pretend', parameters: { host: `bmc-${n}`, outlet: String(n) } });
});
