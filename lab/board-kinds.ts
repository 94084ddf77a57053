/** The kinds of boards the rack can hold. `pdu-only` is a u-boot board whose only power is a PDU outlet. */
export const BOARD_KINDS = ['uboot-arm64', 'uboot-armhf', 'uefi-x64', 'uefi-arm64', 'bios-ipxe', 'pdu-only'] as const;
/** Kinds that need files of their maker's, which no rack gets unasked. */
export const RPI_KINDS = ['rpi-3', 'rpi-4', 'rpi-5'] as const;
export type BoardKind = (typeof BOARD_KINDS)[number] | (typeof RPI_KINDS)[number];
