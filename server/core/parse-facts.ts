import { parseIpv4, parseMac, parseSha256, isGroupMac, type Ipv4, type Mac, type Sha256 } from './address.ts';
import { parseArch } from './arch.ts';
import { bmcAddressOf } from './bmc.ts';
import { armCoreName } from './cpu-name.ts';
import type { DiskFact, Facts, NicFact } from './facts.ts';
import { filesOf, linesOf, plainText, sectionOf, type RawFacts } from './raw-facts.ts';

const PARTS_MAX = 64;
const COMPATIBLE_MAX = 32;
const SECTOR_OCTETS = 512;
/** What vendors leave in SMBIOS where a value should be (dmidecode of many boards). */
const FILLERS =
  /^(to be filled by o\.?e\.?m\.?|default string|not specified|not applicable|none|n\/a|unknown|system (manufacturer|product name|serial number|version)|o\.?e\.?m\.?|0+|0?123456789|x+|\.+)$/i;
/** UUIDs that whole product lines share: firmware builders' examples. */
const SHARED_UUIDS: ReadonlySet<string> = new Set([
  '03000200-0400-0500-0006-000700080009',
  '12345678-1234-5678-90ab-cddeefaabbcc',
]);

/** Makes facts of what an agent sent. Hostile or missing text gives less facts, never an exception. */
export function parseFacts(raw: RawFacts): Facts {
  const uname = sectionOf(raw, 'uname').trim().split(/\s+/, 64);
  const arch = parseArch(uname.at(-1) ?? '');
  const dmi = new Map(filesOf(raw, 'dmi').map(([path, value]) => [path.split('/').at(-1) ?? '', value]));
  return {
    arch: arch.ok ? arch.value : undefined,
    cpuModel: cpuModelOf(linesOf(raw, 'cpuinfo')),
    cpuCount: linesOf(raw, 'cpuinfo').filter((line) => /^processor\s*:/.test(line)).length,
    memoryOctets: memoryOf(linesOf(raw, 'meminfo')),
    disks: disksOf(raw),
    nics: nicsOf(raw),
    systemUuid: uuidOf(dmi.get('product_uuid')),
    vendor: smbiosText(dmi.get('sys_vendor')) ?? smbiosText(dmi.get('board_vendor')),
    product: smbiosText(dmi.get('product_name')) ?? smbiosText(dmi.get('board_name')),
    serial: smbiosText(dmi.get('product_serial')) ?? smbiosText(sectionOf(raw, 'dt-serial')),
    dtModel: plainText(sectionOf(raw, 'dt-model')),
    dtCompatible: sectionOf(raw, 'dt-compatible')
      .split('\0', COMPATIBLE_MAX)
      .flatMap((each) => plainText(each) ?? []),
    kernel: plainText(uname[1]),
    cmdline: cmdlineOf(sectionOf(raw, 'cmdline')),
    bmcAddress: bmcAddressOf(raw),
  };
}

/** The digest of the device tree as the kernel got it: what was seen, to lay beside what was served. */
export function fdtSha256Of(raw: RawFacts): Sha256 | undefined {
  const digest = parseSha256(sectionOf(raw, 'fdt-sha256').slice(0, 64));
  return digest.ok ? digest.value : undefined;
}

function smbiosText(text: string | undefined): string | undefined {
  const plain = plainText(text);
  return plain !== undefined && FILLERS.test(plain) ? undefined : plain;
}

function uuidOf(text: string | undefined): string | undefined {
  const uuid = (text ?? '').trim().toLowerCase();
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(uuid)) return undefined;
  return /^[0-]+$|^[f-]+$/.test(uuid) || SHARED_UUIDS.has(uuid) ? undefined : uuid;
}

/** The kernel arguments, with the token gone: it is void by now, but no page needs to show it. */
function cmdlineOf(text: string): string | undefined {
  const line = text.replace(/farrier\.token=\S*/g, 'farrier.token=…').replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Z}]+/gu, ' ');
  const cut = line.trim().slice(0, 4096);
  return cut === '' ? undefined : cut;
}

function cpuModelOf(lines: readonly string[]): string | undefined {
  const value = (key: string): string | undefined =>
    lines
      .find((line) => line.startsWith(key) && /^\s*:/.test(line.slice(key.length)))
      ?.slice(key.length)
      .replace(/^\s*:/, '')
      .trim();
  const [implementer, part] = [value('CPU implementer'), value('CPU part')];
  if (implementer !== undefined && part !== undefined) return plainText(armCoreName(implementer, part));
  return plainText(value('model name') ?? value('Hardware') ?? value('Model'));
}

function memoryOf(lines: readonly string[]): number {
  const found = lines.flatMap((line) => /^MemTotal:\s{0,40}(\d{1,12}) kB/.exec(line)?.[1] ?? [])[0];
  return Number(found ?? 0) * 1024;
}

/** `/sys/block/sda/queue/rotational:1` as `sda` → `queue/rotational` → `1`. */
function devicesOf(raw: RawFacts, section: string, prefix: string): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const devices = new Map<string, Map<string, string>>();
  for (const [path, value] of filesOf(raw, section)) {
    const [, name, rest] =
      /^([A-Za-z0-9._!@-]{1,32})\/(.{1,64})$/.exec(path.startsWith(prefix) ? path.slice(prefix.length) : '') ?? [];
    if (name === undefined || rest === undefined) continue;
    const device = devices.get(name) ?? new Map<string, string>();
    if (devices.size >= PARTS_MAX && !devices.has(name)) continue;
    devices.set(name, device.set(rest, value));
  }
  return new Map([...devices].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function disksOf(raw: RawFacts): readonly DiskFact[] {
  return [...devicesOf(raw, 'block', '/sys/block/')].flatMap(([name, files]) => {
    const sectors = /^\d{1,12}$/.exec(files.get('size')?.trim() ?? '')?.[0];
    const isDisk = !/^(loop|ram|zram|sr|fd|nbd|md|dm-|mtdblock)\d|^mmcblk\d+(boot|rpmb)/.test(name);
    if (!isDisk || sectors === undefined || Number(sectors) === 0) return [];
    return {
      name,
      octets: Number(sectors) * SECTOR_OCTETS,
      model: modelOf(files),
      serial: plainText(files.get('serial') ?? files.get('device/serial') ?? files.get('device/vpd_pg80')),
      rotational: files.get('queue/rotational')?.trim() === '1',
    };
  });
}

/** SCSI disks have their maker apart; on SATA it says `ATA`, on virtio and PCI it is a number. */
function modelOf(files: ReadonlyMap<string, string>): string | undefined {
  const vendor = plainText(files.get('device/vendor')) ?? '';
  const model = plainText(files.get('device/model') ?? files.get('device/name'));
  const isMaker = vendor !== '' && !/^(0x[0-9a-f]+|ata)$/i.test(vendor);
  return model !== undefined && isMaker && !model.startsWith(vendor) ? plainText(`${vendor} ${model}`) : model;
}

function nicsOf(raw: RawFacts): readonly NicFact[] {
  return [...devicesOf(raw, 'net', '/sys/class/net/')].flatMap(([name, files]) => {
    const mac = parseMac((files.get('address') ?? '').trim());
    if (!mac.ok || !isMachineMac(mac.value) || files.get('type')?.trim() !== '1') return [];
    const speed = /^\d{1,7}$/.exec(files.get('speed')?.trim() ?? '')?.[0];
    return {
      name,
      mac: mac.value,
      driver: plainText(files.get('device/driver')),
      speedMbit: speed === undefined ? undefined : Number(speed),
      linkUp: files.get('operstate')?.trim() === 'up',
      addresses: addressesOf(linesOf(raw, 'ip-addr'), name),
    };
  });
}

function isMachineMac(mac: Mac): boolean {
  return !isGroupMac(mac) && mac !== '00:00:00:00:00:00';
}

/** From `ip -o -4 addr`: `2: eth0    inet 10.77.0.100/24 scope global eth0`. */
function addressesOf(lines: readonly string[], name: string): readonly Ipv4[] {
  return lines.slice(0, 4 * PARTS_MAX).flatMap((line) => {
    const [, device, , address = ''] = line.trim().split(/\s+/, 4);
    const parsed = parseIpv4(address.split('/', 1)[0] ?? '');
    return device === name && parsed.ok ? [parsed.value] : [];
  });
}
