import type { Sha256 } from './address.ts';
import type { Arch, Loader } from './arch.ts';
import type { Artefact } from './bundle.ts';

/** The text formats a loader can be told its plan in. */
export const BOOT_FORMATS = ['extlinux', 'boot-script', 'grub', 'ipxe', 'rpi'] as const;
export type BootFormat = (typeof BOOT_FORMATS)[number];

/** How far a board's data has been shown to be right. */
export type Proof = 'tested' | 'emulated' | 'simulated' | 'untested';

/** One loader of a board: which formats it reads, and what it can hold. */
export interface BoardLoader {
  readonly loader: Loader;
  /** In order of preference. */
  readonly formats: readonly BootFormat[];
  /** Octets of kernel arguments that fit, per format, the closing NUL not counted (firmware measurements). */
  readonly argOctetsMax: Readonly<Partial<Record<BootFormat, number>>>;
  /** Formats in which it leaves the DTB's `/chosen/bootargs` alone: arguments too long for it may go there. */
  readonly dtbArgs?: readonly BootFormat[] | undefined;
}

/** What tells that a machine may be this board. All that are given must agree. */
export interface BoardSigns {
  /** Option 93 values. */
  readonly clientArch: readonly number[];
  /** Beginnings of option 60. */
  readonly vendorClass: readonly string[];
  /** First three octets of the MAC: `52:54:00`. */
  readonly oui: readonly string[];
  /** Beginnings of option 97 as text: a Raspberry Pi's tells its model there. */
  readonly systemUuid?: readonly string[];
  readonly smbiosVendor: readonly string[];
  readonly smbiosProduct: readonly string[];
  /** Entries of the device tree's root `compatible`. */
  readonly dtCompatible: readonly string[];
}

/** A device-tree blob that belongs to a board. */
export interface BoardDtb {
  readonly name: string;
  readonly sha256: Sha256;
  readonly octets: number;
  readonly source: string;
  readonly licence: string;
}

/** Habits of a board's TFTP client that the server bends to. */
export interface TftpHabits {
  readonly blksizeMax: number | undefined;
  readonly windowsizeMax: number | undefined;
  /** Whether RFC 2347 options are acknowledged at all. */
  readonly options: boolean;
  /** The block number it expects after 65535; 0 unless said. */
  readonly rollOverTo?: 0 | 1 | undefined;
  /** Whether all answers must come from the port that was asked, against RFC 1350 §4. */
  readonly singlePort?: boolean | undefined;
}

/** A file the board's own firmware fetches before any kernel, as `start4.elf` of a Raspberry Pi 4. */
export interface BoardFirmware {
  readonly name: string;
  readonly artefact: Artefact | undefined;
  /** Why there is none, in words; nothing when there is one. */
  readonly missing: string | undefined;
}

/** Addresses and sizes as u-boot writes them: hexadecimal. */
export interface LoadAddresses {
  readonly kernel?: string;
  readonly initrd?: string;
  readonly dtb?: string;
  /** Where a gzip'd Image is unpacked to (`kernel_comp_addr_r`), and the room there (`kernel_comp_size`). */
  readonly unpack?: string;
  readonly unpackOctets?: string;
}

/** Where u-boot puts a wrapped kernel and enters it. */
export interface KernelLoad {
  readonly load: number;
  readonly entry: number;
}

/** A kind of machine, as data. */
export interface Board {
  readonly name: string;
  readonly title: string;
  readonly arch: Arch;
  /** The board this one takes its unset fields from. */
  readonly extends: string | undefined;
  readonly compatible: readonly string[];
  readonly signs: BoardSigns;
  readonly loaders: readonly BoardLoader[];
  /** What is served as its DTB; nothing where the firmware's own tree (or ACPI) is right. */
  readonly dtb: BoardDtb | undefined;
  /** A DTB the board names but that is not there, in words: a refusal, never a guess. */
  readonly dtbMissing: string | undefined;
  readonly console: { readonly device: string; readonly baud: number | undefined } | undefined;
  readonly earlycon: string | undefined;
  /** Addresses as u-boot writes them, for boards whose environment lacks the names. */
  readonly loadAddresses: LoadAddresses | undefined;
  /** The form its loader starts; bundles that hold another one are turned into it (docs/boards.md). */
  readonly kernelFormat: 'Image' | 'Image.gz' | 'zImage' | 'bzImage' | 'uImage' | 'FIT';
  /** Where a uImage's or FIT's kernel is put and entered. */
  readonly kernelLoad?: KernelLoad | undefined;
  readonly kernelArgs: readonly string[];
  /** Octets of arguments its kernels take (COMMAND_LINE_SIZE less the NUL). */
  readonly kernelArgOctetsMax: number;
  readonly tftp: TftpHabits;
  /** What its firmware fetches first; all of it must be there. */
  readonly firmware?: readonly BoardFirmware[] | undefined;
  /** Lines of its own in a Raspberry Pi's config.txt. */
  readonly rpiConfig?: readonly string[] | undefined;
  /** Seconds it must stay off in a power cycle. */
  readonly powerOffS: number;
  readonly hasBmc: boolean;
  readonly proof: Proof;
  /** Where each fact comes from, in words. */
  readonly sources: readonly string[];
  /** The file it was read from, and the shipped one it shadows, if any. */
  readonly file: string;
  readonly shadows: string | undefined;
}
