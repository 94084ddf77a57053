import { strict as assert } from 'node:assert';
import { ipv4 } from '../../server/core/address.ts';
import type { BootServed } from '../../server/core/boot-verdict.ts';
import { ok } from '../../server/core/result.ts';
import { contentInMemory } from '../../server/ports/artefacts.ts';
import { createEnlistService } from '../../server/services/enlist.ts';
import { createServedSeen } from '../../server/services/served-seen.ts';
import { MAC, macFrom } from '../core/boot-fixtures.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { createMemoryStore } from '../support/memory-store.ts';
import { digest, sampleMachine } from '../support/samples.ts';

const TOKEN = '0123456789abcdef0123456789abcdef';
const [FROM, ELSEWHERE] = [ipv4(0x0a4d0064), ipv4(0x0a4d0065)];
const machine = sampleMachine(1, { macs: [MAC] });
const served: BootServed = {
  ...{ purpose: 'bundle', bundle: 'debian@12', board: 'b', format: 'grub', callsHome: true },
  ...{ kernel: digest('a'), initrd: undefined, dtb: digest('c'), args: 'quiet root=/dev/sda1 farrier.token=…' },
};

async function lay(treesDiffer: readonly string[] = []) {
  const clock = createFakeClock();
  const store = createMemoryStore(clock);
  const hash = (text: string): string => `h-${text}`;
  await store.machines.add(machine, []);
  const boot = { id: 'b1', machine: machine.id, startedMs: clock.now(), tokenHash: hash(TOKEN), plan: '' };
  await store.boots.add(boot);
  await store.boots.setPlan('b1', 'boots', served);
  const enlist = createEnlistService({
    ...{ machines: store.machines, boots: store.boots, events: store.events, clock, sha256: hash },
    macOfAddress: (address) => (address === FROM ? MAC : macFrom('52:54:00:99:99:99')),
    isHolderKnown: () => true,
    rng: { octets: (count) => new Uint8Array(count) },
    recognise: () => undefined,
    seen: createServedSeen({
      openDtb: (sha256) => Promise.resolve(contentInMemory(sha256, Uint8Array.of(1))),
      compareTrees: () => ok(treesDiffer),
      clock,
    }),
  });
  const signal = (name: 'kernel-started' | 'booted', raw: Record<string, string> = {}, from = FROM) =>
    enlist.agentSignal(TOKEN, from, name, raw).then(({ is }) => is);
  const told = async () => (await store.events.list({ limit: 100 })).filter((event) => event.kind === 'boot');
  return { clock, store, enlist, signal, told };
}

describe('signals of a booted system', () => {
  it('stand on the boot\'s timeline with the bundle; after "booted" the token is void', async () => {
    const { signal, told } = await lay();
    assert.deepEqual([await signal('kernel-started'), await signal('booted')], ['done', 'done']);
    assert.deepEqual(
      (await told()).map(({ boot, severity, detail }) => [boot, severity, detail]),
      [
        ['b1', 'note', { signal: 'kernel-started', bundle: 'debian@12' }],
        ['b1', 'good', { signal: 'booted', bundle: 'debian@12' }],
      ],
    );
    assert.equal(await signal('booted'), 'forbidden');
  });

  it('count from the address of the machine only, and for a day', async () => {
    const { clock, signal, told } = await lay();
    assert.equal(await signal('booted', {}, ELSEWHERE), 'forbidden');
    assert.deepEqual(await told(), []);
    clock.advance(86_400_001);
    assert.equal(await signal('booted'), 'forbidden');
  });

  it('4 a token in what the kernel saw, or in words around it, is on no line while it still counts', async () => {
    for (const cmdline of [
      `quiet root=/dev/sda1 farrier.token=${TOKEN}`,
      `quiet farrier.token=${TOKEN} farrier.token=${TOKEN} x=farrier.token=${TOKEN}`,
      `quiet "farrier.token=${TOKEN}" farrier.token="${TOKEN}"`,
      `quiet farrier.url=http://h/?token=${TOKEN} TOKEN=${TOKEN}`,
    ]) {
      const { signal, store } = await lay();
      const b64 = { 'cmdline.b64': Buffer.from(cmdline).toString('base64') };
      assert.equal(await signal('kernel-started', { cmdline }), 'done');
      assert.equal(await signal('kernel-started', b64), 'done');
      assert.ok(!JSON.stringify(await store.events.list({ limit: 100 })).includes(TOKEN), cmdline);
    }
  });

  it('what the kernel saw is compared with what was served', async () => {
    const { signal, told } = await lay();
    await signal('kernel-started', { cmdline: `BOOT_IMAGE=/boot/x quiet root=/dev/sda1 farrier.token=${TOKEN}\n` });
    await signal('kernel-started', { cmdline: 'quiet init=/bin/sh' });
    const lines = (await told()).filter((event) => event.detail['seen'] !== undefined);
    assert.deepEqual(
      lines.map((event) => [event.severity, event.text]),
      [
        ['note', 'its kernel saw the arguments it was served'],
        [
          'warning',
          'its kernel saw other arguments than it was served: it did not see root=/dev/sda1 farrier.token=…; ' +
            'it saw init=/bin/sh, which nobody served',
        ],
      ],
    );
  });

  it('a tree that differs is told with its places, another tree as one, and none as none', async () => {
    const tree = { 'fdt.b64': 'AAAA', 'fdt-sha256': digest('d') };
    const differing = async (differences: readonly string[], raw: Record<string, string>) => {
      const { signal, told } = await lay(differences);
      await signal('kernel-started', raw);
      return (await told()).find((event) => event.detail['seen'] === 'device tree')?.text;
    };
    assert.equal(await differing([], tree), 'its kernel saw the device tree it was served');
    assert.equal(
      await differing(['the kernel saw no node /x'], tree),
      'its device tree differs from the one served: the kernel saw no node /x',
    );
    assert.equal(await differing([], {}), undefined, 'nobody looked');
    const many = Array.from({ length: 20 }, (_, n) => `no node /${String(n)}`);
    assert.match((await differing(many, tree)) ?? '', /^another device tree than the one served reached Linux/);
    assert.equal(
      await differing([], { 'fdt-sha256.b64': '' }),
      'a device tree was served, and its kernel runs without one',
    );
    assert.equal(
      await differing(['x'], { 'fdt-sha256': digest('c') }),
      'its kernel saw the device tree it was served',
      'the digest alone will do',
    );
  });

  it('a call that Farrier cannot answer stands on the timeline, and the caller hears of it too', async () => {
    const { store, enlist, told } = await lay();
    const { append } = store.events;
    Object.assign(store.events, {
      append: (events: Parameters<typeof append>[0]) =>
        events.some((event) => event.kind === 'agent') ? Promise.reject(new Error('disk gone')) : append(events),
    });
    await assert.rejects(enlist.agentStep(TOKEN, FROM, 'address on eth0'), /disk gone/);
    const [failed] = await told();
    assert.deepEqual([failed?.severity, failed?.detail], ['bad', { signal: 'call-failed' }]);
    assert.match(failed?.text ?? '', /answered its call with an error \(disk gone\)/);
  });
});
