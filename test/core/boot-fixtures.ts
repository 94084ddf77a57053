import { ipv4, parseMac, parseSha256, type Mac, type Sha256 } from '../../server/core/address.ts';
import type { Board } from '../../server/core/board.ts';
import type { BootFacts, BootRequest } from '../../server/core/boot-plan.ts';
import type { Artefact, Bundle } from '../../server/core/bundle.ts';
import { BARE_MACHINE, type Machine, type MachineId } from '../../server/core/machine.ts';

/** A MAC that must parse. */
export function macFrom(text: string): Mac {
  const mac = parseMac(text);
  if (!mac.ok) throw new Error(mac.error);
  return mac.value;
}

/** A digest of one repeated pair of digits. */
export function digestOf(pair: string): Sha256 {
  const digest = parseSha256(pair.repeat(32));
  if (!digest.ok) throw new Error(digest.error);
  return digest.value;
}

export const MAC = macFrom('52:54:00:12:34:56');

export const artefact = (name: string, pair: string): Artefact => ({ name, sha256: digestOf(pair), octets: 1000 });

/** An arm64 u-boot board with small buffers. */
export const ubootBoard: Board = {
  name: 'bench-uboot',
  title: 'Bench board',
  arch: 'arm64',
  extends: undefined,
  compatible: [],
  signs: { clientArch: [22], vendorClass: [], oui: [], smbiosVendor: [], smbiosProduct: [], dtCompatible: [] },
  loaders: [
    { loader: 'u-boot', formats: ['extlinux', 'boot-script'], argOctetsMax: { extlinux: 255, 'boot-script': 1500 } },
  ],
  dtb: undefined,
  dtbMissing: undefined,
  console: { device: 'ttyAMA0', baud: 115200 },
  earlycon: undefined,
  loadAddresses: { kernel: '0x40400000', initrd: '0x44000000', dtb: '0x43e00000' },
  kernelFormat: 'Image',
  kernelArgs: [],
  kernelArgOctetsMax: 2047,
  tftp: { blksizeMax: undefined, windowsizeMax: undefined, options: true },
  powerOffS: 5,
  hasBmc: false,
  proof: 'untested',
  sources: [],
  file: 'dtbs/bench-uboot/board.yaml',
  shadows: undefined,
};

export const pcBoard: Board = {
  ...ubootBoard,
  name: 'bench-pc',
  arch: 'amd64',
  signs: { ...ubootBoard.signs, clientArch: [7, 9] },
  loaders: [
    { loader: 'uefi', formats: ['grub'], argOctetsMax: { grub: 2047 } },
    { loader: 'ipxe', formats: ['ipxe'], argOctetsMax: { ipxe: 2047 } },
    { loader: 'pxe-bios', formats: ['ipxe'], argOctetsMax: { ipxe: 2047 } },
  ],
  console: { device: 'ttyS0', baud: undefined },
  loadAddresses: undefined,
  kernelFormat: 'bzImage',
  file: 'dtbs/bench-pc/board.yaml',
};

export const agent: Bundle = {
  name: 'agent',
  version: '1',
  arch: 'arm64',
  role: 'agent',
  kernel: artefact('linux', 'a1'),
  initrd: artefact('initrd.gz', 'b2'),
  kernelArgs: [],
  loaders: [],
  callsHome: true,
  source: 'a test',
  createdMs: 0,
};

export const debian: Bundle = {
  ...agent,
  name: 'debian',
  version: '12',
  role: 'system',
  kernelArgs: ['quiet'],
  callsHome: false,
};

export const machine: Machine = {
  ...BARE_MACHINE,
  id: 'm-aaaaaaaaaa' as MachineId,
  name: 'mustang-03',
  state: 'ready',
  macs: [MAC],
  arch: 'arm64',
  board: 'bench-uboot',
  network: 'rack1',
  bundle: 'debian@12',
  createdMs: 0,
  seenMs: 0,
};

export const facts: BootFacts = {
  machine,
  board: ubootBoard,
  unknown: 'enlist',
  agent,
  bundle: debian,
  trial: undefined,
  machineDtb: undefined,
  siteArgs: [],
  parameters: [],
  server: { address: ipv4(0x0a4d0001), httpPort: 5240 },
  token: '0123456789abcdef0123456789abcdef',
};

/** u-boot's DHCP, before any file is asked for. */
export const uboot: BootRequest = {
  mac: MAC,
  clientArch: 22,
  vendorClass: 'U-Boot.armv8',
  userClass: undefined,
  systemUuid: undefined,
  loader: undefined,
  arch: undefined,
  format: undefined,
};

export const uefi: BootRequest = {
  ...uboot,
  clientArch: 7,
  vendorClass: 'PXEClient:Arch:00007:UNDI:003000',
  systemUuid: 'daf5ab7e-f6f5-53cd-9583-3dd819d43414',
};
