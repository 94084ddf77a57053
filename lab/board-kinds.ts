import type { Arch } from '../server/core/arch.ts';

/** The kinds of boards the rack can hold. `pdu-only` is a u-boot board whose only power is a PDU outlet. */
export const BOARD_KINDS = ['uboot-arm64', 'uboot-armhf', 'uefi-x64', 'uefi-arm64', 'bios-ipxe', 'pdu-only'] as const;
export type BoardKind = (typeof BOARD_KINDS)[number];

/** The processor of each kind. */
export const ARCH_OF_KIND = {
  'uboot-arm64': 'arm64',
  'uboot-armhf': 'armhf',
  'uefi-x64': 'amd64',
  'uefi-arm64': 'arm64',
  'bios-ipxe': 'amd64',
  'pdu-only': 'arm64',
} as const satisfies Record<BoardKind, Arch>;
