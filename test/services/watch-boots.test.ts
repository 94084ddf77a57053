import { strict as assert } from 'node:assert';
import { BOOT_DEADLINES, type BootServed, type FileFault } from '../../server/core/boot-verdict.ts';
import type { NewEvent } from '../../server/core/event.ts';
import type { Store } from '../../server/ports/store.ts';
import { watchBoots, type BootWatch } from '../../server/services/watch-boots.ts';
import { allFiles, say, type Told } from '../core/boot-teller.ts';
import { createFakeClock, settle, type FakeClock } from '../support/fake-clock.ts';
import { createMemoryStore } from '../support/memory-store.ts';
import { createQuietLog } from '../support/quiet-log.ts';
import { digest, sampleMachine } from '../support/samples.ts';

const machine = sampleMachine(1);
const served: BootServed = {
  ...{ purpose: 'agent', bundle: 'agent@1', board: 'b', format: 'extlinux', args: 'quiet', callsHome: true },
  ...{ kernel: digest('a'), initrd: digest('b'), dtb: digest('c') },
};

interface Bench {
  readonly clock: FakeClock;
  readonly store: Store;
  readonly watch: BootWatch;
  /** Lets these happen, at their times since the start. */
  happen(lines: readonly Told[]): Promise<void>;
  /** What the store has of the boot, and the verdicts that were told. */
  kept(): Promise<string | undefined>;
  told(): Promise<readonly string[]>;
  /** Another daemon over the same store. */
  restarted(): Promise<Bench>;
}

async function bench(faults: readonly FileFault[] = [], before?: Bench): Promise<Bench> {
  const clock = before?.clock ?? createFakeClock(0);
  const store = before?.store ?? createMemoryStore(clock);
  if (!before) {
    await store.machines.add(machine, []);
    await store.boots.add({ id: 'b1', machine: machine.id, startedMs: 0, tokenHash: undefined, plan: '' });
    await store.boots.setPlan('b1', 'boots', served);
  }
  const watch = await watchBoots({
    ...{ store, clock, log: createQuietLog(), deadlines: BOOT_DEADLINES },
    sessions: { byId: () => undefined },
    inspect: { faultsOf: () => Promise.resolve(faults) },
  });
  const eventOf = ({ kind, detail, severity = 'note', text = '' }: Told): NewEvent => ({
    ...{ atMs: clock.now(), kind, severity, text, detail, machine: machine.id },
    boot: kind === 'power' ? undefined : 'b1',
  });
  const own: Bench = {
    ...{ clock, store, watch },
    happen: async (lines) => {
      for (const line of lines) {
        await clock.pass(Math.max(0, line.s * 1000 - clock.now()));
        await store.events.append([eventOf(line)]);
      }
      await settle();
    },
    kept: async () => (await store.boots.byId('b1'))?.verdict?.rule,
    told: async () =>
      (await store.events.list({ boot: 'b1', limit: 500 }))
        .filter((event) => event.detail['verdict'] !== undefined)
        .map((event) => `${event.severity} ${String(event.detail['verdict'])}: ${event.text}`),
    restarted: () => {
      watch.stop();
      return bench(faults, own);
    },
  };
  return own;
}

describe('the watch over boots', () => {
  it('a silence is told within 2 s of its deadline, once, with the layer in words', async () => {
    const { happen, clock, kept, told, watch } = await bench();
    await happen(allFiles(10));
    assert.equal(await kept(), undefined);
    await clock.pass(BOOT_DEADLINES.callS * 1000 - 100);
    assert.equal(await kept(), undefined, 'not before');
    await clock.pass(2000);
    assert.equal(await kept(), 'kernel-silent');
    await clock.pass(60_000);
    assert.match((await told()).join('\n'), /^bad silent: stopped in its kernel: every file went out whole/);
    assert.equal((await told()).length, 1);
    watch.stop();
  });

  it('what was seen to fail is told at once, and a later good step takes it back', async () => {
    const { happen, kept, told, watch } = await bench();
    await happen([
      ...allFiles(10).slice(0, 4),
      say.kernel(11, { outcome: 'gave-up', octets: 200_000, retransmits: 90 }),
    ]);
    assert.equal(await kept(), 'transfer-failed');
    await happen([say.kernel(20), say.initrd(21), say.dtb(22)]);
    assert.equal(await kept(), undefined);
    await happen([say.step(30), say.facts(31)]);
    assert.deepEqual(
      (await told()).map((line) => line.split(':')[0]),
      ['bad failed', 'note under way', 'good ended well'],
    );
    watch.stop();
  });

  it('a boot under way is watched on after a restart, with what was told before', async () => {
    const first = await bench();
    await first.happen([say.ordered(0), say.seenOn(1), ...allFiles(10)]);
    const { clock, kept, watch } = await first.restarted();
    assert.equal(await kept(), undefined);
    await clock.pass(BOOT_DEADLINES.callS * 1000 + 1500);
    assert.equal(await kept(), 'kernel-silent');
    watch.stop();
  });

  it('a deadline that passed while the daemon was away is told soon after it is back', async () => {
    const first = await bench();
    await first.happen(allFiles(10));
    first.watch.stop();
    first.clock.jump(3_600_000);
    const { clock, kept, watch } = await first.restarted();
    await clock.pass(2000);
    assert.equal(await kept(), 'kernel-silent');
    watch.stop();
  });

  it('after a jump of the wall clock nobody is late for a minute', async () => {
    const { happen, clock, kept, watch } = await bench();
    await happen(allFiles(10));
    clock.jump(3_600_000);
    await clock.pass(30_000);
    assert.equal(await kept(), undefined);
    await clock.pass(40_000);
    assert.equal(await kept(), 'kernel-silent');
    watch.stop();
  });

  it('a fault in a served file is the cause that is told', async () => {
    const fault: FileFault = { layer: 'kernel', cause: 'the kernel is cut short', remedy: 'import it again' };
    const { happen, clock, told, watch } = await bench([fault]);
    await happen(allFiles(10));
    await clock.pass(BOOT_DEADLINES.callS * 1000 + 1500);
    assert.match((await told())[0] ?? '', /stopped in its kernel: the kernel is cut short/);
    watch.stop();
  });

  it('the verdict of a boot under way is asked of the watch; an order that ends it leaves a verdict as it is', async () => {
    const { happen, clock, kept, store, watch } = await bench();
    await happen(allFiles(10));
    const boot = await store.boots.byId('b1');
    assert.ok(boot);
    assert.deepEqual([watch.of(boot)?.state, watch.of(boot)?.lastGood], ['under way', 'kernel']);
    await clock.pass(BOOT_DEADLINES.callS * 1000 + 1500);
    await happen([say.ordered(400, 'off')]);
    await clock.pass(5000);
    assert.equal(await kept(), 'kernel-silent');
    watch.stop();
  });

  it('an order before it had booted is its end', async () => {
    const { happen, kept, watch } = await bench();
    await happen([...allFiles(10), say.ordered(20, 'off')]);
    assert.equal(await kept(), 'switched-by-order');
    watch.stop();
  });
});
