/** The machines QEMU can make here, each with the firmware Debian 12 ships for it. */
export const QEMU_KINDS = ['uboot-arm64', 'uboot-armhf', 'uefi-x64', 'uefi-arm64', 'bios-ipxe'] as const;
export type QemuKind = (typeof QEMU_KINDS)[number];

/** Debian package that brings each kind's firmware or ROM file, and the file that is looked for. */
export const FIRMWARE_FILES = {
  'uboot-arm64': { file: '/usr/lib/u-boot/qemu_arm64/u-boot.bin', from: 'u-boot-qemu' },
  'uboot-armhf': { file: '/usr/lib/u-boot/qemu_arm/u-boot.bin', from: 'u-boot-qemu' },
  'uefi-x64': { file: '/usr/share/OVMF/OVMF_CODE_4M.fd', from: 'ovmf' },
  'uefi-arm64': { file: '/usr/share/AAVMF/AAVMF_CODE.fd', from: 'qemu-efi-aarch64' },
  'bios-ipxe': { file: '/usr/share/seabios/bios-256k.bin', from: 'seabios' },
} as const satisfies Record<QemuKind, { file: string; from: string }>;

/** The empty variable stores the UEFI kinds start from. */
const VARS_TEMPLATES: Readonly<Partial<Record<QemuKind, string>>> = {
  'uefi-x64': '/usr/share/OVMF/OVMF_VARS_4M.fd',
  'uefi-arm64': '/usr/share/AAVMF/AAVMF_VARS.fd',
};

/** The variable store a board's own is copied from; nothing for kinds that have none. */
export function varsTemplate(kind: QemuKind, uefi: UefiBoot): string | undefined {
  return kind === 'uefi-x64' && uefi === 'secure' ? SECURE_BOOT.vars : VARS_TEMPLATES[kind];
}

/** How a UEFI machine goes about its network boot; `pxe` unless said. */
export type UefiBoot = 'pxe' | 'http' | 'secure';

/** OVMF that checks signatures in system management mode, and variables with Microsoft's keys in them. */
const SECURE_BOOT = {
  code: '/usr/share/OVMF/OVMF_CODE_4M.secboot.fd',
  vars: '/usr/share/OVMF/OVMF_VARS_4M.ms.fd',
} as const;

/** What one machine is started with. */
export interface QemuMachine {
  readonly kind: QemuKind;
  readonly mac: string;
  readonly uuid: string;
  /** The tap interface it is plugged into; nothing when only its device tree is dumped. */
  readonly tap: string | undefined;
  /** UEFI variables, or u-boot's saved environment: the second flash. Nothing: u-boot's built-in environment. */
  readonly flash: string | undefined;
  /** The file the serial line is written to. */
  readonly serialLog: string | undefined;
  /** The UNIX socket, where somebody listens already, that the serial line leads to; none: it is only written down. */
  readonly serialSocket?: string | undefined;
  /** Without ACPI, GRUB's `devicetree` (or the firmware's own tree) reaches Linux on arm64 UEFI. */
  readonly acpi: boolean;
  /** Writes the device tree there and ends. */
  readonly dumpDtb: string | undefined;
  /** No meaning for the kinds without UEFI; `secure` is for x64 only. */
  readonly uefi?: UefiBoot | undefined;
}

const PROGRAM = {
  'uboot-arm64': 'qemu-system-aarch64',
  'uboot-armhf': 'qemu-system-arm',
  'uefi-x64': 'qemu-system-x86_64',
  'uefi-arm64': 'qemu-system-aarch64',
  'bios-ipxe': 'qemu-system-x86_64',
} as const satisfies Record<QemuKind, string>;

/** The program and arguments of a machine (QEMU 7.2 with Debian 12 firmware, without KVM). */
export function qemuCommand(machine: QemuMachine): { readonly command: string; readonly args: readonly string[] } {
  const dump = machine.dumpDtb === undefined ? '' : `,dumpdtb=${machine.dumpDtb}`;
  return {
    command: PROGRAM[machine.kind],
    args: [
      ...['-display', 'none', '-nodefaults', '-accel', 'tcg', ...serialArgs(machine), '-uuid', machine.uuid],
      ...platformArgs(machine, dump),
      ...nicArgs(machine),
      ...httpBootArgs(machine),
      ...['-object', 'rng-random,id=r0,filename=/dev/urandom', '-device', 'virtio-rng-pci,rng=r0'],
    ],
  };
}

function serialArgs({ serialLog, serialSocket }: QemuMachine): readonly string[] {
  if (serialSocket === undefined) return ['-serial', serialLog === undefined ? 'null' : `file:${serialLog}`];
  const log = serialLog === undefined ? '' : `,logfile=${serialLog}`;
  return ['-chardev', `socket,id=line,path=${serialSocket}${log}`, '-serial', 'chardev:line'];
}

function platformArgs(machine: QemuMachine, dump: string): readonly string[] {
  const { kind } = machine;
  const acpi = machine.acpi ? '' : ',acpi=off';
  switch (kind) {
    case 'bios-ipxe':
      return ['-machine', `pc,graphics=off${dump}`, '-m', '512'];
    case 'uefi-x64':
      return [
        ...(machine.uefi === 'secure' ? SECURE_MACHINE : ['-machine', `q35${dump}`]),
        ...['-m', '768'],
        ...flashArgs(0, machine.uefi === 'secure' ? SECURE_BOOT.code : FIRMWARE_FILES[kind].file),
        ...secondFlash(machine),
      ];
    case 'uefi-arm64':
      return [
        ...['-machine', `virt${acpi}${dump}`, '-cpu', 'cortex-a57', '-m', '1024'],
        ...[...flashArgs(0, FIRMWARE_FILES[kind].file), ...secondFlash(machine)],
      ];
    case 'uboot-arm64':
      return [
        ...['-machine', `virt${dump}`, '-cpu', 'cortex-a57', '-m', '1024'],
        ...['-bios', FIRMWARE_FILES[kind].file, ...secondFlash(machine)],
      ];
    case 'uboot-armhf':
      return [
        ...['-machine', `virt,highmem=off${dump}`, '-cpu', 'cortex-a15', '-m', '512'],
        ...['-bios', FIRMWARE_FILES[kind].file, ...secondFlash(machine)],
      ];
  }
}

/** Only firmware in system management mode may write the variables: else Linux could switch Secure Boot off. */
const SECURE_MACHINE = ['-machine', 'q35,smm=on', '-global', 'driver=cfi.pflash01,property=secure,value=on'] as const;

/** EDK2 comes to HTTP boot only after PXE over IPv4 and IPv6 has given up, which takes minutes. */
function httpBootArgs(machine: QemuMachine): readonly string[] {
  if (machine.uefi !== 'http') return [];
  const off = (name: string): readonly string[] => ['-fw_cfg', `name=opt/org.tianocore/${name},string=n`];
  return [...off('IPv4PXESupport'), ...off('IPv6PXESupport')];
}

function flashArgs(unit: number, file: string): readonly string[] {
  return ['-drive', `if=pflash,unit=${unit},readonly=on,format=raw,file=${file}`];
}

function secondFlash(machine: QemuMachine): readonly string[] {
  return machine.flash === undefined ? [] : ['-drive', `if=pflash,unit=1,format=raw,file=${machine.flash}`];
}

/**
 * `disable-legacy=on`: u-boot 2023.01 reads the MAC of a transitional virtio NIC wrongly. `romfile=`: the UEFI's own
 * PXE instead of iPXE's ROM. `bootindex=0`: the first boot device of BIOS and UEFI.
 */
function nicArgs(machine: QemuMachine): readonly string[] {
  const extra = {
    'uboot-arm64': ',disable-legacy=on',
    'uboot-armhf': ',disable-legacy=on',
    'uefi-x64': ',romfile=,bootindex=0',
    'uefi-arm64': ',romfile=,bootindex=0',
    'bios-ipxe': ',bootindex=0',
  } as const satisfies Record<QemuKind, string>;
  const net = machine.tap === undefined ? 'user,id=n0' : `tap,id=n0,ifname=${machine.tap},script=no,downscript=no`;
  return ['-netdev', net, '-device', `virtio-net-pci,netdev=n0,mac=${machine.mac}${extra[machine.kind]}`];
}
