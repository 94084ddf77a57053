import { crc32 } from '../crc32.ts';

/** What QEMU's `virt` machine wants of a flash; all but the environment is empty. */
export const FLASH_OCTETS = 64 << 20;
const ENVIRONMENT_OCTETS = 0x40000;

/** The addresses Debian's qemu_arm and qemu_arm64 u-boot lack names for, which `pxe` and scripts need. */
const ADDRESSES = {
  kernel_addr_r: '0x40400000',
  fdt_addr_r: '0x43e00000',
  ramdisk_addr_r: '0x44000000',
  pxefile_addr_r: '0x40300000',
  scriptaddr: '0x40200000',
  fdt_high: '0xffffffff',
  initrd_high: '0xffffffff',
  bootdelay: '1',
} as const;

/** Without `fdt_addr_r` u-boot passes over the device tree it is served, silently, and hands on its own. */
const OWN_TREE: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(ADDRESSES).filter(([name]) => name !== 'fdt_addr_r'),
);

/** How a u-boot board goes about its network boot. */
export const BOOT_COMMANDS = {
  /** Asks for `pxelinux.cfg/01-…` as boards with a distribution's settings do. */
  pxe: 'dhcp; if pxe get; then pxe boot; fi',
  /** Loads the boot script and runs it, as the stock environment does. */
  script: 'if dhcp ${scriptaddr} boot.scr.uimg; then source ${scriptaddr}; fi',
} as const;

/** What a saved environment makes u-boot do; `pxe-own-tree` is `pxe` without a place for the served tree. */
export type SavedBoot = keyof typeof BOOT_COMMANDS | 'pxe-own-tree';

/**
 * A saved environment as it lies at the start of the flash, which replaces u-boot's built-in one as a whole: CRC-32
 * (little-endian) of the rest, then `name=value` strings, each ended by a NUL, padded with NULs.
 */
export function savedEnvironment(boot: SavedBoot): Uint8Array {
  const settings =
    boot === 'pxe-own-tree'
      ? Object.entries({ bootcmd: BOOT_COMMANDS.pxe, ...OWN_TREE })
      : Object.entries({ bootcmd: BOOT_COMMANDS[boot], ...ADDRESSES });
  const text = settings.map(([name, value]) => `${name}=${value}\0`).join('');
  const octets = new Uint8Array(ENVIRONMENT_OCTETS);
  new TextEncoder().encodeInto(text, octets.subarray(4));
  new DataView(octets.buffer).setUint32(0, crc32(octets.subarray(4)), true);
  return octets;
}
