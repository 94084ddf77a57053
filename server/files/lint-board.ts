import type { Arch, Loader } from '../core/arch.ts';
import { argText } from '../core/arg-text.ts';
import type { Board, BoardLoader, BootFormat } from '../core/board.ts';
import { ARG_OCTETS_DEFAULT } from '../core/fit-args.ts';
import { boardArgs, faultOfWord } from '../core/kernel-args.ts';
import { error, warning, type Fault } from './lint-fault.ts';
import { faultsOfSigns } from './lint-signs.ts';
import { faultsOfSources } from './lint-sources.ts';
import type { BoardRow } from './board-file.ts';

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

/** Octets of arguments Debian's kernels take (measured with 6.1; RISC-V from the source). */
const KERNEL_OCTETS: Readonly<Record<Arch, number>> = {
  amd64: 2047,
  i386: 2047,
  arm64: 2047,
  armhf: 1023,
  riscv64: 1023,
};

/** Loaders that exist on some architectures only. */
const LOADER_ARCHES: Readonly<Partial<Record<Loader, readonly Arch[]>>> = {
  'pxe-bios': ['amd64', 'i386'],
  rpi: ['arm64', 'armhf'],
};

/** What Linux calls its consoles, and how the early console of the same port begins, where the two must agree. */
const CONSOLES: readonly (readonly [RegExp, RegExp | undefined])[] = [
  [/^ttyAMA\d+$/, /^(pl011|sbsa)/],
  [/^ttyS\d+$/, /^(uart|ns16550|uart8250|omap8250|sbi|sifive)/],
  [/^ttyAML\d+$/, /^meson/],
  [/^ttymxc\d+$/, /^ec_imx/],
  [/^ttySAC\d+$/, /^(exynos|s5pv|s3c|s5l)/],
  [/^(ttyO|ttyPS|ttyUL|ttyMSM|ttySTM|ttyLP|ttyTHS|ttyTCU|ttySIF|ttySC|ttyHSL|ttyGS|hvc|tty)\d+$/, undefined],
];

/** Everything wrong or doubtful with one board by itself; `own` is what its own file says, without what it inherits. */
export function faultsOfBoard(board: Board, own: BoardRow): readonly Fault[] {
  return [
    ...board.loaders.flatMap((each, at) => faultsOfLoader(board, each, at)),
    ...faultsOfKernel(board),
    ...faultsOfWrapping(board),
    ...faultsOfConsole(board),
    ...faultsOfDtb(board),
    ...faultsOfFirmware(board),
    ...faultsOfSigns(board, own),
    ...faultsOfSources(own),
  ];
}

function faultsOfConsole(board: Board): readonly Fault[] {
  const { console: line, earlycon } = board;
  if (!line) return [];
  const kind = CONSOLES.find(([name]) => name.test(line.device));
  if (!kind)
    return [warning(['console'], `Linux has no console called ${line.device}`, 'write it as dmesg shows it: ttyS0')];
  const early = kind[1];
  if (early === undefined || earlycon === undefined || early.test(earlycon)) return [];
  const said = `the early console ${earlycon} is of another kind than ${line.device}`;
  return [warning(['earlycon'], said, 'look which port it is, and correct one of the two')];
}

function faultsOfLoader(board: Board, loader: BoardLoader, at: number): readonly Fault[] {
  const path = ['loaders', at];
  const reads = READS[loader.loader];
  const arches = LOADER_ARCHES[loader.loader] ?? [board.arch];
  const nowhere = arches.includes(board.arch)
    ? []
    : [error(path, `there is no ${loader.loader} on ${board.arch}`, `it exists on ${arches.join(', ')}`)];
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
  return [...nowhere, ...wrong, ...unmeasured, ...useless, ...unheard];
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
  const most = KERNEL_OCTETS[board.arch];
  const beyond =
    board.kernelArgOctetsMax <= most
      ? []
      : [
          warning(
            ['kernelArgOctetsMax'],
            `${board.kernelArgOctetsMax} octets are more than the ${most} that Debian's ${board.arch} kernels take`,
            'they cut the rest silently; write the lower figure unless its own kernel was measured',
          ),
        ];
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
  return [...wrong, ...beyond, ...faults, ...lost];
}

function faultsOfDtb(board: Board): readonly Fault[] {
  const bare = board.overlays && !board.dtbWish;
  if (bare) return [error(['overlays'], 'it has overlays but no DTB to lay them over', 'name its DTB under dtb:')];
  if (board.dtbMissing !== undefined) {
    const remedy = `farrier board dtb import ${board.name} brings it in, or put that file beside the board`;
    return [warning(['dtb'], `boots of this board are refused: ${board.dtbMissing}`, remedy)];
  }
  if (!board.dtb) return [];
  const ipxe = board.loaders.some((each) => each.formats.includes('ipxe'));
  return ipxe
    ? [warning(['loaders'], 'iPXE hands over no DTB, so it is refused on this board', 'take ipxe off its loaders')]
    : [];
}

/** The files of its maker, and config.txt's lines, which only a Raspberry Pi reads. */
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
