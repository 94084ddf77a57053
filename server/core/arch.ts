import { err, ok, type Result } from './result.ts';

/** The processor architectures, in Debian's words. */
export const ARCHES = ['amd64', 'arm64', 'armhf', 'i386', 'riscv64'] as const;
export type Arch = (typeof ARCHES)[number];

/** Who asks for files. `grub` and `agent` only ever appear after another loader. */
export const LOADERS = ['pxe-bios', 'uefi', 'uefi-http', 'ipxe', 'u-boot', 'grub', 'rpi'] as const;
export type Loader = (typeof LOADERS)[number];

const ALIASES: ReadonlyMap<string, Arch> = new Map([
  ['x86_64', 'amd64'],
  ['x64', 'amd64'],
  ['aarch64', 'arm64'],
  ['armv8', 'arm64'],
  ['armv7l', 'armhf'],
  ['armv7', 'armhf'],
  ['arm', 'armhf'],
  ['i686', 'i386'],
  ['ia32', 'i386'],
]);

/** One vocabulary for architectures: Debian's word, `uname -m`'s or the firmware's. */
export function parseArch(text: string): Result<Arch> {
  const word = text.toLowerCase();
  const known = ARCHES.find((arch) => arch === word) ?? ALIASES.get(word);
  return known ? ok(known) : err(`"${text}" is not an architecture; known are ${ARCHES.join(', ')}`);
}

/** What a client system architecture type (DHCP option 93; RFC 4578 §2.1, IANA registry) says of its sender. */
export interface ClientArch {
  readonly arch: Arch;
  readonly loader: Loader;
}

/** The types Farrier knows, by number. A number that is not here is shown to the operator as it came. */
export const CLIENT_ARCH: Readonly<Record<number, ClientArch>> = {
  0: { arch: 'amd64', loader: 'pxe-bios' },
  6: { arch: 'i386', loader: 'uefi' },
  7: { arch: 'amd64', loader: 'uefi' },
  9: { arch: 'amd64', loader: 'uefi' },
  10: { arch: 'armhf', loader: 'uefi' },
  11: { arch: 'arm64', loader: 'uefi' },
  15: { arch: 'i386', loader: 'uefi-http' },
  16: { arch: 'amd64', loader: 'uefi-http' },
  18: { arch: 'armhf', loader: 'uefi-http' },
  19: { arch: 'arm64', loader: 'uefi-http' },
  21: { arch: 'armhf', loader: 'u-boot' },
  22: { arch: 'arm64', loader: 'u-boot' },
  27: { arch: 'riscv64', loader: 'uefi' },
};
