import { strict as assert } from 'node:assert';
import { orderMany, type ManyOrder, type OneOfMany } from '../../server/services/power-many.ts';
import { createQuietLog } from '../support/quiet-log.ts';
import { createPowerWorld, poweredMachine, type PowerWorld } from '../support/power-world.ts';

function many(
  world: PowerWorld,
  refs: readonly string[],
  change: Partial<ManyOrder> & { readonly network?: string } = {},
): Promise<readonly OneOfMany[]> {
  const find = (ref: string) => Promise.resolve(ref.startsWith('m') ? world.machine(ref) : undefined);
  const { network, ...order } = change;
  return orderMany(
    { store: world.store, machines: { find }, power: world.power, log: createQuietLog() },
    { refs, network },
    { verb: 'on', by: 'alice', staggerMs: 0, force: undefined, ...order },
  );
}

describe('an order to many machines', () => {
  it('is answered before anything is switched; each one’s turn comes in its time', async () => {
    const world = createPowerWorld();
    assert.deepEqual(await many(world, ['m2', 'm1', 'm3'], { staggerMs: 500 }), [
      { machine: 'm2', is: 'ordered', afterMs: 0 },
      { machine: 'm1', is: 'ordered', afterMs: 500 },
      { machine: 'm3', is: 'ordered', afterMs: 1000 },
    ]);
    assert.deepEqual(world.pdu.calls, []);
    const switched = (): readonly string[] => world.pdu.calls.filter((call) => call.endsWith(' on'));
    await world.clock.pass(499);
    assert.deepEqual(switched(), ['pdu-a/2 on']);
    await world.clock.pass(1000);
    assert.deepEqual(switched(), ['pdu-a/2 on', 'pdu-a/1 on', 'pdu-a/3 on']);
    assert.equal(world.texts().filter((text) => text.startsWith('seen on')).length, 3);
  });

  it('of a network; those named twice are ordered once; those without a setting, unknown or busy are told', async () => {
    const world = createPowerWorld();
    world.put(poweredMachine(3, { power: undefined }));
    void world.power.order(world.machine('m4'), 'on', 'bob');
    const network = world.machine('m1').network;
    const answers = await many(world, ['m1', 'nobody', 'm3'], { network });
    assert.deepEqual(
      answers.map(({ machine, is }) => `${machine} ${is}`),
      ['m1 ordered', 'nobody unknown-machine', 'm3 refused', 'm2 ordered', 'm4 refused'],
    );
    assert.match(answers[2]?.because ?? '', /no power setting/);
    assert.match(answers[4]?.because ?? '', /is under way/);
  });

  it('a refusal that comes later is told on the timeline, for nobody waits', async () => {
    const world = createPowerWorld(undefined, {
      planNext: () => Promise.resolve({ do: 'refuse', because: 'no DTB', remedy: 'give one', args: undefined }),
    });
    await many(world, ['m1']);
    await world.clock.pass(10);
    assert.deepEqual(world.texts(), ['power on by alice refused: m1 would not boot: no DTB; give one; or force it']);
    await many(world, ['m1'], { force: 'operator' });
    await world.clock.pass(10);
    assert.match(world.texts().at(-1) ?? '', /^seen on/);
  });

  it('until its turn an order can be aborted, and it ends with the service', async () => {
    const world = createPowerWorld();
    await many(world, ['m1', 'm2', 'm3'], { staggerMs: 10_000 });
    assert.equal(world.power.underWay(world.machine('m2')), 'on');
    world.power.abort(world.machine('m2'));
    await world.clock.pass(100);
    assert.equal(world.power.underWay(world.machine('m2')), undefined);
    assert.ok(world.texts().includes('power on by alice dropped: aborted before its turn came'));
    await world.power.stop();
    await world.clock.pass(60_000);
    assert.deepEqual(
      world.pdu.calls.filter((call) => call.endsWith(' on')),
      ['pdu-a/1 on'],
    );
  });
});
