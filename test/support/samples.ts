import type { BootServed, Verdict } from '../../server/core/boot-verdict.ts';
import { ipv4, parseMac, parseSha256, type Mac, type Sha256 } from '../../server/core/address.ts';
import type { Bundle } from '../../server/core/bundle.ts';
import type { BundleContents } from '../../server/core/bundle-contents.ts';
import type { BundleTry } from '../../server/core/bundle-try.ts';
import type { NewEvent } from '../../server/core/event.ts';
import type { Facts } from '../../server/core/facts.ts';
import type { Lease } from '../../server/core/lease.ts';
import { BARE_MACHINE, type Machine, type MachineId } from '../../server/core/machine.ts';

/** A MAC from text that is known to be one. */
export function mac(text: string): Mac {
  const parsed = parseMac(text);
  if (!parsed.ok) throw new Error(parsed.error);
  return parsed.value;
}

/** A digest of 64 times the same hexadecimal digit. */
export function digest(digit: string): Sha256 {
  const parsed = parseSha256(digit.repeat(64));
  if (!parsed.ok) throw new Error(parsed.error);
  return parsed.value;
}

/** The n-th machine of the sample lab: named, with one MAC, everything else absent. */
export function sampleMachine(n: number, change: Partial<Machine> = {}): Machine {
  return {
    ...BARE_MACHINE,
    id: `m-sample${String(n).padStart(4, '0')}` as MachineId,
    name: `board-${String(n).padStart(2, '0')}`,
    state: 'ready',
    macs: [mac(`52540000${n.toString(16).padStart(4, '0')}`)],
    network: 'rack1',
    createdMs: 1_000 + n,
    seenMs: 1_000 + n,
    ...change,
  };
}

/** Facts with every kind of field, some absent. */
export const sampleFacts: Facts = {
  arch: 'arm64',
  cpuModel: 'Cortex-A72',
  cpuCount: 8,
  memoryOctets: 34_359_738_368,
  disks: [{ name: 'sda', octets: 512_110_190_592, model: 'SSD', serial: undefined, rotational: false }],
  nics: [
    {
      name: 'eth0',
      mac: mac('52:54:00:00:00:01'),
      driver: 'virtio_net',
      speedMbit: undefined,
      linkUp: true,
      addresses: [ipv4(0x0a4d0064)],
    },
  ],
  systemUuid: undefined,
  vendor: 'QEMU',
  product: undefined,
  serial: undefined,
  dtModel: 'linux,dummy-virt',
  dtCompatible: ['linux,dummy-virt'],
  kernel: '6.1.0',
  cmdline: 'console=ttyAMA0',
  bmcAddress: undefined,
};

/** An event with a sentence. */
export function sampleEvent(text: string, change: Partial<NewEvent> = {}): NewEvent {
  return {
    atMs: 5_000,
    kind: 'state',
    severity: 'note',
    machine: undefined,
    boot: undefined,
    text,
    detail: {},
    ...change,
  };
}

/** The lease of the n-th address of 10.77.0.0/24. */
export function sampleLease(n: number, change: Partial<Lease> = {}): Lease {
  const own = mac(`52:54:00:00:01:${n.toString(16).padStart(2, '0')}`);
  return {
    network: 'rack1',
    address: ipv4(0x0a4d0000 + n),
    key: `mac:${own}`,
    mac: own,
    state: 'bound',
    expiresMs: 9_000,
    hostname: undefined,
    circuitId: undefined,
    remoteId: undefined,
    ...change,
  };
}

/** Contents of a kernel with a small configuration and no initrd. */
export function sampleContents(change: Partial<BundleContents> = {}): BundleContents {
  return {
    kernelForm: 'Image',
    kernelRelease: '6.1.0-50-arm64',
    config: ['NFS_ROOT=y', 'BLK_DEV_NBD=m'],
    modules: ['nbd', 'virtio_net'],
    builtIn: ['kexec_core'],
    initrd: undefined,
    initrdUnread: undefined,
    needs: [],
    packages: [],
    ...change,
  };
}

/** A bundle on trial on the first sample machine. */
export function sampleTry(change: Partial<BundleTry> = {}): BundleTry {
  return {
    machine: sampleMachine(1).id,
    bundle: 'debian@2',
    back: 'debian@1',
    by: 'alice',
    askedMs: 1_000,
    withinMs: 600_000,
    mayCycle: true,
    ownerEpoch: 0,
    step: 'armed',
    endsMs: undefined,
    boot: undefined,
    wasSwitched: false,
    ...change,
  };
}

/** A bundle for arm64. */
export function sampleBundle(name: string, change: Partial<Bundle> = {}): Bundle {
  return {
    name,
    version: '1',
    arch: 'arm64',
    role: 'system',
    kernel: { name: 'linux', sha256: digest('a'), octets: 10 },
    initrd: { name: 'initrd.gz', sha256: digest('b'), octets: 20 },
    kernelArgs: ['quiet', 'console=ttyAMA0,115200'],
    loaders: [],
    callsHome: false,
    source: 'folder /srv/images',
    createdMs: 7_000,
    ...change,
  };
}

/** A verdict in some state, with as little as there can be. */
export function sampleVerdict(state: Verdict['state']): Verdict {
  return {
    ...{ state, rule: 'sample', lastGood: undefined, layer: undefined, cause: `it ${state}`, others: [] },
    ...{ remedy: undefined, evidence: [], confidence: 'sure', dueMs: undefined },
  };
}

/** What a boot was served. */
export function sampleServed(change: Partial<BootServed> = {}): BootServed {
  return {
    ...{ purpose: 'bundle', bundle: 'debian@12', board: 'mustang', format: 'extlinux', args: 'quiet' },
    ...{ kernel: digest('a'), initrd: undefined, dtb: undefined, callsHome: false },
    ...change,
  };
}
