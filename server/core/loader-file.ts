import { CLIENT_ARCH, type Arch } from './arch.ts';
import type { BootPlan, BootRequest } from './boot-plan.ts';
import { requesterOf } from './requester.ts';

/** The first file a loader is told by DHCP (`file`, option 67), or why it is told none. */
export interface FirstFile {
  readonly file: string | undefined;
  readonly because: string;
}

/** u-boot's script, which its stock environment asks for too. */
const UBOOT_SCRIPT = 'boot.scr.uimg';
/** iPXE's script. */
const IPXE_SCRIPT = 'boot.ipxe';
/** iPXE for a BIOS's PXE ROM, which cannot read scripts. */
const BIOS_CHAIN = 'undionly.kpxe';

/** What the ROM of a Raspberry Pi 3 asks for whatever it is told; later ones pass over it too. */
const RPI_FIRST = 'bootcode.bin';

/** Debian's signed shims by architecture; each asks for its GRUB by itself. */
const SHIMS: Readonly<Partial<Record<Arch, string>>> = { amd64: 'shimx64.efi', arm64: 'shimaa64.efi' };

/**
 * Which first file DHCP names. Only a boot gets one: a machine that boots its disk, is refused or ignored gets an
 * address at most, so that its firmware goes on to the next device without waiting for a file.
 */
export function firstFile(plan: BootPlan, request: BootRequest): FirstFile {
  if (plan.do !== 'boot') return { file: undefined, because: plan.because };
  const asked = requesterOf(request);
  if (asked.isUbootEfiStep)
    return { file: undefined, because: "u-boot's EFI step comes after its script and can take none of our loaders" };
  switch (asked.loader) {
    case 'ipxe':
      return { file: IPXE_SCRIPT, because: 'iPXE runs its script; it is never handed iPXE again' };
    case 'u-boot':
      return { file: UBOOT_SCRIPT, because: 'u-boot sources its script, or goes on to pxelinux.cfg' };
    case 'pxe-bios':
      return { file: BIOS_CHAIN, because: 'a BIOS PXE ROM starts iPXE, which runs its script' };
    case 'uefi':
      return shimFor(asked.arch);
    case 'uefi-http':
      return { file: undefined, because: 'UEFI HTTP boot is not served yet; let its firmware try PXE' };
    case 'rpi':
      return { file: RPI_FIRST, because: 'a Raspberry Pi asks for its own files by their names' };
    case 'grub':
      return { file: undefined, because: 'grub takes no first file from DHCP' };
    case undefined:
      return { file: undefined, because: strange(asked.clientArch) };
  }
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
