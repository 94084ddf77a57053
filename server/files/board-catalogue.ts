import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Sha256 } from '../core/address.ts';
import type { Board, DtbWish, KernelLoad } from '../core/board.ts';
import { contentInMemory, type Content } from '../ports/artefacts.ts';
import type { ShelfCatalogue } from './board-shelf.ts';
import { checkDtb, digestOf, readDtb, type DeclaredDtb } from './board-dtb.ts';
import { declaredFirmware, readFirmware, type DeclaredFirmware, type FirmwareRead } from './board-firmware.ts';
import { readBoardText, type BoardFinding, type BoardRow, type BoardText } from './board-file.ts';
import { stampOf } from './file-stamp.ts';

/** The file that makes a folder a board. */
const BOARD_FILE = 'board.yaml';
const EXTENDS_MAX = 8;

/** The catalogue, and what the daemon does with it besides asking. */
export interface BoardCatalogue extends ShelfCatalogue {
  /** Reads again what has changed on disk since the last time; says whether anything had. Cheap: one stat a file. */
  refresh(): boolean;
  /** What is wrong with the files; boards with errors are not in the list. */
  findings(): readonly BoardFinding[];
}

/** One `board.yaml` of one folder. */
interface Layer {
  readonly name: string;
  readonly folder: string;
  readonly file: string;
  readonly text: BoardText;
}

/** What was read at one time. */
interface Reading {
  readonly boards: ReadonlyMap<string, Board>;
  readonly paths: ReadonlyMap<string, Read['paths']>;
  /** Paths of DTB files by digest. */
  readonly dtbs: ReadonlyMap<Sha256, string>;
  /** Firmware files, whole: a few that all boards of a kind fetch at each boot. */
  readonly firmware: ReadonlyMap<Sha256, Content>;
  readonly findings: readonly BoardFinding[];
  readonly fingerprint: string;
}

/**
 * Opens the catalogue: the shipped folder first, then the site's, each of which shadows boards of the same name before
 * it. A board that shadows and is broken is missing, loudly: it never gives way to the one it was to replace.
 */
export function openBoards(folders: readonly string[]): BoardCatalogue {
  let reading = readAll(folders);
  return {
    list: () => [...reading.boards.values()],
    byName: (name) => reading.boards.get(name),
    findDtb: (start) => findOne([...reading.dtbs.keys()], start),
    openDtb: (sha256) => Promise.resolve(reading.firmware.get(sha256) ?? contentOf(reading.dtbs.get(sha256), sha256)),
    pathsOf: (name) => reading.paths.get(name) ?? { dtb: undefined, overlays: [] },
    findings: () => reading.findings,
    refresh: () => {
      if (fingerprintOf(folders) === reading.fingerprint) return false;
      reading = readAll(folders);
      return true;
    },
  };
}

function findOne(digests: readonly Sha256[], start: string): Sha256 | undefined {
  const found = start.length < 16 ? [] : digests.filter((digest) => digest.startsWith(start));
  return found.length === 1 ? found[0] : undefined;
}

function contentOf(path: string | undefined, sha256: Sha256): Content | undefined {
  const octets = path === undefined ? undefined : readDtb(path);
  return octets && digestOf(octets) === sha256 ? contentInMemory(sha256, octets) : undefined;
}

function readAll(folders: readonly string[]): Reading {
  const fingerprint = fingerprintOf(folders);
  const findings: BoardFinding[] = [];
  const layers = new Map<string, (Layer | undefined)[]>();
  for (const { name, folder } of boardFolders(folders))
    layers.set(name, [...(layers.get(name) ?? []), readLayer(name, folder, findings)]);
  const boards = new Map<string, Board>();
  const paths = new Map<string, Read['paths']>();
  const dtbs = new Map<Sha256, string>();
  const firmware = new Map<Sha256, Content>();
  for (const name of [...layers.keys()].sort()) {
    const board = boardOf(name, layers, findings);
    if (!board) continue;
    boards.set(name, board.board);
    for (const content of board.firmware.contents) firmware.set(content.sha256, content);
    paths.set(name, board.paths);
    if (board.board.dtb && board.paths.dtb !== undefined) dtbs.set(board.board.dtb.sha256, board.paths.dtb);
  }
  return { boards, paths, dtbs, firmware, findings, fingerprint };
}

function boardFolders(folders: readonly string[]): readonly { name: string; folder: string }[] {
  return folders.flatMap((root) =>
    namesIn(root)
      .map((name) => ({ name, folder: join(root, name) }))
      .filter(({ folder }) => stampOf(join(folder, BOARD_FILE)) !== undefined),
  );
}

function readLayer(name: string, folder: string, findings: BoardFinding[]): Layer | undefined {
  const file = join(folder, BOARD_FILE);
  const read = readBoardText(file, readFileSync(file, 'utf8'));
  const badName = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name) ? [] : [nameFinding(file, name)];
  findings.push(...(read.ok ? [] : read.error), ...badName);
  return read.ok && badName.length === 0 ? { name, folder, file, text: read.value } : undefined;
}

function nameFinding(file: string, name: string): BoardFinding {
  const said = `the folder "${name}" cannot name a board`;
  return { file, line: 1, column: 1, severity: 'error', words: said, remedy: 'use small letters, digits and dashes' };
}

/** A board, and where its files lie. */
interface Read {
  readonly board: Board;
  readonly paths: ReturnType<ShelfCatalogue['pathsOf']>;
  readonly firmware: FirmwareRead;
}

/** A row with all it inherits, and where its DTB lies. */
interface Whole {
  readonly row: BoardRow;
  readonly dtb: DeclaredDtb | undefined;
  readonly firmware: readonly DeclaredFirmware[] | undefined;
  readonly overlays: readonly string[];
}

function boardOf(
  name: string,
  layers: ReadonlyMap<string, readonly (Layer | undefined)[]>,
  findings: BoardFinding[],
): Read | undefined {
  const own = layers.get(name) ?? [];
  const layer = own.at(-1);
  if (!layer) return undefined;
  const fault = (path: readonly string[], words: string, remedy: string): void => {
    findings.push({ file: layer.file, ...layer.text.place(path), severity: 'error', words, remedy });
  };
  const whole = inherit(layer, own.length - 1, layers, EXTENDS_MAX);
  if (typeof whole === 'string') {
    fault(['extends'], whole, 'name a board that is there and not built on this one');
    return undefined;
  }
  const { row } = whole;
  const { title, arch, loaders, kernelFormat, sources } = row;
  if (!title || !arch || !loaders || !kernelFormat || !sources) {
    fault([], 'title, sources, arch, loaders and kernelFormat must be given', 'the last three may come by extends');
    return undefined;
  }
  const dtb = whole.dtb && checkDtb(whole.dtb, row.compatible ?? []);
  const firmware = readFirmware(whole.firmware ?? []);
  const shadows = own.length > 1 ? own.at(-2)?.file : undefined;
  const board: Board = {
    ...complete({ ...row, title, arch, loaders, kernelFormat, sources }),
    name,
    extends: layer.text.row.extends,
    dtb: dtb?.ok ? dtb.value : undefined,
    dtbWish: row.dtb && wishOf(row.dtb),
    overlays: row.overlays,
    dtbMissing: dtb && !dtb.ok ? dtb.error : undefined,
    firmware: firmware.firmware,
    file: layer.file,
    shadows,
  };
  return { board, paths: { dtb: whole.dtb?.path, overlays: whole.overlays }, firmware };
}

/** What a board says for itself alone: another board's proof proves nothing of this one. */
const UNLENT = { title: undefined, proof: undefined, sources: undefined } as const;

/** Takes unset fields from the board it extends; a board may extend the very one it shadows. */
function inherit(
  layer: Layer,
  depth: number,
  layers: ReadonlyMap<string, readonly (Layer | undefined)[]>,
  left: number,
): Whole | string {
  const { row } = layer.text;
  const own: Whole = {
    row,
    dtb: row.dtb && declaredDtb(layer.folder, row.dtb),
    firmware: declaredFirmware(layer.folder, row),
    overlays: (row.overlays ?? []).map((file) => join(layer.folder, file)),
  };
  if (row.extends === undefined) return own;
  if (left === 0) return `"${layer.name}" extends too many boards, or itself`;
  const above = layers.get(row.extends) ?? [];
  const at = row.extends === layer.name ? depth - 1 : above.length - 1;
  const parent = above[at];
  if (!parent) return `"${row.extends}", which it extends, is not there or has errors`;
  const whole = inherit(parent, at, layers, left - 1);
  if (typeof whole === 'string') return whole;
  const lent = row.extends === layer.name ? whole.row : { ...whole.row, ...UNLENT };
  const overlays = row.overlays ? own.overlays : whole.overlays;
  const firmware = own.firmware ?? whole.firmware;
  return { row: { ...lent, ...row }, dtb: own.dtb ?? whole.dtb, overlays, firmware };
}

function declaredDtb(folder: string, dtb: NonNullable<BoardRow['dtb']>): DeclaredDtb {
  const { file, source, licence, sha256, octets } = dtb;
  return { path: join(folder, file), file, source, licence, sha256, octets, optional: dtb.optional ?? false };
}

function wishOf({ file, source, licence, optional, debian }: NonNullable<BoardRow['dtb']>): DtbWish {
  return { file, source, licence, optional: optional ?? false, debian };
}

type Needed = 'title' | 'arch' | 'loaders' | 'kernelFormat' | 'sources';
type FullRow = BoardRow & { readonly [Key in Needed]-?: NonNullable<BoardRow[Key]> };

/** Fills what neither the board nor those it extends say with the careful choice. */
function complete(
  row: FullRow,
): Omit<Board, 'name' | 'extends' | 'dtb' | 'dtbWish' | 'overlays' | 'dtbMissing' | 'firmware' | 'file' | 'shadows'> {
  const { signs, tftp, loadAddresses } = row;
  return {
    title: row.title,
    arch: row.arch,
    compatible: row.compatible ?? [],
    signs: {
      clientArch: signs?.clientArch ?? [],
      vendorClass: signs?.vendorClass ?? [],
      systemUuid: signs?.systemUuid ?? [],
      oui: signs?.oui ?? [],
      smbiosVendor: signs?.smbiosVendor ?? [],
      smbiosProduct: signs?.smbiosProduct ?? [],
      dtCompatible: signs?.dtCompatible ?? [],
    },
    loaders: row.loaders.map((each) => ({ ...each, argOctetsMax: present(each.argOctetsMax ?? {}) })),
    console: row.console && { device: row.console.device, baud: row.console.baud },
    earlycon: row.earlycon,
    loadAddresses: loadAddresses && present(loadAddresses),
    kernelFormat: row.kernelFormat,
    kernelLoad: row.kernelLoad && kernelLoadOf(row.kernelLoad),
    kernelArgs: row.kernelArgs ?? [],
    kernelArgOctetsMax: row.kernelArgOctetsMax ?? (row.arch === 'armhf' ? 1023 : 2047),
    tftp: {
      blksizeMax: tftp?.blksizeMax,
      windowsizeMax: tftp?.windowsizeMax,
      options: tftp?.options ?? true,
      rollOverTo: tftp?.rollOverTo,
      singlePort: tftp?.singlePort,
    },
    rpiConfig: row.rpiConfig ?? [],
    powerOffS: row.powerOffS ?? 5,
    hasBmc: row.hasBmc ?? false,
    proof: row.proof ?? 'untested',
    sources: row.sources,
  };
}

/** Addresses as numbers; a kernel is entered where it is loaded unless said. */
function kernelLoadOf(row: NonNullable<BoardRow['kernelLoad']>): KernelLoad {
  const load = Number.parseInt(row.load, 16);
  return { load, entry: row.entry === undefined ? load : Number.parseInt(row.entry, 16) };
}

type Present<T> = { readonly [Key in keyof T]?: Exclude<T[Key], undefined> };

/** Narrows the type only: what was read from a file holds no key without a value. */
function present<T extends object>(row: T): Present<T> {
  const out: Present<T> = { ...row };
  return out;
}

/** Changes when a board's file, DTB or firmware is added, removed or written; built from sizes and times only. */
function fingerprintOf(folders: readonly string[]): string {
  return boardFolders(folders)
    .flatMap(({ folder }) => namesIn(folder).map((name) => join(folder, name)))
    .filter((path) => path.endsWith(`/${BOARD_FILE}`) || /\.(dtbo?|bin|elf|dat)$/.test(path))
    .map((path) => `${path} ${stampOf(path) ?? ''}`)
    .join('\n');
}

/** Names in a folder in order; a folder that is not there has none. */
function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}
