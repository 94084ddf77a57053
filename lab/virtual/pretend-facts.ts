import { formatIpv4, type Ipv4 } from '../../server/core/address.ts';
import { rootProperties } from '../dtb-root.ts';
import type { BoardKind } from '../board-kinds.ts';
import type { Started, VirtualBoardSpec } from './hands.ts';

/** The sections of an agent's report, as the programs on a machine would have printed them. */
export type RawFacts = Readonly<Record<string, string>>;

interface Hardware {
  readonly machine: string;
  readonly cpuinfo: string;
  readonly memoryKib: number;
  readonly vendor: string | undefined;
  readonly product: string | undefined;
  readonly diskModel: string;
  readonly diskSectors: number;
  readonly nicDriver: string;
}

const X64: Omit<Hardware, 'vendor' | 'product'> = {
  machine: 'x86_64',
  cpuinfo: 'model name\t: Pretended x86 processor',
  memoryKib: 32_768_000,
  diskModel: 'PRETEND SSD 480G',
  diskSectors: 937_703_088,
  nicDriver: 'virtio_net',
};
const ARM64: Hardware = {
  machine: 'aarch64',
  cpuinfo: 'CPU implementer\t: 0x50\nCPU part\t: 0x000',
  memoryKib: 16_384_000,
  vendor: undefined,
  product: undefined,
  diskModel: 'PRETEND SATA 256G',
  diskSectors: 500_118_192,
  nicDriver: 'virtio_net',
};
const HARDWARE: Readonly<Record<BoardKind, Hardware>> = {
  'uboot-arm64': ARM64,
  'pdu-only': { ...ARM64, memoryKib: 4_096_000, diskSectors: 62_333_952, diskModel: 'PRETEND eMMC 32G' },
  'uboot-armhf': {
    ...ARM64,
    machine: 'armv7l',
    cpuinfo: 'model name\t: Pretended ARMv7 processor',
    memoryKib: 2_048_000,
  },
  'uefi-arm64': { ...ARM64, memoryKib: 65_536_000, vendor: 'Farrier rack in a box', product: 'Pretended ARM server' },
  'uefi-x64': { ...X64, vendor: 'Farrier rack in a box', product: 'Pretended UEFI server' },
  'rpi-3': { ...ARM64, memoryKib: 1_000_000, diskModel: 'PRETEND card 16G', nicDriver: 'smsc95xx' },
  'rpi-4': { ...ARM64, memoryKib: 4_000_000, diskModel: 'PRETEND card 32G', nicDriver: 'bcmgenet' },
  'rpi-5': { ...ARM64, memoryKib: 8_000_000, diskModel: 'PRETEND card 64G', nicDriver: 'macb' },
  'bios-ipxe': { ...X64, memoryKib: 8_192_000, vendor: 'Farrier rack in a box', product: 'Pretended BIOS server' },
};
const CPUS = 4;

/** What the agent would gather on a board of this kind; the device tree is the one it really got. */
export function pretendFacts(spec: VirtualBoardSpec, started: Started, address: Ipv4, prefix: number): RawFacts {
  const hardware = HARDWARE[spec.kind];
  const cores = Array.from({ length: CPUS }, (_, index) => `processor\t: ${String(index)}\n${hardware.cpuinfo}\n`);
  return {
    uname: `Linux 6.1.0-50-farrier-pretended #1 SMP ${hardware.machine}\n`,
    cmdline: `${started.args}\n`,
    cpuinfo: cores.join(''),
    meminfo: `MemTotal:       ${String(hardware.memoryKib)} kB\nMemFree:        ${String(hardware.memoryKib)} kB\n`,
    dmi: dmi(spec, hardware),
    block: block(hardware),
    net: net(spec, hardware),
    'ip-addr': `2: eth0    inet ${formatIpv4(address)}/${String(prefix)} scope global eth0\n`,
    ...deviceTree(started),
  };
}

function dmi(spec: VirtualBoardSpec, { vendor, product }: Hardware): string {
  if (vendor === undefined || product === undefined) return '';
  const files = { sys_vendor: vendor, product_name: product, product_serial: spec.mac.replaceAll(':', '') };
  return lines('/sys/class/dmi/id', { ...files, product_uuid: spec.uuid });
}

function block({ diskModel, diskSectors }: Hardware): string {
  const files = { size: String(diskSectors), removable: '0', 'queue/rotational': '0', 'device/model': diskModel };
  return lines('/sys/block/sda', files);
}

function net(spec: VirtualBoardSpec, { nicDriver }: Hardware): string {
  const files = { address: spec.mac, operstate: 'up', speed: '1000', type: '1', 'device/driver': nicDriver };
  return lines('/sys/class/net/eth0', files);
}

function deviceTree(started: Started): RawFacts {
  if (!started.dtb) return {};
  const root = rootProperties(started.dtb);
  const text = (name: string): string => new TextDecoder().decode(root.get(name) ?? new Uint8Array(0));
  return { 'dt-model': text('model'), 'dt-compatible': text('compatible') };
}

/** `grep -H . FILES`: one `path:content` a line. */
function lines(folder: string, files: Readonly<Record<string, string>>): string {
  return Object.entries(files)
    .map(([name, content]) => `${folder}/${name}:${content}\n`)
    .join('');
}
