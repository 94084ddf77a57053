import type { InitrdContents } from '../core/bundle-contents.ts';
import { isModulePath, moduleName } from '../core/module-name.ts';
import { NewcReader, type NewcEntry } from '../wire/cpio/newc.ts';
import { packerOf } from '../wire/packer.ts';
import { ArchiveError } from './archive/archive-error.ts';
import { piecesOf, type ArchiveSource } from './archive/archive-source.ts';
import { unpack } from './archive/unpack.ts';

const UNPACKED_OCTETS_MAX = 4 * 1024 ** 3;
const ENTRIES_MAX = 200_000;
/** Names kept of each kind; an initrd with more is no initrd. */
const NAMES_MAX = 20_000;
/** Microcode, tables for ACPI, the initrd itself: a real one has three or four archives. */
const ARCHIVES_MAX = 100;
/** NAME_MAX of limits.h: no file system has a longer one. */
const NAME_OCTETS_MAX = 255;
const PEEK_OCTETS = 64 * 1024;

/**
 * What an initrd holds: plain archives one behind the other (early microcode), then one packed with what the kernel can
 * unpack, itself of one or more archives.
 * @throws ArchiveError when it is damaged, or packed in a way whose program is not installed.
 */
export async function readInitrd(source: ArchiveSource): Promise<InitrdContents> {
  const notes = createNotes(source.name);
  for (let at = 0; at < source.octets;) {
    const head = await source.read(at, PEEK_OCTETS);
    const zeros = head.findIndex((octet) => octet !== 0);
    if (zeros !== 0) at += zeros < 0 ? head.length : zeros;
    else if (head[0] === 0x30) at += await readArchive(piecesOf(source, at, source.octets), source.name, notes);
    else return readPacked(source, at, head, notes);
  }
  return notes.contents();
}

interface Notes {
  /** Another archive begins; each costs a reader, and the plain ones a reading. */
  readonly begin: () => NewcReader;
  readonly contents: () => InitrdContents;
}

function createNotes(name: string): Notes {
  const [programs, modules] = [new Set<string>(), new Set<string>()];
  let [archives, entries] = [0, 0];
  const refuse = (why: string): ArchiveError => new ArchiveError('bad-package', `${name} has ${why}; it is no initrd`);
  const take = ({ path, mode }: NewcEntry): void => {
    entries += 1;
    const into = isProgram(path, mode) ? programs : isModulePath(path) ? modules : undefined;
    if (entries > ENTRIES_MAX || (into && into.size >= NAMES_MAX))
      throw refuse(`more than ${into ? NAMES_MAX : ENTRIES_MAX} entries`);
    const last = path.split('/').at(-1) ?? path;
    if (last.length > NAME_OCTETS_MAX) throw refuse(`a name longer than ${NAME_OCTETS_MAX} octets`);
    into?.add(into === modules ? moduleName(last) : last);
  };
  return {
    begin: () => {
      archives += 1;
      if (archives > ARCHIVES_MAX) throw refuse(`more than ${ARCHIVES_MAX} archives`);
      return new NewcReader(take);
    },
    contents: () => ({ entries, programs: [...programs].sort(), modules: [...modules].sort() }),
  };
}

const FILE = 0o100000;
const LINK = 0o120000;
const TYPE = 0o170000;

/** What can be run: executable files, and links where programs lie, as busybox has them. */
function isProgram(path: string, mode: number): boolean {
  if ((mode & TYPE) === FILE) return (mode & 0o111) !== 0 && !isModulePath(path) && !/\.so(\.|$)/.test(path);
  return (mode & TYPE) === LINK && /(^|\/)s?bin\/[^/]+$/.test(path);
}

/** Reads one plain archive; gives its octets. */
async function readArchive(pieces: AsyncIterable<Uint8Array>, name: string, notes: Notes): Promise<number> {
  const reader = notes.begin();
  let octets = 0;
  for await (const piece of pieces) {
    octets += reader.push(piece);
    if (reader.fault !== undefined) throw damaged(name, reader.fault);
    if (reader.ended) return octets;
  }
  if (!reader.isBetween) throw damaged(name, 'it ends inside a file');
  return octets;
}

async function readPacked(source: ArchiveSource, at: number, head: Uint8Array, notes: Notes): Promise<InitrdContents> {
  const packing = packerOf(head);
  if (!packing) throw damaged(source.name, `at offset ${at} there is neither an archive nor a known packing`);
  const octets = piecesOf(source, at, source.octets);
  await unpack({ name: source.name, packing, octets, unpackedOctetsMax: UNPACKED_OCTETS_MAX }, (plain) =>
    readMany(plain, source.name, notes),
  );
  return notes.contents();
}

/** Archives one behind the other, with zeros between them. */
async function readMany(plain: AsyncIterable<Uint8Array>, name: string, notes: Notes): Promise<void> {
  let reader = notes.begin();
  for await (const piece of plain)
    for (let at = 0; at < piece.length;) {
      if (reader.isBetween && piece[at] === 0) at += 1;
      else {
        if (reader.ended) reader = notes.begin();
        at += reader.push(piece.subarray(at));
        if (reader.fault !== undefined) throw damaged(name, reader.fault);
      }
    }
  if (!reader.isBetween) throw damaged(name, 'it ends inside a file');
}

function damaged(name: string, why: string): ArchiveError {
  return new ArchiveError('bad-package', `${name} is not a readable initrd: ${why}; build it again`);
}
