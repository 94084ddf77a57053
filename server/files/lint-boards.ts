import { readFileSync } from 'node:fs';
import type { Arch, Loader } from '../core/arch.ts';
import { argText } from '../core/arg-text.ts';
import type { Board, BoardLoader, BootFormat } from '../core/board.ts';
import { ARG_OCTETS_DEFAULT } from '../core/fit-args.ts';
import { boardArgs, faultOfWord } from '../core/kernel-args.ts';
import { openBoards } from './board-catalogue.ts';
import { readBoardText, type BoardFinding } from './board-file.ts';

/** Formats each loader can be told its plan in. */
const READS: Readonly<Record<Loader, readonly BootFormat[]>> = {
  'u-boot': ['extlinux', 'boot-script', 'grub'],
  'pxe-bios': ['ipxe', 'extlinux'],
  ipxe: ['ipxe', 'extlinux'],
  uefi: ['grub', 'ipxe'],
  'uefi-http': ['ipxe'],
  grub: ['grub'],
  rpi: ['rpi'],
};

/** Kernels an architecture has. */
const KERNELS: Readonly<Record<Arch, readonly Board['kernelFormat'][]>> = {
  amd64: ['bzImage'],
  i386: ['bzImage'],
  arm64: ['Image', 'Image.gz', 'uImage', 'FIT'],
  armhf: ['zImage', 'uImage', 'FIT'],
  riscv64: ['Image', 'Image.gz', 'FIT'],
};

/** A finding before its place in the file is known. */
interface Fault {
  readonly path: readonly PropertyKey[];
  readonly severity: BoardFinding['severity'];
  readonly words: string;
  readonly remedy: string;
}

const error = (path: readonly PropertyKey[], words: string, remedy: string): Fault => ({
  path,
  severity: 'error',
  words,
  remedy,
});
const warning = (path: readonly PropertyKey[], words: string, remedy: string): Fault => ({
  path,
  severity: 'warning',
  words,
  remedy,
});

/**
 * Everything that is wrong or doubtful with the boards of these folders (the shipped one first, as for the catalogue):
 * what keeps a board out of the catalogue, and what would make a boot of it fail or be refused.
 */
export function lintBoards(folders: readonly string[]): readonly BoardFinding[] {
  const catalogue = openBoards(folders);
  return [...catalogue.findings(), ...catalogue.list().flatMap(lintBoard)];
}

function lintBoard(board: Board): readonly BoardFinding[] {
  const text = readBoardText(board.file, readFileSync(board.file, 'utf8'));
  const faults = [
    ...board.loaders.flatMap((each, at) => faultsOfLoader(board, each, at)),
    ...faultsOfKernel(board),
    ...faultsOfWrapping(board),
    ...faultsOfDtb(board),
    ...faultsOfFirmware(board),
    ...faultsOfSigns(board),
  ];
  return faults.map(({ path, severity, words, remedy }) => {
    const { line, column } = text.ok ? text.value.place(path) : { line: 1, column: 1 };
    return { file: board.file, line, column, severity, words, remedy };
  });
}

function faultsOfLoader(board: Board, loader: BoardLoader, at: number): readonly Fault[] {
  const path = ['loaders', at];
  const reads = READS[loader.loader];
  const wrong = loader.formats
    .filter((format) => !reads.includes(format))
    .map((format) => error(path, `${loader.loader} reads no ${format}`, `it reads: ${reads.join(', ') || 'none yet'}`));
  const unmeasured = loader.formats
    .filter((format) => loader.loader === 'u-boot' && loader.argOctetsMax[format] === undefined)
    .map((format) => {
      const taken = `no argOctetsMax for ${format}; ${ARG_OCTETS_DEFAULT[format]} octets are taken`;
      return warning(path, taken, 'measure it (docs/boards.md) or write that figure down with its source');
    });
  const useless = loader.formats
    .filter((format) => (loader.argOctetsMax[format] ?? 0) > board.kernelArgOctetsMax)
    .map((format) => {
      const beyond = `${format} holds more than the kernel's ${board.kernelArgOctetsMax} octets, which it cuts silently`;
      return warning(path, beyond, 'the kernel figure is what counts; write it here too');
    });
  const unheard = (loader.dtbArgs ?? [])
    .filter((format) => loader.loader !== 'u-boot' || !loader.formats.includes(format))
    .map((format) => error(path, `dtbArgs: ${format} does not leave /chosen/bootargs alone here`, DTB_ARGS_REMEDY));
  return [...wrong, ...unmeasured, ...useless, ...unheard];
}

const DTB_ARGS_REMEDY = 'name only formats of a u-boot that are among its formats';

/** A wrapped kernel is u-boot's own, and must be told where to go. */
function faultsOfWrapping(board: Board): readonly Fault[] {
  const { kernelFormat, kernelLoad, loaders } = board;
  if (!['uImage', 'FIT', 'Image.gz'].includes(kernelFormat)) return [];
  const other = loaders.find((each) => each.loader !== 'u-boot');
  if (other) return [error(['kernelFormat'], `${other.loader} starts no ${kernelFormat}`, 'write the raw form')];
  const scripted = loaders.some((each) => each.formats.includes('boot-script'));
  if (kernelFormat === 'Image.gz')
    return scripted && board.loadAddresses?.unpack === undefined
      ? [
          warning(
            ['loadAddresses'],
            'where its Image.gz is unpacked is left to its environment',
            'write unpack and unpackOctets',
          ),
        ]
      : [];
  return kernelLoad
    ? []
    : [
        error(
          ['kernelLoad'],
          `where its ${kernelFormat} is loaded to is not said`,
          'write kernelLoad: { load: "0x…" }',
        ),
      ];
}

function faultsOfKernel(board: Board): readonly Fault[] {
  const kernels = KERNELS[board.arch];
  const wrong = kernels.includes(board.kernelFormat)
    ? []
    : [error(['kernelFormat'], `${board.arch} has no ${board.kernelFormat}`, `write one of ${kernels.join(', ')}`)];
  const words = boardArgs(board);
  const faults = words.flatMap((word) => {
    const fault = faultOfWord(word);
    return fault === undefined
      ? []
      : [error(['kernelArgs'], `the word ${JSON.stringify(word)}: ${fault}`, 'change it')];
  });
  const formats = new Set(board.loaders.flatMap((each) => each.formats));
  const lost =
    faults.length > 0
      ? []
      : [...formats].flatMap((format) => {
          const text = argText(format, words);
          return text.ok
            ? []
            : [error(['kernelArgs'], text.error, 'change the word, or take the format off the loader')];
        });
  return [...wrong, ...faults, ...lost];
}

function faultsOfDtb(board: Board): readonly Fault[] {
  if (board.dtbMissing !== undefined)
    return [warning(['dtb'], `boots of this board are refused: ${board.dtbMissing}`, 'put that file beside the board')];
  if (!board.dtb) return [];
  const ipxe = board.loaders.some((each) => each.formats.includes('ipxe'));
  return ipxe
    ? [warning(['loaders'], 'iPXE hands over no DTB, so it is refused on this board', 'take ipxe off its loaders')]
    : [];
}

function faultsOfFirmware(board: Board): readonly Fault[] {
  const missing = (board.firmware ?? []).flatMap(({ missing: words }) =>
    words === undefined
      ? []
      : [warning(['firmware'], `boots of this board are refused: ${words}`, 'put that file beside the board')],
  );
  const isRpi = board.loaders.some((each) => each.loader === 'rpi');
  const useless =
    !isRpi && (board.rpiConfig ?? []).length > 0
      ? [warning(['rpiConfig'], 'only a Raspberry Pi reads config.txt', 'take it out')]
      : [];
  const treeless =
    isRpi && !board.dtb && board.dtbMissing === undefined
      ? [warning(['dtb'], 'a Raspberry Pi starts no kernel without a device tree', 'name its DTB')]
      : [];
  return [...missing, ...useless, ...treeless];
}

function faultsOfSigns(board: Board): readonly Fault[] {
  const signs = Object.values(board.signs).some((each: readonly unknown[]) => each.length > 0);
  return signs ? [] : [warning(['signs'], 'nothing tells this board', 'an operator must set it, or give it signs')];
}
