import type { Verdict } from '../../server/core/boot-verdict.ts';
import type { NewEvent } from '../../server/core/event.ts';
import type { Facts } from '../../server/core/facts.ts';
import type { Machine, MachineId } from '../../server/core/machine.ts';
import { ipv4 } from '../../server/core/address.ts';
import type { Store } from '../../server/ports/store.ts';
import { agent, debian } from '../core/boot-fixtures.ts';
import { digest, mac, sampleBundle, sampleEvent, sampleFacts, sampleLease, sampleMachine } from './samples.ts';

const GIB = 2 ** 30;
const bmc = (host: number): Machine['power'] => ({
  driver: 'ipmi',
  parameters: { host: `10.0.9.${String(host)}`, port: 623, user: 'farrier', cipher: '17' },
});
const outlet = (n: number): Machine['power'] => ({ driver: 'pdu-script', parameters: { host: '10.0.9.2', outlet: n } });

const at = (rack: string, slot: string): Pick<Machine, 'rack' | 'slot'> => ({ rack, slot });

const pcFacts: Facts = {
  ...sampleFacts,
  arch: 'amd64',
  cpuModel: 'Intel(R) Xeon(R) CPU E3-1240 v5 @ 3.50GHz',
  memoryOctets: 32 * GIB,
  vendor: 'Supermicro',
  product: 'X11SSL-F',
  dtModel: undefined,
  dtCompatible: [],
};

const recognised: Machine['recognised'] = {
  board: 'apm-mustang',
  evidence: ['vendor class begins with "U-Boot.armv8"', 'option 93 is 22 (arm64 u-boot)', 'MAC begins with 00:01:73'],
};

/** A dozen machines as a lab has them: some wait, some work, some are broken. */
export function rackOfMachines(nowMs: number): readonly Machine[] {
  const ago = (s: number): number => nowMs - s * 1000;
  const seen = (state: 'on' | 'off' | 'unknown', s: number, because?: string): Machine['powerSeen'] => ({
    state,
    atMs: ago(s),
    because,
  });
  const arm = { arch: 'arm64', facts: sampleFacts } as const;
  const pc = { arch: 'amd64', facts: pcFacts } as const;
  const rows: readonly Partial<Machine>[] = [
    { ...arm, name: 'arm64-0a3f', state: 'new', recognised, createdMs: ago(8) },
    { name: 'unknown-5e21', state: 'new', createdMs: ago(95), recognised: undefined },
    { ...arm, name: 'mustang-01', board: 'apm-mustang', power: bmc(3), powerSeen: seen('on', 12), ...at('r1', '6') },
    {
      ...arm,
      name: 'mustang-02',
      state: 'deployed',
      board: 'apm-mustang',
      power: bmc(4),
      ...at('r1', '5 left'),
      powerSeen: seen('on', 4),
    },
    {
      ...arm,
      name: 'mustang-03',
      bundle: 'debian@12',
      recognised,
      power: bmc(5),
      ...at('r1', '5 right'),
      powerSeen: seen('off', 310),
      extraArgs: ['console=ttyS0,115200', 'mitigations=off'],
    },
    {
      name: 'mustang-04-stuck',
      arch: 'arm64',
      board: 'apm-mustang',
      power: bmc(6),
      ...at('r1', '1-2'),
      powerSeen: seen('unknown', 51, 'the BMC at 10.0.9.9 did not answer within 5 s; is its cable in?'),
    },
    {
      ...pc,
      name: 'xeon-1',
      state: 'deploying',
      deadlineMs: nowMs + 3e6,
      board: 'generic-x64-uefi',
      power: outlet(4),
      ...at('r2', '5-6'),
      powerSeen: seen('on', 20),
    },
    {
      ...pc,
      name: 'xeon-2',
      state: 'allocated',
      board: 'generic-x64-uefi',
      power: outlet(5),
      ...at('r2', '4'),
      powerSeen: seen('off', 86_000),
    },
    {
      ...pc,
      name: 'xeon-3',
      state: 'broken',
      failed: 'erasing stopped: the disk sda reports 212 bad sectors',
      power: outlet(6),
      ...at('r2', '2-3'),
    },
    { name: 'beagle-1', arch: 'armhf', recognised: { board: 'qemu-virt-armhf', evidence: ['option 93 is 21'] } },
    { name: 'bench-psu', state: 'rescue', arch: 'amd64', power: { driver: 'manual', parameters: {} } },
    { name: 'old-atom', state: 'retired', arch: 'i386' },
  ];
  return rows.map((row, n) => {
    const macs = [mac(`00:01:73:0a:3f:${(n + 16).toString(16)}`)];
    return sampleMachine(n + 1, { macs, createdMs: ago(9000), seenMs: ago(30), ...row });
  });
}

type Line = readonly [number, NewEvent['kind'], string, NewEvent['detail'], NewEvent['severity']?];

const BOOT: readonly Line[] = [
  [
    120,
    'dhcp',
    'DISCOVER from U-Boot.armv8, answered with OFFER 10.77.0.12',
    { received: 'DISCOVER', sent: 'OFFER', address: '10.77.0.12', durationMs: 3 },
  ],
  [
    190,
    'dhcp',
    'REQUEST 10.77.0.12, answered with ACK',
    { received: 'REQUEST', sent: 'ACK', address: '10.77.0.12', durationMs: 9 },
  ],
  [
    900,
    'tftp',
    'pxelinux.cfg/01-00-01-73-0a-3f-12 served',
    {
      path: 'pxelinux.cfg/01-00-01-73-0a-3f-12',
      octets: 412,
      durationMs: 14,
      retransmits: 0,
      sha256: 'c'.repeat(64),
      outcome: 'done',
    },
  ],
  [
    7400,
    'tftp',
    'linux served',
    {
      path: 'boot/a1a1a1a1a1a1a1a1/linux',
      octets: 31_457_280,
      durationMs: 6300,
      retransmits: 3,
      sha256: 'a1'.repeat(32),
      outcome: 'done',
    },
  ],
  [
    14_800,
    'tftp',
    'initrd.gz served',
    {
      path: 'boot/b2b2b2b2b2b2b2b2/initrd.gz',
      octets: 38_210_119,
      durationMs: 7200,
      retransmits: 0,
      sha256: 'b2'.repeat(32),
      outcome: 'done',
    },
  ],
  [
    14_930,
    'tftp',
    'apm-mustang.dtb served',
    {
      path: 'boot/d4d4d4d4d4d4d4d4/apm-mustang.dtb',
      octets: 14_733,
      durationMs: 40,
      retransmits: 0,
      sha256: 'd4'.repeat(32),
      outcome: 'done',
    },
  ],
  [23_700, 'agent', 'the agent started: Linux 6.1.0-28-arm64, 8 CPUs', { step: 'started' }],
  [
    24_100,
    'dhcp',
    'DISCOVER from the agent, answered with OFFER 10.77.0.12',
    { received: 'DISCOVER', sent: 'OFFER', durationMs: 4 },
  ],
  [25_900, 'agent', 'gathering facts', { step: 'facts' }],
  [27_300, 'agent', 'facts received: 8 CPUs, 32.0 GiB, 1 disk', { step: 'facts-sent' }, 'good'],
];

/** One boot with all its lines, begun `ago` seconds before `nowMs`. */
export function bootEvents(machine: MachineId, boot: string, startedMs: number): readonly NewEvent[] {
  return BOOT.map(([at, kind, text, detail, severity = 'note']) =>
    sampleEvent(text, { kind, machine, boot, detail, severity, atMs: startedMs + at }),
  );
}

async function fillBoots(store: Store, machine: Machine, nowMs: number): Promise<void> {
  const good = { id: 'b-good', machine: machine.id, startedMs: nowMs - 400_000, tokenHash: undefined };
  await store.boots.add({ ...good, plan: 'boots agent@1 as apm-mustang through u-boot (extlinux)' });
  await store.events.append(bootEvents(machine.id, good.id, good.startedMs));
  const done: Verdict = {
    ...{ state: 'ended well', rule: 'facts', lastGood: 'booted', layer: undefined, others: [], evidence: [] },
    cause: 'it booted the agent, which told what the machine is',
    ...{ remedy: undefined, confidence: 'sure', dueMs: undefined },
  };
  await store.boots.decide(good.id, done, []);
  const bad = { id: 'b-refused', machine: machine.id, startedMs: nowMs - 42_000, tokenHash: undefined };
  await store.boots.add({ ...bad, plan: 'is refused: kernel arguments need 301 octets, u-boot holds 255' });
  await store.events.append([
    sampleEvent('DISCOVER from U-Boot.armv8, answered with OFFER 10.77.0.12', {
      kind: 'dhcp',
      machine: machine.id,
      boot: bad.id,
      atMs: bad.startedMs + 40,
      detail: { received: 'DISCOVER', sent: 'OFFER', durationMs: 6 },
    }),
    sampleEvent('the boot was refused before a file was served', {
      kind: 'boot',
      severity: 'bad',
      machine: machine.id,
      boot: bad.id,
      atMs: bad.startedMs + 55,
      detail: {
        because:
          'mustang-03: kernel arguments need 301 octets, u-boot’s extlinux buffer on "apm-mustang" holds 255; shorten "extraArgs" by 46',
      },
    }),
  ]);
  const verdict: Verdict = {
    ...{ state: 'failed', rule: 'refused', lastGood: 'heard', layer: 'loader', others: [], evidence: [] },
    cause: 'mustang-03: kernel arguments need 301 octets, u-boot’s extlinux buffer on "apm-mustang" holds 255',
    remedy: 'shorten "extraArgs" by 46 octets',
    ...{ confidence: 'sure', dueMs: undefined },
  };
  await store.boots.decide(bad.id, verdict, []);
}

/** Fills a store with a dozen varied machines, two boots, leases, bundles and events. */
export async function fillRack(store: Store, nowMs: number): Promise<readonly Machine[]> {
  for (const bundle of [
    { ...agent, createdMs: nowMs - 9e8 },
    {
      ...debian,
      kernel: { ...debian.kernel, octets: 31_457_280 },
      createdMs: nowMs - 4e8,
      source: 'debian-installer-12-netboot-arm64',
    },
    sampleBundle('rescue', {
      createdMs: nowMs - 5e7,
      kernel: { name: 'linux', sha256: digest('e'), octets: 9_120_000 },
    }),
  ])
    await store.bundles.add(bundle, []);
  const words = [
    'answered with OFFER 10.77.0.1',
    'was accepted by alice',
    'was seen on after power cycle',
    'facts received',
  ];
  const machines: Machine[] = [];
  for (const [n, machine] of rackOfMachines(nowMs).entries()) {
    const own = {
      machine: machine.id,
      atMs: machine.state === 'new' ? machine.createdMs : nowMs - (n * n * 40 + 20) * 1000,
    };
    const text = machine.state === 'new' ? 'DISCOVER, answered with OFFER' : `${machine.name} ${words[n % 4] ?? ''}`;
    const isBad = machine.state === 'broken' || machine.powerSeen?.state === 'unknown';
    const event = isBad
      ? sampleEvent(`${machine.name}: power on failed`, { ...own, kind: 'power', severity: 'bad' })
      : sampleEvent(text, { ...own, kind: machine.state === 'new' ? 'dhcp' : 'state' });
    machines.push(await store.machines.add(machine, [event]));
    if (n < 9)
      await store.leases.commit([
        sampleLease(n + 10, {
          mac: machine.macs[0] ?? mac('00:00:00:00:00:00'),
          address: ipv4(0x0a4d000a + n),
          expiresMs: nowMs + 3e6,
        }),
      ]);
  }
  const mustang = machines.find((machine) => machine.name === 'mustang-03');
  if (mustang) await fillBoots(store, mustang, nowMs);
  return machines;
}
