import { strict as assert } from 'node:assert';
import { bootTurn } from '../../server/core/boot-turn.ts';
import type { FarrierEvent } from '../../server/core/event.ts';
import { createBootSessions } from '../../server/services/boot-sessions.ts';
import { createEventBuffer } from '../../server/services/event-buffer.ts';
import { followEvents } from '../../server/services/follow-events.ts';
import { MAC, macFrom, uboot } from '../core/boot-fixtures.ts';
import { createFakeClock, settle } from '../support/fake-clock.ts';
import { createMemoryStore } from '../support/memory-store.ts';
import { createQuietLog } from '../support/quiet-log.ts';
import { sampleEvent, sampleMachine } from '../support/samples.ts';

const OTHER = macFrom('52:54:00:12:34:57');
const machine = sampleMachine(1, { macs: [MAC, OTHER] });

async function lay() {
  const clock = createFakeClock();
  const store = createMemoryStore(clock);
  const log = createQuietLog();
  let counter = 0;
  const rng = { octets: (count: number) => new Uint8Array(count).fill((counter += 1)) };
  const timeline = createEventBuffer({ events: store.events, clock, log });
  const sessions = createBootSessions({ boots: store.boots, timeline, clock, rng, sha256: (text) => `h-${text}` });
  let refreshed = 0;
  const reservations = { refresh: () => void (refreshed += 1) };
  await store.machines.add(machine, []);
  await followEvents({ store, log, reservations, sessions, prepare: () => undefined });
  const power = async (detail: FarrierEvent['detail']): Promise<void> => {
    clock.advance(1000);
    await store.events.append([
      sampleEvent('power', { kind: 'power', machine: machine.id, atMs: clock.now(), detail }),
    ]);
    await settle();
  };
  const boots = () => store.boots.ofMachine(machine.id, 20);
  const told = async (): Promise<readonly FarrierEvent[]> => {
    await timeline.flush();
    return (await store.events.list({ limit: 100 })).filter((event) => event.kind === 'boot');
  };
  return { clock, store, sessions, power, boots, told, refreshed: () => refreshed };
}

const ORDER = { verb: 'on', step: 'started', was: 'off', driver: 'ipmi' };

describe('boots and the power of their machine', () => {
  it('orders begin and end boots, observations do not', () => {
    const turn = (detail: FarrierEvent['detail']): string => bootTurn({ kind: 'power', detail });
    assert.equal(turn(ORDER), 'begins');
    assert.equal(turn({ ...ORDER, verb: 'reset' }), 'begins');
    assert.equal(turn({ ...ORDER, was: 'on' }), 'none', 'it runs already');
    assert.equal(turn({ verb: 'on', state: 'on', durationMs: 800 }), 'none', 'seen on');
    assert.equal(turn({ state: 'on' }), 'none');
    assert.equal(turn({ state: 'off' }), 'ends', 'seen off without an order');
    assert.equal(turn({ ...ORDER, verb: 'off' }), 'ends');
    assert.equal(turn({ verb: 'off', state: 'off' }), 'none');
    assert.equal(turn({ ...ORDER, verb: 'cycle' }), 'ends');
    assert.equal(turn({ verb: 'cycle', step: 'off-seen', state: 'off' }), 'none');
    assert.equal(turn({ verb: 'cycle', step: 'on-ordered' }), 'begins');
    assert.equal(turn({ verb: 'bootdev', driver: 'ipmi' }), 'none');
    assert.equal(bootTurn({ kind: 'state', detail: ORDER }), 'none');
  });

  it('"seen on" while its firmware is in DHCP leaves one boot one record', async () => {
    const { power, sessions, boots } = await lay();
    await power(ORDER);
    const session = await sessions.firmwareSpoke(machine, { ...uboot, mac: MAC });
    await power({ verb: 'on', state: 'on', durationMs: 900 });
    assert.equal((await sessions.firmwareSpoke(machine, { ...uboot, mac: MAC })).id, session.id);
    assert.equal((await boots()).length, 1);
  });

  it('a boot begins with its order, at its moment; whichever interface speaks first is it', async () => {
    const { clock, power, sessions, boots, told } = await lay();
    await power(ORDER);
    const [boot] = await boots();
    assert.equal(boot?.startedMs, clock.now());
    assert.deepEqual(
      (await told()).map((event) => [event.boot, event.detail['signal']]),
      [[boot.id, 'ordered']],
    );
    clock.advance(300_000);
    assert.equal((await sessions.firmwareSpoke(machine, { ...uboot, mac: OTHER })).id, boot.id, 'however late');
    assert.equal(sessions.byMac(MAC), undefined);
    assert.equal((await boots()).length, 1);
  });

  it('an order that is given again before anything was heard begins no other boot', async () => {
    const { power, boots } = await lay();
    await power(ORDER);
    await power({ verb: 'cycle', step: 'on-ordered' });
    assert.equal((await boots()).length, 1);
  });

  it('a cycle ends what was before and begins the next when it is told to be on', async () => {
    const { clock, power, sessions, boots } = await lay();
    const before = await sessions.firmwareSpoke(machine, { ...uboot, mac: MAC });
    await power({ ...ORDER, verb: 'cycle' });
    assert.equal((await boots())[0]?.endedMs, clock.now());
    await power({ verb: 'cycle', step: 'off-seen', state: 'off' });
    await power({ verb: 'cycle', step: 'on-ordered' });
    const after = await sessions.firmwareSpoke(machine, { ...uboot, mac: MAC });
    assert.notEqual(after.id, before.id);
    assert.deepEqual(
      (await boots()).map((boot) => boot.id),
      [after.id, before.id],
    );
  });

  it('firmware that begins anew by itself tells the boot before so, and how soon', async () => {
    const { clock, sessions, told } = await lay();
    const first = await sessions.firmwareSpoke(machine, { ...uboot, mac: MAC });
    Object.assign(first, { over: true, lastFileMs: clock.now() });
    clock.advance(700);
    const vendorClass = 'PXEClient:Arch:00011:UNDI:003000';
    await sessions.firmwareSpoke(machine, { ...uboot, mac: MAC, vendorClass, clientArch: 11 });
    const [again] = await told();
    assert.deepEqual([again?.boot, again?.detail], [first.id, { signal: 'again', sinceMs: 700, wentOn: true }]);
  });

  it('a machine that was switched says nothing of the boot before', async () => {
    const { power, sessions, told } = await lay();
    await sessions.firmwareSpoke(machine, { ...uboot, mac: MAC });
    await power({ state: 'off' });
    await sessions.firmwareSpoke(machine, { ...uboot, mac: MAC });
    assert.deepEqual(await told(), []);
  });

  it('reservations are read again after edits, and not for power', async () => {
    const { store, power, refreshed } = await lay();
    await power(ORDER);
    assert.equal(refreshed(), 1);
    await store.events.append([sampleEvent('edited', { kind: 'edit', machine: machine.id })]);
    await settle();
    assert.equal(refreshed(), 2);
  });
});
