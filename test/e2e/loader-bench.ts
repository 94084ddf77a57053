import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join, normalize } from 'node:path';
import { ended } from '../../lab/child-process.ts';
import { layLan, tool, type Lan } from '../../lab/netns.ts';
import { ipv4, type Mac } from '../../server/core/address.ts';
import { artefactPath, type Artefact } from '../../server/core/bundle.ts';
import { digestOf } from '../../server/files/board-dtb.ts';
import { crc32 } from '../../server/wire/uboot/crc32.ts';
import { startDnsmasq } from '../support/dnsmasq.ts';

const HTTP_PORT = 5240;
const NET = '10.79.0';

/** Where the loaders under test find the server. */
export const BENCH_SERVER = { address: ipv4(0x0a4f0001), httpPort: HTTP_PORT };

/** A LAN with dnsmasq (DHCP, TFTP) and a small HTTP server over one folder, and QEMU machines plugged into it. */
export interface LoaderBench {
  put(path: string, octets: Uint8Array): void;
  store(name: string, octets: Uint8Array): Artefact;
  /** Compiles a device tree. */
  dtb(source: string): Promise<Uint8Array>;
  /** Runs a u-boot board until it switches itself off; gives all that its serial port said. */
  runUboot(arch: 'arm64' | 'armhf', mac: Mac, environment: readonly string[]): Promise<Buffer>;
  /** Runs a PC with SeaBIOS, whose network card carries iPXE. */
  runPc(mac: Mac): Promise<Buffer>;
  /** Runs a PC with OVMF, which boots `grubx64.efi`. */
  runEfi(mac: Mac): Promise<Buffer>;
  remove(): Promise<void>;
}

const MACHINES = {
  arm64: [
    'qemu-system-aarch64',
    '-machine',
    'virt',
    '-cpu',
    'cortex-a57',
    '-bios',
    '/usr/lib/u-boot/qemu_arm64/u-boot.bin',
  ],
  armhf: [
    'qemu-system-arm',
    '-machine',
    'virt,highmem=off',
    '-cpu',
    'cortex-a15',
    '-bios',
    '/usr/lib/u-boot/qemu_arm/u-boot.bin',
  ],
  efi: [
    ...['qemu-system-x86_64', '-machine', 'q35', '-device', 'isa-debug-exit,iobase=0xf4,iosize=4', '-drive'],
    ...['if=pflash,unit=0,readonly=on,format=raw,file=/usr/share/OVMF/OVMF_CODE_4M.fd', '-snapshot', '-drive'],
    'if=pflash,unit=1,format=raw,file=/usr/share/OVMF/OVMF_VARS_4M.fd',
  ],
  pc: ['qemu-system-x86_64', '-machine', 'pc,graphics=off', '-device', 'isa-debug-exit,iobase=0xf4,iosize=4'],
} as const;

/** u-boot's saved environment in a flash of 64 MiB: CRC-32 (little-endian here), then name=value texts. */
function writeEnvironment(path: string, lines: readonly string[]): void {
  const flash = new Uint8Array(0x40000);
  flash.set(new TextEncoder().encode(`${lines.join('\0')}\0`), 4);
  new DataView(flash.buffer).setUint32(0, crc32(flash.subarray(4)), true);
  writeFileSync(path, flash);
  truncateSync(path, 64 << 20);
}

function serveFolder(folder: string): Server {
  return createServer((request, response) => {
    try {
      response.end(readFileSync(join(folder, normalize(request.url ?? '/'))));
    } catch {
      response.writeHead(404).end();
    }
  });
}

/** Which loader each firmware is given; u-boot asks for its own names. */
const DNSMASQ = [
  ...['dhcp-match=set:ipxe,175', 'dhcp-boot=tag:ipxe,boot.ipxe'],
  ...['dhcp-match=set:uefi,93,7', 'dhcp-boot=tag:uefi,tag:!ipxe,grubx64.efi'],
];

/** Lays the bench. `bridge` also begins the names of the taps and must be unique to its test. */
export async function layBench(bridge: string): Promise<LoaderBench> {
  const folder = mkdtempSync(join(tmpdir(), 'farrier-loaders-'));
  const lan = await layLan(bridge, `${NET}.1/24`);
  const dnsmasq = await startDnsmasq(folder, { bridge, prefix24: NET }, DNSMASQ);
  const http = serveFolder(folder).listen(HTTP_PORT, `${NET}.1`);
  await once(http, 'listening');
  const put = (path: string, octets: Uint8Array): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), octets);
  };
  let taps = 0;
  const run = async (kind: keyof typeof MACHINES, mac: Mac, more: readonly string[]): Promise<Buffer> => {
    taps += 1;
    return runMachine(lan, folder, `${bridge}${taps}`, kind, mac, more);
  };
  return {
    put,
    store: (name, octets) => {
      const artefact = { name, sha256: digestOf(octets), octets: octets.length };
      put(artefactPath(artefact), octets);
      return artefact;
    },
    dtb: async (source) => {
      put('tree.dts', new TextEncoder().encode(`/dts-v1/; ${source}`));
      await tool('dtc', ['-O', 'dtb', '-o', join(folder, 'tree.dtb'), join(folder, 'tree.dts')]);
      return readFileSync(join(folder, 'tree.dtb'));
    },
    runUboot: (arch, mac, environment) => {
      const env = join(folder, 'environment.fd');
      writeEnvironment(env, environment);
      return run(arch, mac, ['-drive', `if=pflash,unit=1,format=raw,file=${env}`]);
    },
    runPc: (mac) => run('pc', mac, []),
    runEfi: (mac) => run('efi', mac, []),
    remove: async () => {
      await dnsmasq.stop();
      http.close();
      http.closeAllConnections();
      await lan.remove();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A machine switches itself off when it has spoken; one that does not is ended, later than a busy host needs. */
const ENDS_MS = 300_000;

async function runMachine(
  lan: Lan,
  folder: string,
  tap: string,
  kind: keyof typeof MACHINES,
  mac: Mac,
  more: readonly string[],
): Promise<Buffer> {
  await lan.addTap(tap);
  const serial = join(folder, `${tap}.serial`);
  const [command, ...machine] = MACHINES[kind];
  const rom = { pc: ',bootindex=0', efi: ',bootindex=0,romfile=', arm64: ',romfile=', armhf: ',romfile=' }[kind];
  const args = [
    ...machine,
    ...[
      '-m',
      kind === 'efi' ? '768' : '256',
      '-accel',
      'tcg',
      '-display',
      'none',
      '-nodefaults',
      '-serial',
      `file:${serial}`,
    ],
    ...['-netdev', `tap,id=n0,ifname=${tap},script=no,downscript=no`],
    ...['-device', `virtio-net-pci,netdev=n0,mac=${mac},disable-legacy=on${rom}`, ...more],
  ];
  const qemu = spawn(command, args, {
    stdio: ['ignore', 'ignore', 'inherit'],
    timeout: ENDS_MS,
    killSignal: 'SIGKILL',
  });
  await ended(qemu);
  return readFileSync(serial);
}
