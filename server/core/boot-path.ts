import { parseMac, type Mac } from './address.ts';
import type { BootFormat } from './board.ts';
import { isRpiName, rpiFolder, type RpiFolder } from './rpi.ts';

/** What a path asked for by a loader means. */
export type BootPath =
  /** A kernel, initrd or DTB by the beginning of its digest. */
  | { readonly is: 'artefact'; readonly sha256Start: string; readonly name: string }
  /** A text made from the asker's boot plan; `mac` where the path names one. */
  | { readonly is: 'config'; readonly format: BootFormat; readonly mac: Mac | undefined }
  /** The DTB made for the boot of that board, with its arguments in it. */
  | { readonly is: 'chosen-dtb'; readonly mac: Mac }
  /** A loader's own program, by its well-known name. */
  | { readonly is: 'loader'; readonly name: string }
  /** A file by a name only a Raspberry Pi asks for: `config.txt`, `overlays/overlay_map.dtb`. */
  | { readonly is: 'rpi'; readonly name: string }
  /** Such a name, or an artefact, in the folder a Raspberry Pi takes for its own. */
  | { readonly is: 'folder'; readonly folder: RpiFolder; readonly path: BootPath }
  /** Firmware searches; most of what it asks for is not there. */
  | { readonly is: 'unknown' };

/** The loaders' programs that agents bring along, by the name the firmware asks for. */
export const LOADER_FILES = [
  ...['shimx64.efi', 'grubx64.efi', 'shimaa64.efi', 'grubaa64.efi'],
  ...['undionly.kpxe', 'ipxe-amd64.efi', 'ipxe-arm64.efi', 'pxelinux.0', 'ldlinux.c32'],
] as const;

const FIXED: ReadonlyMap<string, BootFormat> = new Map([
  ['boot.scr.uimg', 'boot-script'],
  ['boot.ipxe', 'ipxe'],
  ['grub/grub.cfg', 'grub'],
]);

const CHOSEN = 'chosen';

/** Reads a path from the wire; leading slashes and empty parts do not count. */
export function parseBootPath(path: string): BootPath {
  return pathOf(path.split('/').filter((part) => part !== ''));
}

function pathOf(parts: readonly string[]): BootPath {
  const [first = '', second = '', third] = parts;
  if (parts.length === 3 && first === 'boot' && /^[0-9a-f]{16}$/.test(second) && third !== undefined)
    return { is: 'artefact', sha256Start: second, name: third };
  const format = FIXED.get(parts.join('/'));
  if (format) return { is: 'config', format, mac: undefined };
  // UEFI's HTTP boot asks below /boot/, where all boot files are over HTTP.
  const alone = parts.length === 2 && first === 'boot' ? second : parts.length === 1 ? first : undefined;
  const loader = LOADER_FILES.find((name) => name === alone);
  if (loader) return { is: 'loader', name: loader };
  if (isRpiName(parts.join('/'))) return { is: 'rpi', name: parts.join('/') };
  return chosenDtbOf(parts) ?? extlinuxOf(parts) ?? inFolder(parts) ?? { is: 'unknown' };
}

function inFolder(parts: readonly string[]): BootPath | undefined {
  const folder = parts.length > 1 ? rpiFolder(parts[0] ?? '') : undefined;
  const path = folder && pathOf(parts.slice(1));
  return folder && (path?.is === 'artefact' || path?.is === 'rpi') ? { is: 'folder', folder, path } : undefined;
}

/** `pxelinux.cfg/01-52-54-00-12-34-56`, in whichever folder (u-boot asks beside the bootfile it was named). */
function extlinuxOf(parts: readonly string[]): BootPath | undefined {
  const name = /^01-([0-9a-f]{2}(?:-[0-9a-f]{2}){5})$/i.exec(parts.at(-1) ?? '')?.[1];
  if (name === undefined || parts.at(-2) !== 'pxelinux.cfg') return undefined;
  const mac = parseMac(name);
  return mac.ok ? { is: 'config', format: 'extlinux', mac: mac.value } : undefined;
}

function chosenDtbOf(parts: readonly string[]): BootPath | undefined {
  const name = /^01-([0-9a-f]{2}(?:-[0-9a-f]{2}){5})\.dtb$/.exec(parts.at(-1) ?? '')?.[1];
  if (name === undefined || parts.at(-2) !== CHOSEN) return undefined;
  const mac = parseMac(name);
  return mac.ok ? { is: 'chosen-dtb', mac: mac.value } : undefined;
}

/** The path of a DTB that is made for one boot. It carries what the boot's config carries, so only that board may read it. */
export function chosenDtbPath(mac: Mac): string {
  return `${CHOSEN}/01-${mac.replaceAll(':', '-')}.dtb`;
}

/** The path a loader asks for its config by: the other way round of `parseBootPath`. */
export function configPath(format: BootFormat, mac: Mac): string {
  switch (format) {
    case 'extlinux':
      return `pxelinux.cfg/01-${mac.replaceAll(':', '-')}`;
    case 'boot-script':
      return 'boot.scr.uimg';
    case 'grub':
      return '/grub/grub.cfg';
    case 'ipxe':
      return 'boot.ipxe';
    case 'rpi':
      return 'config.txt';
  }
}
