import { nameOfWord } from './arg-text.ts';
import type { Board } from './board.ts';
import { faultOfWord, passedLimits, type ArgLimit, type ArgMeasure, type KernelArg } from './kernel-args.ts';

/** One complaint about composed kernel arguments. An `error` refuses the boot, before power-on. */
export interface ArgFinding {
  readonly severity: 'error' | 'warning' | 'note';
  /** One sentence, with the words at fault by name and where they come from. */
  readonly text: string;
  readonly remedy: string;
}

/** Names that may stand more than once: each one counts. */
const MANY: ReadonlySet<string> = new Set(
  `console earlycon memmap mtdparts modprobe.blacklist initcall_blacklist module_blacklist dyndbg trace_event rd.break
  blacklist rd.luks.uuid rd.lvm.lv rd.md.uuid netdev ip nameserver ds initrd ima_policy libata.force usbcore.quirks`.split(
    /\s+/,
  ),
);

/** Words of which one takes back what the other asks for. */
const OPPOSITES: readonly (readonly [RegExp, RegExp, string])[] = [
  [/^quiet$/, /^(debug|ignore_loglevel|loglevel=([5-9]|1\d))$/, 'one wants the kernel silent, the other talking'],
  [/^ro$/, /^rw$/, 'the root is mounted as the later one says'],
  [/^nomodeset$/, /^video=/, 'no mode is set, so the display argument does nothing'],
  [/^nosmp$/, /^maxcpus=[1-9]/, 'one wants a single CPU, the other several'],
  [/^acpi=off$/, /^acpi=(on|force)$/, 'one wants ACPI, the other not'],
];

/** A layer with less room than this many hundredths is worth a word. */
const NEAR_PERCENT = 10;

const nameOf = (word: string): string => word.split('=', 1)[0] ?? word;
const from = (arg: KernelArg): string =>
  `${nameOfWord(arg.word)} (${arg.origin}${arg.parameter === undefined ? '' : `, parameter ${arg.parameter}`})`;

/**
 * Looks over composed arguments: words that are none, limits, two roots, consoles the board has not, duplicates and
 * words that contradict each other. The worst come first.
 */
export function lintArgs(
  measure: ArgMeasure,
  board: Pick<Board, 'name' | 'console'> | undefined,
): readonly ArgFinding[] {
  const { words, limits } = measure;
  const passed = passedLimits(measure);
  const findings = [
    ...faults(words),
    ...passed.map(overLimit),
    ...limits.filter((limit) => !passed.includes(limit)).flatMap(nearLimit),
    ...roots(words),
    ...(board ? consoles(words, board) : []),
    ...repeated(words),
    ...opposites(words),
  ];
  const rank = { error: 0, warning: 1, note: 2 } as const;
  return [...findings].sort((a, b) => rank[a.severity] - rank[b.severity]);
}

/** A finding as one sentence. */
export function findingText(finding: ArgFinding): string {
  return `${finding.severity}: ${finding.text}; ${finding.remedy}`;
}

function faults(words: readonly KernelArg[]): readonly ArgFinding[] {
  return words.flatMap((arg) => {
    const because = faultOfWord(arg.word);
    if (because === undefined) return [];
    return [{ severity: 'error', text: `${from(arg)} is no kernel argument: ${because}`, remedy: remedyAt(arg) }];
  });
}

function overLimit({ layer, octets, octetsMax, unit: counted }: ArgLimit): ArgFinding {
  const unit = counted ?? 'octets';
  const text = `${layer} holds ${octetsMax} ${unit}, these need ${octets}`;
  return { severity: 'error', text, remedy: `take ${octets - octetsMax} ${unit} out` };
}

function nearLimit({ layer, octets, octetsMax, unit: counted }: ArgLimit): readonly ArgFinding[] {
  const unit = counted ?? 'octets';
  const left = octetsMax - octets;
  if (left * 100 > octetsMax * NEAR_PERCENT) return [];
  const text = `${layer} holds ${octetsMax} ${unit}, and ${octets} are used: ${left} left`;
  return [{ severity: 'note', text, remedy: 'shorten them before you add more' }];
}

function roots(words: readonly KernelArg[]): readonly ArgFinding[] {
  const all = words.filter((arg) => nameOf(arg.word) === 'root' && arg.word.includes('='));
  const last = all.at(-1);
  if (!last || new Set(all.map((arg) => arg.word)).size < 2) return [];
  const text = `${all.length} root= arguments: ${all.map(from).join(', ')}; the last one counts`;
  const [first] = all;
  return [{ severity: 'warning', text, remedy: `take one of them out: ${remedyAt(first ?? last)}` }];
}

/** Devices that are not wires: a screen, the firmware's own, the network's, none at all. */
const NO_WIRE = /^(tty\d*|tty|hvc\d+|null|netcon\d*|efi|ttynull|lp\d+|brl.*|)$/;

function consoles(words: readonly KernelArg[], board: Pick<Board, 'name' | 'console'>): readonly ArgFinding[] {
  const own = board.console?.device;
  if (own === undefined) return [];
  const named = words.filter((arg) => arg.word.startsWith('console='));
  const deviceOf = ({ word }: KernelArg): string => word.slice('console='.length).split(',', 1)[0] ?? '';
  const strange = named
    .filter((arg) => deviceOf(arg) !== own && !NO_WIRE.test(deviceOf(arg)))
    .map((arg): ArgFinding => ({
      severity: 'warning',
      text: `${from(arg)} names ${deviceOf(arg).slice(0, 40)}, but the console of board "${board.name}" is ${own}`,
      remedy: `${remedyAt(arg)}, or set the board's console to the right device`,
    }));
  const last = named.at(-1);
  if (!last || deviceOf(last) === own || !NO_WIRE.test(deviceOf(last))) return strange;
  const text = `the last console is ${deviceOf(last).slice(0, 40)}, so /dev/console is not ${own}: an initrd's words do not come out there`;
  return [...strange, { severity: 'note', text, remedy: `put console=${own} last to see them on the wire` }];
}

/** The same word twice, and names with two values where only one of them counts. */
function repeated(words: readonly KernelArg[]): readonly ArgFinding[] {
  const byName = new Map<string, KernelArg[]>();
  for (const arg of words) {
    const name = nameOf(arg.word).replaceAll('-', '_');
    byName.set(name, [...(byName.get(name) ?? []), arg]);
  }
  return [...byName].flatMap(([name, all]) => {
    const last = all.at(-1);
    if (all.length < 2 || !last) return [];
    const twice = all.find((arg, index) => all.findIndex((other) => other.word === arg.word) < index);
    if (twice) {
      const text = `${all
        .filter((arg) => arg.word === twice.word)
        .map(from)
        .join(' and ')} are the same`;
      return [{ severity: 'warning', text, remedy: `one is enough: ${remedyAt(twice)}` } as const];
    }
    if (MANY.has(name) || name === 'root') return [];
    return [several(all, last)];
  });
}

/** Two of one origin are a slip; a nearer origin over a farther one is what origins are for. */
function several(all: readonly KernelArg[], last: KernelArg): ArgFinding {
  const others = all.slice(0, -1);
  const slip = others.some((arg) => arg.origin === last.origin && arg.parameter === last.parameter);
  const text = `${from(last)} stands after ${others.map(from).join(', ')}: the last one counts for the kernel`;
  return { severity: slip ? 'warning' : 'note', text, remedy: `if that is not meant: ${remedyAt(last)}` };
}

function opposites(words: readonly KernelArg[]): readonly ArgFinding[] {
  return OPPOSITES.flatMap(([one, other, because]) => {
    const a = words.find((arg) => one.test(arg.word));
    const b = words.find((arg) => other.test(arg.word));
    if (!a || !b) return [];
    return [{ severity: 'warning', text: `${from(a)} and ${from(b)}: ${because}`, remedy: remedyAt(a) } as const];
  });
}

/** Where a word is changed. */
function remedyAt(arg: KernelArg): string {
  if (arg.parameter !== undefined) return `change or unset the parameter ${arg.parameter} (${arg.origin})`;
  switch (arg.origin) {
    case 'site':
      return 'change siteArgs in farrier.yaml';
    case 'bundle':
      return 'import the bundle with other arguments';
    case 'board':
      return "change kernelArgs, console or earlycon in the board's file";
    case 'machine':
      return "change the machine's extra arguments";
    case 'network':
    case 'once':
    case 'boot':
      return 'it belongs to this boot; change the other one';
  }
}
