import { formatIpv4 } from './address.ts';
import { CLIENT_ARCH, type Arch } from './arch.ts';
import type { BootPlan, BootRequest } from './boot-plan.ts';
import { requesterOf, type Requester } from './requester.ts';

/** The first file a loader is told by DHCP (`file`, option 67), or why it is told none. */
export interface FirstFile {
  /** A name for TFTP, or a whole URL for UEFI's HTTP boot. */
  readonly file: string | undefined;
  readonly because: string;
}

type Boot = Extract<BootPlan, { readonly do: 'boot' }>;
type ByArch = Readonly<Partial<Record<Arch, string>>>;

/** u-boot's script, which its stock environment asks for too. */
const UBOOT_SCRIPT = 'boot.scr.uimg';
/** iPXE's script. */
const IPXE_SCRIPT = 'boot.ipxe';
/** iPXE for a BIOS's PXE ROM, which cannot read scripts. */
const BIOS_IPXE = 'undionly.kpxe';
/** SYSLINUX's program for PXE, which reads `pxelinux.cfg/`. */
const PXELINUX = 'pxelinux.0';

/** What the ROM of a Raspberry Pi 3 asks for whatever it is told; later ones pass over it too. */
const RPI_FIRST = 'bootcode.bin';

/** Debian's signed shims by architecture; each asks for its GRUB by itself. */
const SHIMS: ByArch = { amd64: 'shimx64.efi', arm64: 'shimaa64.efi' };
/** GRUB without a shim before it, for EFI that knows no Secure Boot. */
const GRUBS: ByArch = { amd64: 'grubx64.efi', arm64: 'grubaa64.efi' };
/** iPXE as an EFI program; nobody signs it. */
const EFI_IPXES: ByArch = { amd64: 'ipxe-amd64.efi', arm64: 'ipxe-arm64.efi' };

/** Programs that a first file goes on to fetch by itself. */
const FETCHED_BY: Readonly<Record<string, readonly string[]>> = {
  'shimx64.efi': ['grubx64.efi'],
  'shimaa64.efi': ['grubaa64.efi'],
  'pxelinux.0': ['ldlinux.c32'],
};

/** The paths a machine asks for by itself when it is told this first file, in order, before any config. */
export function programsOf(file: string | undefined): readonly string[] {
  if (file === undefined) return [];
  const path = /^http:\/\/[^/]+\/(.*)$/.exec(file)?.[1] ?? file;
  return [path, ...(FETCHED_BY[path] ?? [])];
}

/**
 * Which first file DHCP names: the program that reads the plan's format, unless the asker reads it itself. Only a boot
 * gets one: a machine that boots its disk, is refused or ignored gets an address at most, so that its firmware goes on
 * to the next device without waiting for a file. iPXE, told by its user class, is never handed iPXE.
 */
export function firstFile(plan: BootPlan, request: BootRequest): FirstFile {
  if (plan.do !== 'boot') return { file: undefined, because: plan.because };
  const asked = requesterOf(request);
  if (asked.isUbootEfiStep) return forEfiStep(plan, asked.arch);
  switch (asked.loader) {
    case 'ipxe':
      return forIpxe(plan, asked);
    case 'u-boot':
      return forUboot(plan);
    case 'pxe-bios':
      return plan.format === 'extlinux'
        ? { file: PXELINUX, because: 'a BIOS PXE ROM starts PXELINUX, which reads pxelinux.cfg' }
        : { file: BIOS_IPXE, because: 'a BIOS PXE ROM starts iPXE, which runs its script' };
    case 'uefi':
      return plan.format === 'ipxe' ? efiIpxe(asked.arch, '') : shimFor(asked.arch);
    case 'uefi-http':
      return forHttp(plan, asked.arch);
    case 'rpi':
      return { file: RPI_FIRST, because: 'a Raspberry Pi asks for its own files by their names' };
    case 'grub':
      return { file: undefined, because: 'grub takes no first file from DHCP' };
    case undefined:
      return { file: undefined, because: strange(asked.clientArch) };
  }
}

function forIpxe(plan: Boot, asked: Requester): FirstFile {
  if (plan.format !== 'extlinux')
    return { file: IPXE_SCRIPT, because: 'iPXE runs its script; it is never handed iPXE again' };
  if (asked.clientArch === 0) return { file: PXELINUX, because: 'its board is booted by PXELINUX, which iPXE starts' };
  return { file: undefined, because: 'PXELINUX runs under a BIOS only' };
}

function forUboot(plan: Boot): FirstFile {
  if (plan.format === 'grub')
    return { file: undefined, because: "its board is booted by GRUB, which u-boot's EFI step is given" };
  return { file: UBOOT_SCRIPT, because: 'u-boot sources its script, or goes on to pxelinux.cfg' };
}

/** u-boot's EFI has no Secure Boot protocol for shim to speak, and iPXE never comes to its DHCP there: GRUB alone does. */
function forEfiStep(plan: Boot, arch: Arch | undefined): FirstFile {
  const file = arch && GRUBS[arch];
  if (plan.format !== 'grub')
    return { file: undefined, because: "u-boot's EFI step comes after its script, and its board reads no grub there" };
  if (file) return { file, because: "u-boot's EFI step starts GRUB, without shim, which it cannot run" };
  return { file: undefined, because: `there is no GRUB for u-boot's EFI step on ${arch ?? 'this architecture'}` };
}

/** Firmware asks HTTP's own path; Debian's GRUB asks for no config when it came by HTTP, so it is always iPXE. */
function forHttp(plan: Boot, arch: Arch | undefined): FirstFile {
  const { address, httpPort } = plan.server;
  return efiIpxe(arch, `http://${formatIpv4(address)}:${String(httpPort)}/boot/`);
}

function efiIpxe(arch: Arch | undefined, before: string): FirstFile {
  const file = arch && EFI_IPXES[arch];
  if (file) return { file: before + file, because: 'UEFI starts iPXE, which runs its script' };
  return { file: undefined, because: `there is no iPXE for UEFI on ${arch ?? 'this architecture'}` };
}

function shimFor(arch: Arch | undefined): FirstFile {
  const file = arch && SHIMS[arch];
  if (file) return { file, because: 'UEFI starts the signed shim, which starts GRUB' };
  return { file: undefined, because: `there is no signed loader for UEFI on ${arch ?? 'this architecture'}` };
}

function strange(clientArch: number | undefined): string {
  if (clientArch === undefined) return 'it sent no option 93: not a boot client';
  const known = Object.keys(CLIENT_ARCH).join(', ');
  return `option 93 is ${clientArch}, which Farrier does not know; it knows ${known}`;
}
