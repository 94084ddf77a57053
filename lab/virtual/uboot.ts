import { formatIpv4, netmaskOf } from '../../server/core/address.ts';
import type { BootOrder } from '../boot-text/boot-order.ts';
import { runBootScript } from '../boot-text/boot-script.ts';
import { parseExtlinux } from '../boot-text/extlinux.ts';
import { scriptOfImage } from '../boot-text/script-image.ts';
import { ubootIdentity } from './dhcp-identity.ts';
import { BootFailed, type BoardLease, type Hands, type Handover, type TftpHabit } from './hands.ts';

const HABIT: TftpHabit = { options: { timeout: '5', blksize: '1468' } };
const SCRIPT = 'boot.scr.uimg';
/** CONFIG_SYS_CBSIZE of qemu_arm and qemu_arm64 2023.01; the NUL counts. */
const APPEND_OCTETS_MAX = 512;
const ENVIRONMENT = {
  kernel_addr_r: '0x40400000',
  fdt_addr_r: '0x43e00000',
  ramdisk_addr_r: '0x44000000',
  scriptaddr: '0x40200000',
  fdt_addr: '0x40000000',
} as const;

/** u-boot 2023.01 from its first DISCOVER to `Starting kernel ...`. */
export async function uboot(hands: Hands, armv: 7 | 8): Promise<Handover> {
  return hands.spec.uboot === 'stock' ? bootByScript(hands, armv) : bootByPxe(hands, armv);
}

async function bootByScript(hands: Hands, armv: 7 | 8): Promise<Handover> {
  const lease = await hands.lease(ubootIdentity(armv, SCRIPT));
  const image = await hands.tftp(SCRIPT, HABIT);
  if (!image) throw new BootFailed(`no ${SCRIPT}`);
  const script = scriptOfImage(image);
  if (!script.ok) throw new BootFailed(`${SCRIPT}: ${script.error}`);
  const memory = new Map<string, Uint8Array>();
  const environment = { ...ENVIRONMENT, ipaddr: formatIpv4(lease.address), serverip: formatIpv4(lease.siaddr) };
  const order = await runBootScript(script.value, environment, async (path) => {
    const octets = await hands.tftp(path, HABIT);
    if (octets) memory.set(path, octets);
    return octets !== undefined;
  });
  if (!order.ok) throw new BootFailed(order.error);
  return start(order.value, (path) => Promise.resolve(memory.get(path)));
}

async function bootByPxe(hands: Hands, armv: 7 | 8): Promise<Handover> {
  const lease = await hands.lease(ubootIdentity(armv, ''));
  await hands.tftp(lease.file === '' ? `${hexOf(lease)}.img` : lease.file, HABIT);
  const folder = lease.file.includes('/') ? lease.file.slice(0, lease.file.lastIndexOf('/') + 1) : '';
  const config = await firstOf(
    hands,
    searchOrder(hands, lease).map((name) => `${folder}pxelinux.cfg/${name}`),
  );
  const order = parseExtlinux(new TextDecoder().decode(config), ipAppend(hands, lease));
  if (!order.ok) throw new BootFailed(order.error);
  if (order.value.do === 'boot') refuseLongArguments(order.value.args);
  return start(order.value, (path) => hands.tftp(path.startsWith('/') ? path : folder + path, HABIT));
}

/** 2023.01's order of downloads: initrd, kernel, DTB. A DTB that is named but missing fails the label. */
async function start(order: BootOrder, load: (path: string) => Promise<Uint8Array | undefined>): Promise<Handover> {
  if (order.do === 'local-disk') return { to: 'local-disk' };
  if (order.do === 'chain') throw new BootFailed('u-boot cannot chain');
  const must = async (path: string): Promise<Uint8Array> => {
    const octets = await load(path);
    if (!octets) throw new BootFailed(`Skipping label for failure retrieving ${path}`);
    return octets;
  };
  const [initrdPath] = order.initrds;
  const initrd = initrdPath === undefined ? undefined : await must(initrdPath);
  const kernel = await must(order.kernel);
  const dtb = order.dtb === undefined ? undefined : await must(order.dtb);
  return { to: 'system', started: { kernel, initrd, dtb, args: order.args } };
}

async function firstOf(hands: Hands, paths: readonly string[]): Promise<Uint8Array> {
  for (const path of paths) {
    const octets = await hands.tftp(path, HABIT);
    if (octets) return octets;
  }
  throw new BootFailed('Config file not found');
}

/** The MAC, then the address in upper-case hexadecimal, a digit shorter each time, then the defaults. */
function searchOrder(hands: Hands, lease: BoardLease): readonly string[] {
  const hex = hexOf(lease);
  const shorter = Array.from(hex, (_, index) => hex.slice(0, hex.length - index));
  return [`01-${hands.spec.mac.replaceAll(':', '-')}`, ...shorter, 'default-arm', 'default'];
}

function hexOf(lease: BoardLease): string {
  return lease.address.toString(16).toUpperCase().padStart(8, '0');
}

function ipAppend(hands: Hands, lease: BoardLease): { ip: string; bootif: string } {
  const parts = [lease.address, lease.siaddr, lease.router, netmaskOf(lease.subnet)];
  return {
    ip: `ip=${parts.map((part) => (part === undefined ? '' : formatIpv4(part))).join(':')}`,
    bootif: `BOOTIF=01-${hands.spec.mac.replaceAll(':', '-')}`,
  };
}

/** The real one notices after the downloads; nothing is learnt from fetching them here. */
function refuseLongArguments(args: string): void {
  const octets = new TextEncoder().encode(args).length;
  if (octets + 1 > APPEND_OCTETS_MAX)
    throw new BootFailed(`bootarg overflow ${String(octets)}+0+0+1 > ${String(APPEND_OCTETS_MAX)}`);
}
