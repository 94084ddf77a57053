import type { Mac } from './address.ts';
import { CLIENT_ARCH, type Arch, type Loader } from './arch.ts';
import { isRaspberryPi } from './rpi.ts';

/** Option 93 of u-boot, by the option 93 its EFI step sends instead (captured from u-boot 2023.01 and 2025.01). */
const UBOOT_BEHIND: Readonly<Record<number, number>> = { 10: 21, 11: 22 };

/** What of a request tells who asks. */
export interface RequesterSigns {
  /** Option 93. */
  readonly clientArch: number | undefined;
  /** Option 77. */
  readonly userClass: string | undefined;
  /** Option 97. */
  readonly systemUuid: string | undefined;
  /** Option 60. */
  readonly vendorClass?: string | undefined;
  readonly mac?: Mac | undefined;
}

/** Who asks, as far as the packets tell. */
export interface Requester {
  /** Option 93 of the board: the EFI step's borrowed number is taken back. */
  readonly clientArch: number | undefined;
  readonly loader: Loader | undefined;
  readonly arch: Arch | undefined;
  /** u-boot tries a last EFI step under another name; it is the same board in the same boot. */
  readonly isUbootEfiStep: boolean;
}

/** Whether iPXE itself speaks (option 77, RFC 3004; iPXE sends the bare text). */
function isIpxe(signs: Pick<RequesterSigns, 'userClass'>): boolean {
  return signs.userClass?.includes('iPXE') ?? false;
}

/**
 * Whether this is u-boot's EFI step: it says "UEFI" in option 93 but, unlike every UEFI, sends no option 97.
 * Never told by the digits of option 60, which u-boot 2025.01 writes in hexadecimal.
 */
function isUbootEfiStep(signs: RequesterSigns): boolean {
  const borrowed = signs.clientArch !== undefined && UBOOT_BEHIND[signs.clientArch] !== undefined;
  return borrowed && signs.systemUuid === undefined && !isIpxe(signs);
}

/**
 * Reads who asks out of a request: option 93 decides, iPXE's user class overrides the loader (it keeps the option 93
 * of the firmware under it). What the caller already knows of loader and architecture wins over both, but not over a
 * Raspberry Pi, which says it were a PC: its architecture is its board's.
 */
export function requesterOf(
  signs: RequesterSigns & { readonly loader?: Loader | undefined; readonly arch?: Arch | undefined },
): Requester {
  if (isRaspberryPi(signs)) return { clientArch: undefined, loader: 'rpi', arch: undefined, isUbootEfiStep: false };
  const efiStep = isUbootEfiStep(signs);
  const clientArch = efiStep ? UBOOT_BEHIND[signs.clientArch ?? 0] : signs.clientArch;
  const known = clientArch === undefined ? undefined : CLIENT_ARCH[clientArch];
  const seen = isIpxe(signs) ? 'ipxe' : known?.loader;
  return {
    clientArch,
    loader: efiStep ? 'u-boot' : (signs.loader ?? seen),
    arch: signs.arch ?? known?.arch,
    isUbootEfiStep: efiStep,
  };
}
