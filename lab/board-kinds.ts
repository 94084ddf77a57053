/** The kinds of boards the rack can hold. `pdu-only` is a u-boot board whose only power is a PDU outlet. */
export const BOARD_KINDS = ['uboot-arm64', 'uboot-armhf', 'uefi-x64', 'uefi-arm64', 'bios-ipxe', 'pdu-only'] as const;
export type BoardKind = (typeof BOARD_KINDS)[number];
