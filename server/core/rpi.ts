import type { Mac } from './address.ts';
import type { BoardFirmware } from './board.ts';
import { artefactPath, type Artefact } from './bundle.ts';

/** Option 60 of every Raspberry Pi's ROM and EEPROM: a PC's, although it is none (Raspberry Pi documentation, network boot). */
const VENDOR_CLASS = 'PXEClient:Arch:00000:UNDI:002001';
/** Beginnings of the MACs Raspberry Pi Ltd has given out (IEEE registry). */
const OUIS = ['b8:27:eb', 'dc:a6:32', 'e4:5f:01', 'd8:3a:dd', '2c:cf:67', '28:cd:c1'];
/** "RPi4" and "RPi5" at the head of option 97, which is written little-endian (documentation of DHCP_OPTION97). */
/** The ROM of the Raspberry Pi 3B sends sixteen letters D. */
const NO_SERIAL = '44444444';
const FOURCC = /^3[45]695052-/;
/** Option 93 of a PC with a BIOS, which every Raspberry Pi sends over IPv4, and IANA's own number for it. */
const CLIENT_ARCHES: readonly (number | undefined)[] = [undefined, 0, 41];
/** Longer lines of config.txt are cut without a word: 98, and 78 in older firmware (documentation of config.txt). */
export const RPI_LINE_OCTETS_MAX = 78;

/** What of a packet tells a Raspberry Pi. */
export interface RpiSigns {
  readonly mac?: Mac | undefined;
  /** Option 93. */
  readonly clientArch: number | undefined;
  /** Option 60. */
  readonly vendorClass?: string | undefined;
  /** Option 77. */
  readonly userClass: string | undefined;
  /** Option 97 as text. */
  readonly systemUuid: string | undefined;
}

/**
 * Whether the ROM or EEPROM of a Raspberry Pi asks, by DHCP alone. It calls itself a PC with a BIOS, so that only its MAC
 * (with the very vendor class) or the name in option 97 tells. A system or another loader on such a board is none.
 */
export function isRaspberryPi(signs: RpiSigns): boolean {
  if (signs.userClass?.includes('iPXE') || !CLIENT_ARCHES.includes(signs.clientArch)) return false;
  if (signs.clientArch === 41) return true;
  if (signs.vendorClass !== undefined && signs.vendorClass !== VENDOR_CLASS) return false;
  if (FOURCC.test(signs.systemUuid ?? '')) return true;
  return signs.vendorClass === VENDOR_CLASS && OUIS.includes(signs.mac?.slice(0, 8) ?? '');
}

/** The folder a Raspberry Pi puts before each name: its serial number's last eight digits, or its MAC (TFTP_PREFIX). */
export type RpiFolder = { readonly serial: string } | { readonly mac: string };

/** Reads a folder's name; nothing when no Raspberry Pi would put it there. */
export function rpiFolder(name: string): RpiFolder | undefined {
  if (/^[0-9a-f]{8}$/i.test(name)) return { serial: name.toLowerCase() };
  if (/^[0-9a-f]{2}(-[0-9a-f]{2}){5}$/i.test(name)) return { mac: name.toLowerCase().replaceAll('-', ':') };
  return undefined;
}

/** Whether a folder may be the asker's: its MAC, or the serial number where option 97 tells it. */
export function isOwnFolder(folder: RpiFolder, asker: { readonly mac: Mac; readonly systemUuid: string | undefined }) {
  if ('mac' in folder) return folder.mac === asker.mac;
  const serials = serialsOf(asker.systemUuid);
  return serials.length === 0 || serials.includes(folder.serial);
}

/**
 * The serial numbers option 97 may mean: its last four octets, or all four words when they are one number (older EEPROMs
 * and the Raspberry Pi 3B+). Either order of octets is taken, for the documentation does not say which.
 */
function serialsOf(systemUuid: string | undefined): readonly string[] {
  const last = systemUuid?.slice(-8) ?? '';
  const swapped = (last.match(/../g) ?? []).reverse().join('');
  const digits = systemUuid?.replaceAll('-', '') ?? '';
  const repeats = last !== NO_SERIAL && last !== '' && digits.slice(16) === last + last;
  return FOURCC.test(systemUuid ?? '') || repeats ? [last, swapped] : [];
}

/** Names besides kernel, initrd and DTB that a Raspberry Pi asks for and a board may have. */
const NAMES =
  /^(config\.txt|cmdline\.txt|bootcode\.bin|(start|fixup)\w{0,8}\.(elf|dat)|bcm2\d{3}[\w-]{1,60}\.dtb|overlays\/[\w-][\w.+-]{0,95})$/;

/** Whether a path (without the folder) is one of the names only a Raspberry Pi asks for. */
export function isRpiName(path: string): boolean {
  return NAMES.test(path);
}

/** The path a firmware file of a board is asked by: overlays and their map lie in a folder of their own. */
export function firmwarePath(name: string): string {
  return /\.dtbo?$/.test(name) ? `overlays/${name}` : name;
}

/** The lines of config.txt that name what a plan boots. `initramfs` has no equals sign (documentation of config.txt). */
export function rpiFileLines(plan: {
  readonly kernel: Artefact;
  readonly initrd: Artefact | undefined;
  readonly dtb: Artefact | undefined;
}): readonly string[] {
  return [
    `kernel=${artefactPath(plan.kernel)}`,
    ...(plan.initrd ? [`initramfs ${artefactPath(plan.initrd)} followkernel`] : []),
    ...(plan.dtb ? [`device_tree=${artefactPath(plan.dtb)}`] : []),
  ];
}

/** What a board's own line of config.txt must not set, because the plan does. */
const OURS = /^(kernel|initramfs|ramfsfile|ramfsaddr|device_tree|cmdline|os_prefix|arm_64bit|include)\b/;

/** Why a board's own line cannot stand in config.txt; nothing when it can. */
export function faultOfRpiLine(line: string): string | undefined {
  if (!/^[\x20-\x7e]+$/.test(line)) return 'it holds a character that is not plain ASCII';
  if (line.length > RPI_LINE_OCTETS_MAX) return `it is longer than ${RPI_LINE_OCTETS_MAX} octets, which are cut`;
  return OURS.test(line.trim()) ? 'Farrier sets that itself' : undefined;
}

/** The firmware files a board needs, found on the board or among the loaders of a bundle; or which one is not there. */
export function firmwareOf(
  wanted: readonly BoardFirmware[],
  loaders: readonly Artefact[],
): { readonly files: readonly Artefact[]; readonly missing: string | undefined } {
  const found = wanted.map((each) => each.artefact ?? loaders.find((loader) => loader.name === each.name));
  const at = found.findIndex((each) => each === undefined);
  const files = found.filter((each) => each !== undefined);
  return { files, missing: at < 0 ? undefined : (wanted[at]?.missing ?? `${wanted[at]?.name ?? ''} is not there`) };
}
