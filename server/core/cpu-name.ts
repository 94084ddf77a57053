/** Names of ARM cores by MIDR implementer and part (Arm Architecture Reference Manual, MIDR_EL1; Linux `cputype.h`). */
const CORES: Readonly<Record<string, string>> = {
  '0x41:0xc07': 'ARM Cortex-A7',
  '0x41:0xc09': 'ARM Cortex-A9',
  '0x41:0xc0f': 'ARM Cortex-A15',
  '0x41:0xd03': 'ARM Cortex-A53',
  '0x41:0xd05': 'ARM Cortex-A55',
  '0x41:0xd07': 'ARM Cortex-A57',
  '0x41:0xd08': 'ARM Cortex-A72',
  '0x41:0xd09': 'ARM Cortex-A73',
  '0x41:0xd0b': 'ARM Cortex-A76',
  '0x41:0xd0c': 'ARM Neoverse-N1',
  '0x41:0xd40': 'ARM Neoverse-V1',
  '0x41:0xd49': 'ARM Neoverse-N2',
  '0x42:0x516': 'Broadcom Vulcan',
  '0x43:0x0a1': 'Cavium ThunderX',
  '0x43:0x0af': 'Cavium ThunderX2',
  '0x46:0x001': 'Fujitsu A64FX',
  '0x48:0xd01': 'HiSilicon TSV110',
  '0x50:0x000': 'APM X-Gene',
  '0x51:0xc00': 'Qualcomm Falkor',
  '0x56:0x581': 'Marvell PJ4B',
  '0xc0:0xac3': 'Ampere-1',
};

/** The name of an ARM core; the two numbers when it is not among the known ones. */
export function armCoreName(implementer: string, part: string): string {
  return CORES[`${implementer}:${part}`] ?? `ARM implementer ${implementer} part ${part}`;
}
