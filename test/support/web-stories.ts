import type { Verdict } from '../../server/core/boot-verdict.ts';
import type { NewEvent } from '../../server/core/event.ts';
import type { Machine } from '../../server/core/machine.ts';
import type { Store } from '../../server/ports/store.ts';
import { digest, sampleBundle, sampleContents, sampleEvent } from './samples.ts';

const KERNEL = `boot/${'a1'.repeat(8)}/linux`;
const INITRD = `boot/${'b2'.repeat(8)}/initrd.gz`;
const DTB = `boot/${'d4'.repeat(8)}/apm-mustang.dtb`;
const CONFIG = 'pxelinux.cfg/01-00-01-73-0a-3f-13';

const file = (path: string, octets: number, durationMs: number): Partial<NewEvent> => ({
  kind: 'tftp',
  detail: { path, octets, durationMs, retransmits: 0, sha256: 'a1'.repeat(32), outcome: 'done' },
});

/** All that a board with u-boot is heard to do until its kernel should start. */
const FETCHED: readonly (readonly [number, string, Partial<NewEvent>])[] = [
  [0, 'power seen on', { kind: 'power', detail: { state: 'on' } }],
  [6100, 'DHCP DISCOVER → OFFER 10.77.0.13', { kind: 'dhcp', detail: { sent: 'OFFER', durationMs: 3 } }],
  [6200, 'DHCP REQUEST → ACK 10.77.0.13', { kind: 'dhcp', detail: { sent: 'ACK', durationMs: 9 } }],
  [6240, 'boots debian@13', { kind: 'boot', detail: { kernel: KERNEL, initrd: INITRD, dtb: DTB } }],
  ...['pxelinux.cfg/8a1f', 'pxelinux.cfg/0A4D000D'].map((path): readonly [number, string, Partial<NewEvent>] => [
    6300,
    `${path}: not here`,
    { kind: 'tftp', detail: { path, outcome: 'absent' } },
  ]),
  [6400, `${CONFIG}: 412 octets`, file(CONFIG, 412, 14)],
  [13_900, `${INITRD}: 36.4 MiB`, file(INITRD, 38_210_119, 7200)],
  [20_500, `${KERNEL}: 30.0 MiB`, file(KERNEL, 31_457_280, 6300)],
  [20_600, `${DTB}: 14.4 KiB`, file(DTB, 14_733, 40)],
];

const silent: Verdict = {
  ...{ state: 'silent', rule: 'system-silent', lastGood: 'kernel', layer: 'kernel', confidence: 'likely' },
  cause: 'every file went out whole, and then the system never spoke: the kernel stopped before it could',
  others: ['the device tree is of another board', 'the console is right and the network driver is missing'],
  remedy: 'look at its console; give it the debug switch "earlycon" for one boot',
  ...{ evidence: [], dueMs: undefined },
};

const waiting: Verdict = {
  ...{ state: 'under way', rule: 'kernel-waits', lastGood: 'kernel', layer: undefined, confidence: 'sure' },
  cause: 'its kernel went out whole; the first word of the booted system is waited for',
  ...{ others: [], remedy: undefined, evidence: [], dueMs: undefined },
};

interface Story {
  readonly id: string;
  readonly startedMs: number;
  readonly verdict: Verdict;
  readonly end?: readonly [number, string];
}

async function tell(store: Store, machine: Machine, story: Story): Promise<void> {
  const { id, startedMs, verdict, end } = story;
  const plan = 'boots debian@13 as apm-mustang through u-boot (extlinux)';
  await store.boots.add({ id, machine: machine.id, startedMs, tokenHash: undefined, plan });
  await store.boots.setPlan(id, plan, {
    ...{ purpose: 'bundle', bundle: 'debian@13', board: 'apm-mustang', format: 'extlinux', callsHome: true },
    ...{ kernel: digest('a'), initrd: digest('b'), dtb: digest('d') },
    args: 'quiet console=ttyS0,115200 earlycon=uart8250,mmio32,0x1c020000 root=/dev/nfs ip=dhcp',
  });
  const own = { machine: machine.id, boot: id };
  const last: readonly NewEvent[] = end
    ? [sampleEvent(end[1], { ...own, kind: 'boot', severity: 'bad', atMs: startedMs + end[0] })]
    : [];
  const heard = FETCHED.map(([at, text, change]) => sampleEvent(text, { ...change, ...own, atMs: startedMs + at }));
  await store.events.append([...heard, ...last]);
  await store.boots.decide(id, verdict, []);
}

async function fillBundles(store: Store, nowMs: number): Promise<void> {
  const contents = sampleContents({
    config: Array.from({ length: 90 }, (_, n) => `NET_VENDOR_NUMBER_${n}=${n % 3 ? 'm' : 'y'}`),
    modules: Array.from({ length: 60 }, (_, n) => `a_module_with_a_name_${n}`),
    initrd: { entries: 900, programs: ['busybox', 'ip', 'kexec'], modules: ['nbd', 'virtio_net'] },
    needs: ['nbd', 'bin:kexec'],
  });
  for (const version of ['13', '13.1']) {
    const bundle = sampleBundle('debian', { version, callsHome: true, createdMs: nowMs - 8e7, source: 'two packages' });
    await store.bundles.add(bundle, [], contents);
  }
  const move = { name: 'debian', channel: 'stable', by: 'alice' };
  await store.bundles.move({ ...move, version: '13', atMs: nowMs - 7e7 }, undefined, []);
  await store.bundles.move({ ...move, version: '13.1', atMs: nowMs - 3e6 }, '13', []);
}

/** A boot that fell silent, one under way, bundles with contents and a channel, and device trees. */
export async function fillStories(store: Store, machines: readonly Machine[], nowMs: number): Promise<void> {
  await fillBundles(store, nowMs);
  for (const machine of machines) {
    if (machine.name === 'mustang-02') {
      const end = [261_000, 'kernel: every file went out whole, and then the system never spoke'] as const;
      await tell(store, machine, { id: 'b-silent', startedMs: nowMs - 300_000, verdict: silent, end });
    }
    if (machine.name !== 'mustang-01') continue;
    const verdict = { ...waiting, dueMs: nowMs + 228_000 };
    await tell(store, machine, { id: 'b-waits', startedMs: nowMs - 33_000, verdict });
  }
  for (const [at, model] of ['APM X-Gene Mustang board', 'APM X-Gene Mustang board, fan fixed'].entries())
    await store.boardDtbs.add(
      {
        ...{ board: 'apm-mustang', sha256: digest(String(at)), octets: 21_880, file: 'apm-mustang.dtb', model },
        ...{ compatible: ['apm,mustang'], source: 'linux-image-6.1.0-50-arm64_6.1.170-3_arm64.deb', by: 'alice' },
        ...{ licence: 'GPL-2.0-only', atMs: nowMs - (3 - at) * 8e7 },
      },
      () => [],
    );
}
