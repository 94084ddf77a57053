import { moduleName } from '../server/core/module-name.ts';

/** What a kernel module says of itself in its `.modinfo` section. Names are with underscores, as the kernel has them. */
export interface ModInfo {
  /** Modules that must be there first. */
  readonly depends: readonly string[];
  /** Modules it would like to be loaded before it. */
  readonly softPre: readonly string[];
  /** Patterns of the devices it drives. */
  readonly aliases: readonly string[];
}

/** Reads the `.modinfo` section of a little-endian ELF object (elf(5)); nothing when there is none. Never throws. */
export function readModInfo(elf: Buffer): ModInfo | undefined {
  const section = findSection(elf, '.modinfo');
  if (!section) return undefined;
  const lines = section.toString('latin1').split('\0');
  const values = (key: string): readonly string[] =>
    lines.filter((line) => line.startsWith(`${key}=`)).map((line) => line.slice(key.length + 1));
  const names = (text: string): readonly string[] =>
    text
      .split(/[\s,]+/)
      .filter(Boolean)
      .map(moduleName);
  return {
    depends: values('depends').flatMap(names),
    softPre: values('softdep').flatMap((text) => names(/^pre:(.*?)(?:\bpost:|$)/.exec(text)?.[1] ?? '')),
    aliases: values('alias'),
  };
}

interface Section {
  readonly nameAt: number;
  readonly at: number;
  readonly octets: number;
}

function findSection(elf: Buffer, name: string): Buffer | undefined {
  const little = elf.length >= 64 && elf.readUInt32BE(0) === 0x7f454c46 && elf[5] === 1;
  if (!little) return undefined;
  const wide = elf[4] === 2;
  const tableAt = wide ? Number(elf.readBigUInt64LE(0x28)) : elf.readUInt32LE(0x20);
  const [size, count, namesIndex] = [0, 2, 4].map((step) => elf.readUInt16LE((wide ? 0x3a : 0x2e) + step));
  if (size === undefined || count === undefined || namesIndex === undefined) return undefined;
  if (size < (wide ? 64 : 40) || tableAt + size * count > elf.length) return undefined;
  const sections = Array.from({ length: count }, (_, index) => sectionAt(elf, tableAt + index * size, wide));
  const names = sections[namesIndex];
  const named = (at: number): boolean => elf.toString('latin1', at, at + name.length + 1) === `${name}\0`;
  const found = sections.find((each) => names && named(Math.min(names.at + each.nameAt, elf.length)));
  return found && found.at + found.octets <= elf.length ? elf.subarray(found.at, found.at + found.octets) : undefined;
}

function sectionAt(elf: Buffer, at: number, wide: boolean): Section {
  const nameAt = elf.readUInt32LE(at);
  if (!wide) return { nameAt, at: elf.readUInt32LE(at + 0x10), octets: elf.readUInt32LE(at + 0x14) };
  return { nameAt, at: Number(elf.readBigUInt64LE(at + 0x18)), octets: Number(elf.readBigUInt64LE(at + 0x20)) };
}
